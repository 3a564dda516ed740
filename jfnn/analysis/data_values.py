"""Values of training rows, from networks trained on many subsets of them.

All functions take plain arrays, one row a subset: ``included [m, n]`` says which of the n training rows each
of m subsets has, and a utility or the right answers are those of the network trained on it. Values are
float64, NaN for rows that all subsets have, or none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from jfnn.analysis.intervals import as_numbers
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError


def memorisation(correct: ArrayLike, included: ArrayLike) -> np.ndarray:
    """Memorisation of each training row ``[n]``: how much better networks that saw it answer it.

    ``Pr[right for row i | i in S] - Pr[right for row i | i not in S]`` over subsets S, each probability a
    mean over the networks (Feldman & Zhang, NeurIPS 2020, arXiv 2008.03703, equation 1 by their subsampled
    estimator).

    Args:
        correct: Whether each network's answer for each training row is right ``[m, n]``, or any score of it.
            Networks whose value is NaN, as of members that diverged, do not count.
        included: Which rows each was trained on ``[m, n]``.

    Raises:
        ValueError, TypeError: Invalid arrays, or shapes that do not fit.
    """
    inside, scores = as_subsets(included, correct, "correct", axes=2)
    if scores.shape != inside.shape:
        expected = f"expected {list(inside.shape)}, as included has"
        raise ArgumentError("correct", f"{expected}, got {list(scores.shape)}")
    present = ~np.isnan(scores)
    filled = np.where(present, scores, 0)
    return _difference((filled * inside).sum(0), (present & inside).sum(0), filled.sum(0), present.sum(0))


def influence(correct: ArrayLike, included: ArrayLike) -> np.ndarray:
    """Influence of each training row on the answers for each of some other rows ``[n, rows]``.

    ``Pr[right for row j | i in S] - Pr[right for row j | i not in S]`` for training row i (Feldman & Zhang
    2020, equation 2).

    Args:
        correct: Whether each network's answer for each row is right ``[m, rows]``, or any score; NaN as in
            `memorisation`.
        included: Which training rows each was trained on ``[m, n]``.

    Raises:
        ValueError, TypeError: As in `memorisation`.
    """
    inside, scores = as_subsets(included, correct, "correct", axes=2)
    present = (~np.isnan(scores)).astype(np.float64)
    filled = np.where(present, scores, 0)
    weights = inside.T.astype(np.float64)
    return _difference(weights @ filled, weights @ present, filled.sum(0), present.sum(0))


def banzhaf(utility: ArrayLike, included: ArrayLike) -> np.ndarray:
    """Banzhaf values of training rows ``[n]`` by maximum sample reuse.

    ``E[U(S) | i in S] - E[U(S) | i not in S]``; where each row is in a subset with probability 1/2,
    independently, its expectation is the Banzhaf value, the mean of ``U(S + i) - U(S)`` over all subsets S of
    the other rows, and on all 2^n subsets it is that value (Wang & Jia, AISTATS 2023, arXiv 2205.15466,
    section 4.2).

    Args:
        utility: Utility of each subset ``[m]``, such as the test accuracy of the network trained on it; NaN
            where there is none.
        included: Which rows each subset has ``[m, n]``.

    Raises:
        ValueError, TypeError: Invalid arrays, or shapes that do not fit.
    """
    inside, values = as_subsets(included, utility, "utility", axes=1)
    return influence(values[:, None], inside)[:, 0]


def shapley(utility: ArrayLike, included: ArrayLike) -> np.ndarray:
    """Shapley values of training rows ``[n]``, from subsets stratified by their sizes.

    ``1/n Σ_k (E[U(S) | i in S, |S| = k + 1] - E[U(S) | i not in S, |S| = k])`` for k from 0 to n-1 (Ghorbani
    & Zou, ICML 2019, arXiv 1904.02868, equation 1, summed size by size; Castro et al., Computers & Operations
    Research 82, 2017). Exact on all 2^n subsets, and unbiased where subsets of a size are drawn uniformly.

    Args:
        utility: Utility of each subset ``[m]``; NaN where there is none.
        included: Which rows each subset has ``[m, n]``; the empty subset and that of all rows are needed,
            too.

    Returns:
        ``[n]``; NaN also for a row without a subset that has it, of some size from 1 to n, or one that does
        not, of some size from 0 to n-1: a mean over other sizes would be another value.

    Raises:
        ValueError, TypeError: Invalid arrays, or shapes that do not fit.
    """
    inside, values = as_subsets(included, utility, "utility", axes=1)
    present = ~np.isnan(values)
    inside = inside[present]
    values = values[present]
    having, lacking = (_means_by_size(values, inside.sum(axis=1), rows) for rows in (inside, ~inside))
    return np.asarray((having[1:] - lacking[:-1]).mean(axis=0))


def _means_by_size(values: np.ndarray, sizes: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Mean over the subsets of each size that ``rows [m, n]`` marks, ``[n + 1, n]``; NaN without any."""
    sums, counts = np.zeros((2, rows.shape[1] + 1, rows.shape[1]))
    np.add.at(sums, sizes, values[:, None] * rows)
    np.add.at(counts, sizes, rows)
    with np.errstate(invalid="ignore"):
        return np.asarray(sums / counts)


def _difference(
    inside: np.ndarray, with_it: np.ndarray, total: np.ndarray, present: np.ndarray
) -> np.ndarray:
    """Mean over networks that have a row less that over the others, from sums and counts; NaN without any."""
    with np.errstate(invalid="ignore", divide="ignore"):
        without = np.where(present > with_it, (total - inside) / (present - with_it), np.nan)
        return np.asarray(np.where(with_it > 0, inside / with_it, np.nan) - without)


def as_subsets(
    included: ArrayLike, values: ArrayLike, argument: str, axes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mask of the rows in each subset ``[m, n]`` (bool), and numbers of ``axes`` axes, m on the first."""
    inside = np.asarray(checks.as_array(included, "included"))
    if inside.dtype != bool and (inside.dtype.kind not in "iuf" or not np.isin(inside, (0, 1)).all()):
        raise ArgumentError("included", f"expected True or False, got {checks.shown(included)}")
    if inside.ndim != 2 or not inside.size:
        raise ArgumentError("included", f"expected [subsets, rows], got {list(inside.shape)}")
    numbers = as_numbers(values, argument)
    if numbers.ndim != axes or len(numbers) != len(inside):
        expected = f"[{len(inside)}{', rows' * (axes - 1)}]"
        raise ArgumentError(argument, f"expected {expected}, a row a subset, got {list(numbers.shape)}")
    if np.isinf(numbers).any():
        raise ArgumentError(argument, "expected finite numbers or NaN, got infinity")
    return inside.astype(bool), numbers
