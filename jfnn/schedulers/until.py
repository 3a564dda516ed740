"""Stop each cell at a given epoch."""

import dataclasses

import numpy as np

from jfnn.schedulers.scheduler import Actions, Report, Scheduler, SchedulerState


@dataclasses.dataclass(frozen=True)
class Until(Scheduler):
    """Stops each cell after its own number of epochs, for winners of a search with early stopping.

    Attributes:
        ends: Number of epochs of each cell, at least 1.
    """

    ends: tuple[int, ...]

    def next_epoch(self, epoch: int, cells: int, epochs: int) -> int:
        """Return the next epoch at which a cell ends."""
        return min((end for end in self.ends if end > epoch), default=epochs + 1)

    def update(self, state: SchedulerState, report: Report) -> tuple[SchedulerState, Actions]:
        """Stop the cells that have reached their end."""
        return state, Actions(stop=np.repeat(self.ends, report.replicates) <= report.epoch)
