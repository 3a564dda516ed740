"""Cells compared with one of them, run by run, with Holm's correction; seeds needed for a wanted interval."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from jfnn import checks
from jfnn.analysis.arguments import as_confidence, as_numbers
from jfnn.analysis.statistics import CONFIDENCE, over_replicates, replicate_values
from jfnn.checks import ArgumentError
from jfnn.experiment.axes import as_place
from jfnn.search.result import SweepResult

TESTS = ("t", "wilcoxon")


class Comparison(NamedTuple):
    """Every cell against one of them, arrays of the grid's shape ``[E, L, …]``.

    Values are NaN where either cell has a run without a score, and p-values of the cell itself.

    Attributes:
        reference: Place of the cell that the others are compared with.
        difference: Mean over runs of a cell's score less the reference's.
        low: Lower end of the t interval of this mean, uncorrected.
        high: Its upper end.
        p: Two-sided p-value of each comparison alone.
        p_holm: The same, corrected for all comparisons made (Holm's): at most alpha in any true null
            hypothesis with a probability of at most alpha.
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
    confidence: float = CONFIDENCE,
) -> Comparison:
    """Compares all cells with one of them, run by run.

    Runs of one seed share starting parameters, minibatches and rows, so their differences vary less than they
    do. Folds are averaged within each seed; with one seed the folds are the runs, and the t test takes the
    variance of their mean as in `jfnn.cell_statistics`. A reference chosen for its score (the default) is
    flattered by the choice, and the p-values with it; name a reference that was fixed beforehand to test it.

    Args:
        result: A sweep of several seeds, or of several folds.
        score: Such as "test_accuracy"; None for the one that ranks.
        reference: Place of a cell, on every axis but the seeds and folds; None for the best one.
        test: "t" (Student's, paired) or "wilcoxon" (signed ranks; of n runs its p-value is at least
            ``2^(1 - n)``, so that fewer than six can never pass 5%).
        confidence: Probability that an interval covers the true difference, between 0 and 1.

    Raises:
        ValueError: An unknown name, no such cell, a single run, or Wilcoxon's test of folds of one seed,
            which are not independent.
    """
    checks.check_instance(result, SweepResult, "result")
    score = result.named(score, "score")
    checks.as_choice(test, "test", TESTS)
    place = _reference(result, reference)
    values, variance = replicate_values(result, score)
    if values.shape[-1] < 2:
        raise ArgumentError("result", "expected several seeds or folds to compare, got one")
    if test == "wilcoxon" and result.folds is not None and len(result.seeds) == 1:
        raise ArgumentError("test", "folds of one seed are not independent; expected 't', got 'wilcoxon'")
    differences = values - values[place]
    over = over_replicates(differences, variance, confidence=as_confidence(confidence))
    p = _p_of_t(differences, variance) if test == "t" else _p_of_wilcoxon(differences)
    p[place] = np.nan
    return Comparison(place, over.mean, over.low, over.high, p, holm(p))


def holm(p: ArrayLike) -> np.ndarray:
    """p-values corrected for their number, so that the family's error is at most alpha.

    The i-th smallest of m (i from 1) is multiplied by ``m - i + 1``, and is at least the one before it and
    at most 1 (Holm, Scandinavian Journal of Statistics 6, 1979).

    Args:
        p: Any shape; NaN stands for no comparison and does not count.

    Returns:
        Of the same shape.

    Raises:
        ValueError: A number that is no probability.
    """
    values = as_numbers(p, "p")
    flat = values.ravel()
    order = np.argsort(flat)[: np.isfinite(flat).sum()]  # NaN comes last
    if np.isinf(flat).any() or ((flat < 0) | (flat > 1)).any():
        raise ArgumentError("p", "expected probabilities")
    corrected = np.full(flat.shape, np.nan)
    scaled = flat[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return corrected.reshape(values.shape)


def seeds_needed(std: float, width: float, confidence: float = CONFIDENCE) -> int:
    """The least number of seeds whose t interval of the mean is at most so wide, from a pilot's spread.

    It solves ``2 t(n - 1) std / √n ≤ width``. The next runs have a spread of their own, so that their
    interval is wider than wanted about every other time; a pilot of few seeds may be far off.

    Args:
        std: Standard deviation between seeds, such as ``final_statistics(…).std`` of a cell.
        width: Wanted from the lower end of the interval to its upper end.
        confidence: Probability that the interval covers the true mean, between 0 and 1.

    Raises:
        ValueError: Numbers that are not finite, a negative std, a width of 0 or less, or more than 10⁹ seeds.
        TypeError: No numbers.
    """
    from scipy import stats

    std, width = checks.as_number(std, "std"), checks.as_number(width, "width", strict=True)
    share = (1 + as_confidence(confidence)) / 2

    def enough(n: int) -> bool:
        return bool(2 * stats.t.ppf(share, n - 1) * std <= width * np.sqrt(n))

    few, most = 1, 2
    while not enough(most):
        few, most = most, 2 * most
        if most > 10**9:
            raise ArgumentError("width", f"expected one that some number of seeds can reach, got {width}")
    while most - few > 1:
        middle = (few + most) // 2
        few, most = (few, middle) if enough(middle) else (middle, most)
    return most


def _reference(result: SweepResult, reference: tuple[int, ...] | None) -> tuple[int, ...]:
    """The place of a cell, checked; the best cell's for None."""
    if reference is None:
        return result.best().index
    return as_place(reference, result.cell_shape, "reference")


def _p_of_t(differences: np.ndarray, variance: float) -> np.ndarray:
    """Two-sided p-values of Student's t for means of 0; runs that all agree leave no doubt."""
    from scipy import stats

    mean, spread = differences.mean(axis=-1), differences.std(axis=-1, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(mean) / (spread * np.sqrt(variance))
    p = 2 * stats.t.sf(t, differences.shape[-1] - 1)
    return np.asarray(np.where(mean == 0, 1.0, p))


def _p_of_wilcoxon(differences: np.ndarray) -> np.ndarray:
    """Two-sided p-values of the signed-rank test, cell by cell."""
    from scipy import stats

    p = np.full(differences.shape[:-1], np.nan)
    for place in np.ndindex(p.shape):
        of_cell = differences[place]
        if np.isfinite(of_cell).all():
            p[place] = stats.wilcoxon(of_cell).pvalue if of_cell.any() else 1.0
    return p
