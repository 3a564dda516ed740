"""Subset selection: the cells that contain the best one with a stated probability."""

import functools

import numpy as np

from jfnn.analysis.intervals import LEAST

# Scores that agree to this share of their size are equal: float32 has some seven digits.
RESOLUTION = 1e-6


def may_be_best(
    scores: np.ndarray, best: int, confidence: float = 0.95, variance: float | None = None
) -> np.ndarray:
    """Whether each cell belongs to the set that contains the best cell, by its scores with the same runs.

    A cell is left out if the best mean is above its own by more than ``c s √variance``, where s is the
    standard deviation of the paired differences, and c the `critical_ratio`. A standard deviation is at least
    that of rounding to the step between two scores of the grid, ``step / √12``: accuracies on few rows may
    differ by the same number of rows with every seed, which does not prove that their means differ.

    Args:
        scores: ``[cells, n]``, the higher the better; NaN where a cell has no score with a run.
        best: Row of the best mean.
        confidence: Probability that the truly best cell is in the set.
        variance: Variance of a mean of n runs in units of their variance; None for ``1/n``.

    Returns:
        ``[cells]``. A cell with no run in common with the best one is not in the set; one with fewer than
        three always is.
    """
    with np.errstate(invalid="ignore"):  # of infinite scores
        behind = scores[best] - scores
    present = np.isfinite(behind)
    n = present.sum(axis=-1)
    compared = n > 0
    mean = np.where(present, behind, 0).sum(axis=-1) / np.maximum(n, 1)
    centred = np.where(present, behind - mean[:, None], 0)
    std = np.sqrt((centred**2).sum(axis=-1) / np.maximum(n - 1, 1))
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
    """The t statistic of the best mean against another cell's that leaves the other cell out.

    If a cell is truly the best, the best of m other means, in units of its own standard error, exceeds x with
    a probability of at most ``min(1, m Φ(-x))``. The means of normal scores are independent of their standard
    deviations, so the t statistic divides that number by an independent ``√(χ² / freedom)``, whichever cell
    has the best mean. The ratio c solves ``E min(1, m Φ(-c √(χ² / freedom))) = error``. It is Student's
    one-sided quantile for one other cell, and below Bonferroni's, that of ``error / m``, for more than two.

    Args:
        others: Number m of other cells.
        freedom: Degrees of freedom of a standard deviation.
        error: Probability that the truly best cell is left out, at most.
    """
    from scipy import integrate, optimize, special, stats

    others = max(others, 1)
    start = max(-special.ndtri(1 / others), 0.0)  # min(1, m Φ(-x)) is 1 up to here
    x = np.linspace(start, start + 8, 4001)
    density = others * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)

    def excess(ratio: float) -> float:
        share = special.gammainc(freedom / 2, freedom / 2 * (x / ratio) ** 2)  # of √(χ² / freedom) < x / c
        return float(integrate.trapezoid(density * share, x)) - error

    least = 1e-6
    if excess(least) <= 0:  # one other cell, and an error of a half or more
        return 0.0
    return float(optimize.brentq(excess, least, 1.01 * stats.t.isf(error / others, freedom)))


def _step(scores: np.ndarray) -> float:
    """The least difference between two scores that is more than rounding; infinite if all are equal."""
    values = np.unique(scores[np.isfinite(scores)])
    steps = np.diff(values)
    sizes = np.maximum(np.abs(values[1:]), np.abs(values[:-1]))
    return float(np.min(steps, where=steps > RESOLUTION * sizes, initial=np.inf))
