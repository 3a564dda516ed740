"""Data of a learner: rows, minibatches of them, and the hyperparameters of a member."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.types import Tree
from jfnn.targets import as_weights

Rows = Tree  # arrays that have the rows on their leading axis
Hyper = Mapping[str, jax.Array]
StepValues = jax.Array | dict[str, jax.Array]  # the objective of a step, or with terms all by name
# Rows scored at a time, at most: more take more memory, for all members of a tile at once, fewer more calls.
# Compare by the workload mnist of scripts/bench.py, whose 4,096 rows to train on are two blocks.
EVALUATION_BLOCK = 2048
# Where an array begins that a CPU device takes as it is: the copy of any other takes the memory of its data.
ALIGNED_BYTES = 64


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
        split_weights: Where ``weights`` are of each fold, those of the split alone ``[n]``, or None.
        columns: Where rows are ``(x, targets [n, T, …])``, the column that each fold learns ``[F]``; or None.
    """

    rows: Rows
    n_train: int
    weights: np.ndarray | None = None
    labels: np.ndarray | None = None
    split_weights: np.ndarray | None = None
    columns: np.ndarray | None = None

    @property
    def n(self) -> int:
        """Rows in all."""
        return len(jax.tree.leaves(self.rows)[0])

    def weights_in(self, fold: int) -> np.ndarray | None:
        """Weight of each row in a fold ``[n]``; None for 1."""
        return self.weights if self.weights is None or self.weights.ndim == 1 else self.weights[fold]

    def of_target(self, column: int) -> "Data":
        """The data with one of several targets alone."""
        x, targets = self.rows
        return self._replace(rows=(x, targets[:, column]), columns=None)

    def in_fold(self, fold: int) -> "Data":
        """The data by which members of a fold are scored: of several targets with its own alone."""
        return self if self.columns is None else self.of_target(self.columns[fold])

    def counted_rows(self, rows: np.ndarray, held_out: bool, fold: int) -> np.ndarray | None:
        """Which of some rows a score counts ``[rows]``: all but those of weight 0; None for all.

        Weights of a fold are how its rows train: of rows held out those of the split count alone.
        """
        of_folds = self.weights is not None and self.weights.ndim > 1
        weights = self.split_weights if of_folds and held_out else self.weights_in(fold)
        counted = None if weights is None else weights[rows] > 0
        return None if counted is None or counted.all() else counted

    @property
    def dtype(self) -> np.dtype:
        """Dtype of the arithmetic: that of the first float leaf, or without one that of JAX's floats."""
        floats = [leaf.dtype for leaf in jax.tree.leaves(self.rows) if leaf.dtype.kind == "f"]
        return np.dtype(floats[0] if floats else jax.dtypes.canonicalize_dtype(np.float64))

    @property
    def block(self) -> int:
        """Rows scored at a time; it follows from the training rows only.

        Sums over the training rows then have the same bits whatever other rows are scored beside them.
        """
        return min(EVALUATION_BLOCK, 1 << (self.n_train - 1).bit_length())


def wait_for_objective(value: jax.Array, hyper: Hyper) -> Hyper:
    """A member's hyperparameters, unchanged, for an update that waits for the objective.

    XLA then overwrites parameters; where it sees no order it copies those that the objective reads, and
    64-50-10 in batches of 100 takes 2% more CPU time in tiles of 5, 9% more in tiles of 49: compare by the
    workload notes of scripts/bench.py. It takes no order from a barrier, only from data. The bits are the
    same.
    """

    def unchanged(number: jax.Array) -> jax.Array:
        return jnp.minimum(number, jnp.where(jnp.isfinite(value), number, number + 1))

    return {name: unchanged(number) for name, number in hyper.items()}


def row_weights(weights: object, n_train: int, n: int, dtype: np.dtype) -> np.ndarray | None:
    """Weights of all ``n`` rows ``[n]`` in a dtype, 1 behind the training rows; None without weights.

    Args:
        weights: The weight of each training row ``[n_train]``, or None.
        n_train: Rows to train on.
        n: Rows in all.
        dtype: Of the arithmetic.

    Raises:
        ValueError, TypeError: As `jfnn.targets.as_weights`; or all are 0 in the dtype.
    """
    if weights is None:
        return None
    checked = checks.as_dtype(as_weights(weights, n_train), dtype, "weights")
    if checked.max() == 0:
        raise ArgumentError("weights", f"expected numbers of at least 0, not all 0 in {dtype}")
    return np.concatenate([checked, np.ones(n - n_train, dtype)])


def block(rows: Rows, first: int, size: int) -> Rows:
    """Rows from a first one on, so many, without a copy; behind the last zeros, in a copy."""

    def part(leaf: np.ndarray) -> np.ndarray:
        found = leaf[first : first + size]
        return found if len(found) == size else pad(found, size)

    return jax.tree.map(part, rows)


def pad(leaf: np.ndarray, length: int, axis: int = 0) -> np.ndarray:
    """An array padded with zeros to a length."""
    widths = [(0, 0)] * leaf.ndim
    widths[axis] = (0, length - leaf.shape[axis])
    return np.pad(leaf, widths)


def is_mapped(leaf: np.ndarray) -> bool:
    """Whether an array lies in a file mapped for reading alone, as ``np.load(…, mmap_mode="r")`` gives it.

    Nobody changes such an array while a run goes on, so that it is read where it lies, in C order and from an
    address that a CPU device takes.
    """
    base: object = leaf
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    in_order = leaf.flags.c_contiguous and leaf.ctypes.data % ALIGNED_BYTES == 0
    return isinstance(base, np.memmap) and not leaf.flags.writeable and in_order


def as_host_array(leaf: np.ndarray, length: int) -> np.ndarray:
    """Rows that a CPU device takes without another copy: of a mapped array itself, else `aligned_copy`."""
    return leaf if is_mapped(leaf) else aligned_copy(leaf, length)


def aligned_copy(leaf: np.ndarray, length: int) -> np.ndarray:
    """A copy of an array, padded with zeros to a length, which a CPU device takes without another copy."""
    shape = (length, *leaf.shape[1:])
    size = math.prod(shape) * leaf.itemsize
    memory = np.zeros(size + ALIGNED_BYTES, np.uint8)
    first = -memory.ctypes.data % ALIGNED_BYTES
    copy = memory[first : first + size].view(leaf.dtype).reshape(shape)
    copy[: len(leaf)] = leaf
    return copy
