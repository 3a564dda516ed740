"""The steps of an epoch as one loop: `jfnn.training.epoch`, arranged so that XLA runs it fast."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.arguments.types import Array
from jfnn.core.engine.minibatches import Source
from jfnn.learners.data import Batch, Rows
from jfnn.numerics.barriers import computed_once
from jfnn.params import State

# XLA splits a gather from an array of more than `SPLIT_BYTES` between its threads, which costs more than a
# small step. From such arrays, the rows of several steps are gathered at once, up to `GATHERED_BYTES`. Wrong
# values only cost time: benchmark them with `python scripts/bench.py --workload mnist`.
SPLIT_BYTES = 500_000
GATHERED_BYTES = 8_000_000
STEPS = 16  # maximum number of steps whose rows are gathered at once
# Maximum number of epochs per call; the program reserves room for the objectives of each epoch. Fewer epochs
# need more calls, more epochs delay the work between calls. Benchmark with the workload xor.
EPOCHS = 384

# State, sums of the step values over an epoch by name, and the values of the last step.
Loop = tuple[State, dict[str, jax.Array], dict[str, jax.Array]]
OneStep = Callable[[jax.Array, Batch, Loop], Loop]


def steps_of_epoch(
    one_step: OneStep,
    batch: Callable[[jax.Array], Batch],
    source: Source,
    epoch: jax.Array,
    at_once: int,
    loop: Loop,
) -> Loop:
    """Run all steps of an epoch.

    Args:
        one_step: ``(number of the step, batch, loop) -> loop``.
        batch: ``row numbers of a step -> batch``.
        source: Row numbers of the steps of a call.
        epoch: Number of the epoch.
        at_once: Steps whose rows are gathered at once, or 0 if each step gathers its own.
        loop: Carry before the first step.
    """
    if source.steps is None:
        return one_step(jnp.int32(0), batch(source.rows[0]), loop)
    steps = source.steps_of_epoch
    if len(source.rows) == 1:
        always = batch(source.rows[0])
        same: Loop = jax.lax.fori_loop(0, steps, lambda step, loop: one_step(step, always, loop), loop)
        return same
    before = (epoch - source.first) * steps

    def gathering_one(step: jax.Array, loop: Loop) -> Loop:
        row_numbers = jax.lax.dynamic_index_in_dim(source.rows, before + step, keepdims=False)
        # Without the barrier, XLA would read row numbers inside the gather and count them toward its size.
        return one_step(step, batch(computed_once(row_numbers)), loop)

    def gathering_several(part: jax.Array, loop: Loop) -> Loop:
        first = part * at_once
        row_numbers = jnp.take(source.rows, before + first + jnp.arange(at_once), axis=0, mode="clip")
        gathered = jax.vmap(batch)(row_numbers)

        def at(i: jax.Array, loop: Loop) -> Loop:
            return one_step(first + i, jax.tree.map(lambda leaf: leaf[i], gathered), loop)

        after: Loop = jax.lax.fori_loop(0, jnp.minimum(at_once, steps - first), at, loop)
        return after

    each = gathering_several if at_once else gathering_one
    turns = (steps + at_once - 1) // at_once if at_once else steps
    after: Loop = jax.lax.fori_loop(0, turns, each, loop)
    return after


def steps_gathered_at_once(rows: Rows, batch: int) -> int:
    """Return the number of steps whose rows are gathered at once; 0 if each step gathers its own.

    ``batch`` is the number of rows in one step, summed over members.
    """
    leaves: list[jax.Array] = jax.tree.leaves(rows)
    if max(leaf.nbytes for leaf in leaves) <= SPLIT_BYTES:
        return 0
    bytes_a_row = sum(leaf[0].nbytes for leaf in leaves)
    return min(max(GATHERED_BYTES // max(batch * bytes_a_row, 1), 1), STEPS)


def gather(
    rows: Rows,
    weights: Array | None,
    row_numbers: jax.Array,
    padded: bool,
    fold: Array | int = 0,
    stand_in: Array | None = None,
    axis: int = -1,
) -> Batch:
    """Return the minibatch with the given row numbers, and the weight of each row.

    Padding and rows of weight 0 are replaced by the first row that counts, since 0 times a cost or gradient
    of NaN would be NaN. This is the rule of `jfnn.losses.replace_uncounted`, before rows are gathered.

    Args:
        rows: All rows.
        weights: Weight of each row ``[n]``, or in each fold ``[folds, n]``, or None.
        row_numbers: Row numbers of the step ``[batch]``, or of each member.
        padded: Whether entries after the first may be `jfnn.minibatches.PADDING`.
        fold: Numbers of the folds, which broadcast against the row numbers.
        stand_in: Row of these folds, from `stand_ins`, for minibatches in which no row counts; or None.
        axis: Axis of the batch in the row numbers.
    """
    if weights is None and not padded:
        return Batch(jax.tree.map(lambda leaf: leaf[row_numbers], rows), None)
    if weights is None:
        first = jax.lax.slice_in_dim(row_numbers, 0, 1, axis=axis)
        floats = [leaf.dtype for leaf in jax.tree.leaves(rows) if jnp.issubdtype(leaf.dtype, jnp.floating)]
        counts = (row_numbers >= 0).astype(floats[0] if floats else jnp.float32)
    else:
        counts = weights[row_numbers] if weights.ndim == 1 else weights[fold, row_numbers]
        counts = jnp.where(row_numbers >= 0, counts, 0)
        first = jnp.take_along_axis(row_numbers, jnp.argmax(counts > 0, axis=axis, keepdims=True), axis=axis)
        if stand_in is not None:
            any_counts = jnp.max(counts, axis=axis, keepdims=True) > 0
            first = jnp.where(any_counts, first, stand_in)
    row_numbers = jnp.where(counts > 0, row_numbers, first)
    return Batch(jax.tree.map(lambda leaf: leaf[row_numbers], rows), counts)


def stand_ins(weights: np.ndarray | None, train: np.ndarray) -> np.ndarray | None:
    """Return the first training row that counts in each fold ``[folds]`` (int32); None without weights.

    Weights are as in `gather`. ``train [folds, …]`` has each fold's training rows, of which some count.
    """
    if weights is None:
        return None
    counts = weights[train] if weights.ndim == 1 else np.take_along_axis(weights, train, axis=1)
    index = np.argmax(counts > 0, axis=1)[:, None]
    return np.take_along_axis(train, index, axis=1)[:, 0].astype(np.int32)
