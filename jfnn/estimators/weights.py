"""Weights of rows, as fits take them."""

import numbers
from typing import Any

import numpy as np
from sklearn.utils import check_array

from jfnn.checks import ArgumentError


def as_weights(sample_weight: Any, n: int, dtype: Any) -> np.ndarray | None:
    """Weights of rows ``[n]``, or None.

    Raises:
        ValueError: Another shape, or numbers that no weights can be.
    """
    if sample_weight is None:
        return None
    if isinstance(sample_weight, numbers.Number):
        return np.full(n, sample_weight, dtype)
    weights = np.asarray(check_array(sample_weight, ensure_2d=False, dtype=dtype, input_name="sample_weight"))
    if weights.shape != (n,):
        raise ArgumentError("sample_weight", f"expected one for each of {n} rows, got shape {weights.shape}")
    if weights.min() < 0:
        raise ArgumentError("sample_weight", f"expected numbers of at least 0, got {weights.min():g}")
    if weights.max() == 0:
        raise ArgumentError("sample_weight", "every weight is zero")
    return weights
