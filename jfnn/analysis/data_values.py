"""Values of training rows, from networks trained on many subsets of them.

All functions take plain arrays, one row per subset: ``included [m, n]`` marks which of n training rows are in
each of m subsets; correct predictions belong to the network trained on that subset. Values are float64, NaN
for rows that are in all subsets or in none. Invalid arrays and mismatched shapes raise ValueError or
TypeError.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError


def memorization(correct: ArrayLike, included: ArrayLike) -> np.ndarray:
    """Return the memorization of each training row ``[n]``: the gain in accuracy on it from training on it.

    ``Pr[correct on row i | i in S] - Pr[correct on row i | i not in S]`` over subsets S, each probability a
    mean over the networks (Feldman & Zhang, NeurIPS 2020, arXiv 2008.03703, equation 1 with their subsampled
    estimator).

    Args:
        correct: Whether each network predicts each training row correctly ``[m, n]``, or any other score of
            the row. NaN, as for diverged members, is ignored.
        included: Mask of the training rows of each network ``[m, n]``.
    """
    inside, scores = as_subsets(included, correct, "correct")
    if scores.shape != inside.shape:
        expected = f"expected {list(inside.shape)}, the shape of included"
        raise ArgumentError("correct", f"{expected}, got {list(scores.shape)}")
    present = ~np.isnan(scores)
    filled = np.where(present, scores, 0)
    return _difference((filled * inside).sum(0), (present & inside).sum(0), filled.sum(0), present.sum(0))


def influence(correct: ArrayLike, included: ArrayLike) -> np.ndarray:
    """Return the influence of each training row on the predictions for other rows ``[n, rows]``.

    ``Pr[correct on row j | i in S] - Pr[correct on row j | i not in S]`` for training row i (Feldman & Zhang
    2020, equation 2).

    Args:
        correct: Whether each network predicts each row correctly ``[m, rows]``, or any other score of the
            row; NaN as in `memorization`.
        included: Mask of the training rows of each network ``[m, n]``.
    """
    inside, scores = as_subsets(included, correct, "correct")
    present = (~np.isnan(scores)).astype(np.float64)
    filled = np.where(present, scores, 0)
    weights = inside.T.astype(np.float64)
    return _difference(weights @ filled, weights @ present, filled.sum(0), present.sum(0))


def _difference(
    inside: np.ndarray, with_it: np.ndarray, total: np.ndarray, present: np.ndarray
) -> np.ndarray:
    """Return the mean with a row minus the mean without it, from sums and counts; NaN if either is empty."""
    with np.errstate(invalid="ignore", divide="ignore"):
        without = np.where(present > with_it, (total - inside) / (present - with_it), np.nan)
        return np.asarray(np.where(with_it > 0, inside / with_it, np.nan) - without)


def as_subsets(included: ArrayLike, values: ArrayLike, argument: str) -> tuple[np.ndarray, np.ndarray]:
    """Return masks of rows ``[m, n]`` (bool), and numbers ``[m, rows]``."""
    inside = np.asarray(checks.as_array(included, "included"))
    if inside.dtype != bool and (inside.dtype.kind not in "iuf" or not np.isin(inside, (0, 1)).all()):
        raise ArgumentError("included", f"expected True or False, got {checks.as_text(included)}")
    if inside.ndim != 2 or not inside.size:
        raise ArgumentError("included", f"expected [subsets, rows], got {list(inside.shape)}")
    numbers = checks.as_numbers(values, argument).astype(np.float64)
    if numbers.ndim != 2 or len(numbers) != len(inside):
        expected = f"expected [{len(inside)}, rows], one row per subset"
        raise ArgumentError(argument, f"{expected}, got {list(numbers.shape)}")
    if np.isinf(numbers).any():
        raise ArgumentError(argument, "expected finite numbers or NaN, got infinity")
    return inside.astype(bool), numbers
