"""Expected best score of a search against the number of its cells."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jfnn.analysis.intervals import as_bounds, as_confidence
from jfnn.analysis.statistics import metric_bounds
from jfnn.arguments import checks, texts
from jfnn.arguments.checks import ArgumentError
from jfnn.core.search.result import SweepResult


@texts.without_arrays
class TuningCurve(NamedTuple):
    """The expected best score of k cells, arrays ``[n]``.

    Attributes:
        k: Numbers of cells, 1 to n.
        score: Expected best score of k of the n cells, drawn without replacement.
        low: Lower ends of the simultaneous confidence band.
        high: Upper ends.
    """

    k: np.ndarray
    score: np.ndarray
    low: np.ndarray
    high: np.ndarray


def tuning_curve(
    result: SweepResult,
    score: str | None = None,
    *,
    missing: float | None = None,
    bounds: tuple[float, float] | None = None,
    confidence: float = 0.95,
) -> TuningCurve:
    """Return the expected best score of k cells for k = 1 … n, with a simultaneous confidence band.

    The curve shows what a smaller search would have found, and compares methods at equal effort (Dodge et al.
    2019, "Show your work", arXiv 1909.03004). A cell's score is its mean over seeds and folds. With scores
    ``y_1 ≤ … ≤ y_n``, of which the largest is the best, the expected best of k cells without replacement is

        ``Σ_i y_i C(i - 1, k - 1) / C(n, k)``

    The band is for a random search, whose cells are independent draws. With probability ``confidence`` it
    contains, for all k at once, the expected best score of k new cells (Lourie, Cho & He 2024, "Show your
    work with confidence", arXiv 2311.09480). The distribution function of the scores lies within ``F ± ε``
    around the empirical one, with ε the exact quantile of the Kolmogorov–Smirnov statistic, and so does the
    expected best of k between those of the two ends; the probability ε beyond the scores lies at the bounds.
    The cells of a grid are not random draws: for a grid only the curve has a meaning.

    Args:
        result: A random search, or a grid.
        score: Such as "test_accuracy"; None for the ranking score.
        missing: Score of cells that diverged with any seed or were pruned; None for the worst score of the
            other cells. They count as drawn cells.
        bounds: Smallest and largest possible score; None for the metric's, such as 0 and 1 for accuracies.
            An end of the band is infinite if its bound is, such as the upper end for a loss.
        confidence: Probability that the band contains the whole curve.

    Raises:
        ValueError, TypeError: A result of `jfnn.train`; no cell with a score; scores beyond the bounds; or an
            invalid argument.
    """
    from scipy import stats

    checks.check_instance(result, SweepResult, "result")
    if not result.cell_shape:
        raise ArgumentError("result", "expected a sweep, got one network")
    name = result.named(score, "score")
    confidence = as_confidence(confidence)
    replacement = None if missing is None else checks.as_number(missing, "missing", None)
    sign = 1 if result.higher_is_better(name) else -1
    gains = sign * result.ranked(result.cell_scores(name)).ravel()
    scored = np.isfinite(gains)
    if not scored.any():
        raise ArgumentError("result", "expected at least one cell with a score, got none")
    worst = gains[scored].min() if replacement is None else sign * replacement
    gains = np.sort(np.where(scored, gains, worst))
    known = metric_bounds(name, sign * gains) if bounds is None else bounds
    with checks.rename_arguments(values="bounds"):
        least, most = sorted(sign * end for end in as_bounds(known, sign * gains))
    n = len(gains)
    k = np.arange(1, n + 1)
    reach = float(stats.kstwo.ppf(confidence, n))
    lower = _best_of_independent(k, np.clip(k / n + reach, 0, 1), np.append(least, gains), reach)
    upper = _best_of_independent(k, np.clip(k / n - reach, 0, 1), np.append(gains, most), None)
    low, high = np.sort([sign * lower, sign * upper], axis=0)
    return TuningCurve(k, sign * _best_of_distinct(k, gains), low, high)


def _best_of_distinct(k: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """Return the expected largest of k distinct entries of sorted ``gains [n]``, for each k."""
    from scipy import special

    n = len(gains)
    logs = special.gammaln(np.arange(n + 1) + 1)  # of factorials

    def expected(k: int) -> float:
        ranks = np.arange(k, n + 1)
        ways = logs[ranks - 1] - logs[k - 1] - logs[ranks - k] - (logs[n] - logs[k] - logs[n - k])
        return float(np.exp(ways) @ gains[k - 1 :])

    return np.array([expected(each) for each in k.tolist()])


def _best_of_independent(
    k: np.ndarray, shares: np.ndarray, gains: np.ndarray, first: float | None
) -> np.ndarray:
    """Return the expected largest of k independent draws, for each k.

    Args:
        k: Numbers of draws.
        shares: Values of the distribution function at the n scores.
        gains: These scores, with a bound before or after them.
        first: Value of the distribution function at a bound before them; None for one after them.
    """
    steps = np.append(shares, 1.0) if first is None else np.append(first, shares)
    if not np.isfinite(gains).all():
        return np.full(len(k), gains.sum())
    return np.array([np.diff(steps**each, prepend=0.0) @ gains for each in k])
