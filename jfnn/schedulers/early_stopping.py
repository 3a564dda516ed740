"""Early stopping: a member that no longer improves stops and ends with its best parameters."""

import dataclasses
from typing import NamedTuple

import numpy as np

from jfnn.arguments import checks
from jfnn.schedulers.scheduler import Actions, Report, Scheduler, SchedulerState


class BestLoss(NamedTuple):
    """Lowest validation loss of each member, and the epochs done then ``[members]``."""

    loss: np.ndarray
    epoch: np.ndarray


@dataclasses.dataclass(frozen=True)
class EarlyStopping(Scheduler):
    """Stops a member when its validation loss has not improved for a while, and restores its best epoch.

    Attributes:
        patience: Epochs without a lower loss after which a member stops.
    """

    patience: int
    keeps_best = True
    validates = True

    def __post_init__(self) -> None:
        """Raises ValueError for a patience below one epoch."""
        checks.as_count(self.patience, "patience")

    def next_epoch(self, epoch: int, cells: int, epochs: int) -> int:
        """Every epoch."""
        return epoch + 1

    def init(self, cells: int, replicates: int) -> BestLoss:
        """No loss yet."""
        members = cells * replicates
        return BestLoss(np.full(members, np.inf), np.zeros(members, np.int32))

    def update(self, state: SchedulerState, report: Report) -> tuple[SchedulerState, Actions]:
        """Keeps members that improved; stops those that waited too long."""
        better = report.active & (report.loss < state.loss)
        loss = np.where(better, report.loss, state.loss)
        epoch = np.where(better, report.epoch, state.epoch).astype(np.int32)
        return BestLoss(loss, epoch), Actions(stop=report.epoch - epoch >= self.patience, keep=better)
