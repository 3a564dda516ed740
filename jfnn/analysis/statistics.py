"""How sure a sweep is: intervals over seeds and folds, and which cells cannot be told from the best.

Members of one stream (one seed, one fold) share starting parameters, minibatches and rows, so the difference
between two cells is taken stream by stream, which is far less noisy than the difference of their means.
"""

from typing import NamedTuple

import numpy as np

from jfnn import checks
from jfnn.search.result import SweepResult, best_place

CONFIDENCE = 0.95


class CellStatistics(NamedTuple):
    """A score of every cell, arrays of the grid's shape without seeds and folds ``[E, L, …]``.

    Attributes:
        mean: Over seeds and folds; NaN where any member diverged.
        std: Standard deviation of what is averaged (n - 1 in the denominator); NaN for a single value.
        low: Lower end of the confidence interval of the mean; NaN for a single value.
        high: Its upper end.
        tied: Whether a paired comparison cannot tell the cell from the best one; the best is tied with
            itself, a cell that diverged with none. With a single value nothing can be told apart: every
            other cell is tied.
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

    The best is the cell with the highest accuracy or the lowest loss, as in `SweepResult.best`. A cell that
    halving ruled out is neither the best nor tied: its score is one after fewer epochs.

    Args:
        result: A sweep.
        score: Such as "test_accuracy"; None for what ranks (`SweepResult.ranked_by`).
        confidence: The probability that an interval covers the true mean, between 0 and 1.

    Raises:
        ValueError: No such score, or ``confidence`` out of range.
    """
    names = [name for name in vars(result) if name.endswith(("_accuracy", "_loss"))]
    score = checks.as_choice(score or result.ranked_by, "score", names)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: expected a number between 0 and 1, got {confidence}")
    out = result.ruled_out
    best = best_place(np.where(out, np.nan, result.cell_scores(score)), score)
    found = over_streams(*stream_values(result, getattr(result, score)), best, confidence)
    return found._replace(tied=found.tied & ~out)


def stream_values(result: SweepResult, scores: np.ndarray) -> tuple[np.ndarray, float]:
    """The values that count as one each, and the variance of their mean in units of their own variance.

    Args:
        result: The sweep whose seeds and folds they are.
        scores: One number a member, ``[…, S]``, with folds ``[…, S, F]``.

    Returns:
        ``[…, n]``, float64: one a seed, or with a single seed one a fold; and the variance of their mean,
        NaN of a single fold.
    """
    scores = np.asarray(scores, np.float64)
    if result.folds is None:
        return scores, 1 / scores.shape[-1]
    if len(result.seeds) > 1:
        return scores.mean(axis=-1), 1 / len(result.seeds)
    variance = 1 / result.folds + 1 / (result.folds - 1) if result.folds > 1 else np.nan
    return scores[..., 0, :], variance


def over_streams(
    values: np.ndarray,
    variance: float,
    best: int | tuple[int, ...] | None = None,
    confidence: float = CONFIDENCE,
) -> CellStatistics:
    """The statistics of any cells from their values.

    Args:
        values: ``[…, n]``, as `stream_values` gives them, the n streams in the same order in every cell.
        variance: Of the mean of n values, in units of their own variance.
        best: The place of the cell to compare the others with; None where there is none, no cell is tied.
        confidence: The probability that an interval covers the true mean, between 0 and 1.

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

    def half_width(each):
        return quantile * each.std(axis=-1, ddof=1) * np.sqrt(variance)

    half = half_width(values)
    if best is not None:
        behind = values[best] - values
        tied = tied & (np.abs(behind.mean(axis=-1)) <= half_width(behind))
    return CellStatistics(mean, values.std(axis=-1, ddof=1), mean - half, mean + half, tied)
