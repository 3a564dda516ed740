"""Bars and stripes 4×4 by a restricted and a deep machine: exact likelihood, AIS, samples as pictures."""

import itertools
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from verdicts import Row, claim

import jfnn
from four_kinds import pictures
from jfnn import SweepResult, boltzmann

SIDE = 4
MACHINES = {"restricted 16-12": (16, 12), "deep 16-12-6": (16, 12, 6)}


class Scale(NamedTuple):
    """How much is computed."""

    seeds: int = 4  # of each machine
    steps: int = 6000  # each on all patterns
    temperatures: int = 2000  # of annealed importance sampling


def run(out: Path, quick: bool = False) -> list[Row]:
    """The section's rows; the pictures go into a folder."""
    scale = Scale(2, 1000, 500) if quick else Scale()
    x = bars_and_stripes(SIDE)
    results = {name: trained(sizes, x, scale) for name, sizes in MACHINES.items()}
    _picture(out / "deep_likelihood.png", results, len(x))
    rows = []
    for name, result in results.items():
        best = np.unravel_index(int(np.nanargmin(result.train_loss)), result.train_loss.shape)
        machine = result.member(*map(int, best))
        samples = np.asarray(boltzmann.sample(machine, jax.random.key(0), 20, 2000)[0])
        valid = (samples[:, None] == x).all(axis=2).any(axis=1)
        picture = jfnn.plots.images(samples, np.where(valid, "✓", "–"))
        picture.savefig(out / f"samples_{name.split()[0]}.png", dpi=150)
        here = f"{valid.sum()} of 20 are patterns"
        rows += [
            _likelihood_row(name, -result.history["train_loss"].min(axis=1)[0], len(x)),
            _annealed_row(name, machine, scale),
            claim(f"bars and stripes: samples, {name}", "", here, bool(valid.any())),
        ]
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


def _picture(path: Path, results: dict[str, SweepResult], n: int) -> None:
    [axes] = pictures.panels(4.4, 3.2)
    for i, (name, result) in enumerate(results.items()):
        steps = result.history["epoch"]
        curves = -result.history["train_loss"].reshape(-1, len(steps))
        axes.plot(steps, curves.T, color=f"C{i}", linewidth=0.8, alpha=0.6)
        axes.plot([], [], color=f"C{i}", label=name)
    axes.axhline(-np.log(n), color="0.6", linewidth=0.8, linestyle="--", label="all patterns, nothing else")
    axes.set(xlabel="step", ylabel="mean log-likelihood, nats", ylim=(-10, -3))
    pictures.save(axes, path)
