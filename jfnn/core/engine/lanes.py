"""The axes on which the members of a tile lie while they train."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.learners.data import Batch, Hyper, StepValues
from jfnn.learners.functions import Functions
from jfnn.params import State

Arrays = TypeVar("Arrays")
Numbers = TypeVar("Numbers", np.ndarray, jax.Array)
Step = Callable[[State, Batch, Hyper, jax.Array | None], tuple[State, StepValues]]


class Lanes(NamedTuple):
    """The members' axis, first or last, and whether they have separate or shared minibatches.

    ======================  =====================  ==========================  ===================
    array                   separate, first        separate, last              shared
    ======================  =====================  ==========================  ===================
    leaf of the states      ``[tile, …]``          ``[…, tile]``               as if separate
    row numbers of steps    ``[s, tile, batch]``   ``[s, batch, tile]``        ``[s, batch]``
    leaf of gathered rows   ``[tile, batch, …]``   ``[batch, …, tile]``        ``[batch, …]``
    weights of the rows     ``[tile, batch]``      ``[batch, tile]``           ``[batch]``
    fold, random key        ``[tile]``             ``[tile]``                  one
    ======================  =====================  ==========================  ===================

    Attributes:
        last: Whether members lie on the last axis of their states, instead of the first.
        separate: Whether each member has its own minibatches, instead of shared ones.
        together: Number of neighbors with the same minibatches if these are separate. Above 1, members lie on
            the first axis, and ``tile`` counts groups of neighbors in all arrays except states.
    """

    last: bool
    separate: bool
    together: int = 1

    @property
    def axis(self) -> int:
        """Axis of members in their states."""
        return -1 if self.last else 0

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

    def row_numbers(self, row_numbers: Numbers) -> Numbers:
        """Lay out row numbers of several steps ``[steps, tile, batch]``, or ``[steps, batch]`` if shared."""
        return row_numbers.swapaxes(1, 2) if self.separate and self.last else row_numbers

    def row_numbers_shape(self, tile: int, batch: int) -> tuple[int, ...]:
        """Return the shape of the row numbers of one step."""
        if not self.separate:
            return (batch,)
        return (batch, tile) if self.last else (tile, batch)

    def broadcast_to_rows(self, of_members: Arrays) -> Arrays:
        """Reshape arrays ``[tile]``, or shared scalars, to broadcast against the row numbers of a step."""
        if self.last or not self.separate:
            return of_members
        broadcast: Arrays = jax.tree.map(lambda leaf: leaf[:, None], of_members)
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
        each = 0 if self.separate and self.together == 1 else None
        step = jax.vmap(functions.step, in_axes=(0, each, 0, each))
        return step if self.together == 1 else self._map_groups(jax.vmap(step))

    def _map_groups(self, step: Step) -> Step:
        """Turn a step over ``[groups, together, …]`` into a step over ``[members, …]``."""

        def of_all(
            states: State, batch: Batch, hyper: Hyper, key: jax.Array | None
        ) -> tuple[State, StepValues]:
            states, hyper = jax.tree.map(
                lambda leaf: leaf.reshape(-1, self.together, *leaf.shape[1:]), (states, hyper)
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
