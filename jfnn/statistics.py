"""How sure a sweep is: intervals over seeds and folds, and which cells cannot be told from the best.

Members of one stream (one seed, one fold) share starting parameters, minibatches and rows, so the difference
between two cells is taken stream by stream, which is far less noisy than the difference of their means.
"""

from typing import NamedTuple

import numpy as np

from jfnn import checks
from jfnn.engine.result import SweepResult


class CellStatistics(NamedTuple):
    """A score of every cell, arrays of the grid's shape without seeds and folds ``[E, L, …]``.

    Attributes:
        mean: Over seeds and folds; NaN where any member diverged.
        std: Standard deviation of what is averaged (n - 1 in the denominator); NaN for a single value.
        low: Lower end of the confidence interval of the mean.
        high: Its upper end.
        tied: Whether a paired comparison cannot tell the cell from the best one; the best is tied with
            itself. With a single value nothing can be told apart: every cell that did not diverge is tied.
    """

    mean: np.ndarray
    std: np.ndarray
    low: np.ndarray
    high: np.ndarray
    tied: np.ndarray


def cell_statistics(
    result: SweepResult, score: str | None = None, confidence: float = 0.95
) -> CellStatistics:
    """Means, Student-t confidence intervals, and cells tied with the best.

    With several seeds each seed gives one value (its folds averaged), and these are taken as independent.
    With one seed the folds are the values; their training rows overlap, so the variance of their mean is
    taken as Nadeau and Bengio (Machine Learning 52, 2003) propose: ``1/k + 1/(k - 1)`` times theirs, not
    ``1/k``.

    Args:
        result: A sweep.
        score: Such as "test_accuracy"; None for what ranks (`SweepResult.ranked_by`).
        confidence: The probability that an interval covers the true mean, between 0 and 1.

    Raises:
        ValueError: No such score, or ``confidence`` out of range.
    """
    from scipy import stats

    names = [name for name in vars(result) if name.endswith(("_accuracy", "_loss"))]
    score = checks.as_choice(score or result.ranked_by, "score", names)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: expected a number between 0 and 1, got {confidence}")
    values, inflation = _values(result, score)
    n = values.shape[-1]
    mean = values.mean(axis=-1)
    if n < 2:
        unknown = np.full_like(mean, np.nan)
        return CellStatistics(mean, unknown, unknown, unknown, np.isfinite(mean))
    quantile = stats.t.ppf((1 + confidence) / 2, n - 1)

    def half_width(differences):
        return quantile * differences.std(axis=-1, ddof=1) * np.sqrt(inflation)

    half = half_width(values)
    tied = np.isfinite(mean)
    if tied.any():
        best = np.nanargmax(mean) if score.endswith("accuracy") else np.nanargmin(mean)
        behind = values.reshape(-1, n)[best] - values
        tied &= np.abs(behind.mean(axis=-1)) <= half_width(behind)
    return CellStatistics(mean, values.std(axis=-1, ddof=1), mean - half, mean + half, tied)


def _values(result: SweepResult, score: str) -> tuple[np.ndarray, float]:
    """What is averaged, ``[E, L, …, n]``, and the variance of its mean in units of its own variance."""
    values = getattr(result, score)
    if result.folds is None:
        return values, 1 / values.shape[-1]
    if len(result.seeds) > 1:
        return values.mean(axis=-1), 1 / len(result.seeds)
    return values[..., 0, :], 1 / result.folds + 1 / (result.folds - 1)
