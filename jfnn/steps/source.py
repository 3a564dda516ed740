"""Rows and random keys of each step: drawn in the compiled program, or given."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.minibatches import DRAWN, PADDING, Minibatches, step_rows
from jfnn.numerics.permutation import Domain


class Source(NamedTuple):
    """Source of the minibatches of a tile in one call.

    Seeds, keys, folds, domains and given row numbers have a leading axis ``[tile]`` where minibatches are
    separate.

    Attributes:
        seed: Seeds (uint32).
        key: Raw data of the random keys of steps ``[…, 2]``, or None.
        fold: Fold numbers (int32).
        domain: Number of rows of each fold, inside a grid.
        steps: Steps an epoch (int32), the same for all members.
        positions: ``0 … batch - 1`` (int32).
        first: First epoch of the call (int32).
        minibatches: Row numbers ``[…, steps, batch]`` from that epoch on, padded, or None to draw them.
    """

    seed: Any
    key: Any
    fold: Any
    domain: Domain
    steps: Any
    positions: Any
    first: Any
    minibatches: Any

    @property
    def separate(self) -> bool:
        """Whether each member has minibatches, else all share them."""
        return jnp.ndim(self.seed) > 0


class Sources(NamedTuple):
    """Sources of the minibatches of every replicate, on the leading axis.

    Attributes:
        seed: Seeds ``[replicates]`` (uint32).
        key: Raw data of random keys ``[replicates, 2]``, or None.
        fold: Numbers of the folds ``[replicates]``.
        domain: Number of rows of each fold ``[folds]``, inside a grid.
        train: Training rows of each fold, padded with zeros to ``[folds, padded_length(n)]`` (int32).
        steps: Steps an epoch of each replicate ``[replicates]``.
        batch: Rows a step of each replicate ``[replicates]``.
        batches: How they are drawn, or None where they are given.
        padded: Whether `PADDING` may stand for a row.
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

    def take(
        self, replicates: np.ndarray | int, first: int = 0, minibatches: np.ndarray | None = None
    ) -> Source:
        """The source of a tile: one replicate for all members, or one for each ``[tile]``."""
        fold = self.fold[replicates]
        key = None if self.key is None else self.key[replicates]
        within = Domain(*(side[fold] for side in self.domain))
        steps = np.int32(self.steps[replicates].flat[0])
        positions = np.arange(self.batch[replicates].flat[0], dtype=np.int32)
        return Source(
            self.seed[replicates], key, fold, within, steps, positions, np.int32(first), minibatches
        )


def padded_length(n: int) -> int:
    """Length to pad ``n`` rows to: the next multiple of 1/16 of its power of two, at most an eighth more.

    Few lengths then occur, and most numbers of rows share a compiled program.
    """
    block = 1 << max((n - 1).bit_length() - 4, 0)
    return -(-n // block) * block


def rows_of_steps(
    batches: Minibatches | None,
    source: Source,
    train: jax.Array,
    epoch: jax.Array,
    steps: jax.Array,
    axis: int,
) -> jax.Array:
    """Row numbers of several steps ``[steps, batch]``, or if separate ``[steps, tile, batch]``.

    Args:
        batches: How they are drawn, or None where they are given.
        source: The source of the tile.
        train: Row numbers of each fold ``[folds, …]``, padded.
        epoch: The epoch, counted from 0.
        steps: Step numbers within the epoch; numbers above the last give arbitrary rows.
        axis: The axis of members in a step's row numbers, if separate: 0, or -1 for ``[batch, tile]``.
    """
    separate = source.separate
    positions = source.positions
    if batches is None:
        numbers = jnp.take(
            source.minibatches, (epoch - source.first) * source.steps + steps, axis=-2, mode="clip"
        )
        return jnp.moveaxis(numbers, 0, 1 if axis == 0 else -1) if separate else numbers

    def drawn(members: tuple[jax.Array, jax.Array, Domain]) -> jax.Array:
        seed, fold, within = jax.tree.map(lambda leaf: leaf[:, None] if separate else leaf, members)
        rows = step_rows(batches, positions, within, seed, epoch, steps, jnp)
        numbers = train[fold, rows]
        return jnp.where(rows == PADDING, PADDING, numbers) if batches.padded else numbers

    members = source.seed, source.fold, source.domain
    steps = steps.reshape(-1, *(1,) * (2 if separate else 1))
    if not separate:
        return drawn(members)
    pieces = pieces_for(len(source.seed), len(positions) * len(steps))
    cut = jax.tree.map(lambda leaf: leaf.reshape(pieces, -1), members)
    numbers = drawn(members) if pieces == 1 else jax.lax.map(drawn, cut)
    numbers = numbers.reshape(pieces, len(steps), -1, len(positions)).swapaxes(0, 1)
    return jnp.moveaxis(numbers.reshape(len(steps), -1, len(positions)), 1, 1 if axis == 0 else -1)


def pieces_for(members: int, numbers: int) -> int:
    """Number of equal parts in which to draw so many numbers for all members."""
    parts = [n for n in range(1, members) if members % n == 0 and members // n * numbers <= DRAWN]
    return parts[0] if parts else members


def step_key(source: Source, epoch: jax.Array, step: jax.Array) -> jax.Array | None:
    """The random key of one step, or one for each member ``[tile]``; None where steps draw nothing."""
    if source.key is None:
        return None

    def folded(key: jax.Array) -> jax.Array:
        return jax.random.fold_in(jax.random.fold_in(jax.random.wrap_key_data(key), epoch), step)

    return jax.vmap(folded)(source.key) if source.separate else folded(source.key)
