"""Bootstrap intervals: of independent values, and of several strata together."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jfnn import checks
from jfnn.analysis.centres import STATISTICS

METHODS = ("bootstrap", "percentile", "bca")
RESAMPLES = 2000
LEAST = 4  # values to resample: of three, one resample in nine repeats a single one
COLUMNS = 256  # intervals computed together, which bounds the memory of their resamples

Interval = tuple[np.ndarray, np.ndarray]


def as_confidence(confidence: Any) -> float:
    """A probability between 0 and 1.

    Raises:
        ValueError: Anything else.
    """
    if not isinstance(confidence, float) or not 0 < confidence < 1:
        raise ValueError(f"confidence: expected a number between 0 and 1, got {confidence}")
    return confidence


def stratified_interval(
    strata: Sequence[np.ndarray],
    statistic: str = "iqm",
    method: str = "bootstrap",
    confidence: float = 0.95,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """A bootstrap interval for a statistic of all values of several strata, each resampled on its own.

    "percentile" is what rliable computes (Agarwal et al., NeurIPS 2021). "bootstrap" expands it for few
    values in each (see `interval`), with one degree of freedom less a stratum than there are values.

    Args:
        strata: The values of each, such as the runs of one task, at least two.
        statistic: "mean", "median" or "iqm", of all values together.
        method: "bootstrap", "percentile" or "bca".
        confidence: Probability that the interval covers the true value, between 0 and 1.
        resamples: Bootstrap samples.
        seed: Fixes their draws.

    Raises:
        ValueError: Unknown names, or a stratum of fewer than two values.
    """
    from scipy import stats

    checks.as_choice(method, "method", METHODS)
    of_all = STATISTICS[checks.as_choice(statistic, "statistic", STATISTICS)]
    if min(map(len, strata)) < 2:
        raise ValueError("strata: expected at least two values in each")

    def pooled(*samples: np.ndarray, axis: int = -1) -> np.ndarray:
        return of_all(np.concatenate(samples, axis=axis), axis=axis)

    if np.unique(np.concatenate(strata)).size == 1:
        return float(strata[0][0]), float(strata[0][0])
    n, total = min(map(len, strata)), sum(map(len, strata))
    level = (
        _expanded(as_confidence(confidence), n, total - len(strata)) if method == "bootstrap" else confidence
    )
    found = stats.bootstrap(
        tuple(strata),
        pooled,
        n_resamples=checks.as_count(resamples, "resamples"),
        method="BCa" if method == "bca" else "percentile",
        confidence_level=level,
        axis=-1,
        random_state=np.random.default_rng(seed),
    ).confidence_interval
    return float(found.low), float(found.high)


def of_columns(
    columns: np.ndarray, statistic: str, method: str, confidence: float, resamples: int, seed: int
) -> Interval:
    """Bootstrap intervals ``[columns]`` of values ``[columns, n]``; methods as in `intervals.interval`."""
    parts: list[np.ndarray] = []
    for some in np.array_split(columns, -(-len(columns) // COLUMNS)):
        if method == "bootstrap" and statistic == "mean":
            parts.append(np.stack(_studentised(some, confidence, resamples, seed)))
        else:
            n = some.shape[-1]
            level = _expanded(confidence, n, n - 1) if method == "bootstrap" else confidence
            kind = "BCa" if method == "bca" else "percentile"
            parts.append(_by_scipy(some, STATISTICS[statistic], kind, level, resamples, seed))
    low, high = np.concatenate(parts, axis=-1)
    return low, high


def _expanded(confidence: float, n: int, degrees: int) -> float:
    """The confidence of a percentile interval as wide as t's, and as it would be without its bias."""
    from scipy import stats

    tail = stats.norm.cdf(-np.sqrt(n / (n - 1)) * stats.t.ppf((1 + confidence) / 2, degrees))
    return float(1 - 2 * tail)


def _by_scipy(
    columns: np.ndarray, of: Callable[..., Any], kind: str, level: float, resamples: int, seed: int
) -> np.ndarray:
    """`scipy.stats.bootstrap`; an interval of equal values is these."""
    from scipy import stats

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        warnings.simplefilter("ignore", RuntimeWarning)  # of the same columns
        found = stats.bootstrap(
            (columns,),
            of,
            n_resamples=resamples,
            batch=max(1, resamples // 20),
            method=kind,
            confidence_level=level,
            axis=-1,
            random_state=np.random.default_rng(seed),
        ).confidence_interval
    equal = np.ptp(columns, axis=-1) == 0
    return np.where(equal, columns[:, 0], np.stack([found.low, found.high]))


def _studentised(columns: np.ndarray, confidence: float, resamples: int, seed: int) -> Interval:
    """Bootstrap-t (Efron and Tibshirani, 1993, section 12.5); resamples of equal values are left out."""
    n = columns.shape[-1]
    centre, spread = columns.mean(axis=-1), columns.std(axis=-1)
    drawn = np.random.default_rng(seed).integers(0, n, (resamples, n))
    counts = (drawn[:, :, None] == np.arange(n)).sum(axis=1) / n
    scaled = (columns - centre[:, None]) / np.where(spread > 0, spread, 1)[:, None]
    means = scaled @ counts.T
    variances = scaled**2 @ counts.T - means**2
    ratios = np.where(variances > 1e-12, means / np.sqrt(np.maximum(variances, 1e-12)), np.nan)
    ratios.sort(axis=-1)  # NaN comes last
    last = np.isfinite(ratios).sum(axis=-1) - 1
    ends = []
    for share in ((1 + confidence) / 2, (1 - confidence) / 2):
        place = np.maximum(np.round(share * last), 0).astype(int)
        ratio = np.where(last < 0, 0.0, np.take_along_axis(ratios, place[:, None], axis=-1)[:, 0])
        ends.append(centre - ratio * spread)
    return ends[0], ends[1]
