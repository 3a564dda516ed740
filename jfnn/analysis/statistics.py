"""Uncertainty of a sweep's scores: intervals over seeds and folds, and cells tied with the best.

Members of one replicate (one seed, one fold) share starting parameters, minibatches and rows, so two cells
are compared replicate by replicate, which is far less noisy than the difference of their means.
"""

from typing import NamedTuple

import numpy as np

from jfnn import checks
from jfnn.analysis.arguments import as_confidence
from jfnn.search.best import best_place
from jfnn.search.result import SweepResult

CONFIDENCE = 0.95


class CellStatistics(NamedTuple):
    """Statistics of one score, arrays of the grid's shape without seeds and folds ``[E, L, …]``.

    Attributes:
        mean: Over seeds and folds; NaN where any member diverged.
        std: Standard deviation of the averaged values (n - 1 in the denominator); NaN for a single value.
        low: Lower end of the confidence interval of the mean; NaN for a single value.
        high: Its upper end.
        tied: Whether a paired comparison cannot tell the cell from the best one. The best is tied with
            itself, a diverged cell with none. A single value tells nothing apart: every other cell is tied.
    """

    mean: np.ndarray
    std: np.ndarray
    low: np.ndarray
    high: np.ndarray
    tied: np.ndarray


def cell_statistics(
    result: SweepResult, score: str | None = None, confidence: float = CONFIDENCE
) -> CellStatistics:
    """Means, Student-t confidence intervals, and cells tied with the best.

    With several seeds each seed gives one value (its folds averaged), and these are taken as independent.
    With one seed the folds are the values; their training rows overlap, so the variance of their mean is
    taken as Nadeau and Bengio (Machine Learning 52, 2003) propose: ``1/k + 1/(k - 1)`` times theirs, not
    ``1/k``.

    The best cell is that of the best mean, as in `SweepResult.best`. A pruned cell is neither the best nor
    tied: its score was taken after fewer epochs.

    Args:
        result: A sweep.
        score: Such as "test_accuracy"; None for the one that ranks (`SweepResult.ranked_by`).
        confidence: Probability that an interval covers the true mean, between 0 and 1.

    Raises:
        ValueError: No such score, or ``confidence`` out of range.
    """
    checks.check_instance(result, SweepResult, "result")
    score = result.named(score, "score")
    as_confidence(confidence)
    pruned = result.pruned_cells
    means = np.where(pruned, np.nan, result.cell_scores(score))
    best = best_place(means, result.higher_is_better(score))
    statistics = over_replicates(*replicate_values(result, score), best, confidence)
    return statistics._replace(tied=statistics.tied & ~pruned)


def replicate_values(result: SweepResult, score: str) -> tuple[np.ndarray, float]:
    """Values of a score that count as one each, and the variance of their mean in units of their own.

    Args:
        result: A sweep.
        score: Such as "test_accuracy".

    Returns:
        ``[E, L, …, n]``, float64: one a seed, or with a single seed one a fold; and the variance of their
        mean, NaN of a single fold.
    """
    return folds_averaged(result, result.scores[score])


def folds_averaged(result: SweepResult, of_members: np.ndarray) -> tuple[np.ndarray, float]:
    """As `replicate_values`, of values of all members ``[…, S]`` or ``[…, S, F]``."""
    values = of_members.astype(np.float64)
    if result.folds is None:
        return values, 1 / values.shape[-1]
    if len(result.seeds) > 1:
        return values.mean(axis=-1), 1 / len(result.seeds)
    variance = 1 / result.folds + 1 / (result.folds - 1) if result.folds > 1 else np.nan
    return values[..., 0, :], variance


def over_replicates(
    values: np.ndarray,
    variance: float,
    best: int | tuple[int, ...] | None = None,
    confidence: float = CONFIDENCE,
) -> CellStatistics:
    """Statistics of any cells from their values.

    Args:
        values: ``[…, n]`` as from `replicate_values`, the replicates in the same order in every cell.
        variance: Of the mean of n values, in units of their own variance.
        best: Place of the cell that the others are compared with; None for none, then no cell is tied.
        confidence: Probability that an interval covers the true mean, between 0 and 1.

    Returns:
        Arrays of the shape ``[…]``.
    """
    from scipy import stats

    n = values.shape[-1]
    mean = values.mean(axis=-1)
    tied = np.asarray(np.isfinite(mean) & (best is not None))
    if n < 2:
        unknown = np.full_like(mean, np.nan)
        return CellStatistics(mean, unknown, unknown, unknown, tied)
    quantile = stats.t.ppf((1 + confidence) / 2, n - 1)

    def half_width(samples: np.ndarray) -> np.ndarray:
        return np.asarray(quantile * samples.std(axis=-1, ddof=1) * np.sqrt(variance))

    half = half_width(values)
    if best is not None:
        behind = values[best] - values
        tied = tied & (np.abs(behind.mean(axis=-1)) <= half_width(behind))
    return CellStatistics(mean, values.std(axis=-1, ddof=1), mean - half, mean + half, tied)
