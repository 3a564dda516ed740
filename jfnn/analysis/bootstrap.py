"""Bootstrap intervals of any statistic: of columns of independent values, and of strata taken together."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

RESAMPLES = 2000
LEAST = 4  # values to resample: of three, one resample in nine repeats a single one
COLUMNS = 256  # intervals computed together, which bounds the memory of their resamples

Statistic = Callable[..., Any]  # (values, axis=…) -> its values
Interval = tuple[np.ndarray, np.ndarray]


def of_columns(
    columns: np.ndarray, statistic: Statistic, method: str, confidence: float, resamples: int, seed: int
) -> Interval:
    """Intervals ``[columns]`` of values ``[columns, n]``.

    Args:
        columns: Finite values, at least two in each.
        statistic: What the interval is for.
        method: "studentised" (of the mean alone), "expanded", "percentile" or "bca".
        confidence: Probability that an interval covers the true value.
        resamples: Bootstrap samples; their draws are the same for all columns.
        seed: Fixes these draws.
    """
    parts: list[np.ndarray] = []
    n = columns.shape[-1]
    for some in np.array_split(columns, -(-len(columns) // COLUMNS)):
        if method == "studentised":
            parts.append(np.stack(_studentised(some, confidence, resamples, seed)))
        else:
            parts.append(_by_scipy((some,), statistic, method, confidence, n - 1, resamples, seed))
    low, high = np.concatenate(parts, axis=-1)
    return low, high


def of_strata(
    strata: Sequence[np.ndarray],
    statistic: Statistic,
    method: str,
    confidence: float,
    resamples: int,
    seed: int,
) -> tuple[float, float]:
    """The interval for a statistic of all values together, where those of each stratum are drawn apart.

    Args:
        strata: Finite values ``[n]``, at least two in each.
        statistic: As in `of_columns`, and so are the others.
        method: "expanded", "percentile" or "bca".
        confidence: As in `of_columns`.
        resamples: As in `of_columns`.
        seed: As in `of_columns`.
    """

    def pooled(*samples: np.ndarray, axis: int = -1) -> Any:
        return statistic(np.concatenate(samples, axis=axis), axis=axis)

    degrees = sum(map(len, strata)) - len(strata)
    rows = [stratum[None] for stratum in strata]
    low, high = _by_scipy(rows, pooled, method, confidence, degrees, resamples, seed)
    return float(low[0]), float(high[0])


def _by_scipy(
    samples: Sequence[np.ndarray],
    statistic: Statistic,
    method: str,
    confidence: float,
    degrees: int,
    resamples: int,
    seed: int,
) -> np.ndarray:
    """`scipy.stats.bootstrap` of samples ``[columns, n]``; an interval of equal values is these."""
    from scipy import stats

    if method == "expanded":
        confidence = _expanded(confidence, min(sample.shape[-1] for sample in samples), degrees)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        warnings.simplefilter("ignore", RuntimeWarning)  # of the same columns
        found = stats.bootstrap(
            tuple(samples),
            statistic,
            n_resamples=resamples,
            batch=max(1, resamples // 20),
            method="BCa" if method == "bca" else "percentile",
            confidence_level=confidence,
            axis=-1,
            random_state=np.random.default_rng(seed),
        ).confidence_interval
    together = np.concatenate(samples, axis=-1)
    equal = np.ptp(together, axis=-1) == 0
    return np.where(equal, together[:, 0], np.stack([found.low, found.high]))


def _expanded(confidence: float, n: int, degrees: int) -> float:
    """The confidence of a percentile interval as wide as t's, and as it would be without its bias."""
    from scipy import stats

    tail = stats.norm.cdf(-np.sqrt(n / (n - 1)) * stats.t.ppf((1 + confidence) / 2, degrees))
    return float(1 - 2 * tail)


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
