"""XOR as a distribution: the least KL of restricted machines with 1 to 4 hidden units, and their training."""

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from verdicts import CONSISTENT, CORRECTED, NOT_REPRODUCED, Row, among_seeds, claim, exact

import jfnn
from four_kinds import course_stream
from jfnn import boltzmann

PUBLISHED = Path(__file__).resolve().parents[2] / "tests" / "data" / "boltzmann.json"
ROWS = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]], np.float32)  # x1, x2, x1 ⊕ x2
LEAST = {1: 0.5757, 2: math.log(2) / 2, 3: 0.0}  # the least KL(data ‖ model) by hidden units, enumerated
REPEATS = 50  # copies of each row, in the published run
CHAINS = 16  # chains from each row, in the grid
# Axes of the grid.
RATES = [0.3, 1.0, 3.0]
SWEEPS = [1, 3, 10]
UNITS = [1, 2, 3, 4]


class Scale(NamedTuple):
    """Size of the computation."""

    starts: int = 40  # random starts of the search for the least KL
    epochs: int = 8000  # full-batch steps of that search
    runs: int = 79  # the course's runs, with other random numbers
    seeds: int = 5  # seeds in the grid
    steps: int = 4000  # steps in the grid


QUICK = Scale(starts=24, runs=3, seeds=2, steps=600)


def run(_: Path, quick: bool = False) -> list[Row]:
    """Return the section's rows."""
    scale = QUICK if quick else Scale()
    published = json.loads(PUBLISHED.read_text())["xor"]
    others = [reconstruction(trained(seed)) for seed in range(1, 1 + scale.runs)]  # the course uses seed 0
    return [
        *replayed(published),
        *course_rows(published["runs"], *np.array(others).T),
        *least_rows(scale),
        grid_row(scale),
    ]


def least_rows(scale: Scale) -> list[Row]:
    """Find the least KL with 1, 2 and 3 hidden units over many starts, with the exact gradient."""
    learner = jfnn.boltzmann_machine((3, 4), gradient="exact", scale=2.0, optimizer="adam", hyper=["hidden"])
    result = jfnn.sweep(
        learner,
        jfnn.Split(ROWS),
        learning_rate=0.1,
        seeds=scale.starts,
        hyper={"hidden": list(LEAST)},
        epochs=scale.epochs,
        batch_size=None,
    )
    least = (result.train_loss - math.log(4)).min(axis=(0, 1, 3))
    rows = []
    for (units, expected), here in zip(LEAST.items(), least, strict=True):
        holds = abs(here - expected) < 1e-4
        published = "0: two suffice" if units == 2 else ""
        verdict = (CORRECTED if published else CONSISTENT) if holds else NOT_REPRODUCED
        figure = f"XOR: least KL(data ‖ model), {units} hidden"
        reason = f"the least of {scale.starts} starts by the exact gradient, within 1e-4"
        rows.append(Row(figure, published, f"{here:.5f}", verdict, reason, f"{expected:.4f}"))
    return rows


def trained(seed: int) -> boltzmann.Machine:
    """Train four hidden units by CD-1 as the course does: rate 0.05, batches of 4, 3,000 epochs."""
    tiled = np.tile(ROWS, (REPEATS, 1)).astype(float)
    shuffled = tiled[np.random.RandomState(42).permutation(len(tiled))]
    return course_stream.trained(shuffled[None], 4, 3000, 4, seed, start_seed=seed)[0]


def reconstruction(machine: boltzmann.Machine) -> tuple[float, int]:
    """Return the mean error of reconstructed rows, and how many round to themselves."""
    with jax.enable_x64(True):
        means = np.asarray(boltzmann.visible_means(machine, boltzmann.hidden_means(machine, ROWS)))
    right = ((means > 0.5) == ROWS).all(axis=1).sum()
    return float(np.linalg.norm(ROWS - means, axis=1).mean()), int(right)


def replayed(published: dict[str, Any]) -> list[Row]:
    """Replay the published NumPy run, from its stream of random numbers."""
    machine = trained(seed=0)
    by_numpy = published["runs"]["NumPy"]
    with jax.enable_x64(True):
        probabilities = np.exp(boltzmann.log_likelihood(machine, boltzmann.all_states(3).astype(float)))
        kl = float(boltzmann.kl_divergence(machine, ROWS.astype(float)))
    error, right = reconstruction(machine)
    name = "XOR by CD-1, 4 hidden: "
    reason = "the plateau of the best machine of one unit"
    level = f"{LEAST[1]} (one unit)"
    return [
        exact(f"{name}p of all 8 states", published["probabilities"], np.round(probabilities, 4), 5e-5),
        exact(f"{name}reconstruction error", by_numpy["error"], round(error, 6), 1e-6),
        exact(f"{name}patterns reconstructed", by_numpy["patterns"], right),
        claim(f"{name}KL(data ‖ model)", "", f"{kl:.4f}", abs(kl - LEAST[1]) < 0.005, reason, level),
    ]


def course_rows(runs: dict[str, Any], errors: np.ndarray, patterns: np.ndarray) -> list[Row]:
    """Compare the course's runs, and its claim of reliability, with runs from other random numbers.

    Args:
        runs: The two published runs, by NumPy and by PyTorch.
        errors: Reconstruction errors ``[runs]``.
        patterns: Patterns reconstructed ``[runs]``.
    """
    name = "XOR by CD-1, 4 hidden, "
    source = "rate 0.05, batches of 4, last of 3,000 epochs"
    rows = []
    for run, published in runs.items():
        rows.append(among_seeds(f"{name}{run}: reconstruction error", published["error"], errors, 6, source))
        rows.append(among_seeds(f"{name}{run}: patterns", published["patterns"], patterns, 0, source))
    counts = ", ".join(f"{k}: {(patterns == k).sum()}" for k in range(5))
    verdict = CONSISTENT if (patterns == 4).all() else CORRECTED
    here = f"{(patterns == 4).sum()} of {len(patterns)} runs"
    return [*rows, Row(f"{name}all 4 patterns", "reliably", here, verdict, f"runs by patterns: {counts}")]


def grid_row(scale: Scale) -> Row:
    """Train a grid of units × learning rate × k × seeds by contrastive divergence, and the exact gradient."""

    def kl(machine: Any, rows: np.ndarray, hyper: dict[str, Any]) -> np.ndarray:
        result = jfnn.sweep(
            machine,
            jfnn.Split(rows),
            learning_rate=RATES,
            hyper=hyper,
            seeds=scale.seeds,
            epochs=scale.steps,
            batch_size=None,
        )
        return np.asarray(result.train_loss[:, 0] - math.log(4))

    drawn = jfnn.boltzmann_machine((3, 4), k=max(SWEEPS), loss="likelihood", hyper=["hidden", "k"], scale=1.0)
    exact = jfnn.boltzmann_machine((3, 4), gradient="exact", hyper=["hidden"], scale=1.0)
    by_cd = kl(drawn, np.tile(ROWS, (CHAINS, 1)), {"hidden": UNITS, "k": SWEEPS})
    members = [*np.moveaxis(by_cd, 2, 0), kl(exact, ROWS, {"hidden": UNITS})]  # [rates, units, seeds] each
    least = dict(zip(UNITS, np.min([kl.min(axis=(0, 2)) for kl in members], axis=0), strict=True))
    return claim(
        "XOR: no member of the grid below its level",
        "",
        " ".join(f"{n}: {kl:.4f}" for n, kl in least.items()),
        all(kl > LEAST.get(n, 0.0) - 1e-3 for n, kl in least.items()),
        f"{sum(kl.size for kl in members)} members; least by hidden units",
        "KL ≥ 0.5757, ½ ln 2, 0",
    )
