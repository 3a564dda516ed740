"""Optional members of a learner, and the functions by which the engine calls them or does without."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import jax

from jfnn.learners.data import Batch, Hyper
from jfnn.learners.learner import Learner
from jfnn.training import State


@runtime_checkable
class HasCounts(Protocol):
    """A learner some of whose numbers are counts.

    Attributes:
        counts: Names of the numbers that are whole and at least 1 -> the most that each may be.
    """

    @property
    def counts(self) -> Mapping[str, int]:
        """See the attributes."""
        ...


@runtime_checkable
class EndsEpochs(Protocol):
    """A learner that changes a member's state when an epoch ends."""

    def end_epoch(self, before: State, after: State, hyper: Hyper) -> State:
        """The state when an epoch ends, from that ``before`` it and that ``after`` its last step."""
        ...


@runtime_checkable
class TakesMembersLast(Protocol):
    """A learner that can train a tile with the members on the last axis of every array."""

    def fits_last(self, platform: str, members: int, batch: int, own: bool) -> bool:
        """Whether that form is the faster one.

        Args:
            platform: "cpu", "gpu", …
            members: Members of a tile.
            batch: Rows a step.
            own: Whether members have minibatches of their own.
        """
        ...

    def step_last(
        self, states: State, batch: Batch, hyper: Hyper, key: jax.Array | None, own: bool
    ) -> tuple[State, jax.Array]:
        """`step_members` in that form."""
        ...


def counts(learner: Learner) -> Mapping[str, int]:
    """`HasCounts.counts`, or none."""
    original = learner.original
    return original.counts if isinstance(original, HasCounts) else {}


def end_epoch(learner: Learner, before: State, after: State, hyper: Hyper) -> State:
    """`EndsEpochs.end_epoch`, or the state ``after`` the last step."""
    return learner.end_epoch(before, after, hyper) if isinstance(learner, EndsEpochs) else after


def members_axis(learner: Learner, platform: str, members: int, batch: int, own: bool = False) -> int:
    """The axis, 0 or -1, on which members lie in each array of their states while a tile trains."""
    original = learner.original
    if isinstance(original, TakesMembersLast) and original.fits_last(platform, members, batch, own):
        return -1
    return 0


def step_members(
    learner: Learner, states: State, batch: Batch, hyper: Hyper, key: jax.Array | None, axis: int, own: bool
) -> tuple[State, jax.Array]:
    """`Learner.step` of all members of a tile.

    Args:
        learner: The learner.
        states: States of the members.
        batch: The minibatch that they share, or with ``own`` each member's, on the same axis.
        hyper: Their numbers ``[tile]``.
        key: The random key that they share, or their own ``[tile]``; None unless the learner is random.
        axis: The axis of members, from `members_axis`.
        own: Whether members have minibatches and keys of their own.

    Returns:
        The states after the step, and the objectives before it ``[tile]``.
    """
    original = learner.original
    if axis == -1 and isinstance(original, TakesMembersLast):
        return original.step_last(states, batch, hyper, key, own)
    each = (axis, axis, 0, 0) if own else (axis, None, 0, None)
    return jax.vmap(learner.step, in_axes=each, out_axes=(axis, 0))(states, batch, hyper, key)
