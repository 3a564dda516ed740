"""Confidence intervals for means, medians and interquartile means of a few runs.

All functions take plain arrays and work on their last axis. Tests simulate the coverage of every interval.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from jfnn.arguments import checks, memory
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.fields import Valid, at_least, field, one_of

METHODS = ("formula", "skewed", "bootstrap")
LEAST = 3  # smallest number of values; Student's t interval of two values is ±13 standard errors
RESAMPLED = 4  # smallest number for the bootstrap; with three, one resample in nine repeats a single value
COLUMNS = 256  # intervals per call, with equal results: more need more memory, fewer take longer
QUARTER = 0.25

Ends = tuple[np.ndarray, np.ndarray]


def interquartile_mean(values: ArrayLike, axis: int = -1) -> np.ndarray:
    """Return the mean without ``int(n / 4)`` values at each end; NaN where a value is NaN."""
    # Bootstraps call this 2,000 times; `scipy.stats.trim_mean` is slower, and drops NaN.
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
    """Return a checked number between 0 and 1."""
    number = checks.as_number(confidence, argument, strict=True)
    if number >= 1:
        raise ArgumentError(argument, "expected a number between 0 and 1", got=f"{number:g}")
    return number


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
        method: "formula", "skewed" (for the mean only) or "bootstrap"; None for the bootstrap for
            interquartile means of at least five values, otherwise the formula.
        confidence: Confidence level, between 0 and 1.
        resamples: Number of bootstrap samples.
        seed: Seed of the bootstrap.

    Raises:
        ValueError, TypeError: An invalid value; the message names the attribute.
    """

    statistic: str = field("mean", one_of(STATISTICS))
    method: str | None = field(None, _as_method, given=["statistic"])
    confidence: float = field(0.95, as_confidence)
    resamples: int = field(2000, checks.as_count)
    seed: int = field(0, at_least(0, None))


def as_interval(interval: Interval | str | None) -> Interval:
    """Return an `Interval`, given one, the name of its statistic, or None for the mean."""
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
    """Return a confidence interval for a statistic of independent values.

    "formula" is Student's t for the mean. For the interquartile mean it is the interval of Tukey and
    McLaughlin (Sankhyā A 25, 1963), from winsorized deviations; for the median, order statistics interpolated
    as in Hettmansperger and Sheather (Statistics & Probability Letters 4, 1986). With fewer than six values
    no pair of order statistics covers the median with 95%; the range is returned, which covers it with
    ``1 - 2^(1 - n)``.

    "skewed" is for means of skewed values, such as accuracies near 1: Student's t, made symmetric by Hall's
    cubic transformation (JRSS B 54, 1992) with the skewness of the values. With five or ten exponential
    values it covers the mean in 90% and 94% of cases, t in 87% and 90%. For nearly normal values t is better:
    15% narrower for five values, 5% for ten, with the same coverage.

    "bootstrap" is the percentile interval of `scipy.stats.bootstrap`, widened for small n as in Hesterberg
    (American Statistician 69, 2015): as wide as t for a mean, and no better for skewed values.

    With ``bounds``, intervals stay within them. Student's t is then computed on an unbounded scale, with the
    standard error by the delta method: the logit between two bounds, as for a proportion (Brown, Cai &
    DasGupta, Statistical Science 16, 2001), the logarithm for one bound. With three, five and ten accuracies
    around 0.95 (20 to 1 by the beta distribution) it covers the mean in 95%, 94% and 94% of cases, t clipped
    to the bounds in 89%, 89% and 91%; with exponential losses in 94%, 93% and 93%, t in 88%, 88% and 90%. Far
    from a bound the two intervals differ by a few percent of their width. Other intervals are clipped to the
    bounds, which does not change their coverage.

    Intervals of three values near a bound must be wide to reach their coverage. The accuracies 1, 1 and 0.982
    have the interval 0.686 to 1.000; t clipped at 1 gives 0.968 to 1. For accuracies with mean 0.99 and
    standard deviation 0.01 (beta distribution), three values cover the mean in 94% of cases, and in 88% by t;
    the interval of five values is a third as wide. If all values agree, every method returns an interval of
    width 0: three accuracies on 55 rows with a true mean of 0.99 agree in 22% of cases, and then miss it.

    Args:
        values: ``[…, n]``.
        interval: The statistic, or an `Interval`; None for the mean. For the interquartile mean of five
            values the formula's interval is 50% wider than the bootstrap's, yet covers only 69% for two
            clusters, so the bootstrap is the default.
        variance: Variance of the mean of n dependent values divided by the variance of one value (``1/n`` if
            they were independent); only for the mean by formula.
        bounds: Smallest and largest possible value, such as ``(0, 1)`` for accuracies or ``(-inf, 1)`` for
            R²; None for unbounded.

    Returns:
        ``(low, high)``, each ``[…]``; NaN where a value is not finite, for fewer than three values, and for a
        bootstrap of fewer than four.

    Raises:
        ValueError, TypeError: Invalid values, interval, variance or bounds, or values beyond the bounds.

    Example:
        >>> import jfnn
        >>> low, high = jfnn.analysis.interval([0.90, 0.92, 0.94])
        >>> round(float(low), 4), round(float(high), 4)
        (0.8703, 0.9697)
    """
    array = checks.as_numbers(values, "values").astype(np.float64)
    kind = as_interval(interval)
    limits = as_bounds(bounds, array)
    if array.ndim == 0 or array.shape[-1] == 0:
        raise ArgumentError("values", f"expected at least one on the last axis, got shape {array.shape}")
    *shape, n = array.shape
    # The bootstrap's interval of four values lies within their range, which covers the truth in 87% of cases.
    method = kind.method or ("bootstrap" if kind.statistic == "iqm" and n > RESAMPLED else "formula")
    if variance is not None:
        checks.as_number(variance, "variance")
        if (kind.statistic, method) != ("mean", "formula"):
            raise ArgumentError(
                "method",
                "folds of one seed share rows and are not independent; expected the mean by formula for them,"
                f" got {kind.statistic} by {method}",
            )
    if method == "bootstrap":
        memory.check("resamples", 16.0 * kind.resamples * n)
    columns = array.reshape(-1, n)
    ends = np.full((2, len(columns)), np.nan)
    finite = np.isfinite(columns).all(axis=-1)
    if n >= (RESAMPLED if method == "bootstrap" else LEAST) and finite.any():
        if method == "bootstrap":
            found = _bootstrap_interval(columns[finite], kind)
        elif method == "skewed":
            found = _skewness_interval(columns[finite], kind.confidence)
        elif kind.statistic == "median":
            found = _order_interval(np.sort(columns[finite], axis=-1), kind.confidence)
        else:
            found = _t_interval(columns[finite], kind, variance, limits)
        ends[:, finite] = np.clip(found, *limits)
    return ends[0].reshape(shape), ends[1].reshape(shape)


def as_bounds(bounds: object, values: np.ndarray) -> tuple[float, float]:
    """Check that bounds are valid and no finite value exceeds them; return infinite bounds for None."""
    if bounds is None:
        return -np.inf, np.inf
    numbers = checks.as_numbers(bounds, "bounds").astype(np.float64)
    if numbers.shape != (2,) or not numbers[0] < numbers[1]:
        raise ArgumentError("bounds", f"expected a lower and an upper bound, got {checks.as_text(bounds)}")
    low, high = numbers.tolist()
    finite = values[np.isfinite(values)]
    if ((finite < low) | (finite > high)).any():
        raise ArgumentError("values", f"expected numbers from {low:g} to {high:g}, the bounds")
    return low, high


def _t_interval(
    columns: np.ndarray, kind: Interval, variance: float | None, bounds: tuple[float, float]
) -> Ends:
    """Student's t for the mean, or for the trimmed mean, within bounds."""
    from scipy import stats

    n = columns.shape[-1]
    cut = int(QUARTER * n) if kind.statistic == "iqm" else 0
    left = n - 2 * cut
    ordered = np.sort(columns, axis=-1)
    winsorized = np.clip(columns, ordered[:, cut, None], ordered[:, n - 1 - cut, None])
    scale = np.sqrt((n - 1) / (left * (left - 1)) if variance is None else variance)
    half = stats.t.ppf((1 + kind.confidence) / 2, left - 1) * scale * winsorized.std(axis=-1, ddof=1)
    center = STATISTICS[kind.statistic](columns, axis=-1)
    return _within(center, half, bounds)


def _within(center: np.ndarray, half: np.ndarray, bounds: tuple[float, float]) -> Ends:
    """Return ``center ∓ half`` on a scale with the bounds at infinity; width 0 at a bound.

    On the logit scale ``half`` is multiplied by ``(high - low) / ((center - low) (high - center))``.
    """
    low, high = bounds
    if np.isinf(low) and np.isfinite(high):
        upper, lower = _within(-center, half, (-high, np.inf))
        return -lower, -upper
    if np.isinf(low):
        return center - half, center + half
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if np.isinf(high):
            factor = np.exp(half / (center - low))
            ends = [low + (center - low) * by for by in (1 / factor, factor)]
        else:
            odds = (center - low) / (high - center)
            factor = np.exp(half * (high - low) / ((center - low) * (high - center)))
            ends = [low + (high - low) / (1 + 1 / (odds * by)) for by in (1 / factor, factor)]
    none = (half == 0) | (center == low) | (center == high)
    return np.where(none, center, ends[0]), np.where(none, center, ends[1])


def _skewness_interval(columns: np.ndarray, confidence: float) -> Ends:
    """Return the means at which Hall's transformation of t equals a quantile of t.

    The transformation is ``((1 + a t / 3)^3 - 1) / a + a / 6`` of ``t = √n (mean - μ) / s``, with a the
    skewness divided by √n.
    """
    from scipy import stats

    n = columns.shape[-1]
    center = columns.mean(axis=-1)
    spread = columns.std(axis=-1, ddof=1)
    third = ((columns - center[:, None]) ** 3).mean(axis=-1)
    a = third / np.where(spread > 0, spread, 1) ** 3 / np.sqrt(n)
    flat = np.abs(a) < 1e-9  # without skewness, the transformation is the identity up to rounding
    tail = stats.t.ppf((1 + confidence) / 2, n - 1) * np.array([[1], [-1]])
    t = np.where(flat, tail, 3 * (np.cbrt(1 + a * (tail - a / 6)) - 1) / np.where(flat, 1, a))
    low, high = center - t * spread / np.sqrt(n)
    return low, high


def _order_interval(ordered: np.ndarray, confidence: float) -> Ends:
    """Intervals for the median from sorted values ``[columns, n]``."""
    from scipy import stats

    n = ordered.shape[-1]
    depths = np.arange(1, (n + 1) // 2 + 1)
    covers = 1 - 2 * stats.binom.cdf(depths - 1, n, 0.5)  # intervals between the d-th values from both ends
    d = int((covers >= confidence).sum())
    if d == 0:
        return ordered[:, 0], ordered[:, -1]
    inner = covers[d] if d < len(covers) else 0.0
    share = (covers[d - 1] - confidence) / (covers[d - 1] - inner)
    inward = (n - d) * share / (d + (n - 2 * d) * share)
    low = (1 - inward) * ordered[:, d - 1] + inward * ordered[:, d]
    return low, (1 - inward) * ordered[:, n - d] + inward * ordered[:, n - d - 1]


def _bootstrap_interval(columns: np.ndarray, kind: Interval) -> Ends:
    """Intervals by `scipy.stats.bootstrap`, with the same resamples for all columns."""
    from scipy import stats

    n = columns.shape[-1]
    # Tail that makes the interval as wide as Student's t: the resamples' variance lacks a factor n/(n - 1).
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
