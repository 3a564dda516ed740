"""Confidence intervals for means, medians and interquartile means of a few runs.

All functions take plain arrays and work on their last axis; tests simulate the coverage of every interval.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from jfnn.arguments import checks, memory
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.fields import Valid, at_least, field, one_of

METHODS = ("formula", "skewed", "bootstrap")
LEAST = 3  # values of an interval; by Student's t that of two is 13 standard errors wide to either side
RESAMPLED = 4  # values to resample: of three, one resample in nine repeats a single one
# Intervals resampled together. More take memory, 8 bytes a resample each and that of a batch's values; fewer
# take time. No number depends on it.
COLUMNS = 256
QUARTER = 0.25

Ends = tuple[np.ndarray, np.ndarray]


def interquartile_mean(values: ArrayLike, axis: int = -1) -> np.ndarray:
    """Mean of the middle half: without ``int(n / 4)`` values at each end. NaN where a value is NaN."""
    # Faster than `scipy.stats.trim_mean`, which bootstraps call 2,000 times and which drops NaN.
    ordered = np.sort(np.moveaxis(np.asarray(values, np.float64), axis, -1), axis=-1)  # NaN comes last
    cut = int(QUARTER * ordered.shape[-1])
    middle = ordered[..., cut : ordered.shape[-1] - cut].mean(axis=-1)
    return np.asarray(np.where(np.isnan(ordered[..., -1]), np.nan, middle))


STATISTICS: dict[str, Callable[..., np.ndarray]] = {
    "mean": np.mean,
    "median": np.median,
    "iqm": interquartile_mean,
}


def as_confidence(confidence: object, argument: str = "confidence") -> float:
    """A probability between 0 and 1.

    Raises:
        ValueError: Anything else.
    """
    if not isinstance(confidence, float) or not 0 < confidence < 1:
        got = checks.shown(confidence)
        raise ArgumentError(argument, f"expected a number between 0 and 1, got {got}")
    return confidence


def _as_method(method: object, argument: str, statistic: str) -> str | None:
    if method is None:
        return None
    chosen = checks.as_choice(method, argument, METHODS)
    if chosen == "skewed" and statistic != "mean":
        raise ArgumentError(argument, f"'skewed' is for the mean, got {statistic}")
    return chosen


@dataclasses.dataclass(frozen=True)
class Interval(Valid):
    """A kind of confidence interval; `interval` explains the methods.

    Attributes:
        statistic: "mean", "median" or "iqm" (interquartile mean).
        method: "formula", "skewed" (of the mean only) or "bootstrap"; None for the bootstrap of
            interquartile means of at least five values, and the formula of all else.
        confidence: Probability that the interval covers the true value, between 0 and 1.
        resamples: Bootstrap samples.
        seed: Seed of their draws.

    Raises:
        ValueError, TypeError: An invalid value, named by its attribute.
    """

    statistic: str = field("mean", one_of(STATISTICS))
    method: str | None = field(None, _as_method, given=["statistic"])
    confidence: float = field(0.95, as_confidence)
    resamples: int = field(2000, checks.as_count)
    seed: int = field(0, at_least(0, None))


def as_interval(interval: Interval | str | None) -> Interval:
    """An `Interval`; a word is its statistic, None the mean.

    Raises:
        ValueError, TypeError: Neither.
    """
    if interval is None or isinstance(interval, str):
        return Interval(checks.as_choice("mean" if interval is None else interval, "interval", STATISTICS))
    checks.check_instance(interval, Interval, "interval")
    return interval


def interval(
    values: ArrayLike,
    interval: Interval | str | None = None,
    variance: float | None = None,
    bounds: tuple[float, float] | None = None,
) -> Ends:
    """A confidence interval for a statistic of independent values.

    "formula" is Student's t for the mean; for the interquartile mean that of Tukey and McLaughlin (Sankhyā A
    25, 1963), from the winsorised deviations; for the median order statistics, interpolated as Hettmansperger
    and Sheather (Statistics & Probability Letters 4, 1986) do. Below six values no pair of them covers the
    median with 95%; the range is given, which covers it with ``1 - 2^(1 - n)``.

    "skewed" is for means of skewed values, such as accuracies near 1: Student's t, made symmetric by Hall's
    cubic transformation (JRSS B 54, 1992) with the skewness of the values. Of five or ten exponential values
    it covers the mean in 90% and 94% of cases, t in 87% and 90%. For near-normal values t is the better one:
    15% narrower for five values, 5% for ten, with the same coverage.

    "bootstrap" is the percentile interval of `scipy.stats.bootstrap`, expanded for small n as Hesterberg
    (American Statistician 69, 2015) does: as wide as t's for a mean, and no better for skewed values.

    Values with ``bounds`` have intervals within them. Student's t is then taken on a scale without bounds, to
    which the standard error goes by the delta method: the logit between two bounds, as for a proportion
    (Brown, Cai & DasGupta, Statistical Science 16, 2001), and beyond or below one of them the logarithm. Of
    three, five and ten accuracies around 0.95 (20 to 1 by the beta distribution) it covers the mean in 95%,
    94% and 94% of cases, t cut off at the bounds in 89%, 89% and 91%; of exponential losses in 94%, 93% and
    93%, t in 88%, 88% and 90%. Where values are far from a bound both are the same to a few percent of their
    width. Other intervals are cut off at the bounds, which changes no coverage.

    Intervals of three values near a bound are wide because their coverage needs it. The accuracies 1, 1 and
    0.982 have the interval 0.686 to 1.000; t cut off at 1 gives 0.968 to 1. For accuracies with mean 0.99 and
    standard deviation 0.01 (beta distribution), three values cover the mean in 94% of cases, and in 88% by t;
    five values have a third of the width. If all values agree, every method gives an interval without width.
    Three accuracies on 55 rows agree in 22% of cases if their mean is 0.99, and do not cover it then.

    Args:
        values: ``[…, n]``.
        interval: The statistic, or an `Interval`; None for the mean. Of five values the formula's interval
            for the interquartile mean is half as wide again as the bootstrap's, and yet covers that of two
            clusters in 69% of cases, so that the bootstrap is its default.
        variance: Variance of the mean of n dependent values in units of their variance (``1/n`` if they
            were independent); for the mean by formula only.
        bounds: Least and greatest value that there can be, such as ``(0, 1)`` of accuracies or ``(-inf, 1)``
            of R²; None for none.

    Returns:
        ``(low, high)``, each ``[…]``; NaN where a value is not finite, for fewer than three values, and for a
        bootstrap of fewer than four.

    Raises:
        ValueError, TypeError: Invalid values, interval, variance or bounds, or values beyond these.
    """
    array = as_numbers(values, "values")
    kind = as_interval(interval)
    limits = _as_bounds(bounds, array)
    if array.ndim == 0 or array.shape[-1] == 0:
        raise ArgumentError("values", f"expected at least one on the last axis, got shape {array.shape}")
    *shape, n = array.shape
    # Of four, the bootstrap's interval lies within their range, which covers the truth in 87%.
    method = kind.method or ("bootstrap" if kind.statistic == "iqm" and n > RESAMPLED else "formula")
    if variance is not None:
        checks.as_number(variance, "variance")
        if (kind.statistic, method) != ("mean", "formula"):
            raise ArgumentError(
                "method",
                "folds of one seed share rows and are not independent; for these expected the mean by"
                f" formula, got {kind.statistic} by {method}",
            )
    if method == "bootstrap":
        memory.check("resamples", 16.0 * kind.resamples * n)
    columns = array.reshape(-1, n)
    ends = np.full((2, len(columns)), np.nan)
    finite = np.isfinite(columns).all(axis=-1)
    if n >= (RESAMPLED if method == "bootstrap" else LEAST) and finite.any():
        if method == "bootstrap":
            found = _by_bootstrap(columns[finite], kind)
        elif method == "skewed":
            found = _by_skewness(columns[finite], kind.confidence)
        elif kind.statistic == "median":
            found = _by_order(np.sort(columns[finite], axis=-1), kind.confidence)
        else:
            found = _by_t(columns[finite], kind, variance, limits)
        ends[:, finite] = np.clip(found, *limits)
    return ends[0].reshape(shape), ends[1].reshape(shape)


def as_numbers(values: object, argument: str) -> np.ndarray:
    """Numbers of any shape, float64, NaN and infinity among them.

    Raises:
        TypeError, ValueError: Not numeric, complex, ragged, or with masked entries.
    """
    array = np.asarray(checks.as_array(values, argument))
    if array.dtype.kind not in "iufb":
        raise ArgumentTypeError(argument, f"expected numbers, got {checks.shown(values)}")
    return array.astype(np.float64)


def _as_bounds(bounds: object, values: np.ndarray) -> tuple[float, float]:
    """Two numbers in order, infinite ones for none, that finite values do not pass."""
    if bounds is None:
        return -np.inf, np.inf
    numbers = as_numbers(bounds, "bounds")
    if numbers.shape != (2,) or not numbers[0] < numbers[1]:
        raise ArgumentError("bounds", f"expected a least and a greatest value, got {checks.shown(bounds)}")
    low, high = numbers.tolist()
    finite = values[np.isfinite(values)]
    if ((finite < low) | (finite > high)).any():
        raise ArgumentError("values", f"expected numbers from {low:g} to {high:g}, as bounds has them")
    return low, high


def _by_t(columns: np.ndarray, kind: Interval, variance: float | None, bounds: tuple[float, float]) -> Ends:
    """Student's t of the mean, or of the mean that is left when both ends are cut off, within bounds."""
    from scipy import stats

    n = columns.shape[-1]
    cut = int(QUARTER * n) if kind.statistic == "iqm" else 0
    left = n - 2 * cut
    ordered = np.sort(columns, axis=-1)
    winsorised = np.clip(columns, ordered[:, cut, None], ordered[:, n - 1 - cut, None])
    scale = np.sqrt((n - 1) / (left * (left - 1)) if variance is None else variance)
    half = stats.t.ppf((1 + kind.confidence) / 2, left - 1) * scale * winsorised.std(axis=-1, ddof=1)
    centre = STATISTICS[kind.statistic](columns, axis=-1)
    return _within(centre, half, bounds)


def _within(centre: np.ndarray, half: np.ndarray, bounds: tuple[float, float]) -> Ends:
    """``centre ∓ half`` on a scale on which bounds are infinitely far; at a bound without any width.

    On the logit's scale ``half`` is as wide as ``(high - low) / ((centre - low) (high - centre))`` of it.
    """
    low, high = bounds
    if np.isinf(low) and np.isfinite(high):
        upper, lower = _within(-centre, half, (-high, np.inf))
        return -lower, -upper
    if np.isinf(low):
        return centre - half, centre + half
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if np.isinf(high):
            factor = np.exp(half / (centre - low))
            ends = [low + (centre - low) * by for by in (1 / factor, factor)]
        else:
            odds = (centre - low) / (high - centre)
            factor = np.exp(half * (high - low) / ((centre - low) * (high - centre)))
            ends = [low + (high - low) / (1 + 1 / (odds * by)) for by in (1 / factor, factor)]
    none = (half == 0) | (centre == low) | (centre == high)
    return np.where(none, centre, ends[0]), np.where(none, centre, ends[1])


def _by_skewness(columns: np.ndarray, confidence: float) -> Ends:
    """Means at which Hall's transformation of t equals a quantile of t.

    It is ``((1 + a t / 3)^3 - 1) / a + a / 6`` of ``t = √n (mean - μ) / s``, with a the skewness by √n.
    """
    from scipy import stats

    n = columns.shape[-1]
    centre = columns.mean(axis=-1)
    spread = columns.std(axis=-1, ddof=1)
    third = ((columns - centre[:, None]) ** 3).mean(axis=-1)
    a = third / np.where(spread > 0, spread, 1) ** 3 / np.sqrt(n)
    flat = np.abs(a) < 1e-9  # the transformation is the identity to rounding
    tail = stats.t.ppf((1 + confidence) / 2, n - 1) * np.array([[1], [-1]])
    t = np.where(flat, tail, 3 * (np.cbrt(1 + a * (tail - a / 6)) - 1) / np.where(flat, 1, a))
    low, high = centre - t * spread / np.sqrt(n)
    return low, high


def _by_order(ordered: np.ndarray, confidence: float) -> Ends:
    """Intervals for the median from values in order ``[columns, n]``."""
    from scipy import stats

    n = ordered.shape[-1]
    depths = np.arange(1, (n + 1) // 2 + 1)
    covers = 1 - 2 * stats.binom.cdf(depths - 1, n, 0.5)  # between the d-th values from both ends
    d = int((covers >= confidence).sum())
    if d == 0:
        return ordered[:, 0], ordered[:, -1]
    inner = covers[d] if d < len(covers) else 0.0
    share = (covers[d - 1] - confidence) / (covers[d - 1] - inner)
    inward = (n - d) * share / (d + (n - 2 * d) * share)
    low = (1 - inward) * ordered[:, d - 1] + inward * ordered[:, d]
    return low, (1 - inward) * ordered[:, n - d] + inward * ordered[:, n - d - 1]


def _by_bootstrap(columns: np.ndarray, kind: Interval) -> Ends:
    """Intervals by `scipy.stats.bootstrap`; all columns have the same draws."""
    from scipy import stats

    n = columns.shape[-1]
    # As wide as t's, and without the bias of the variance of resamples.
    tail = stats.norm.cdf(-np.sqrt(n / (n - 1)) * stats.t.ppf((1 + kind.confidence) / 2, n - 1))
    parts = []
    for block in np.array_split(columns, -(-len(columns) // COLUMNS)):
        bootstrap = stats.bootstrap(
            (block,),
            STATISTICS[kind.statistic],
            n_resamples=kind.resamples,
            batch=max(1, kind.resamples // 20),
            method="percentile",
            confidence_level=1 - 2 * tail,
            axis=-1,
            random_state=np.random.default_rng(kind.seed),
        )
        parts.append(bootstrap.confidence_interval)
    ends = np.concatenate(parts, axis=-1)
    low, high = np.where(np.ptp(columns, axis=-1) == 0, columns[:, 0], ends)
    return low, high
