"""Subset selection: sets of cells that contain the best one with a given probability."""

import functools

import numpy as np

from jfnn.analysis.intervals import LEAST

# Relative difference below which scores are equal: float32 has some seven digits.
RESOLUTION = 1e-6


def may_be_best(
    scores: np.ndarray, best: int, confidence: float = 0.95, variance: float | None = None
) -> np.ndarray:
    """Return which cells belong to the set that contains the best cell, from scores paired by runs.

    A cell is excluded if the best mean exceeds its mean by more than ``c s √variance``, where s is the
    standard deviation of the paired differences and c the `critical_ratio`. s is at least the rounding error
    of the smallest step between two scores of the grid, ``step / √12``: accuracies on few rows may differ by
    the same number of rows with every seed, which does not prove that their means differ.

    Args:
        scores: ``[cells, n]``, higher is better; NaN where a cell has no score for a run.
        best: Row of the best mean.
        confidence: Probability that the truly best cell is in the set.
        variance: Variance of the mean of n runs divided by the variance of one run; None for ``1/n``.

    Returns:
        ``[cells]``. A cell that shares no run with the best one is not in the set; a cell that shares one or
        two always is.
    """
    with np.errstate(invalid="ignore"):  # infinite scores
        behind = scores[best] - scores
    present = np.isfinite(behind)
    n = present.sum(axis=-1)
    compared = n > 0
    mean = np.where(present, behind, 0).sum(axis=-1) / np.maximum(n, 1)
    centered = np.where(present, behind - mean[:, None], 0)
    std = np.sqrt((centered**2).sum(axis=-1) / np.maximum(n - 1, 1))
    std = np.maximum(std, _step(scores[compared]) / np.sqrt(12))
    left = compared.copy()
    for size in np.unique(n[n >= LEAST]).tolist():
        ratio = critical_ratio(int(compared.sum()) - 1, size - 1, 1 - confidence)
        scale = np.sqrt(1 / size if variance is None else variance)
        left &= (n != size) | (mean <= ratio * scale * std)
    left[best] = True
    return np.asarray(left)


@functools.lru_cache
def critical_ratio(others: int, freedom: int, error: float) -> float:
    """Return the t statistic of the best mean against another cell's mean at which that cell is excluded.

    If a cell is truly the best, the best of m other means, in units of its standard error, exceeds x with
    probability at most ``min(1, m Φ(-x))``. The means of normal scores are independent of their standard
    deviations, so the t statistic divides that number by an independent ``√(χ² / freedom)``, whichever cell
    has the best mean. The ratio c solves ``E min(1, m Φ(-c √(χ² / freedom))) = error``. For one other cell it
    is Student's one-sided quantile; for more than two it is below Bonferroni's, the quantile at
    ``error / m``.

    Args:
        others: Number m of other cells.
        freedom: Degrees of freedom of a standard deviation.
        error: Maximum probability of excluding the truly best cell.
    """
    from scipy import integrate, optimize, special, stats

    others = max(others, 1)
    start = max(-special.ndtri(1 / others), 0.0)  # min(1, m Φ(-x)) is 1 up to here
    x = np.linspace(start, start + 8, 4001)
    density = others * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)

    def excess(ratio: float) -> float:
        share = special.gammainc(freedom / 2, freedom / 2 * (x / ratio) ** 2)  # P(√(χ² / freedom) < x / c)
        return float(integrate.trapezoid(density * share, x)) - error

    least = 1e-6
    if excess(least) <= 0:  # one other cell, and an error of a half or more
        return 0.0
    return float(optimize.brentq(excess, least, 1.01 * stats.t.isf(error / others, freedom)))


def _step(scores: np.ndarray) -> float:
    """Smallest difference between two scores beyond rounding; infinite if all are equal."""
    values = np.unique(scores[np.isfinite(scores)])
    steps = np.diff(values)
    sizes = np.maximum(np.abs(values[1:]), np.abs(values[:-1]))
    return float(np.min(steps, where=steps > RESOLUTION * sizes, initial=np.inf))
