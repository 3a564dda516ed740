"""Early stopping: members that no longer improve stop, and keep their best parameters."""

import dataclasses

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.fields import field
from jfnn.schedulers.scheduler import Actions, Report, Scheduler, SchedulerState


@dataclasses.dataclass(frozen=True)
class EarlyStopping(Scheduler):
    """Stops a member when its validation loss has stopped improving, and restores its best parameters.

    Attributes:
        patience: Epochs without a lower loss after which a member stops.

    Example:
        >>> import jfnn
        >>> split = jfnn.datasets.standardize(jfnn.datasets.digits())
        >>> stopping = jfnn.EarlyStopping(patience=3)
        >>> result = jfnn.sweep(
        ...     jfnn.mlp((64, 10)), split, learning_rate=0.1, validation=0.2, epochs=10, schedulers=[stopping]
        ... )
        >>> result.stopped_at.shape  # the epoch, or -1
        (1, 1, 1)
    """

    patience: int = field(convert=checks.as_count)
    keeps_best = True
    validates = True

    def next_epoch(self, epoch: int, cells: int, epochs: int) -> int:
        """Return the next epoch."""
        return epoch + 1

    def init(self, cells: int, replicates: int) -> SchedulerState:
        """Return the lowest loss of each member so far, infinity, and its epoch, 0."""
        members = cells * replicates
        return np.full(members, np.inf), np.zeros(members, np.int32)

    def update(self, state: SchedulerState, report: Report) -> tuple[SchedulerState, Actions]:
        """Keep the parameters of members that improved; stop members without an improvement for too long."""
        lowest, since = state
        better = report.active & (report.loss < lowest)
        lowest = np.where(better, report.loss, lowest)
        since = np.where(better, np.int32(report.epoch), since)
        return (lowest, since), Actions(stop=report.epoch - since >= self.patience, keep=better)
