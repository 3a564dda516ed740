"""Population-based training: members that fall behind go on from better ones, with perturbed numbers."""

import dataclasses
import numbers
from collections.abc import Collection, Sequence

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.fields import Converted, above, at_least, field
from jfnn.schedulers.scheduler import Actions, Report, Scheduler, SchedulerState


def _as_share(share: float, argument: str) -> float:
    if not isinstance(share, numbers.Real) or not 0 < share <= 0.5:
        raise ArgumentError(argument, f"expected a number above 0 and at most 0.5, got {checks.shown(share)}")
    return float(share)


def _as_names(names: object, argument: str) -> tuple[str, ...]:
    if not checks.is_several(names):
        raise ArgumentTypeError(argument, f"expected names, got {checks.shown(names)}")
    return tuple(names)


@dataclasses.dataclass(frozen=True)
class PopulationTraining(Scheduler):
    """Population-based training (Jaderberg et al., arXiv 1711.09846), by truncation selection.

    Every few epochs, in each replicate, the worst cells copy the state of the best ones and multiply their
    numbers by ``factor`` or its inverse. Members that diverged count as the worst, and train again. A
    cell's axes then say where it started.

    Attributes:
        every: Epochs from one selection to the next.
        share: Share of the cells that are replaced, at most one half, rounded down.
        factor: Numbers are multiplied by it, or divided; above 1.
        seed: Fixes the perturbations.
        perturbed: Names of the numbers that change; they may grow without bound.
    """

    every: int = field(convert=checks.as_count)
    share: float = field(0.25, _as_share)
    factor: float = field(1.25, above(1))
    seed: int = field(0, at_least(0, None))
    perturbed: Converted[Sequence[str], tuple[str, ...]] = field(("learning_rate", "l2"), _as_names)

    def check(self, cells: int, epochs: int, hyper: Collection[str]) -> None:
        """There must be a cell to replace, an epoch to do so, and numbers to perturb."""
        if self._replaced(cells) < 1:
            raise ValueError(f"a share of {self.share} of {cells} cells is less than one")
        if self.every >= epochs:
            raise ValueError(f"no selection of {self} comes before the end, {epochs} epochs")
        for name in self.perturbed:
            if name not in hyper:
                raise ValueError(f"expected names of {', '.join(hyper)} to perturb, got {name!r}")

    def _replaced(self, cells: int) -> int:
        """Number of cells that are replaced, of some cells: the share, rounded down."""
        return int(checks.part_of(self.share, cells))

    def next_epoch(self, epoch: int, cells: int, epochs: int) -> int:
        """The next multiple of `every` before the end."""
        following = (epoch // self.every + 1) * self.every
        return following if following < epochs else epochs + 1

    def update(self, state: SchedulerState, report: Report) -> tuple[SchedulerState, Actions]:
        """Copies the best cells over the worst of each replicate, the best one over the worst."""
        if report.epoch % self.every or report.epoch >= report.epochs:
            return state, Actions()
        shape = (report.cells, report.replicates)
        takes_part = ((report.active | report.diverged) & ~report.pruned).reshape(shape)
        score = np.where(np.isnan(report.score), -np.inf, report.score).reshape(shape)
        source = np.arange(report.cells * report.replicates).reshape(shape)
        for replicate in range(report.replicates):
            cells = np.flatnonzero(takes_part[:, replicate])
            order = cells[np.argsort(-score[cells, replicate], kind="stable")]
            count = self._replaced(len(order))
            best = order[:count]
            worst = order[len(order) - count :][::-1]
            better = score[best, replicate] > score[worst, replicate]
            source[worst[better], replicate] = source[best[better], replicate]
        copy = source.ravel()
        moved = copy != np.arange(len(copy))
        rng = np.random.default_rng([self.seed, report.epoch])
        hyper = {}
        for name in self.perturbed:
            factors = np.where(rng.random(len(copy)) < 0.5, self.factor, 1 / self.factor)
            values = report.hyper[name]
            hyper[name] = np.where(moved, values[copy] * factors, values).astype(values.dtype)
        return state, Actions(copy=copy, hyper=hyper)
