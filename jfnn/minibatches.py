"""Rows of each step of an epoch: pure functions of the seed, the epoch and the step.

Compiled programs compute the rows by `step_rows`, and `Minibatches.epoch` computes the same numbers in NumPy.
No epoch depends on earlier ones, so that a run can stop and resume anywhere. Positions of a step without a
row hold `PADDING`, with weight zero.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError, Set
from jfnn.arguments.fields import Valid, field, one_of
from jfnn.arguments.signatures import check_callable
from jfnn.arguments.unknown import suggest_names
from jfnn.numerics import permutation
from jfnn.numerics.permutation import Domain

__all__ = ["PADDING", "Minibatches", "step_rows"]
__dir__ = __all__.copy
if not TYPE_CHECKING:  # type checkers would accept every name
    __getattr__ = suggest_names(__name__, __all__)

#: Row number that marks an empty position.
PADDING = -1
# Largest number of row numbers drawn at once. XLA spreads larger kernels over its threads, which takes ten
# times as long; smaller ones need more calls. Benchmark with the workload notes of scripts/bench.py.
DRAWN = 1280
#: Ways to divide an epoch into steps; see `Minibatches`.
SCHEME_NAMES = ("subset", "permutation", "in_order", "full")
PASSES = ("permutation", "in_order")  # schemes that use each row at most once
EPOCH = np.uint32(2**32 - 1)  # used instead of the step number if one permutation serves a whole epoch
AUTO = "auto"


def default_batch_size(n: int) -> int:
    """Return the default batch size for ``n`` training rows: 100, or a quarter of fewer than 400 rows."""
    return max(1, min(100, n // 4))


def _as_batch_size(size: object, argument: str) -> int | str | None:
    if isinstance(size, str) and size != AUTO:
        expected = f"expected a number of rows, {AUTO!r}, or None for all rows"
        raise ArgumentTypeError(argument, f"{expected}, got {size!r}")
    return size if size is None or isinstance(size, str) else checks.as_count(size, argument)


def _as_steps(steps: object, argument: str, scheme: str) -> int | None:
    if steps is not None and scheme in PASSES:
        raise ArgumentError(argument, f"expected None, since {scheme!r} is a pass over the rows")
    return None if steps is None else checks.as_count(steps, argument)


@dataclasses.dataclass(frozen=True)
class Minibatches(Valid):
    """The scheme that divides an epoch into steps.

    Attributes:
        batch_size: Rows per step; None for all of them (gradient descent); "auto" for 100, or for a quarter
            of the training rows if they are fewer than 400. With folds, the smallest number of training rows
            counts.
        scheme: "subset" (a fresh random subset at each step, as in the notes), "permutation" (a pass over the
            shuffled rows), "in_order" (a pass over the rows as they are) or "full".
        drop_last: Whether a pass drops the rows that do not fill a batch. If False they form a shorter last
            step, and the engine pads steps to ``batch_size`` rows.
        steps: Steps per epoch, for "subset" and "full"; None for the number of batches that fit into the
            rows.

    Raises:
        ValueError, TypeError: An invalid value, or ``steps`` for a pass over the rows.

    Example:
        >>> import jfnn
        >>> jfnn.Minibatches(100).n_steps(1437)  # of 100 rows each, drawn afresh at every step
        14
        >>> jfnn.Minibatches(100, "permutation", drop_last=False).n_steps(1437)  # every row once
        15
    """

    batch_size: int | str | None = field(AUTO, _as_batch_size)
    scheme: str = field("subset", one_of(SCHEME_NAMES))
    drop_last: bool = field(True, checks.as_switch)
    steps: int | None = field(None, _as_steps, given=["scheme"])

    @property
    def axis_value(self) -> int:
        """Batch size on the axis "batch_size" of a result: rows per step, 0 for all rows."""
        if self.scheme == "full" or self.batch_size is None:
            return 0
        if isinstance(self.batch_size, str):
            expected = "expected numbers of rows, since several sizes form an axis"
            raise ArgumentError("batch_size", expected, got=repr(self.batch_size))
        return self.batch_size

    def fitted(self, n: int) -> Minibatches:
        """Return minibatches whose batch size suits ``n`` training rows (those of the smallest fold).

        Raises:
            ValueError: The batch size exceeds the number of rows.
        """
        if self.batch_size is None or self.scheme == "full":
            return Minibatches(n, "full", steps=self.steps)
        size = self._size(n)
        if size > n:
            expected = f"expected at most the {n} training rows"
            cure = Set("batch_size", default_batch_size(n), "is the default for them")
            raise ArgumentError("batch_size", expected, got=str(size), cure=cure)
        return dataclasses.replace(self, batch_size=size)

    def _size(self, n: int) -> int:
        """Return the batch size for ``n`` rows, of which a step takes a part."""
        size = self.batch_size
        return size if isinstance(size, int) else default_batch_size(n)

    @property
    def is_pass(self) -> bool:
        """Whether an epoch uses each row at most once."""
        return self.scheme in PASSES

    @property
    def padded(self) -> bool:
        """Whether steps may contain `PADDING`."""
        return not self.drop_last

    @property
    def draws(self) -> bool:
        """Whether minibatches depend on the seed."""
        return self.scheme not in ("in_order", "full")

    def n_steps(self, n: int) -> int:
        """Number of steps per epoch over ``n`` rows."""
        if self.steps is not None:
            return self.steps
        if self.scheme == "full" or self.batch_size is None:
            return 1
        size = self._size(n)
        return n // size if self.drop_last else -(-n // size)

    def rows_a_step(self, n: int) -> int:
        """Number of positions per step, padding included."""
        if self.batch_size is None or (self.scheme == "full" and not self.padded):
            return n
        return self._size(n)

    def epoch(self, n: int, seed: int, epoch: int) -> np.ndarray:
        """Return the row numbers ``[steps, batch]`` (int32) of one epoch over ``n`` rows; see `step_rows`."""
        batch = self.rows_a_step(n)
        batches = dataclasses.replace(self, batch_size=batch)
        positions = np.arange(batch)
        steps = np.arange(self.n_steps(n))[:, None]
        rows = step_rows(batches, positions, permutation.domain(n), np.uint32(seed), epoch, steps, np)
        return np.broadcast_to(rows, (len(steps), len(positions))).astype(np.int32)


def step_rows(
    batches: Minibatches,
    positions: ArrayLike,
    domain: Domain,
    seed: ArrayLike,
    epoch: ArrayLike,
    step: Any,
    xp: types.ModuleType,
) -> Any:
    """Return the row numbers (int32) of one step, out of the ``n`` rows of ``domain``; arguments broadcast.

    Entry j of a "subset" is entry j of the permutation for ``(seed, epoch, step)``. Entry j of step s of a
    "permutation" is entry ``s batch_size + j`` of the permutation for ``(seed, epoch)``.

    Args:
        batches: The scheme, with a number of rows per step.
        positions: Positions in the step, ``0 … batch_size - 1``.
        domain: The domain of the permutation (``jfnn.numerics.permutation.domain``).
        seed: The seed (uint32).
        epoch: The epoch, counted from 0.
        step: The step, counted from 0.
        xp: `numpy` or `jax.numpy`.
    """
    if batches.scheme == "subset":
        return permutation.permute(positions, domain, permutation.hash_words(seed, epoch, step, xp=xp), xp)
    first = 0 * step if batches.scheme == "full" else step * batches.batch_size
    rows = first + positions
    n = xp.asarray(domain.n).astype(xp.int32)
    within = rows < n
    if batches.scheme == "permutation":
        key = permutation.hash_words(seed, epoch, EPOCH, xp=xp)
        rows = permutation.permute(xp.minimum(rows, n - 1), domain, key, xp)
    return xp.where(within, rows, PADDING) if batches.padded else rows


@dataclasses.dataclass(frozen=True, eq=False)
class GivenMinibatches:
    """Minibatches from a user's row numbers, with the methods of `Minibatches`.

    Attributes:
        rows: ``(seed, epoch) -> row numbers [steps, batch]`` (int32), the same at every call.
        shape: ``(steps per epoch, rows per step)``.
        from_function: Whether the rows come from a user's function, which may be slow.
        padded: Whether steps may contain `PADDING`.
    """

    rows: Callable[[int, int], np.ndarray]
    shape: tuple[int, int]
    from_function: bool = False
    padded: bool = False
    draws: ClassVar[bool] = True

    def n_steps(self, n: int) -> int:
        """Number of steps per epoch."""
        return self.shape[0]

    def rows_a_step(self, n: int) -> int:
        """Number of positions per step, padding included."""
        return self.shape[1]

    def epoch(self, n: int, seed: int, epoch: int) -> np.ndarray:
        """Return the row numbers ``[steps, batch]`` of one epoch."""
        return self.rows(seed, epoch)


def as_given(batches: object, epochs: range, seeds: Sequence[int], n: int) -> GivenMinibatches | None:
    """Convert an array or a function to minibatches; return None for None.

    The rows of an array are checked here, those of a function at each call.

    Args:
        batches: Row numbers ``[epochs, steps, batch]`` or ``[seeds, epochs, steps, batch]``, or a function
            ``(seed, epoch) -> row numbers [steps, batch]``.
        epochs: The epochs to train.
        seeds: The seeds.
        n: Number of rows.

    Raises:
        TypeError: Row numbers are not integers, or the function does not accept a seed and an epoch.
        ValueError: Wrong shape, or row numbers out of range.
    """
    if batches is None:
        return None
    if callable(batches):
        return _from_function(batches, seeds[0], epochs.start, n)
    rows = _from_array(batches, epochs.stop, len(seeds), n)
    index_of = {seed: i for i, seed in enumerate(seeds)}
    return GivenMinibatches(lambda seed, epoch: rows[index_of[seed], epoch], rows.shape[2:])


def _from_function(function: Callable[[int, int], Any], seed: int, epoch: int, n: int) -> GivenMinibatches:
    """Return minibatches from a function, whose arrays must all have the shape of this seed and epoch."""
    check_callable(function, (seed, epoch), "batches", "a function of a seed and an epoch")
    first = as_rows(function(seed, epoch), n)
    if first.ndim != 2 or 0 in first.shape:
        raise ArgumentError(
            "batches", f"expected row numbers [steps, batch] for each epoch, got {list(first.shape)}"
        )

    def checked(seed: int, epoch: int) -> np.ndarray:
        rows = as_rows(function(seed, epoch), n)
        if rows.shape != first.shape:
            raise ArgumentError(
                "batches",
                f"expected {list(first.shape)} row numbers in every epoch, as in the first,"
                f" got {list(rows.shape)} for seed {seed}, epoch {epoch}",
            )
        return rows

    return GivenMinibatches(checked, first.shape, from_function=True)


def _from_array(batches: object, epochs: int, n_seeds: int, n: int) -> np.ndarray:
    """Return row numbers ``[seeds, epochs, steps, batch]`` from an array with or without the seed axis."""
    rows = as_rows(batches, n)
    if rows.ndim == 3:
        rows = np.broadcast_to(rows, (n_seeds, *rows.shape))
    if rows.ndim != 4 or rows.shape[0] != n_seeds or 0 in rows.shape or rows.shape[1] < epochs:
        raise ArgumentError(
            "batches",
            f"expected [epochs, steps, batch] with at least {epochs} epochs,"
            f" or [{n_seeds} seeds, epochs, steps, batch], got {list(rows.shape)}",
        )
    return rows


def as_rows(batches: object, n: int) -> np.ndarray:
    """Check that row numbers are from 0 to ``n - 1``, and return an int32 copy."""
    rows = np.asarray(checks.as_array(batches, "batches"))
    if rows.dtype.kind not in "iu":
        raise ArgumentTypeError("batches", f"expected integer row numbers, got dtype {rows.dtype}")
    if rows.size and (rows.min() < 0 or rows.max() >= n):
        raise ArgumentError(
            "batches", f"expected row numbers from 0 to {n - 1}, got {rows.min()} to {rows.max()}"
        )
    return np.array(rows, np.int32)
