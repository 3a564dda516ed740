"""When one cell is better than another: one-sided tests of paired scores, at every look of a race."""

import functools
import math

import numpy as np

TESTS = ("t", "sign")
GROWTH = 1.5  # seeds at a look for each one at the look before
# Differences that agree to this share of the scores are equal: float32 has some seven digits.
RESOLUTION = 1e-6


def looks(first: int, most: int) -> tuple[int, ...]:
    """Seeds that a cell has at each look, from ``first`` to ``most``, in nearly equal ratios."""
    first = min(first, most)
    steps = max(round(math.log(most / first) / math.log(GROWTH)), int(most > first))
    return tuple(
        dict.fromkeys(round(first * (most / first) ** (i / max(steps, 1))) for i in range(steps + 1))
    )


def level(alpha: float, cells: int, count: int) -> float:
    """The error of one comparison of two cells at one of ``count`` looks: ``alpha / (cells - 1) / count``."""
    return alpha / max(cells - 1, 1) / count


def is_greater(ones: np.ndarray, others: np.ndarray, error: float, test: str = "t") -> np.ndarray:
    """Whether the scores of cells are above those of other cells, seed by seed, at an error.

    "t" is Student's paired test of the mean: ``mean(d) √n / s(d) > t(1 - error, n - 1)`` of n differences d.
    Its error exceeds the stated one for skewed differences, whose rare, large values few seeds do not show.
    Differences without a spread, as of accuracies on few rows, have no such number, and tell by their sign
    only: each is as likely to be below 0 as above where neither cell is better, so that n positive ones have
    the probability ``2⁻ⁿ``. "sign" is that test for all differences: of n without ties k are positive with
    the binomial probability. The mean must be above, too, so that no three cells can beat each other in turn.

    Args:
        ones: ``[…, n]``, the higher the better.
        others: ``[…, n]``, which NumPy broadcasts with these.
        error: Probability of a true answer where the other's mean (or median) is not below, at most.
        test: Of `TESTS`.

    Returns:
        ``[…]``.
    """
    differences = np.asarray(ones, np.float64) - others
    size = np.maximum(np.abs(ones).max(axis=-1), np.abs(others).max(axis=-1))
    n = differences.shape[-1]
    mean = differences.mean(axis=-1)
    above = mean > RESOLUTION * size
    if test == "sign":
        return np.asarray(above & _by_sign(differences, size, error))
    centred = differences - mean[..., None]
    spread = np.sqrt(np.einsum("...n,...n", centred, centred) / (n - 1))
    greater = above & (mean * math.sqrt(n) > spread * _t_quantile(error, n - 1))
    constant = above & (spread <= RESOLUTION * size)
    greater[constant] = _by_sign(differences[constant], size[constant], error)
    return np.asarray(greater)


def _by_sign(differences: np.ndarray, size: np.ndarray, error: float) -> np.ndarray:
    """Whether more of the differences ``[…, n]`` are above 0 than chance explains; ties do not count."""
    from scipy import stats

    least = RESOLUTION * size[..., None]
    positive = (differences > least).sum(axis=-1)
    told = positive + (differences < -least).sum(axis=-1)
    return np.asarray(stats.binom.sf(positive - 1, told, 0.5) <= error)


@functools.lru_cache
def _t_quantile(error: float, freedom: int) -> float:
    """The number that Student's t exceeds with the probability ``error``."""
    from scipy import stats

    return float(stats.t.isf(error, freedom))
