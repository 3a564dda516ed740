"""Mean, median and interquartile mean, by name."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

QUARTER = 0.25


def interquartile_mean(values: ArrayLike, axis: int = -1) -> np.ndarray:
    """Mean of the middle half: the mean without ``int(n / 4)`` values at each end.

    The same as ``scipy.stats.trim_mean(values, 0.25)``; NaN where a value is.
    """
    ordered = np.sort(np.moveaxis(np.asarray(values, np.float64), axis, -1), axis=-1)
    n = ordered.shape[-1]
    cut = int(QUARTER * n)
    middle = ordered[..., cut : n - cut].mean(axis=-1)
    return np.asarray(np.where(np.isnan(ordered[..., -1]), np.nan, middle))


STATISTICS: dict[str, Callable[..., np.ndarray]] = {
    "mean": np.mean,
    "median": np.median,
    "iqm": interquartile_mean,
}
