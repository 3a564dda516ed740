"""Bars and stripes 4×4 by a restricted and a deep machine: exact likelihood, AIS, samples as pictures."""

import itertools
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from matplotlib.figure import Figure
from verdicts import Row, claim

import jfnn
from jfnn import SweepResult, boltzmann

SIDE = 4
MACHINES = {"restricted 16-12": (16, 12), "deep 16-12-6": (16, 12, 6)}


class Scale(NamedTuple):
    """How much is computed.

    Attributes:
        seeds: Seeds of each machine.
        steps: Steps, each on all patterns.
        temperatures: Of annealed importance sampling.
    """

    seeds: int = 4
    steps: int = 6000
    temperatures: int = 2000


def run(out: Path, quick: bool = False) -> list[Row]:
    """The section's rows; the pictures go into a folder."""
    scale = Scale(2, 1000, 500) if quick else Scale()
    x = bars_and_stripes(SIDE)
    results = {name: trained(sizes, x, scale) for name, sizes in MACHINES.items()}
    _curves(results, len(x)).savefig(out / "deep_likelihood.png", dpi=150)
    rows = []
    for name, result in results.items():
        history = -result.history["train_loss"].min(axis=1)[0]
        machine = result.member(*_best(result))
        rows.append(_likelihood_row(name, history, len(x)))
        rows.append(_annealed_row(name, machine, scale))
        samples = boltzmann.sample(machine, jax.random.key(0), 20, 2000)[0]
        valid = (np.asarray(samples)[:, None] == x).all(axis=2).any(axis=1)
        labels = np.where(valid, "✓", "–")
        picture = jfnn.plots.images(np.asarray(samples), labels)
        picture.savefig(out / f"samples_{name.split()[0]}.png", dpi=150)
        rows.append(
            claim(f"bars and stripes: samples, {name}", "", f"{valid.sum()} of 20 are patterns", valid.any())
        )
    return rows


def bars_and_stripes(side: int) -> np.ndarray:
    """All images of whole rows or whole columns, each once ``[2^(side+1) - 2, side²]``."""
    lines = np.array(list(itertools.product([0, 1], repeat=side)), np.float32)
    rows, columns = np.repeat(lines, side, axis=1), np.tile(lines, (1, side))
    return np.unique(np.concatenate([rows, columns]), axis=0)


def trained(sizes: tuple[int, ...], x: np.ndarray, scale: Scale) -> SweepResult:
    """A machine by persistent chains, its exact likelihood at 10 times on the way."""
    learner = jfnn.boltzmann_machine(
        sizes, gradient="persistent", k=5, chains=100, sweeps=10, scale=0.1, loss="likelihood"
    )
    return jfnn.sweep(
        learner,
        jfnn.Split(x),
        learning_rate=0.1,
        seeds=scale.seeds,
        epochs=scale.steps,
        batch_size=None,
        execution=jfnn.Execution(eval_every=scale.steps // 10),
    )


def _best(result: SweepResult) -> tuple[int, ...]:
    place = np.unravel_index(int(np.nanargmin(result.train_loss)), result.train_loss.shape)
    return tuple(int(i) for i in place)


def _likelihood_row(name: str, history: np.ndarray, n: int) -> Row:
    first, last = history[..., 0].max(), history[..., -1].max()
    return claim(
        f"bars and stripes: mean log-likelihood, {name}",
        "",
        f"{first:.3f} -> {last:.3f}",
        bool(first < last <= -np.log(n) + 1e-4),
        "by enumeration; the best member, early and in the end",
        f"at most -log {n} = {-np.log(n):.3f}",
    )


def _annealed_row(name: str, machine: boltzmann.Machine, scale: Scale) -> Row:
    exact = float(boltzmann.log_z(machine))
    estimate = boltzmann.annealed_log_z(machine, jax.random.key(1), 200, scale.temperatures)
    value, error = float(estimate.value), float(estimate.error)
    return claim(
        f"bars and stripes: log Z, {name}",
        "",
        f"{value:.3f} ± {error:.3f}",
        abs(value - exact) <= 3 * error + 1e-3,
        "by annealed importance sampling, within three standard errors; exact by enumeration",
        f"{exact:.3f}",
    )


def _curves(results: dict[str, SweepResult], n: int) -> Figure:
    figure = Figure(figsize=(4.4, 3.2), layout="constrained")
    axes = figure.subplots()
    for i, (name, result) in enumerate(results.items()):
        steps = result.history["epoch"]
        curves = -result.history["train_loss"].reshape(-1, len(steps))
        axes.plot(steps, curves.T, color=f"C{i}", linewidth=0.8, alpha=0.6)
        axes.plot([], [], color=f"C{i}", label=name)
    axes.axhline(-np.log(n), color="0.6", linewidth=0.8, linestyle="--", label="all patterns, nothing else")
    axes.set(xlabel="step", ylabel="mean log-likelihood, nats", ylim=(-10, -3))
    axes.legend(frameon=False, fontsize=8)
    return figure
