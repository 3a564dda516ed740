"""The members that a sweep trains, as checked plain data; their hyperparameters lie on axes."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from jfnn.arguments.callers import Doubt
from jfnn.core.engine.cohort import Cohort, Recording
from jfnn.core.experiment.axes import Axes
from jfnn.core.experiment.settings import Execution
from jfnn.core.experiment.subsets import Subsets
from jfnn.split import Names


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Experiment(Cohort):
    """Members whose hyperparameters lie on axes.

    Attributes:
        constants: Name -> value of numbers that all members share.
        replicate_constants: Name -> values of further numbers, one per replicate.
        folds: Number of folds, or None.
        subsets: The given `Subsets`, if they are the folds. If they have labels, the data have further rows.
        names: As in `jfnn.Split`.
        doubts: Warnings about valid but suspicious input.
        advice: What to change first if training fails, if the training rows suggest something.
    """

    cells: Axes
    execution: Execution = dataclasses.field(default_factory=Execution)
    constants: dict[str, float] = dataclasses.field(default_factory=dict)
    replicate_constants: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    seeds: Sequence[int] = (0,)
    folds: int | None = None
    subsets: Subsets | None = None
    names: Names = dataclasses.field(default_factory=Names)
    doubts: Sequence[Doubt] = ()
    advice: str = ""

    @property
    def recording(self) -> Recording:
        """What the run records, and its listeners."""
        keeps = self.execution
        return Recording(keeps.objective, keeps.keep_params, keeps.eval_every, keeps.progress, keeps.listener)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a per-member array: cells, seeds and, if there are any, folds."""
        if self.is_single:
            return ()
        return (*self.cells.shape, len(self.seeds), *(() if self.folds is None else (self.folds,)))

    @property
    def is_single(self) -> bool:
        """Whether the experiment has one member and no axes."""
        return not self.cells.shape

    def without_axes(self) -> "Experiment":
        """Return the experiment of one member with single numbers instead of axes of length one."""
        return dataclasses.replace(
            self, cells=Axes({name: values.reshape(()) for name, values in self.cells.values.items()})
        )

    @property
    def n_cells(self) -> int:
        """Number of combinations of hyperparameters."""
        return int(np.prod(self.cells.shape))

    def hyper(self) -> dict[str, np.ndarray]:
        """Return each member's numbers, name -> ``[members]``, replicates varying fastest."""
        constants: dict[str, float | np.ndarray] = {**self.constants, **self.replicate_constants}
        return self.cells.hyper(constants, self.members, self.data.dtype)
