"""State of a run between two calls, and its outcome, in NumPy arrays of all members."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jfnn.arguments.types import Tree
from jfnn.core.engine.program import OnHost
from jfnn.params import Params

# Name of a metric -> means over the rows of each part, float64 ``[members, parts]``. NaN if a member diverged
# or its loss overflows, and for a part without rows.
Scores = Mapping[str, np.ndarray]


class Evaluation(NamedTuple):
    """All members after an epoch; a history is several evaluations on a leading axis ``[h]``."""

    epoch: np.ndarray  # number of epochs done
    scores: Scores
    params: Params | None  # in the engine's form [members, …], if kept


class Snapshot(NamedTuple):
    """Parameters that schedulers keep as the final ones of members."""

    epoch: np.ndarray  # number of epochs done at that time, or -1 if nothing is kept [members]
    score: np.ndarray  # the score that ranks, higher is better [members]
    params: Params  # in the engine's form
    hyper: dict[str, np.ndarray]  # name -> each member's value at that time [members]


class RunState(NamedTuple):
    """Everything that a run needs to continue."""

    epoch: int  # number of epochs done
    members: OnHost
    hyper: dict[str, np.ndarray]  # name -> each member's current value [members]
    stopped_at: np.ndarray  # number of epochs done by a member that stopped early; otherwise -1 [members]
    pruned: np.ndarray  # whether a scheduler ruled the member's cell out [members]
    snapshot: Snapshot | None
    schedulers: tuple[Tree, ...]  # the state of each scheduler
    history: Evaluation  # evaluations so far
    # "objective" and each term of the learner -> its mean over each epoch's steps [epochs, members], NaN if a
    # member did not train; empty if objectives are not kept.
    objectives: dict[str, np.ndarray]

    @property
    def active(self) -> np.ndarray:
        """Mask of the members that still train."""
        return np.asarray((self.stopped_at < 0) & (self.members.diverged_at < 0))

    def diverged(self, epoch: int) -> np.ndarray:
        """Return whether each member diverged within the first ``epoch`` epochs ``[members]``."""
        diverged_at = self.members.diverged_at
        return np.asarray((diverged_at >= 0) & (diverged_at < epoch))


class Failure(NamedTuple):
    """Members that an executor gave up on: their numbers, the epochs done, and the error."""

    members: np.ndarray
    epoch: int
    error: Exception


class Outcome(NamedTuple):
    """The outcome of a run."""

    state: RunState  # after the last epoch
    params: Params  # in the engine's form, from the snapshot or the last finite epoch
    epochs: np.ndarray  # number of epochs that these parameters were trained for [members]
    scores: Scores  # of these parameters
    failures: Sequence[Failure]  # members in them have NaN scores and stopped at ``diverged_at``
    compile_seconds: float  # time to trace and compile; near 0 if the program already existed
    run_seconds: float  # all other time
