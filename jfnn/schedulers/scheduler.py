"""The scheduler interface: rules that read scores between calls and decide which members continue."""

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
        epochs: Total number of epochs.
        cells: Number of combinations of hyperparameters.
        replicates: Number of seeds and folds of each cell.
        score: The ranking score, higher is better, of the parameters that each member would end with
            ``[members]``; NaN if missing.
        loss: Loss on the rows used for ranking ``[members]``; NaN if missing.
        active: Whether each member still trains ``[members]``.
        diverged: Whether each member diverged ``[members]``.
        pruned: Whether each member is excluded from the ranking ``[members]``.
        hyper: Name -> hyperparameter of each member ``[members]``.
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
    """Changes to members; None for no change.

    Attributes:
        stop: Whether each member stops training ``[members]``.
        prune: Whether each member is excluded from the ranking ``[members]``.
        keep: Whether each member is to end with its current parameters ``[members]``.
        copy: Number of the member whose state each member takes over ``[members]``, its own for no copy.
        hyper: Name -> new hyperparameters ``[members]``.
    """

    stop: np.ndarray | None = None
    prune: np.ndarray | None = None
    keep: np.ndarray | None = None
    copy: np.ndarray | None = None
    hyper: Mapping[str, np.ndarray] | None = None


@dataclasses.dataclass(frozen=True)
class Scheduler(Valid, abc.ABC):
    """Two pure functions, ``init`` and ``update``, and the epochs at which scores are needed.

    Decisions depend only on the reports, so resumed runs give the same bits. Subclasses are frozen
    dataclasses.
    """

    # Whether `Actions.keep` is used; such schedulers act first, so that others read the kept scores.
    keeps_best: ClassVar[bool] = False
    reads_objective: ClassVar[bool] = False  # whether it reads `Report.objective`
    validates: ClassVar[bool] = False  # whether it needs held-out rows

    def check(self, cells: int, epochs: int, hyper: Collection[str]) -> None:
        """Raise ValueError for a sweep in which the scheduler can do nothing.

        Args:
            cells: Number of combinations of hyperparameters.
            epochs: Total number of epochs.
            hyper: Names of the members' hyperparameters.
        """

    @abc.abstractmethod
    def next_epoch(self, epoch: int, cells: int, epochs: int) -> int:
        """Return the first epoch after ``epoch`` that needs scores, or a number above ``epochs``.

        These epochs must not depend on where a run is interrupted. `update` is called at every evaluation,
        including evaluations that only other schedulers need.
        """

    def init(self, cells: int, replicates: int) -> SchedulerState:
        """Return the state before the first epoch."""
        return ()

    @abc.abstractmethod
    def update(self, state: SchedulerState, report: Report) -> tuple[SchedulerState, Actions]:
        """Return the state after a report, and the actions."""
