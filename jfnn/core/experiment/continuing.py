"""Members of a result that a run trains further; members that had ended stay unchanged."""

import dataclasses
from collections.abc import Iterable

import numpy as np

from jfnn.arguments.checks import ArgumentError
from jfnn.core.engine.cohort import Ended
from jfnn.params import Params


@dataclasses.dataclass(frozen=True, eq=False)
class Trained:
    """Members of a result, as ``initial_params`` of a run.

    Attributes:
        params: Their parameters, as in `jfnn.SweepResult`.
        axes: Name and length of each of the result's axes.
        ended: Whether and when members ended, in the result's shape.
        epochs: Epochs that the parameters were trained for, in the result's shape.
    """

    params: Params
    axes: list[tuple[str, int]]
    ended: Ended
    epochs: np.ndarray

    def ended_in(self, axes: Iterable[tuple[str, int]], epochs: range) -> Ended | None:
        """Return how members ended, for a run with the given axes; None if all of them train further.

        Raises ArgumentError if the run begins at epoch 0, has other axes, or does not begin at the epoch up
        to which these members were trained.
        """
        argument = "initial_params"
        if not epochs.start:
            reason = "to continue a result, give epochs=range(first, end); result.params begin a new run"
            raise ArgumentError(argument, reason)
        expected = list(axes)
        if self.axes != expected and (self.axes or any(length > 1 for _, length in expected)):
            got = ", ".join(f"{name} {length}" for name, length in self.axes) or "none"
            lengths = ", ".join(f"{name} {length}" for name, length in expected)
            raise ArgumentError(argument, f"expected a result with the axes {lengths}, got {got}")
        diverged_at, stopped_at, pruned = self.ended
        ended = np.where(diverged_at >= 0, diverged_at, stopped_at)
        trains = ended < 0
        found = np.unique(self.epochs[trains])
        if len(found) == 1 and found[0] != epochs.start:
            reason = f"expected range({found[0]}, …), since the result has {found[0]} epochs, got {epochs}"
            raise ArgumentError("epochs", reason)
        if (self.epochs != np.where(trains, epochs.start, ended)).any():
            reason = "a scheduler took members back to earlier epochs, so the run cannot continue all of them"
            raise ArgumentError(argument, f"{reason}; result.params can start a new one")
        if trains.all() and not pruned.any():
            return None
        return Ended(
            diverged_at.ravel().astype(np.int32), stopped_at.ravel().astype(np.int32), pruned.ravel().copy()
        )
