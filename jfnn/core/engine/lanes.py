"""The axes on which the members of a tile lie while they train."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp

from jfnn.core.engine.minibatches import Source
from jfnn.learners.data import Batch, Hyper, StepValues
from jfnn.learners.functions import Functions
from jfnn.params import State

Arrays = TypeVar("Arrays")
Step = Callable[[State, Batch, Hyper, jax.Array | None], tuple[State, StepValues]]


class Lanes(NamedTuple):
    """The members' axis, first or last, and their groups, which share minibatches.

    ======================  =======================  ==========================  ===================
    array                   groups, first            groups, last                one group
    ======================  =======================  ==========================  ===================
    leaf of the states      ``[tile, …]``            ``[…, tile]``               either
    row numbers of steps    ``[s, groups, batch]``   ``[s, batch, groups]``      ``[s, batch]``
    leaf of gathered rows   ``[groups, batch, …]``   ``[batch, …, groups]``      ``[batch, …]``
    weights of the rows     ``[groups, batch]``      ``[batch, groups]``         ``[batch]``
    fold, random key        ``[groups]``             ``[groups]``                one
    ======================  =======================  ==========================  ===================

    Attributes:
        last: Whether members lie on the last axis of their states, instead of the first; then there is one
            group, or one for each member.
        groups: Number of groups.
        group_size: Number of members in each group, neighbors on the axis of members.
    """

    last: bool
    groups: int
    group_size: int

    @property
    def axis(self) -> int:
        """Axis of members in their states."""
        return -1 if self.last else 0

    @property
    def separate(self) -> bool:
        """Whether there are several groups, so that rows have an axis of groups."""
        return self.groups > 1

    @property
    def batch_axis(self) -> int:
        """Axis of the batch in the row numbers of one step."""
        return 0 if self.separate and self.last else -1

    def lay_out(self, states: Arrays) -> Arrays:
        """Move members from the leading axis of states to `axis`."""
        moved: Arrays = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, self.axis), states)
        return moved

    def members_first(self, states: Arrays) -> Arrays:
        """The inverse of `lay_out`."""
        moved: Arrays = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, self.axis, 0), states)
        return moved

    def lay_out_source(self, source: Source) -> Source:
        """Lay out row numbers, keys and folds of a tile, which have an axis of groups, as in the table."""
        if not self.separate:
            return source.of_group(0)
        return source._replace(rows=source.rows.swapaxes(1, 2)) if self.last else source

    def broadcast_to_rows(self, of_groups: Arrays) -> Arrays:
        """Reshape arrays ``[groups]``, or scalars of one group, to broadcast against a step's row numbers."""
        if self.last or not self.separate:
            return of_groups
        broadcast: Arrays = jax.tree.map(lambda leaf: leaf[:, None], of_groups)
        return broadcast

    def members_last(self, batch: Batch) -> Batch:
        """Move members of a gathered batch to the last axis if `step` expects them there."""
        if not (self.separate and self.last):
            return batch
        return batch._replace(rows=jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 1, -1), batch.rows))

    def step(self, functions: Functions) -> Step:
        """Return `Learner.step` for all members; its values are ``[tile]``."""
        if self.last:
            step_last = functions.learner.step_last
            return lambda states, batch, hyper, key: step_last(states, batch, hyper, key, self.separate)
        if self.separate and self.group_size == 1:
            return jax.vmap(functions.step)
        step = jax.vmap(functions.step, in_axes=(0, None, 0, None))
        return self._map_groups(jax.vmap(step)) if self.separate else step

    def _map_groups(self, step: Step) -> Step:
        """Turn a step over ``[groups, group size, …]`` into a step over ``[members, …]``."""

        def of_all(
            states: State, batch: Batch, hyper: Hyper, key: jax.Array | None
        ) -> tuple[State, StepValues]:
            states, hyper = jax.tree.map(
                lambda leaf: leaf.reshape(self.groups, self.group_size, *leaf.shape[1:]), (states, hyper)
            )
            after = step(states, batch, hyper, key)
            joined: tuple[State, StepValues] = jax.tree.map(
                lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), after
            )
            return joined

        return of_all

    def end_epoch(self, functions: Functions) -> Callable[[State, State, Hyper], State]:
        """Return `Learner.end_epoch` for all members."""
        return jax.vmap(functions.end_epoch, in_axes=(self.axis, self.axis, 0), out_axes=self.axis)

    def select(self, which: jax.Array, one: Arrays, other: Arrays) -> Arrays:
        """Take arrays of ``one`` for members marked in ``which [tile]``, and of ``other`` for the rest."""

        def choose(leaf: jax.Array, instead: jax.Array) -> jax.Array:
            return jnp.where(jnp.expand_dims(which, self._other_axes(leaf)), leaf, instead)

        selected: Arrays = jax.tree.map(choose, one, other)
        return selected

    def all_finite(self, leaves: Sequence[jax.Array]) -> jax.Array:
        """Return whether all numbers of each member are finite ``[tile]``, in arrays of one dtype.

        Arrays are joined first: for each separate array, XLA makes three kernels, which take longer to
        compile and, in a tiny network, a seventh of a step's time (compare with the workload xor of
        scripts/bench.py).
        """
        joined = leaves[0]
        if len(leaves) > 1:
            members = joined.shape[self.axis]
            shape = (-1, members) if self.last else (members, -1)
            flat = [leaf.reshape(shape) for leaf in leaves]
            joined = jnp.concatenate(flat, axis=0 if self.last else 1)
        return jnp.isfinite(joined).all(axis=self._other_axes(joined))

    def _other_axes(self, leaf: jax.Array) -> tuple[int, ...]:
        return tuple(i for i in range(leaf.ndim) if i != self.axis % leaf.ndim)
