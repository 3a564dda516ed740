"""Numbers with the rounding that another program, in a given dtype, may carry when it computes the same.

Each operation adds to the bounds of its operands what they lead to, to first order, and what it rounds itself
(a running error analysis: Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.3). Sums of
k products are taken to round by √k units, not k: errors of either sign are added (Higham & Mary, SIAM
Journal on Scientific Computing 41, 2019).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

SAFETY = 4.0  # times the bound; of right arrays of 40 random networks in both dtypes the worst needs 0.5
DRAWS = 4  # of signs, with which the outputs of a row are moved by their bounds, beside all up and all down


class Rounded(NamedTuple):
    """Numbers in float64, and how far another program's may be off.

    Attributes:
        value: The numbers.
        bound: The largest difference of each, shaped like them.
        unit: The spacing of floats at 1 in the other program's dtype.
    """

    value: np.ndarray
    bound: np.ndarray
    unit: float

    @staticmethod
    def exact(value: np.ndarray, unit: float) -> Rounded:
        """Numbers that both programs have."""
        return Rounded(value, np.zeros_like(value), unit)

    @property
    def transposed(self) -> Rounded:
        """With both axes exchanged."""
        return Rounded(self.value.T, self.bound.T, self.unit)

    def matmul(self, other: Rounded) -> Rounded:
        """The product of two matrices."""
        sizes = np.abs(self.value), np.abs(other.value)
        bound = sizes[0] @ other.bound + self.bound @ sizes[1]
        bound += self.unit * _terms(self.value.shape[1]) * (sizes[0] @ sizes[1])
        return Rounded(self.value @ other.value, bound, self.unit)

    def plus(self, other: Rounded) -> Rounded:
        """The sum."""
        value = self.value + other.value
        return Rounded(value, self.bound + other.bound + self.unit * np.abs(value), self.unit)

    def times(self, other: Rounded) -> Rounded:
        """The product, entry by entry."""
        value = self.value * other.value
        bound = np.abs(self.value) * other.bound + self.bound * (np.abs(other.value) + other.bound)
        return Rounded(value, bound + self.unit * np.abs(value), self.unit)

    def scaled(self, factor: float) -> Rounded:
        """All numbers times one."""
        return Rounded(factor * self.value, abs(factor) * self.bound, self.unit)

    def sum(self, axis: int | None) -> Rounded:
        """The sum over an axis, or over all."""
        terms = self.value.size if axis is None else self.value.shape[axis]
        rounding = self.unit * _terms(terms) * np.abs(self.value).sum(axis=axis)
        value = np.asarray(self.value.sum(axis=axis))
        return Rounded(value, np.asarray(self.bound.sum(axis=axis) + rounding), self.unit)

    def mapped(self, function: Callable[[Any], Any], least: float = 0.0) -> Rounded:
        """A function of each number; where it has a kink within the bound, both sides are right.

        Args:
            function: From an array of JAX to one of the same shape.
            least: The least size to which results are rounded, 1 for derivatives, as in ``1 - tanh²``.
        """
        step = np.maximum(self.bound, np.finfo(np.float64).tiny)
        places = np.stack([self.value, self.value + step, self.value - step]).ravel()
        found = _of_rows(function, places).reshape(3, *self.value.shape)
        return self._with_rounding(found, least)

    def mapped_rows(self, function: Callable[[Any, Any], Any], others: np.ndarray, least: float) -> Rounded:
        """A function of rows, and of other exact rows beside them."""
        signs = np.random.default_rng(0).choice([-1.0, 1.0], (DRAWS, *self.value.shape))
        moves = [np.zeros_like(self.bound), self.bound, -self.bound, *(signs * self.bound)]
        places = np.concatenate([self.value + move for move in moves])
        found = _of_rows(function, places, np.tile(others, (len(moves), 1)))
        return self._with_rounding(found.reshape(len(moves), *self.value.shape), least)

    def _with_rounding(self, found: np.ndarray, least: float) -> Rounded:
        """The first of some results, with the largest difference of the others from it as its bound."""
        value = found[0]
        bound = 2 * np.abs(found[1:] - value).max(axis=0)
        largest = max(least, float(np.abs(value).max(initial=0)))
        return Rounded(value, bound + self.unit * largest, self.unit)

    def allows(self, got: np.ndarray) -> bool:
        """Whether numbers differ from these by rounding alone; never where shapes differ."""
        if got.shape != self.value.shape:
            return False
        return bool((np.abs(got - self.value) <= self.limit).all())

    @property
    def limit(self) -> np.ndarray:
        """The largest difference that is taken for rounding."""
        floor = self.unit * np.abs(self.value).max(initial=0)
        return np.asarray(SAFETY * (self.bound + floor))


def _terms(count: int) -> float:
    """Units to which a sum of so many terms is rounded."""
    return 1.0 + float(np.sqrt(count))


def _of_rows(function: Callable[..., Any], *arrays: np.ndarray) -> np.ndarray:
    """A function of arrays with rows on the first axis, in float64.

    Rows are filled up to a power of two, so that JAX compiles its operations for few shapes.
    """
    n = len(arrays[0])
    size = 1 << (n - 1).bit_length()
    filled = [np.concatenate([rows, np.repeat(rows[:1], size - n, axis=0)]) for rows in arrays]
    with jax.enable_x64(True):  # of this thread only
        found = function(*(jnp.asarray(rows, jnp.float64) for rows in filled))
        return np.asarray(found, np.float64)[:n]
