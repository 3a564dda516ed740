"""Rows and random keys of a call's steps, as arguments of the compiled program."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.arguments.types import Array, Whole
from jfnn.core.steps.rows import Draws
from jfnn.minibatches import Minibatches
from jfnn.numerics.permutation import Domain


class Source(NamedTuple):
    """Source of the minibatches and random keys of a tile in one call.

    Attributes:
        rows: Row numbers of each step of the call (int32), ``[steps, batch]`` that its members share, or
            separate ones, as ``steps.lanes.Lanes`` has them. Of one step alone, all steps have these rows.
        key: Raw data of the random keys of steps ``[2]``, or if separate ``[tile, 2]``; or None.
        fold: Fold numbers (int32), if separate ``[tile]``.
        steps: Steps an epoch (int32), the same for all members; None where an epoch is one step of rows that
            all steps have.
        first: First epoch of the call (int32).
    """

    rows: Array
    key: Array | None
    fold: Array
    steps: Whole | None
    first: Whole

    @property
    def separate(self) -> bool:
        """Whether each member has minibatches, else all share them."""
        return self.rows.ndim == 3

    @property
    def batch(self) -> int:
        """Rows of a step of one member."""
        count = math.prod(self.rows.shape[1:])
        return count // self.fold.size if self.separate else count


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

    @property
    def constant(self) -> bool:
        """Whether all steps have the same rows."""
        return self.batches is not None and self.batches.scheme == "full"

    def draws(self, replicates: np.ndarray | int, first: int) -> Draws:
        """What the minibatches of a tile follow from, which has one replicate, or one a member ``[tile]``."""
        fold = self.fold[replicates]
        return Draws(
            seed=self.seed[replicates],
            fold=fold,
            domain=Domain(*(side[fold] for side in self.domain)),
            positions=np.arange(self.batch[replicates].flat[0], dtype=np.int32),
            steps=np.int32(self.steps[replicates].flat[0]),
            first=np.int32(first),
        )

    def take(self, replicates: np.ndarray | int, first: int, rows: Array) -> Source:
        """The source of a tile, with the row numbers of its steps from an epoch on."""
        once = self.constant and self.batches is not None and self.batches.steps is None
        return Source(
            rows=rows,
            key=None if self.key is None else self.key[replicates],
            fold=self.fold[replicates],
            steps=None if once else np.int32(self.steps[replicates].flat[0]),
            first=np.int32(first),
        )


def padded_length(n: int) -> int:
    """Length to pad ``n`` rows to: the next multiple of 1/16 of its power of two, at most an eighth more.

    Few lengths then occur, and most numbers of rows share a compiled program.
    """
    block = 1 << max((n - 1).bit_length() - 4, 0)
    return -(-n // block) * block


def step_key(source: Source, epoch: jax.Array, step: jax.Array) -> jax.Array | None:
    """The random key of one step, or one for each member ``[tile]``; None where steps draw nothing."""
    if source.key is None:
        return None

    def folded(key: Array) -> jax.Array:
        data = jnp.asarray(key)
        return jax.random.fold_in(jax.random.fold_in(jax.random.wrap_key_data(data), epoch), step)

    return jax.vmap(folded)(source.key) if source.separate else folded(source.key)
