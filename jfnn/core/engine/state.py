"""State of a run between two calls, and its outcome: NumPy arrays of all members."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jfnn.arguments.types import Tree
from jfnn.core.engine.program import OnHost
from jfnn.params import Params

# Name of a metric -> means over the rows of each part, float64 ``[members, parts]``. NaN where a member
# diverged or its loss overflows, and for a part that has no rows.
Scores = Mapping[str, np.ndarray]


class Evaluation(NamedTuple):
    """All members after an epoch; as a history several evaluations, with a leading axis ``[h]``."""

    epoch: np.ndarray  # epochs done
    scores: Scores
    params: Params | None  # in the engine's form [members, …] if kept


class Snapshot(NamedTuple):
    """Parameters of members that schedulers keep as the final ones."""

    epoch: np.ndarray  # epochs done then, -1 for none [members]
    score: np.ndarray  # the score that ranks, higher is better [members]
    params: Params  # in the engine's form
    hyper: dict[str, np.ndarray]  # name -> each member's number at that score [members]


class RunState(NamedTuple):
    """Everything that a run needs to go on."""

    epoch: int  # epochs done
    members: OnHost
    hyper: dict[str, np.ndarray]  # name -> each member's current number [members]
    stopped_at: np.ndarray  # epochs done by a member that stopped before the end, or -1 [members]
    pruned: np.ndarray  # whether a scheduler ruled the member's cell out [members]
    snapshot: Snapshot | None
    schedulers: tuple[Tree, ...]  # the state of each
    history: Evaluation  # evaluations so far
    # "objective" and each term of the learner -> its mean over each epoch's steps [epochs, members], NaN
    # where a member did not train; empty where it is not kept.
    objectives: dict[str, np.ndarray]

    @property
    def active(self) -> np.ndarray:
        """Mask of the members that still train."""
        return np.asarray((self.stopped_at < 0) & (self.members.diverged_at < 0))

    def diverged(self, epoch: int) -> np.ndarray:
        """Whether each member had diverged within the first ``epoch`` epochs ``[members]``."""
        diverged_at = self.members.diverged_at
        return np.asarray((diverged_at >= 0) & (diverged_at < epoch))


class Failure(NamedTuple):
    """Members that an executor gave up: numbers, epochs done, and the error."""

    members: np.ndarray
    epoch: int
    error: Exception


class Outcome(NamedTuple):
    """The outcome of a run."""

    state: RunState  # after the last epoch
    params: Params  # final ones in the engine's form: of the snapshot, or of the last finite epoch
    epochs: np.ndarray  # epochs that these were trained for [members]
    scores: Scores  # of these
    failures: Sequence[Failure]  # their members have NaN scores, and stopped where ``diverged_at`` says
    compile_seconds: float  # to trace and compile; near 0 if the program existed
    run_seconds: float  # all other time
