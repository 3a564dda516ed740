"""Optional members of a learner: the forms of its functions for a tile, and for the end of an epoch."""

from typing import Protocol, runtime_checkable

import jax

from jfnn.learners.data import Batch, Hyper
from jfnn.learners.learner import Learner
from jfnn.optimizers import State


@runtime_checkable
class TakesMembersLast(Protocol):
    """A learner that can train a tile with the members on the last axis of every array."""

    def fits_last(self, platform: str, members: int, batch: int, own: bool) -> bool:
        """Whether that form is the faster one, for ``members`` of a tile and ``batch`` rows a step."""
        ...

    def step_last(
        self, states: State, batch: Batch, hyper: Hyper, key: jax.Array | None, own: bool
    ) -> tuple[State, jax.Array]:
        """`step_members` in that form."""
        ...


def members_axis(learner: Learner, platform: str, members: int, batch: int, own: bool = False) -> int:
    """The axis, 0 or -1, on which members lie in each array of their states while a tile trains."""
    original = learner.original
    if isinstance(original, TakesMembersLast) and original.fits_last(platform, members, batch, own):
        return -1
    return 0


def step_members(
    learner: Learner, states: State, batch: Batch, hyper: Hyper, key: jax.Array | None, axis: int, own: bool
) -> tuple[State, jax.Array]:
    """`Learner.step` of all members of a tile, with objectives ``[tile]``.

    Args:
        learner: The learner.
        states: States of the members.
        batch: The minibatch that they share, or with ``own`` each member's, on the same axis.
        hyper: Their numbers ``[tile]``.
        key: The random key that they share, or their own ``[tile]``; None unless the learner is random.
        axis: The axis of members, from `members_axis`.
        own: Whether members have minibatches and keys of their own.
    """
    original = learner.original
    if axis == -1 and isinstance(original, TakesMembersLast):
        return original.step_last(states, batch, hyper, key, own)
    each = (axis, axis, 0, 0) if own else (axis, None, 0, None)
    return jax.vmap(learner.step, in_axes=each, out_axes=(axis, 0))(states, batch, hyper, key)


def end_epoch(learner: Learner, before: State, after: State, hyper: Hyper) -> State:
    """State when an epoch ends: by the learner's ``end_epoch(before, after, hyper)``, else ``after``."""
    state: State = getattr(learner, "end_epoch", lambda before, after, hyper: after)(before, after, hyper)
    return state
