"""Bars and stripes 4×4 with a restricted and a deep machine: exact likelihood, AIS, samples."""

import itertools
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from verdicts import Row, claim

import jfnn
from jfnn import SweepResult, boltzmann

SIDE = 4
MACHINES = {"restricted 16-12": (16, 12), "deep 16-12-6": (16, 12, 6)}


class Scale(NamedTuple):
    """Size of the computation."""

    seeds: int = 4  # seeds per machine
    steps: int = 6000  # full-batch steps
    temperatures: int = 2000  # of annealed importance sampling


def run(_: Path, quick: bool = False) -> list[Row]:
    """Return the section's rows."""
    scale = Scale(2, 1000, 500) if quick else Scale()
    x = bars_and_stripes(SIDE)
    rows = []
    for name, sizes in MACHINES.items():
        result = trained(sizes, x, scale)
        machine = result.member(0, 0, int(np.nanargmin(result.train_loss)))
        samples = np.asarray(boltzmann.sample(machine, jax.random.key(0), 20, 2000)[0])
        valid = (samples[:, None] == x).all(axis=2).any(axis=1)
        rows += [
            _likelihood_row(name, -result.history["train_loss"].min(axis=1)[0], len(x)),
            _annealed_row(name, machine, scale),
            claim(
                f"bars and stripes: samples, {name}",
                "",
                f"{valid.sum()} of 20 are patterns",
                bool(valid.any()),
            ),
        ]
    return rows


def bars_and_stripes(side: int) -> np.ndarray:
    """Return all images of whole rows or whole columns, each once ``[2^(side+1) - 2, side²]``."""
    lines = np.array(list(itertools.product([0, 1], repeat=side)), np.float32)
    rows = np.repeat(lines, side, axis=1)
    columns = np.tile(lines, (1, side))
    return np.unique(np.concatenate([rows, columns]), axis=0)


def trained(sizes: tuple[int, ...], x: np.ndarray, scale: Scale) -> SweepResult:
    """Train a machine by persistent chains, with its exact likelihood at 10 evaluations."""
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
    first = history[..., 0].max()
    last = history[..., -1].max()
    return claim(
        f"bars and stripes: mean log-likelihood, {name}",
        "",
        f"{first:.3f} -> {last:.3f}",
        bool(first < last <= -np.log(n) + 1e-4),
        "by enumeration; the best member, early and at the end",
        f"at most -log {n} = {-np.log(n):.3f}",
    )


def _annealed_row(name: str, machine: boltzmann.Machine, scale: Scale) -> Row:
    exact = float(boltzmann.log_z(machine))
    estimate = boltzmann.annealed_log_z(machine, jax.random.key(1), 200, scale.temperatures)
    value = float(estimate.value)
    error = float(estimate.error)
    return claim(
        f"bars and stripes: log Z, {name}",
        "",
        f"{value:.3f} ± {error:.3f}",
        abs(value - exact) <= 3 * error + 1e-3,
        "by annealed importance sampling, within three standard errors; exact by enumeration",
        f"{exact:.3f}",
    )
