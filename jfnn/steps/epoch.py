"""The steps of an epoch as one loop: `jfnn.training.epoch`, arranged so that XLA runs it fast."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jfnn.learners.data import Batch, Rows
from jfnn.minibatches import DRAWN, Minibatches
from jfnn.optimizers import State

# XLA spreads a gather from an array of more than `SPLIT_BYTES` over its threads, which costs more than a
# small step; from such arrays the rows of several steps are gathered at once, `GATHERED_BYTES` at most. Wrong
# values cost time only: compare them by `python scripts/bench.py --workload mnist`.
SPLIT_BYTES = 500_000
GATHERED_BYTES = 8_000_000
# Most steps prepared at once: a kernel that draws row numbers takes as long for one step as for several, and
# for more the numbers leave the cache. Compare by the workload notes.
STEPS = 16
# Most epochs of a call, for each of which a program has room for objectives: fewer take more calls, more hold
# up what happens between calls. Compare by the workload xor.
EPOCHS = 384

# State, sums of an epoch's values by name, the last of them.
Loop = tuple[State, dict[str, jax.Array], dict[str, jax.Array]]


class Chunk(NamedTuple):
    """Steps of an epoch that are prepared together.

    Attributes:
        steps: Their number.
        gathers: Whether rows are gathered ahead, or only row numbers drawn.
        only: Whether an epoch is a single step.
    """

    steps: int
    gathers: bool
    only: bool = False


def steps_of_epoch(
    one_step: Callable[[jax.Array, Batch, Loop], Loop],
    numbers: Callable[[jax.Array], jax.Array],
    batch: Callable[[jax.Array], Batch],
    steps: jax.Array,
    chunk: Chunk,
    loop: Loop,
) -> Loop:
    """Runs all steps of an epoch.

    Args:
        one_step: ``(number of the step, batch, loop) -> loop``.
        numbers: ``numbers of steps [chunk] -> row numbers [chunk, …]``.
        batch: ``row numbers of a step -> batch``.
        steps: Steps of the epoch.
        chunk: Steps prepared together.
        loop: Carry before the first step.
    """

    def steps_of_chunk(number: jax.Array, loop: Loop) -> Loop:
        first = number * chunk.steps
        ready: Any = numbers(first + jnp.arange(chunk.steps))
        if chunk.gathers:
            ready = jax.vmap(batch)(ready)

        def at(i: jax.Array, loop: Loop) -> Loop:
            prepared = jax.tree.map(lambda leaf: leaf[i], ready)
            return one_step(first + i, prepared if chunk.gathers else batch(prepared), loop)

        if chunk.steps == 1:
            return at(jnp.int32(0), loop)
        after: Loop = jax.lax.fori_loop(0, jnp.minimum(chunk.steps, steps - first), at, loop)
        return after

    if chunk.only:
        return steps_of_chunk(jnp.int32(0), loop)
    after: Loop = jax.lax.fori_loop(0, (steps + chunk.steps - 1) // chunk.steps, steps_of_chunk, loop)
    return after


def as_chunk(rows: Rows, batch: int, batches: Minibatches | None) -> Chunk:
    """The steps to prepare together.

    Args:
        rows: All rows.
        batch: Rows of one step, of all members together.
        batches: How row numbers are drawn, or None where they are given.
    """
    if batches is not None and batches.scheme == "full" and batches.steps is None:
        return Chunk(1, False, only=True)
    leaves = jax.tree.leaves(rows)
    bytes_a_row = sum(leaf[0].nbytes for leaf in leaves)
    if max(leaf.nbytes for leaf in leaves) > SPLIT_BYTES:
        return Chunk(min(max(GATHERED_BYTES // max(batch * bytes_a_row, 1), 1), STEPS), True)
    return Chunk(1 if batches is None else min(max(DRAWN // batch, 1), STEPS), False)


def gather(
    rows: Rows,
    weights: jax.Array | None,
    numbers: jax.Array,
    padded: bool,
    fold: object = None,
    stand_in: Any = None,
    axis: int = -1,
) -> Batch:
    """The minibatch at row numbers, with the weight of each row.

    Entries without weight, padding and rows of weight 0, repeat the first row that counts: 0 times the cost
    or gradient of any other row would be NaN where that row has none, though it is no part of the minibatch.
    This is the rule of `jfnn.losses.counted_rows`, applied to row numbers before rows are gathered.

    Args:
        rows: All rows.
        weights: Of each row ``[n]``, or in each fold ``[folds, n]``, or None.
        numbers: Row numbers of the step ``[batch]``, or of each member.
        padded: Whether `jfnn.minibatches.PADDING` may stand for a row, never for the first.
        fold: Numbers of the folds, which broadcast against the row numbers.
        stand_in: From `stand_ins`: a row for minibatches in which none counts; None where that is so in none.
        axis: The axis of the batch in the row numbers.
    """
    if weights is None and not padded:
        return Batch(jax.tree.map(lambda leaf: leaf[numbers], rows), None)
    if weights is None:
        first = jax.lax.slice_in_dim(numbers, 0, 1, axis=axis)
        floats = [leaf.dtype for leaf in jax.tree.leaves(rows) if jnp.issubdtype(leaf.dtype, jnp.floating)]
        counts = (numbers >= 0).astype(floats[0] if floats else jnp.float32)
    else:
        counts = weights[numbers] if weights.ndim == 1 else weights[fold, numbers]
        counts = jnp.where(numbers >= 0, counts, 0)
        first = jnp.take_along_axis(numbers, jnp.argmax(counts > 0, axis=axis, keepdims=True), axis=axis)
        if stand_in is not None:
            any_counts = jnp.max(counts, axis=axis, keepdims=True) > 0
            first = jnp.where(any_counts, first, stand_in)
    numbers = jnp.where(counts > 0, numbers, first)
    return Batch(jax.tree.map(lambda leaf: leaf[numbers], rows), counts)


def stand_ins(weights: jax.Array | None, train: jax.Array, fold: Any) -> Any:
    """The first training row that counts, in each of these folds; None without weights.

    Args:
        weights: As for `gather`.
        train: Training rows of each fold ``[folds, …]``, of which one counts at least.
        fold: Numbers of folds.
    """
    if weights is None:
        return None
    rows = train[fold]
    counts = weights[rows] if weights.ndim == 1 else weights[jnp.expand_dims(fold, -1), rows]
    index = jnp.argmax(counts > 0, axis=-1, keepdims=True)
    return jnp.take_along_axis(rows, index, axis=-1)[..., 0]


def members_last(leaf: jax.Array) -> jax.Array:
    """``[batch, tile, …] -> [batch, …, tile]``."""
    return jnp.moveaxis(leaf, 1, -1)
