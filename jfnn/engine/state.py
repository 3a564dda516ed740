"""State of a run between two calls, and its outcome: NumPy arrays of all members."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jfnn.engine.program import Members
from jfnn.layers.kind import Params

# Name of a metric -> means over the rows of each part, float64 ``[members, parts]``. NaN where a member
# diverged or its loss overflows, and for a part that has no rows.
Scores = Mapping[str, np.ndarray]


class Evaluation(NamedTuple):
    """All members after an epoch; as a history several evaluations, each array with a leading axis ``[h]``.

    Attributes:
        epoch: Epochs done.
        scores: Name of a metric -> ``[members, parts]``.
        params: Parameters in the engine's form ``[members, …]`` if kept, else None.
    """

    epoch: np.ndarray
    scores: Scores
    params: Params | None


class Kept(NamedTuple):
    """Parameters that schedulers keep as the final ones.

    Attributes:
        epoch: Epochs done when they were kept, -1 for none ``[members]``.
        score: Their score, the one that ranks, higher is better ``[members]``.
        params: In the engine's form.
        hyper: Name -> each member's number at that score ``[members]``.
    """

    epoch: np.ndarray
    score: np.ndarray
    params: Params
    hyper: dict[str, np.ndarray]


class RunState(NamedTuple):
    """Everything that a run needs to go on.

    Attributes:
        epoch: Epochs done.
        members: Parameters, memory, divergence.
        hyper: Name -> each member's current number ``[members]``.
        stopped_at: Epochs a member had done when it stopped before the end, or -1.
        pruned: Whether a scheduler ruled the member's cell out.
        kept: Parameters kept by schedulers, or None.
        schedulers: The state of each scheduler.
        history: Evaluations so far.
        objectives: Mean objective of each epoch's steps ``[epochs, members]``, NaN where a member did not
            train; empty if not kept.
    """

    epoch: int
    members: Members
    hyper: dict[str, np.ndarray]
    stopped_at: np.ndarray
    pruned: np.ndarray
    kept: Kept | None
    schedulers: tuple[Any, ...]
    history: Evaluation
    objectives: np.ndarray

    @property
    def active(self) -> np.ndarray:
        """Mask of the members that still train."""
        return np.asarray((self.stopped_at < 0) & (self.members.diverged_at < 0))


class Lost(NamedTuple):
    """Members that an executor gave up: numbers, epochs done, and the error."""

    members: np.ndarray
    epoch: int
    error: Exception


class Outcome(NamedTuple):
    """The outcome of a run.

    Attributes:
        state: The state after the last epoch.
        params: Final parameters in the engine's form: those kept, or of the last finite epoch.
        epochs: Epochs that these were trained for ``[members]``.
        scores: Scores of ``params``.
        lost: Members given up; their scores are NaN, and ``diverged_at`` says where they stopped.
        compile_seconds: Time to trace and compile; near 0 if the program existed.
        run_seconds: All other time.
    """

    state: RunState
    params: Params
    epochs: np.ndarray
    scores: Scores
    lost: Sequence[Lost]
    compile_seconds: float
    run_seconds: float
