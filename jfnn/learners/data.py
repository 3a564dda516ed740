"""Data of a learner: rows, minibatches, and a member's hyperparameters."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.types import Tree
from jfnn.targets import as_weights

Rows = Tree  # arrays with the rows on their leading axis
Hyper = Mapping[str, jax.Array]
StepValues = jax.Array | dict[str, jax.Array]  # a step's objective, or a dict of the objective and its terms
# Maximum number of rows scored at a time: more take more memory for each member of a tile, fewer need more
# calls. Benchmark it with the workload mnist of scripts/bench.py, whose 4,096 training rows are two blocks.
EVALUATION_BLOCK = 2048
# Alignment of arrays that a CPU device uses in place; it copies any other array.
ALIGNED_BYTES = 64


class Batch(NamedTuple):
    """One minibatch.

    Attributes:
        rows: The data of these rows, a pytree.
        weights: Weight of each row ``[batch]``; None for 1.
    """

    rows: Rows
    weights: jax.Array | None = None


class Data(NamedTuple):
    """The rows that members are trained and scored on.

    Attributes:
        rows: A pytree of NumPy arrays with all rows on the leading axis, training rows first.
        n_train: Number of training rows, validation rows included.
        weights: Weight of each row in training ``[n]``, or in each fold ``[F, n]``; None for 1.
        labels: Class labels of the training rows, for stratified splits; or None.
        split_weights: If ``weights`` are per fold, the split's own weights ``[n]``, or None.
        columns: If rows are ``(x, targets [n, T, …])``, the column that each fold learns ``[F]``; or None.
    """

    rows: Rows
    n_train: int
    weights: np.ndarray | None = None
    labels: np.ndarray | None = None
    split_weights: np.ndarray | None = None
    columns: np.ndarray | None = None

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(jax.tree.leaves(self.rows)[0])

    def weights_in(self, fold: int) -> np.ndarray | None:
        """Return the weight of each row in a fold ``[n]``; None for 1."""
        return self.weights if self.weights is None or self.weights.ndim == 1 else self.weights[fold]

    def of_target(self, column: int) -> "Data":
        """Return the data with one of several targets."""
        x, targets = self.rows
        return self._replace(rows=(x, targets[:, column]), columns=None)

    def in_fold(self, fold: int) -> "Data":
        """Return the data on which members of a fold are scored, with only the fold's target if any."""
        return self if self.columns is None else self.of_target(self.columns[fold])

    def counted_rows(self, rows: np.ndarray, held_out: bool, fold: int) -> np.ndarray | None:
        """Return the mask ``[rows]`` of rows that count in a score, those of positive weight; None if all do.

        A fold's weights apply to its training rows; held-out rows only have the weights of the split.
        """
        of_folds = self.weights is not None and self.weights.ndim > 1
        weights = self.split_weights if of_folds and held_out else self.weights_in(fold)
        counted = None if weights is None else weights[rows] > 0
        return None if counted is None or counted.all() else counted

    @property
    def dtype(self) -> np.dtype:
        """Dtype of the arithmetic: the first float leaf's, or JAX's default float if no leaf is float."""
        floats = [leaf.dtype for leaf in jax.tree.leaves(self.rows) if leaf.dtype.kind == "f"]
        return np.dtype(floats[0] if floats else jax.dtypes.canonicalize_dtype(np.float64))

    @property
    def block(self) -> int:
        """Number of rows scored at a time; it depends only on the number of training rows.

        Sums over the training rows then have the same bits whatever other rows are scored.
        """
        return min(EVALUATION_BLOCK, 1 << (self.n_train - 1).bit_length())


def wait_for_objective(value: jax.Array, hyper: Hyper) -> Hyper:
    """Return a member's hyperparameters, unchanged, but make the update wait for the objective.

    XLA then overwrites parameters in place. Without an order it copies the parameters that the objective
    reads: 64-50-10 in batches of 100 takes 2% more CPU time in tiles of 5, and 9% more in tiles of 49 (the
    workload notes of scripts/bench.py). A barrier does not impose this order; a data dependency does. The
    bits do not change. Accelerators compute the penalties and the update in one kernel, which must not wait.
    """

    def wait(value: jax.Array, hyper: dict[str, jax.Array]) -> dict[str, jax.Array]:
        finite = jnp.isfinite(value)
        return {
            name: jnp.minimum(number, jnp.where(finite, number, number + 1)) for name, number in hyper.items()
        }

    waiting: Hyper = jax.lax.platform_dependent(value, dict(hyper), cpu=wait, default=lambda _, hyper: hyper)
    return waiting


def row_weights(weights: object, n_train: int, n: int, dtype: np.dtype) -> np.ndarray | None:
    """Return the weights of all ``n`` rows, given the training rows' ``[n_train]``; None without weights.

    They have the given dtype; rows after the training rows have weight 1.

    Raises:
        ValueError, TypeError: As in `jfnn.targets.as_weights`, or all weights are 0 in the dtype.
    """
    if weights is None:
        return None
    checked = checks.as_dtype(as_weights(weights, n_train), dtype, "weights")
    if checked.max() == 0:
        raise ArgumentError("weights", f"expected numbers of at least 0, not all 0 in {dtype}")
    return np.concatenate([checked, np.ones(n - n_train, dtype)])


def block(rows: Rows, first: int, size: int) -> Rows:
    """Return ``size`` rows from ``first`` on, without a copy; a short last block is a zero-padded copy."""

    def part(leaf: np.ndarray) -> np.ndarray:
        found = leaf[first : first + size]
        return found if len(found) == size else pad(found, size)

    return jax.tree.map(part, rows)


def pad(leaf: np.ndarray, length: int, axis: int = 0) -> np.ndarray:
    """Pad an array with zeros to a length."""
    widths = [(0, 0)] * leaf.ndim
    widths[axis] = (0, length - leaf.shape[axis])
    return np.pad(leaf, widths)


def is_mapped(leaf: np.ndarray) -> bool:
    """Return whether an array is memory-mapped, as by ``np.load(…, mmap_mode="r")``, and usable in place.

    A read-only map does not change during a run; the array must also be in C order and at an address that a
    CPU device accepts.
    """
    base: object = leaf
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    in_order = leaf.flags.c_contiguous and leaf.ctypes.data % ALIGNED_BYTES == 0
    return isinstance(base, np.memmap) and not leaf.flags.writeable and in_order


def as_host_array(leaf: np.ndarray, length: int) -> np.ndarray:
    """Return rows that a CPU device uses in place: a mapped array itself, otherwise an `aligned_copy`."""
    return leaf if is_mapped(leaf) else aligned_copy(leaf, length)


def aligned_copy(leaf: np.ndarray, length: int) -> np.ndarray:
    """Return a copy padded with zeros to a length, which a CPU device uses in place."""
    shape = (length, *leaf.shape[1:])
    size = math.prod(shape) * leaf.itemsize
    memory = np.zeros(size + ALIGNED_BYTES, np.uint8)
    first = -memory.ctypes.data % ALIGNED_BYTES
    copy = memory[first : first + size].view(leaf.dtype).reshape(shape)
    copy[: len(leaf)] = leaf
    return copy


def check_in_dtype(numbers: np.ndarray, argument: str, dtype: Any) -> None:
    """Raise ArgumentError for floats that become 0 or infinite in a dtype.

    Compiled programs flush subnormal numbers to 0.
    """
    limits = np.finfo(dtype)
    size = np.abs(numbers)
    bad = (size > limits.max) | ((size < limits.tiny) & (numbers != 0))
    if bad.any():
        raise ArgumentError(
            argument, f"{float(numbers[bad][0])!r} is out of the range of {np.dtype(dtype).name}"
        )
