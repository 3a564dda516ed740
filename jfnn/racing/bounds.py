"""One-sided tests of paired scores, which decide at every look of a race whether one cell is better."""

import math

import numpy as np

from jfnn.analysis.selection import RESOLUTION

TESTS = ("t", "sign")
GROWTH = 1.5  # ratio of the numbers of seeds at successive looks


def looks(first: int, most: int) -> tuple[int, ...]:
    """Return the number of seeds at each look, from ``first`` to ``most``, in nearly equal ratios."""
    first = min(first, most)
    steps = max(round(math.log(most / first) / math.log(GROWTH)), int(most > first))
    return tuple(
        dict.fromkeys(round(first * (most / first) ** (i / max(steps, 1))) for i in range(steps + 1))
    )


def level(alpha: float, cells: int, count: int) -> float:
    """Return the error probability of one comparison of two cells at one of ``count`` looks."""
    return alpha / max(cells - 1, 1) / count


def is_greater(ones: np.ndarray, others: np.ndarray, error: float, test: str = "t") -> np.ndarray:
    """Test whether the scores of cells are higher than those of other cells, paired by seed.

    "t" is Student's paired test of the mean: ``mean(d) √n / s(d) > t(1 - error, n - 1)`` for n differences d.
    Its error exceeds ``error`` if differences are skewed, since few seeds may miss rare, large values.
    It is undefined for differences without spread, such as accuracies on few rows; they are tested by sign.

    "sign" is the sign test: if neither cell is better, each of n nonzero differences is positive with
    probability 1/2, so that the number of positive ones is binomial. The mean must be higher, too, so that
    cells cannot beat each other in a circle.

    Args:
        ones: Scores of n seeds ``[…, n]``, higher is better.
        others: Scores of the same seeds ``[…, n]``, broadcast with ``ones``.
        error: The largest probability of returning True if the other cell's mean (or median) is not lower.
        test: One of `TESTS`.

    Returns:
        Whether they are higher ``[…]``.
    """
    from scipy import stats

    differences = np.asarray(ones, np.float64) - others
    size = np.maximum(np.abs(ones).max(axis=-1), np.abs(others).max(axis=-1))
    n = differences.shape[-1]
    mean = differences.mean(axis=-1)
    above = mean > RESOLUTION * size
    if test == "sign":
        return np.asarray(above & _by_sign(differences, size, error))
    centered = differences - mean[..., None]
    spread = np.sqrt(np.einsum("...n,...n", centered, centered) / (n - 1))
    greater = above & (mean * math.sqrt(n) > spread * stats.t.isf(error, n - 1))
    constant = above & (spread <= RESOLUTION * size)
    greater[constant] = _by_sign(differences[constant], size[constant], error)
    return np.asarray(greater)


def _by_sign(differences: np.ndarray, size: np.ndarray, error: float) -> np.ndarray:
    """Test whether more of the differences ``[…, n]`` are positive than by chance; ties do not count."""
    from scipy import stats

    least = RESOLUTION * size[..., None]
    positive = (differences > least).sum(axis=-1)
    nonzero = positive + (differences < -least).sum(axis=-1)
    return np.asarray(stats.binom.sf(positive - 1, nonzero, 0.5) <= error)
