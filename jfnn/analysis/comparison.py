"""Paired comparisons of cells with a reference, Holm's correction, and seeds needed for an interval."""

import bisect
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from jfnn.analysis.intervals import LEAST, Interval, as_confidence, interval
from jfnn.analysis.statistics import replicate_values
from jfnn.arguments import checks, texts
from jfnn.arguments.checks import ArgumentError
from jfnn.core.experiment.axes import as_index
from jfnn.core.search.result import SweepResult

TESTS = ("t", "wilcoxon")
MOST_SEEDS = 10**9  # a width that needs more seeds is an error, since nobody trains so many


@texts.without_arrays
class Comparison(NamedTuple):
    """Comparison of every cell with a reference cell, arrays of the grid's shape ``[E, L, …]``.

    Values are NaN where a run of either cell has no score; p-values also for the reference itself.

    Attributes:
        reference: Index of the reference cell.
        difference: Mean over runs of a cell's score minus the reference's.
        low: Lower end of the t interval of this mean, uncorrected; NaN for fewer than three runs.
        high: Upper end.
        p: Two-sided p-value of each comparison, uncorrected.
        p_holm: p-values with Holm's correction for all comparisons: the probability of any false rejection at
            level alpha is at most alpha.
    """

    reference: tuple[int, ...]
    difference: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    p_holm: np.ndarray


def compare_cells(
    result: SweepResult,
    score: str | None = None,
    reference: tuple[int, ...] | None = None,
    test: str = "t",
    confidence: float = 0.95,
) -> Comparison:
    """Compare all cells with a reference cell, paired by runs.

    Runs of one seed share initial parameters, minibatches and rows, so their differences vary less than the
    scores. Folds are averaged within each seed; with one seed the folds are the runs, and the t test
    estimates the variance of their mean as `jfnn.cell_statistics` does. A reference chosen for its score (the
    default) has an optimistic score and biases the p-values; to test a cell, pass a reference chosen
    beforehand.

    Args:
        result: A sweep of several seeds or folds.
        score: Such as "test_accuracy"; None for the ranking score.
        reference: Index of a cell, on every axis but seeds and folds; None for the best one.
        test: "t" (Student's, paired) or "wilcoxon" (signed ranks; with n runs its p-value is at least
            ``2^(1 - n)``, so fewer than six never reach 5%).
        confidence: Confidence level of the intervals, between 0 and 1.

    Raises:
        ValueError: An unknown name, no such cell, a single run, or Wilcoxon's test for folds of one seed,
            which are not independent.

    Example:
        >>> import jfnn
        >>> x, y = jfnn.datasets.xor_gate()
        >>> network = jfnn.mlp((2, 8, 2))
        >>> split = jfnn.Split(x, y)
        >>> result = jfnn.sweep(network, split, learning_rate=[0.001, 0.1], seeds=5, epochs=200)
        >>> comparison = jfnn.analysis.compare_cells(result)
        >>> comparison.p_holm.shape
        (2, 1)
    """
    checks.check_instance(result, SweepResult, "result")
    score = result.named(score, "score")
    checks.as_choice(test, "test", TESTS)
    reference = result.best().index if reference is None else reference
    index = as_index(reference, result.cells.lengths.items(), "reference")
    values, variance = replicate_values(result, result.scores[score])
    if values.shape[-1] < 2:
        raise ArgumentError("result", "expected several seeds or folds to compare, got one")
    if test == "wilcoxon" and variance is not None:
        raise ArgumentError("test", "folds of one seed are not independent; expected 't', got 'wilcoxon'")
    differences = values - values[index]
    low, high = interval(differences, Interval(confidence=confidence), variance)
    if test == "t":
        p = _p_by_t(differences, variance)
    else:
        p = np.apply_along_axis(_p_by_wilcoxon, -1, differences)
    p[index] = np.nan
    return Comparison(index, differences.mean(axis=-1), low, high, p, holm(p))


def holm(p: ArrayLike) -> np.ndarray:
    """Return p-values corrected for multiple comparisons by Holm's method.

    The i-th smallest of m p-values (i from 1) is multiplied by ``m - i + 1``, raised to the one before it if
    that is larger, and limited to 1 (Holm, Scandinavian Journal of Statistics 6, 1979). This bounds the
    family-wise error rate.

    Args:
        p: p-values of any shape; NaN means no comparison and is not counted.

    Raises:
        ValueError: A number outside 0 to 1.
    """
    values = checks.as_numbers(p, "p").astype(np.float64)
    flat = values.ravel()
    if ((flat < 0) | (flat > 1)).any():
        raise ArgumentError("p", "expected probabilities")
    order = np.argsort(flat)[: np.isfinite(flat).sum()]  # NaN comes last
    corrected = np.full(flat.shape, np.nan)
    scaled = flat[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return corrected.reshape(values.shape)


def seeds_needed(std: float, width: float, confidence: float = 0.95) -> int:
    """Return the fewest seeds, at least 3, whose t interval of the mean is at most ``width`` wide.

    It solves ``2 t(n - 1) std / √n ≤ width`` with the standard deviation of a pilot. Further runs will
    have another standard deviation, so about half of their intervals are wider than wanted; a pilot of few
    seeds may be far off.

    Args:
        std: Standard deviation between seeds, such as ``cell_statistics(…).std`` of a cell.
        width: Wanted distance between the ends of the interval.
        confidence: Confidence level of the interval, between 0 and 1.

    Raises:
        ValueError: Numbers that are not finite, a negative std, a width of 0 or less, or more than 10⁹ seeds.
        TypeError: Not numbers.

    Example:
        >>> import jfnn
        >>> jfnn.analysis.seeds_needed(std=0.01, width=0.01)
        18
    """
    from scipy import stats

    std = checks.as_number(std, "std")
    width = checks.as_number(width, "width", strict=True)
    share = (1 + as_confidence(confidence)) / 2

    def enough(n: int) -> bool:
        return bool(2 * stats.t.ppf(share, n - 1) * std <= width * np.sqrt(n))

    counts = range(LEAST, MOST_SEEDS + 1)
    position = bisect.bisect_left(counts, True, key=enough)
    if position == len(counts):
        raise ArgumentError("width", f"expected a width that some number of seeds can reach, got {width}")
    return counts[position]


def _p_by_t(differences: np.ndarray, variance: float | None) -> np.ndarray:
    """Two-sided p-values of Student's t for means of 0; 0 if all runs agree on another mean."""
    from scipy import stats

    n = differences.shape[-1]
    mean = differences.mean(axis=-1)
    std = differences.std(axis=-1, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(mean) / (std * np.sqrt(1 / n if variance is None else variance))
    return np.asarray(np.where(mean == 0, 1.0, 2 * stats.t.sf(t, n - 1)))


def _p_by_wilcoxon(differences: np.ndarray) -> float:
    """Two-sided p-value of the signed-rank test of one cell."""
    from scipy import stats

    if not np.isfinite(differences).all():
        return np.nan
    return float(stats.wilcoxon(differences).pvalue) if differences.any() else 1.0
