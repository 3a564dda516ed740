"""What a run knows at the end of a segment, and what it gives in the end: NumPy arrays of all members."""

from typing import Any, NamedTuple

import numpy as np

from jfnn.engine.program import Members


class Scores(NamedTuple):
    """Means over the rows of each part, float64 ``[members, parts]``.

    NaN where a member diverged or its loss overflows, and for a part that has no rows.
    """

    loss: np.ndarray
    accuracy: np.ndarray


class History(NamedTuple):
    """Scores taken on the way: epochs done ``[h]``, and scores ``[h, members, parts]``."""

    epoch: np.ndarray
    scores: Scores


class BestSoFar(NamedTuple):
    """Each member's best epoch by validation loss: the loss, the epochs done, score and parameters then."""

    loss: np.ndarray
    epoch: np.ndarray
    score: np.ndarray
    params: Any


class RunState(NamedTuple):
    """All that a run needs to go on from where it stands.

    Attributes:
        epoch: Epochs done.
        members: Parameters, optimizer state, divergence.
        left_at: The epochs a member had done when it left before the end, or -1.
        lost: Whether halving has ruled a member's cell out.
        best: For early stopping, else None.
        history: Scores so far.
    """

    epoch: int
    members: Members
    left_at: np.ndarray
    lost: np.ndarray
    best: BestSoFar | None
    history: History

    @property
    def active(self) -> np.ndarray:
        """Which members still train."""
        return (self.left_at < 0) & (self.members.diverged_at < 0)


class Outcome(NamedTuple):
    """What a run gives.

    Attributes:
        params: In the engine's layout.
        epochs: For how many epochs these were trained.
        left_at: The epochs a member had done when it left before the end, or -1.
        lost: Whether halving has ruled a member's cell out.
        diverged_at: The epoch, counted from 0, in which it diverged, or -1.
        scores: Scores of ``params``.
        history: Scores on the way; empty unless asked for.
        compile_seconds: Time to trace and compile, near 0 where the program was already there.
        run_seconds: All the rest.
    """

    params: Any
    epochs: np.ndarray
    left_at: np.ndarray
    lost: np.ndarray
    diverged_at: np.ndarray
    scores: Scores
    history: History
    compile_seconds: float
    run_seconds: float
