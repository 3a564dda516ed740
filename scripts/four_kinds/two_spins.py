"""Two coupled spins: does a machine with one hidden unit learn the coupling from samples?

States have probabilities ``p(v) ∝ e^{J s_1 s_2}``, s = ±1, so that ``J = ½ ln p(11)/p(01)``; the same of a
trained machine's exact probabilities is J_eff.
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from lecture_notes.verdicts import DEVIATIONS, Row, claim, exact
from matplotlib.figure import Figure
from scipy import stats

import jfnn
from four_kinds import course_stream
from four_kinds.xor_machine import PUBLISHED
from jfnn import boltzmann

SAMPLES, BATCH, RATE = 3000, 20, 0.05
STATES = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)


class Scale(NamedTuple):
    """How much is computed.

    Attributes:
        seeds: Data sets of each J, each with a training run of its own.
        epochs: Epochs of 150 steps; the published runs took 1,000.
    """

    seeds: int = 10
    epochs: int = 400


def run(out: Path, quick: bool = False) -> list[Row]:
    """The section's rows; the picture goes into a folder."""
    scale = Scale(5, 200) if quick else Scale()
    published = json.loads(PUBLISHED.read_text())["two_spins"]
    couplings = np.array(published["J"], float)
    replays = [
        effective_coupling(course_stream.trained(samples(j, 42).astype(float), 1, 1000, BATCH, seed=1))
        for j in couplings
    ]
    effective = trained(couplings, scale)
    _picture(couplings, effective, np.array(published["J_eff"])).savefig(out / "two_spins.png", dpi=150)
    rows = [exact("two spins: J_eff of 7 J", published["J_eff"], np.round(replays, 4), 5e-5)]
    for j, torch, here in zip(couplings, published["J_eff_torch"], effective, strict=True):
        rows.append(_spread_row(float(j), torch, here))
    return rows


def _spread_row(j: float, torch: float, here: np.ndarray) -> Row:
    """J and the figure of the course's PyTorch against the spread over data sets and runs ``[seeds]``."""
    n, mean, spread = len(here), here.mean(), here.std(ddof=1)
    interval = stats.t.ppf(0.975, n - 1) * spread * np.sqrt(1 + 1 / n)
    near = abs(torch - mean) <= max(DEVIATIONS * spread, 0.05)
    inside = abs(j - mean) <= interval
    return claim(
        f"two spins: J_eff at J = {j:g}, other random numbers",
        f"{torch:.4f} (PyTorch)",
        f"{mean:.4f} ± {interval:.3f}",
        bool(near and inside),
        f"mean of {n} data sets and 95% interval of one, which {'holds' if inside else 'MISSES'} J",
    )


def trained(couplings: np.ndarray, scale: Scale) -> np.ndarray:
    """J_eff of machines trained on samples of each J ``[J, seeds]``, each on data of its own, as folds."""
    sets = [samples(j, 1000 + seed) for j in couplings for seed in range(scale.seeds)]
    n = len(sets) * SAMPLES
    folds = [(np.arange(i, i + SAMPLES), np.array([(i + SAMPLES) % n])) for i in range(0, n, SAMPLES)]
    result = jfnn.sweep(
        jfnn.boltzmann_machine((2, 1), loss="likelihood"),
        jfnn.Split(np.concatenate(sets)),
        learning_rate=RATE,
        epochs=scale.epochs,
        batch_size=jfnn.Minibatches(BATCH, "permutation"),
        folds=folds,
        execution=jfnn.Execution(tile=1),
    )
    found = [effective_coupling(result.member(0, 0, 0, fold)) for fold in range(len(folds))]
    return np.array(found).reshape(len(couplings), scale.seeds)


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
