"""What a run knows between two calls, and what it gives in the end: NumPy arrays of all members."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jfnn.engine.program import Members
from jfnn.layers.kind import Params

# Name of a metric -> means over the rows of each part, float64 ``[members, parts]``. NaN where a member
# diverged or its loss overflows, and for a part that has no rows.
Scores = Mapping[str, np.ndarray]


class Evaluation(NamedTuple):
    """Scores of all members after an epoch, and their parameters where these are kept, else None."""

    scores: Scores
    params: Params | None


class History(NamedTuple):
    """Evaluations on the way.

    Attributes:
        epoch: Epochs done ``[h]``.
        scores: ``[h, members, parts]``.
        params: Parameters in the engine's form ``[h, members, …]``, or None.
    """

    epoch: np.ndarray
    scores: Scores
    params: Params | None


class Kept(NamedTuple):
    """Parameters that a scheduler keeps for members to end with.

    Attributes:
        epoch: Epochs done when they were kept, -1 for none ``[members]``.
        score: Their score, the one that ranks, higher is better ``[members]``.
        params: In the engine's form.
        hyper: Name -> each member's number then, with which its score was taken ``[members]``.
    """

    epoch: np.ndarray
    score: np.ndarray
    params: Params
    hyper: dict[str, np.ndarray]


class RunState(NamedTuple):
    """All that a run needs to go on from where it stands.

    Attributes:
        epoch: Epochs done.
        members: Parameters, memory, divergence.
        hyper: Name -> each member's number now ``[members]``.
        stopped_at: Epochs a member had done when it stopped before the end, or -1.
        pruned: Whether a scheduler ruled the member's cell out.
        kept: Where a scheduler keeps parameters, else None.
        schedulers: The state of each scheduler.
        history: Scores so far.
        objectives: Mean objective of each epoch's steps ``[epochs, members]``, NaN where a member did not
            train; no epochs where it is not kept.
    """

    epoch: int
    members: Members
    hyper: dict[str, np.ndarray]
    stopped_at: np.ndarray
    pruned: np.ndarray
    kept: Kept | None
    schedulers: tuple[Any, ...]
    history: History
    objectives: np.ndarray

    @property
    def active(self) -> np.ndarray:
        """Which members still train."""
        return np.asarray((self.stopped_at < 0) & (self.members.diverged_at < 0))


class Lost(NamedTuple):
    """Members that an executor gave up: their numbers, the epochs they had done, and why."""

    members: np.ndarray
    epoch: int
    error: Exception


class Outcome(NamedTuple):
    """What a run gives.

    Attributes:
        params: In the engine's form.
        epochs: Epochs for which these were trained ``[members]``.
        stopped_at: Epochs a member had done when it stopped before the end, or -1.
        pruned: Whether a scheduler ruled the member's cell out.
        diverged_at: The epoch, counted from 0, in which the member diverged, or -1.
        scores: Scores of ``params``.
        history: Scores on the way.
        objectives: As in `RunState`.
        lost: Members that were given up; their scores are NaN, ``diverged_at`` is where they stopped.
        compile_seconds: Time to trace and compile, near 0 where the program was already there.
        run_seconds: All the rest.
    """

    params: Params
    epochs: np.ndarray
    stopped_at: np.ndarray
    pruned: np.ndarray
    diverged_at: np.ndarray
    scores: Scores
    history: History
    objectives: np.ndarray
    lost: Sequence[Lost]
    compile_seconds: float
    run_seconds: float
