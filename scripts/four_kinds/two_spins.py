"""Two coupled spins: does a machine with one hidden unit learn the coupling from samples?

States have probabilities ``p(v) ∝ e^{J s_1 s_2}``, s = ±1, so that ``J = ½ ln p(11)/p(01)``; the same of a
trained machine's exact probabilities is J_eff.
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from verdicts import Row, among_seeds, exact

from four_kinds import course_stream
from four_kinds.xor_machine import PUBLISHED
from jfnn import boltzmann

SAMPLES, BATCH = 3000, 20
STATES = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)


class Scale(NamedTuple):
    """How much is computed.

    Attributes:
        seeds: Training runs of each J.
        epochs: Epochs of 150 steps, as many as in the published runs.
    """

    seeds: int = 79
    epochs: int = 1000


def run(out: Path, quick: bool = False) -> list[Row]:
    """The section's rows; the picture goes into a folder."""
    scale = Scale(3, 100) if quick else Scale()
    published = json.loads(PUBLISHED.read_text())["two_spins"]
    couplings = np.array(published["J"], float)
    sets = np.stack([samples(j, 42) for j in couplings]).astype(float)
    replays = [effective_coupling(machine) for machine in course_stream.trained(sets, 1, 1000, BATCH, seed=1)]
    effective = trained(sets, scale)
    _picture(couplings, effective, np.array(published["J_eff"])).savefig(out / "two_spins.png", dpi=150)
    return [
        exact("two spins: J_eff of 7 J", published["J_eff"], np.round(replays, 4), 5e-5),
        *spread_rows(published, sets, effective),
    ]


def spread_rows(published: dict[str, list[float]], sets: np.ndarray, effective: np.ndarray) -> list[Row]:
    """The course's figures by PyTorch, on the same samples, against runs from other random numbers.

    Args:
        published: The course's figures.
        sets: The samples of each J ``[J, 3000, 2]``.
        effective: J_eff of the runs ``[J, seeds]``.
    """
    source = "PyTorch, the same samples, last epoch"
    of_samples = [(rows == (1, 1)).all(axis=1).sum() / (rows == (0, 1)).all(axis=1).sum() for rows in sets]
    return [
        among_seeds(
            f"two spins: J_eff at J = {j:g}",
            torch,
            here,
            4,
            source,
            exact=f"{np.log(ratio) / 2:.4f} (samples)",
        )
        for j, torch, ratio, here in zip(
            published["J"], published["J_eff_torch"], of_samples, effective, strict=True
        )
    ]


def trained(sets: np.ndarray, scale: Scale) -> np.ndarray:
    """J_eff by the course's procedure from starts and random numbers of other seeds ``[J, seeds]``."""
    runs = (
        course_stream.trained(sets, 1, scale.epochs, BATCH, seed, start_seed=seed)
        for seed in range(2, 2 + scale.seeds)  # the course's own run has seed 1
    )
    return np.array([[effective_coupling(machine) for machine in machines] for machines in runs]).T


def effective_coupling(machine: boltzmann.Machine) -> float:
    """``½ ln p(11)/p(01)`` of a machine of two visible units."""
    log_p = np.asarray(boltzmann.log_likelihood(machine, STATES[[3, 1]]))
    return float(log_p[0] - log_p[1]) / 2


def samples(j: float, seed: int) -> np.ndarray:
    """States drawn as the course draws them, ``[3000, 2]``."""
    energies = j * (2 * STATES - 1).prod(axis=1).astype(float)
    weights = np.exp(energies - energies.max())
    return STATES[np.random.default_rng(seed).choice(4, size=SAMPLES, p=weights / weights.sum())]


def _picture(couplings: np.ndarray, effective: np.ndarray, published: np.ndarray) -> Figure:
    figure = Figure(figsize=(4.2, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.plot(couplings, couplings, color="0.6", linewidth=0.8, label="J")
    for column in effective.T:
        axes.plot(couplings, column, ".", color="C0", markersize=4)
    axes.plot(couplings, effective.mean(1), "_", color="C0", markersize=14, label="mean of runs")
    axes.plot(couplings, published, "x", color="C3", label="published run")
    axes.set(xlabel="J", ylabel="J_eff = ½ ln p(11)/p(01)")
    axes.legend(frameon=False, fontsize=8)
    return figure
