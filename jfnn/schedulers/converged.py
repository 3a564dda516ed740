"""Stop members whose objective no longer changes; they then cost nothing."""

import dataclasses

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.fields import field
from jfnn.schedulers.scheduler import Actions, Report, Scheduler, SchedulerState


@dataclasses.dataclass(frozen=True)
class Converged(Scheduler):
    """Stops a member when its objective has hardly changed; suitable for full batches and L-BFGS.

    A member has converged if ``|f - f'| <= tolerance · max(|f|, |f'|, 1)``, with f and f' its objectives
    ``every`` epochs apart. SciPy's L-BFGS-B applies this to consecutive iterations (``ftol``).

    Attributes:
        every: Epochs between comparisons.
        tolerance: At least 0. In float32, objectives have a relative precision of about 1e-7.

    Example:
        >>> import jfnn
        >>> x, y = jfnn.datasets.xor_gate()
        >>> network = jfnn.mlp((2, 8, 2))
        >>> converged = jfnn.Converged(every=100, tolerance=0.01)
        >>> result = jfnn.sweep(
        ...     network, jfnn.Split(x, y), learning_rate=[0.001, 0.1], epochs=5000, schedulers=[converged]
        ... )
        >>> bool((result.epochs < 5000).any())
        True
    """

    every: int = field(10, checks.as_count)
    tolerance: float = field(1e-6, checks.as_number)
    reads_objective = True

    def next_epoch(self, epoch: int, cells: int, epochs: int) -> int:
        """Return the next multiple of ``every``."""
        return (epoch // self.every + 1) * self.every

    def init(self, cells: int, replicates: int) -> SchedulerState:
        """Return infinity as the previous objective of each member, since there is none yet."""
        return np.full(cells * replicates, np.inf)

    def update(self, state: SchedulerState, report: Report) -> tuple[SchedulerState, Actions]:
        """Stop members whose objective has hardly changed."""
        if report.epoch % self.every:
            return state, Actions()
        now = report.objective
        scale = np.maximum(np.maximum(np.abs(state), np.abs(now)), 1)
        with np.errstate(invalid="ignore"):  # infinity from `init`, and objectives of diverged members
            small = np.abs(state - now) <= self.tolerance * scale
        return now, Actions(stop=report.active & np.isfinite(state) & small)
