"""Row numbers of a call's steps, drawn by a separate program before the steps are trained.

The program does not depend on the learner, so all networks and losses share it.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.arguments.types import Array, Whole
from jfnn.minibatches import DRAWN, PADDING, Minibatches, step_rows
from jfnn.numerics.compiling import compiled
from jfnn.numerics.permutation import Domain


class Draws(NamedTuple):
    """Arguments from which the minibatches of a tile are drawn, for each group that shares them.

    Attributes:
        seed: Seeds ``[groups]`` (uint32).
        fold: Numbers of folds ``[groups]`` (int32).
        domain: Grid of each fold's training rows ``[groups]``, for `jfnn.numerics.permutation`.
        positions: ``0 … batch - 1`` (int32).
        steps: Steps per epoch (int32), the same for all groups.
        first: First epoch of the call (int32).
    """

    seed: Array
    fold: Array
    domain: Domain
    positions: Array
    steps: Whole
    first: Whole


@functools.lru_cache(maxsize=64)
def row_drawing_program(batches: Minibatches, room: int, platform: str) -> Callable[..., jax.Array]:
    """Return `rows_of_call` as a compiled function ``(draws, train, steps) -> row numbers``."""
    draw = functools.partial(rows_of_call, batches, room)
    return compiled(draw, platform, identity=f"rows {batches} {room}")


def rows_of_call(
    batches: Minibatches, room: int, draws: Draws, train: jax.Array, steps: jax.Array
) -> jax.Array:
    """Return row numbers of the steps of a call, as in `Source.rows`.

    Args:
        batches: The minibatch scheme.
        room: Number of steps in the result.
        draws: Arguments of the tile.
        train: Training rows of each fold ``[folds, …]``, padded.
        steps: Number of steps in the call; later entries of the result are arbitrary.
    """
    batch = len(draws.positions)
    groups = len(draws.seed)
    at_once = min(max(DRAWN // (batch * groups), 1), room)

    def put(i: jax.Array, rows: jax.Array) -> jax.Array:
        # The last iteration starts early enough to fit, and may draw some steps again.
        first = jnp.minimum(i * at_once, room - at_once)
        drawn = rows_of_steps(batches, draws, train, first + jnp.arange(at_once, dtype=np.int32))
        return jax.lax.dynamic_update_slice_in_dim(rows, drawn, first, 0)

    count = (steps + at_once - 1) // at_once
    nothing = jnp.zeros((room, groups, batch), np.int32)
    rows: jax.Array = jax.lax.fori_loop(0, count, put, nothing)
    return rows


def rows_of_all_steps(batches: Minibatches, draws: Draws, train: np.ndarray) -> np.ndarray:
    """Return the row numbers used in every step ``[1, groups, batch]`` (NumPy, int32), for the scheme "full".

    Arguments: as in `rows_of_call`.
    """
    domain = Domain(*(np.asarray(side)[..., None] for side in draws.domain))
    rows = step_rows(batches, draws.positions, domain, draws.seed, 0, 0, np)
    row_numbers: np.ndarray = train[np.asarray(draws.fold)[..., None], rows]
    if batches.padded:
        row_numbers = np.where(rows == PADDING, np.int32(PADDING), row_numbers)
    return row_numbers[None]


def rows_of_steps(batches: Minibatches, draws: Draws, train: jax.Array, steps: jax.Array) -> jax.Array:
    """Return row numbers of several steps ``[steps, groups, batch]``, with the arguments of `rows_of_call`.

    Steps are numbered from 0, the first step of the call.
    """
    steps = steps.reshape(-1, 1, 1)
    # ``//`` would add operations for negative numbers, which do not occur here.
    epoch = jax.lax.div(steps, jnp.broadcast_to(draws.steps, steps.shape))
    step = steps - epoch * draws.steps

    def draw(groups: tuple[Array, Array, Domain]) -> jax.Array:
        seed, fold, within = jax.tree.map(lambda leaf: leaf[:, None], groups)
        rows = step_rows(batches, draws.positions, within, seed, draws.first + epoch, step, jnp)
        row_numbers = train[fold, rows]
        return jnp.where(rows == PADDING, PADDING, row_numbers) if batches.padded else row_numbers

    groups = draws.seed, draws.fold, draws.domain
    pieces = number_of_pieces(len(draws.seed), len(draws.positions) * len(steps))
    if pieces == 1:
        return draw(groups)
    cut = jax.tree.map(lambda leaf: leaf.reshape(pieces, -1), groups)
    row_numbers: jax.Array = jax.lax.map(draw, cut)
    return row_numbers.swapaxes(0, 1).reshape(len(steps), -1, len(draws.positions))


def number_of_pieces(groups: int, count: int) -> int:
    """Return the number of equal parts into which to cut groups to draw ``count`` numbers for each."""
    parts = [n for n in range(1, groups) if groups % n == 0 and groups // n * count <= DRAWN]
    return parts[0] if parts else groups


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class Known:
    """A number that is part of the compiled program, rather than an argument of it."""

    number: int


class Source(NamedTuple):
    """The minibatches and random keys of a tile in one call, for each group that shares them.

    Attributes:
        rows: Row numbers of each step of the call ``[steps, groups, batch]`` (int32). A single entry stands
            for all steps.
        key: Raw data of the random key of steps ``[groups, 2]``, or None.
        fold: Fold numbers ``[groups]`` (int32).
        steps: Steps per epoch, the same for all groups: an argument (int32) on CPUs, where one program then
            serves any number, and `Known` on accelerators, which would ask the host before every step whether
            it is the last; None if an epoch is one step whose rows never change.
        first: First epoch of the call (int32).
    """

    rows: Array
    key: Array | None
    fold: Array
    steps: Whole | Known | None
    first: Whole

    @property
    def steps_of_epoch(self) -> Whole | int:
        """Number of steps of an epoch; a plain number if it is known when the program is compiled."""
        if self.steps is None:
            return 1
        return self.steps.number if isinstance(self.steps, Known) else self.steps

    def of_group(self, number: int) -> "Source":
        """Return the source of one group, without the axis of groups."""
        key = None if self.key is None else self.key[number]
        return self._replace(rows=self.rows[:, number], key=key, fold=self.fold[number])


class Sources(NamedTuple):
    """Everything that determines the minibatches of each replicate.

    Attributes:
        seed: Seeds ``[replicates]`` (uint32).
        key: Raw data of random keys ``[replicates, 2]``, or None.
        fold: Numbers of the folds ``[replicates]``.
        domain: Grid of each fold's training rows ``[folds]``, for `jfnn.numerics.permutation`.
        train: Training rows of each fold, padded with zeros to ``[folds, padded_length(n)]`` (int32).
        steps: Steps per epoch of each replicate ``[replicates]``.
        batch: Rows per step of each replicate ``[replicates]``.
        batches: The minibatch scheme, or None if minibatches are given.
        padded: Whether row numbers may be `PADDING`.
    """

    seed: np.ndarray
    key: np.ndarray | None
    fold: np.ndarray
    domain: Domain
    train: np.ndarray
    steps: np.ndarray
    batch: np.ndarray
    batches: Minibatches | None
    padded: bool

    @property
    def constant(self) -> bool:
        """Whether all steps have the same rows."""
        return self.batches is not None and self.batches.scheme == "full"

    def draws(self, replicates: np.ndarray, first: int) -> Draws:
        """Return the `Draws` of a tile whose groups have these replicates ``[groups]``."""
        fold = self.fold[replicates]
        return Draws(
            seed=self.seed[replicates],
            fold=fold,
            domain=Domain(*(side[fold] for side in self.domain)),
            positions=np.arange(self.batch[replicates[0]], dtype=np.int32),
            steps=np.int32(self.steps[replicates[0]]),
            first=np.int32(first),
        )

    def take(self, replicates: np.ndarray, first: int, rows: Array, platform: str) -> Source:
        """Return the source of a tile, given the row numbers of its steps from epoch ``first`` on."""
        once = self.constant and self.batches is not None and self.batches.steps is None
        steps = self.steps[replicates[0]]
        return Source(
            rows=rows,
            key=None if self.key is None else self.key[replicates],
            fold=self.fold[replicates],
            steps=None if once else np.int32(steps) if platform == "cpu" else Known(int(steps)),
            first=np.int32(first),
        )


def padded_length(n: int) -> int:
    """Return the length to which ``n`` rows are padded: a multiple of 1/16 of the next power of two.

    Padding adds at most an eighth. Since few lengths occur, most numbers of rows share compiled programs.
    """
    block = 1 << max((n - 1).bit_length() - 4, 0)
    return -(-n // block) * block


def step_key(source: Source, epoch: jax.Array, step: jax.Array) -> jax.Array | None:
    """Return the random key of one step, or one per group if keys are ``[groups, 2]``; None without keys."""
    if source.key is None:
        return None

    def fold_in(key: Array) -> jax.Array:
        data = jnp.asarray(key)
        return jax.random.fold_in(jax.random.fold_in(jax.random.wrap_key_data(data), epoch), step)

    return jax.vmap(fold_in)(source.key) if source.key.ndim > 1 else fold_in(source.key)
