"""Prediction intervals that cover a new target with a stated probability, whatever the network.

They take rows as exchangeable, and nothing else. `level` is the share of new targets to cover, ``1 - α``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from jfnn.analysis.intervals import Ends, as_confidence, as_numbers
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError


def jackknife_plus(residuals: ArrayLike, predictions: ArrayLike, level: float = 0.9) -> Ends:
    """Jackknife+ intervals from networks that each left out one row, or with CV+ one fold.

    With ``R_i = |y_i - μ_{-i}(x_i)|``, of the network that was trained without row i, the ends are the
    ``⌊α(n + 1)⌋``-th smallest of ``μ_{-i}(x) - R_i`` and the ``⌈(1 - α)(n + 1)⌉``-th smallest of
    ``μ_{-i}(x) + R_i``. They cover with probability ``1 - 2α`` at the least, in practice about ``1 - α``
    (Barber, Candès, Ramdas & Tibshirani, Annals of Statistics 49, 2021, equation 1.2 and theorem 1; CV+:
    section 3).

    Args:
        residuals: ``R_i`` of each training row ``[n]``, or ``y_i - μ_{-i}(x_i)``.
        predictions: ``μ_{-i}(x)`` for each training row i and each new row ``[n, rows]``; with folds, of the
            network that left out the fold of row i.
        level: ``1 - α``.

    Returns:
        ``(low, high)``, each ``[rows]``, float64; infinite where ``α (n + 1) < 1``: n rows are too few.

    Raises:
        ValueError, TypeError: Arrays that are not finite or do not fit, or no probability.
    """
    alpha = 1 - as_confidence(level, "level")
    scores = np.abs(_finite(residuals, "residuals", 1))
    mu = _finite(predictions, "predictions", 2)
    n = len(scores)
    if len(mu) != n:
        raise ArgumentError(
            "predictions", f"expected [{n}, rows], as there are residuals, got {list(mu.shape)}"
        )
    # ⌊α(n+1)⌋-th smallest of a is the ⌈(1-α)(n+1)⌉-th smallest of -a, negated.
    rank = _rank(alpha, n)
    return -_order(scores[:, None] - mu, rank), _order(mu + scores[:, None], rank)


def split_conformal(residuals: ArrayLike, predictions: ArrayLike, level: float = 0.9) -> Ends:
    """Split-conformal intervals, from one network and rows that it was not trained on.

    ``μ(x) ± q``, with q the ``⌈(1 - α)(n + 1)⌉``-th smallest ``|y_i - μ(x_i)|`` of n such rows. They cover
    with probability ``1 - α`` to ``1 - α + 1/(n + 1)``, the latter where no two residuals are equal (Lei,
    G'Sell, Rinaldo, Tibshirani & Wasserman, JASA 113, 2018, algorithm 2 and theorem 2.2).

    Args:
        residuals: ``y_i - μ(x_i)`` of the rows held out ``[n]``, or their sizes.
        predictions: ``μ(x)`` of new rows, of any shape.
        level: ``1 - α``.

    Returns:
        ``(low, high)``, each shaped like ``predictions``, float64; infinite where ``α (n + 1) < 1``.

    Raises:
        ValueError, TypeError: Arrays that are not finite, or no probability.
    """
    alpha = 1 - as_confidence(level, "level")
    scores = np.abs(_finite(residuals, "residuals", 1))
    mu = _finite(predictions, "predictions")
    q = _order(scores, _rank(alpha, len(scores)))
    return mu - q, mu + q


def _rank(alpha: float, n: int) -> int:
    """``⌈(1 - α)(n + 1)⌉``, by which ``n + 1 - ⌊α(n + 1)⌋``; 0.9 · 10 is 9, whatever its rounding."""
    return n + 1 - math.floor(round(alpha * (n + 1), 9))


def _order(values: np.ndarray, rank: int) -> np.ndarray:
    """The value of a rank (from 1) along the first axis, infinite beyond the last."""
    if rank > len(values):
        return np.full(values.shape[1:], np.inf)
    return np.asarray(np.partition(values, rank - 1, axis=0)[rank - 1])


def _finite(values: object, argument: str, axes: int | None = None) -> np.ndarray:
    array = as_numbers(values, argument)
    if (axes is not None and array.ndim != axes) or not array.size:
        raise ArgumentError(argument, f"expected {axes or 'some'} axes with entries, got {list(array.shape)}")
    checks.check_values(array, argument, array.dtype)
    return array
