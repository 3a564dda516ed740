"""Values of training rows, from networks trained on many subsets of them.

All functions take plain arrays, one row per subset: ``included [m, n]`` marks which of n training rows are in
each of m subsets; utilities or correct predictions belong to the network trained on that subset. Values are
float64, NaN for rows that are in all subsets or in none. Invalid arrays and mismatched shapes raise
ValueError or TypeError.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from jfnn.analysis.intervals import as_numbers
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
    inside, scores = as_subsets(included, correct, "correct", axes=2)
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
    inside, scores = as_subsets(included, correct, "correct", axes=2)
    present = (~np.isnan(scores)).astype(np.float64)
    filled = np.where(present, scores, 0)
    weights = inside.T.astype(np.float64)
    return _difference(weights @ filled, weights @ present, filled.sum(0), present.sum(0))


def banzhaf(utility: ArrayLike, included: ArrayLike) -> np.ndarray:
    """Return Banzhaf values of training rows ``[n]`` by maximum sample reuse.

    ``E[U(S) | i in S] - E[U(S) | i not in S]``. If each row is in a subset independently with probability
    1/2, its expectation is the Banzhaf value, the mean of ``U(S + i) - U(S)`` over all subsets S of the other
    rows; on all 2^n subsets it is exactly that value (Wang & Jia, AISTATS 2023, arXiv 2205.15466, section
    4.2).

    Args:
        utility: Utility of each subset ``[m]``, such as the test accuracy of the network trained on it; NaN
            if missing.
        included: Mask of the rows of each subset ``[m, n]``.
    """
    inside, values = as_subsets(included, utility, "utility", axes=1)
    return influence(values[:, None], inside)[:, 0]


def shapley(utility: ArrayLike, included: ArrayLike) -> np.ndarray:
    """Return Shapley values of training rows ``[n]``, from subsets stratified by size.

    ``1/n Σ_k (E[U(S) | i in S, |S| = k + 1] - E[U(S) | i not in S, |S| = k])`` for k from 0 to n-1 (Ghorbani
    & Zou, ICML 2019, arXiv 1904.02868, equation 1, summed size by size; Castro et al., Computers & Operations
    Research 82, 2017). Exact on all 2^n subsets, and unbiased if subsets of each size are drawn uniformly.

    Args:
        utility: Utility of each subset ``[m]``; NaN if missing.
        included: Mask of the rows of each subset ``[m, n]``, which must contain the empty and the full
            subset.

    Returns:
        ``[n]``; also NaN for a row if no subset of some size from 1 to n contains it, or every subset of some
        size from 0 to n-1 does: a mean over the other sizes would be another quantity.
    """
    inside, values = as_subsets(included, utility, "utility", axes=1)
    present = ~np.isnan(values)
    inside = inside[present]
    values = values[present]
    having, lacking = (_means_by_size(values, inside.sum(axis=1), rows) for rows in (inside, ~inside))
    return np.asarray((having[1:] - lacking[:-1]).mean(axis=0))


def _means_by_size(values: np.ndarray, sizes: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the mean ``[n + 1, n]`` over subsets of each size marked in ``rows [m, n]``; NaN if none are."""
    sums, counts = np.zeros((2, rows.shape[1] + 1, rows.shape[1]))
    np.add.at(sums, sizes, values[:, None] * rows)
    np.add.at(counts, sizes, rows)
    with np.errstate(invalid="ignore"):
        return np.asarray(sums / counts)


def _difference(
    inside: np.ndarray, with_it: np.ndarray, total: np.ndarray, present: np.ndarray
) -> np.ndarray:
    """Return the mean with a row minus the mean without it, from sums and counts; NaN if either is empty."""
    with np.errstate(invalid="ignore", divide="ignore"):
        without = np.where(present > with_it, (total - inside) / (present - with_it), np.nan)
        return np.asarray(np.where(with_it > 0, inside / with_it, np.nan) - without)


def as_subsets(
    included: ArrayLike, values: ArrayLike, argument: str, axes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return masks of rows ``[m, n]`` (bool), and numbers with ``axes`` axes, the first of length m."""
    inside = np.asarray(checks.as_array(included, "included"))
    if inside.dtype != bool and (inside.dtype.kind not in "iuf" or not np.isin(inside, (0, 1)).all()):
        raise ArgumentError("included", f"expected True or False, got {checks.as_text(included)}")
    if inside.ndim != 2 or not inside.size:
        raise ArgumentError("included", f"expected [subsets, rows], got {list(inside.shape)}")
    numbers = as_numbers(values, argument)
    if numbers.ndim != axes or len(numbers) != len(inside):
        expected = f"[{len(inside)}{', rows' * (axes - 1)}]"
        raise ArgumentError(argument, f"expected {expected}, one row per subset, got {list(numbers.shape)}")
    if np.isinf(numbers).any():
        raise ArgumentError(argument, "expected finite numbers or NaN, got infinity")
    return inside.astype(bool), numbers
