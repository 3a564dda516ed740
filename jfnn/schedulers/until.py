"""Cells that end after epochs of their own."""

import dataclasses

import numpy as np

from jfnn.schedulers.scheduler import Actions, Report, Scheduler, SchedulerState


@dataclasses.dataclass(frozen=True)
class Until(Scheduler):
    """Stops each cell after a number of epochs of its own, as winners that early stopping ended at several.

    Attributes:
        ends: Epochs of each cell, at least 1.
    """

    ends: tuple[int, ...]

    def next_epoch(self, epoch: int, cells: int, epochs: int) -> int:
        """The first end of a cell that is still to come."""
        return min((end for end in self.ends if end > epoch), default=epochs + 1)

    def update(self, state: SchedulerState, report: Report) -> tuple[SchedulerState, Actions]:
        """Stops the cells whose end has come."""
        return state, Actions(stop=np.repeat(self.ends, report.replicates) <= report.epoch)
