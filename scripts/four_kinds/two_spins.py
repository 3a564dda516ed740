"""Two coupled spins: does a machine with one hidden unit learn the coupling from samples?

States have probabilities ``p(v) ∝ e^{J s_1 s_2}``, s = ±1, so ``J = ½ ln p(11)/p(01)``. J_eff is the same
expression for a trained machine's exact probabilities.
"""

import json
from pathlib import Path

import numpy as np
from verdicts import Row, among_seeds, exact

from four_kinds import course_stream
from four_kinds.xor_machine import PUBLISHED
from jfnn import boltzmann

# Settings of the published runs.
SAMPLES = 3000
BATCH = 20
EPOCHS = 1000
STATES = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
RUNS = 79  # runs per J


def run(_: Path, quick: bool = False) -> list[Row]:
    """Return the section's rows."""
    runs, epochs = (3, EPOCHS // 10) if quick else (RUNS, EPOCHS)
    published = json.loads(PUBLISHED.read_text())["two_spins"]
    sets = np.stack([samples(j, 42) for j in published["J"]]).astype(float)
    replays = trained(sets, EPOCHS, seed=1, start_seed=0)
    effective = np.array([trained(sets, epochs, seed, seed) for seed in range(2, 2 + runs)]).T
    return [
        exact("two spins: J_eff of 7 J", published["J_eff"], np.round(replays, 4), 5e-5),
        *spread_rows(published, sets, effective),
    ]


def spread_rows(published: dict[str, list[float]], sets: np.ndarray, effective: np.ndarray) -> list[Row]:
    """Compare the course's PyTorch figures, on the same samples, with runs from other random numbers.

    Args:
        published: The course's figures.
        sets: The samples of each J ``[J, 3000, 2]``.
        effective: J_eff of the runs ``[J, seeds]``.
    """
    rows = []
    source = "PyTorch, the same samples, last epoch"
    figures = zip(published["J"], published["J_eff_torch"], sets, effective, strict=True)
    for j, torch, states, here in figures:
        ratio = (states == (1, 1)).all(axis=1).sum() / (states == (0, 1)).all(axis=1).sum()
        sampled = f"{np.log(ratio) / 2:.4f} (samples)"
        rows.append(among_seeds(f"two spins: J_eff at J = {j:g}", torch, here, 4, source, exact=sampled))
    return rows


def trained(sets: np.ndarray, epochs: int, seed: int, start_seed: int) -> list[float]:
    """Return J_eff of each set of samples with the course's procedure ``[J]``."""
    machines = course_stream.trained(sets, 1, epochs, BATCH, seed, start_seed)
    return [effective_coupling(machine) for machine in machines]


def effective_coupling(machine: boltzmann.Machine) -> float:
    """Return ``½ ln p(11)/p(01)`` for a machine with two visible units."""
    log_p = np.asarray(boltzmann.log_likelihood(machine, STATES[[3, 1]]))
    return float(log_p[0] - log_p[1]) / 2


def samples(j: float, seed: int) -> np.ndarray:
    """Draw states as the course does, ``[3000, 2]``."""
    energies = j * (2 * STATES - 1).prod(axis=1).astype(float)
    weights = np.exp(energies - energies.max())
    return STATES[np.random.default_rng(seed).choice(4, size=SAMPLES, p=weights / weights.sum())]
