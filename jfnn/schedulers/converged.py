"""Convergence: a member whose objective no longer falls stops, and costs nothing from there on."""

import dataclasses

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.fields import field
from jfnn.schedulers.scheduler import Actions, Report, Scheduler, SchedulerState


@dataclasses.dataclass(frozen=True)
class Converged(Scheduler):
    """Stops a member when its objective has changed by a small share: for full batches and L-BFGS.

    It has converged where ``|f - f'| <= tolerance · max(|f|, |f'|, 1)``, f and f' being its objectives a
    number of epochs apart, as SciPy's L-BFGS-B has it of two iterations (``ftol``).

    Attributes:
        every: Epochs from one comparison to the next.
        tolerance: At least 0. In float32 objectives are known to some 1e-7 of their size.
    """

    every: int = field(10, checks.as_count)
    tolerance: float = field(1e-6, checks.as_number)
    reads_objective = True

    def next_epoch(self, epoch: int, cells: int, epochs: int) -> int:
        """Every multiple of ``every``."""
        return (epoch // self.every + 1) * self.every

    def init(self, cells: int, replicates: int) -> SchedulerState:
        """The objective of each member when it was last compared: none yet."""
        return np.full(cells * replicates, np.inf)

    def update(self, state: SchedulerState, report: Report) -> tuple[SchedulerState, Actions]:
        """Stops members whose objective has hardly changed."""
        if report.epoch % self.every:
            return state, Actions()
        now = report.objective
        scale = np.maximum(np.maximum(np.abs(state), np.abs(now)), 1)
        with np.errstate(invalid="ignore"):  # of none yet, and of members that diverged
            small = np.abs(state - now) <= self.tolerance * scale
        return now, Actions(stop=report.active & np.isfinite(state) & small)
