"""The scheduler: a rule that sees scores between calls and says which members train on, and how."""

import abc
import dataclasses
from collections.abc import Collection, Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np

from jfnn.arguments.fields import Valid

SchedulerState = Any  # a pytree of NumPy arrays


class Report(NamedTuple):
    """The input of a scheduler. Member number = cell number × replicates + replicate number.

    Attributes:
        epoch: Epochs done.
        epochs: Epochs in all.
        cells: Combinations of hyperparameters.
        replicates: Seeds and folds of each cell.
        score: The score that ranks members, higher is better, NaN for none ``[members]``: of the parameters
            that each would end with.
        loss: Loss on the rows that rank, NaN for none ``[members]``.
        active: Which members still train ``[members]``.
        diverged: Which members diverged ``[members]``.
        pruned: Which members are ruled out ``[members]``.
        hyper: Name -> each member's number ``[members]``.
        objective: Mean objective of each member's steps in the last epoch ``[members]``; empty unless a
            scheduler reads it.
    """

    epoch: int
    epochs: int
    cells: int
    replicates: int
    score: np.ndarray
    loss: np.ndarray
    active: np.ndarray
    diverged: np.ndarray
    pruned: np.ndarray
    hyper: Mapping[str, np.ndarray]
    objective: np.ndarray = np.zeros(0)


class Actions(NamedTuple):
    """Changes to members; None for none.

    Attributes:
        stop: Members that stop training ``[members]``.
        prune: Members that do not rank any more ``[members]``.
        keep: Members that are to end with the parameters they have now ``[members]``.
        copy: The member whose state each member goes on with, its number for itself ``[members]``.
        hyper: Name -> new numbers ``[members]``.
    """

    stop: np.ndarray | None = None
    prune: np.ndarray | None = None
    keep: np.ndarray | None = None
    copy: np.ndarray | None = None
    hyper: Mapping[str, np.ndarray] | None = None


@dataclasses.dataclass(frozen=True)
class Scheduler(Valid, abc.ABC):
    """A pair of pure functions, ``init`` and ``update``, and the epochs after which it wants scores.

    Decisions follow from the reports only, so that a run has the same bits resumed or not. A subclass is a
    frozen dataclass of plain values.
    """

    # Whether `Actions.keep` is used; such schedulers act first, so that others see the kept scores.
    keeps_best: ClassVar[bool] = False
    # Whether it reads objectives.
    reads_objective: ClassVar[bool] = False
    # Whether it needs rows held out.
    validates: ClassVar[bool] = False

    def check(self, cells: int, epochs: int, hyper: Collection[str]) -> None:
        """Raises ValueError for a sweep in which the scheduler could do nothing.

        Args:
            cells: Combinations of hyperparameters.
            epochs: Epochs in all.
            hyper: Names of the numbers that members have.
        """

    @abc.abstractmethod
    def next_epoch(self, epoch: int, cells: int, epochs: int) -> int:
        """The first epoch above ``epoch`` after which it wants scores; above ``epochs`` for none.

        It must name members of one fixed set of epochs, wherever a run is cut: `update` is called at every
        evaluation, other schedulers' included.
        """

    def init(self, cells: int, replicates: int) -> SchedulerState:
        """Its state before the first epoch."""
        return ()

    @abc.abstractmethod
    def update(self, state: SchedulerState, report: Report) -> tuple[SchedulerState, Actions]:
        """Its state after a report, and its actions."""
