"""Data of a learner: rows, minibatches of them, and the numbers of a member."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

Rows = Any  # a pytree of arrays that have the rows on their leading axis
Hyper = Mapping[str, jax.Array]
EVALUATION_BLOCK = 2048  # rows scored at a time, at most


class Batch(NamedTuple):
    """One minibatch.

    Attributes:
        rows: The pytree of the data at these rows.
        weights: How often each row counts ``[batch]``; None for once.
    """

    rows: Rows
    weights: jax.Array | None = None


class Data(NamedTuple):
    """The rows that members learn from and are scored on.

    Attributes:
        rows: A pytree of NumPy arrays, all rows on the leading axis, those to train on first.
        n_train: Rows to train on, validation rows included.
        weights: How often each row counts in training ``[n]``, or in each fold ``[F, n]``; None for once.
        labels: Class labels of the rows to train on, for splits that keep their shares; or None.
    """

    rows: Rows
    n_train: int
    weights: np.ndarray | None = None
    labels: np.ndarray | None = None

    @property
    def n(self) -> int:
        """Rows in all."""
        return len(jax.tree.leaves(self.rows)[0])

    def weights_in(self, fold: int) -> np.ndarray | None:
        """How often each row counts in a fold ``[n]``; None for once."""
        return self.weights if self.weights is None or self.weights.ndim == 1 else self.weights[fold]

    @property
    def dtype(self) -> np.dtype:
        """Dtype of the arithmetic: that of the first float leaf, or without one that of JAX's floats."""
        floats = [leaf.dtype for leaf in jax.tree.leaves(self.rows) if leaf.dtype.kind == "f"]
        return np.dtype(floats[0] if floats else jax.dtypes.canonicalize_dtype(np.float64))

    @property
    def block(self) -> int:
        """Rows scored at a time; it follows from the training rows alone.

        Sums over the training rows then have the same bits whatever other rows are scored beside them.
        """
        return min(EVALUATION_BLOCK, 1 << (self.n_train - 1).bit_length())


def after_objective(value: jax.Array, hyper: Hyper) -> Hyper:
    """A member's numbers, unchanged, for an update that waits for the objective.

    XLA then updates parameters in their place; where it sees no order it copies those that the objective
    reads, and 64-50-10 in batches of 100 takes 2% more CPU time in tiles of 5, 9% more in tiles of 49. It
    takes no order from a barrier, only from data. The bits are the same.
    """

    def unchanged(number: jax.Array) -> jax.Array:
        return jnp.minimum(number, jnp.where(jnp.isfinite(value), number, number + 1))

    return {name: unchanged(number) for name, number in hyper.items()}


def block(rows: Rows, first: int, size: int) -> Rows:
    """Rows from a first one on, so many; zeros behind the last."""
    return jax.tree.map(lambda leaf: padded(leaf[first : first + size], size), rows)


def padded(leaf: np.ndarray, length: int, axis: int = 0) -> np.ndarray:
    """An array padded with zeros to a length."""
    widths = [(0, 0)] * leaf.ndim
    widths[axis] = (0, length - leaf.shape[axis])
    return np.pad(leaf, widths)
