"""Members of a result with which a run goes on: those that had ended there stay as they were."""

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
        params: Their parameters, as `jfnn.SweepResult` has them.
        axes: Name and length of each of its axes.
        ended: How they stand, in its shape.
        epochs: Epochs that the parameters were trained for, in its shape.
    """

    params: Params
    axes: list[tuple[str, int]]
    ended: Ended
    epochs: np.ndarray

    def ended_in(self, axes: Iterable[tuple[str, int]], epochs: range) -> Ended | None:
        """How members stand where a run with some axes goes on with these; None where all train on.

        Raises:
            ValueError: The run does not go on, has other axes, or does not begin where these ended.
        """
        argument = "initial_params"
        if not epochs.start:
            reason = "a result goes on by epochs=range(first, end); result.params begin a new run"
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
            reason = "a scheduler took members back to earlier epochs, whose state later ones do not follow"
            raise ArgumentError(argument, f"{reason}; result.params trains on from there")
        if trains.all() and not pruned.any():
            return None
        return Ended(
            diverged_at.ravel().astype(np.int32), stopped_at.ravel().astype(np.int32), pruned.ravel().copy()
        )
