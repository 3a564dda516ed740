"""The networks of a race: rounds of new seeds, each a sweep of the cells that are still in it."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jfnn.arguments.checks import ArgumentError
from jfnn.core.experiment.networks import Networks
from jfnn.core.experiment.options import Options
from jfnn.core.experiment.settings import Execution
from jfnn.core.search.result import SweepResult
from jfnn.core.search.sweep import sweep
from jfnn.extend.rows import Subsets
from jfnn.schedulers import Converged, EarlyStopping

ALWAYS = ("learning_rate", "l2")  # what every cell has, as arguments of their own
ALONE = (EarlyStopping, Converged)  # schedulers that see one member alone


@dataclasses.dataclass(frozen=True)
class Round:
    """Some cells of one program, trained with some seeds.

    Attributes:
        cells: Their numbers in the whole grid ``[c]``.
        seeds: Places of the seeds.
        result: Their sweep, of listed cells; of the first round, of the program's grid.
    """

    cells: np.ndarray
    seeds: range
    result: SweepResult

    def members(self, array: np.ndarray, folds: int | None) -> np.ndarray:
        """A result's array with a number a member, or several: ``[c, seeds, …]``."""
        lengths = (len(self.cells), len(self.seeds), *(() if folds is None else (folds,)))
        axes = self.result.diverged_at.ndim
        return array.reshape(*lengths, *array.shape[axes:])


def check(options: Options) -> None:
    """Raises ArgumentError for options of a sweep that a race has not."""
    for scheduler in options.schedulers:
        if not isinstance(scheduler, ALONE):
            reason = f"expected none that compares cells, got {scheduler}"
            cure = "a race itself says which cells go on; EarlyStopping and Converged stop single networks"
            raise ArgumentError("schedulers", reason, cure=cure)
    if options.refit:
        cure = "train the winner again with jfnn.sweep, at its numbers, race.best.axes"
        raise ArgumentError("refit", "expected none, since a race may end without one best cell", cure=cure)
    if options.initial_params is not None:
        raise ArgumentError("initial_params", "expected none, since new seeds begin with their own")
    if options.batches is not None and not callable(options.batches):
        cure = "a function (seed, epoch) -> row numbers has them for every seed"
        raise ArgumentError("batches", "expected no array, since seeds are not known beforehand", cure=cure)
    if options.execution.keep_params == "evaluations":
        raise ArgumentError("keep_params", "expected 'best', the first cell's, or 'none'; got 'evaluations'")


class Trainer:
    """Trains rounds by `jfnn.sweep`, in the bits of one sweep of all cells and seeds.

    The layout of tiles, which bits depend on, is that of the first round from there on.
    """

    def __init__(self, options: Options, folder: Path | None) -> None:
        """Trains nothing.

        Args:
            options: Those of a sweep of the whole grid and all seeds.
            folder: Where each round has a directory; None to train in memory.
        """
        several = options.network
        networks = several.networks if isinstance(several, Networks) else (several,)
        sizes = options.batch_size if isinstance(options.batch_size, tuple) else (options.batch_size,)
        self.programs = [(network, size) for network in networks for size in sizes]
        keeps = options.execution.keep_params != "none"
        execution = dataclasses.replace(options.execution, keep_params="all" if keeps else "none")
        self.options = dataclasses.replace(options, execution=execution)
        self.folder = folder
        self.first: SweepResult | None = None
        self.rounds: list[Round] = []
        self.calls = 0

    def begin(self, seeds: int) -> SweepResult:
        """The sweep of all cells with the first seeds."""
        self.first = self._sweep(self._directory(), self.options.seeds[:seeds])
        cells = np.arange(int(np.prod(self.first.cell_shape))).reshape(len(self.programs), -1)
        parts = zip(cells, self.first.programs, strict=True)
        self.rounds = [Round(part, range(seeds), result) for part, result in parts]
        return self.first

    def __call__(self, cells: np.ndarray, seeds: range) -> np.ndarray:
        """Scores of cells ``[c, seeds]``, the higher the better, NaN where a network diverged."""
        found = self.rounds
        if seeds.start:
            found = list(self._later(cells, seeds))
            self.rounds += found
        return np.concatenate([self._scores(one) for one in found])

    def _directory(self) -> Path | None:
        """The directory of the next round."""
        self.calls += 1
        return None if self.folder is None else self.folder / str(self.calls)

    def _scores(self, one: Round) -> np.ndarray:
        """The scores of a round ``[c, seeds]``, the higher the better."""
        result = one.result
        values = one.members(result.scores[result.ranked_by], result.folds).astype(np.float64)
        sign = 1 if result.higher_is_better() else -1
        return np.asarray(sign * values.reshape(*values.shape[:2], -1).mean(axis=2))

    def _later(self, cells: np.ndarray, seeds: range) -> Iterator[Round]:
        """Sweeps of listed cells, one for each program that has some in the race."""
        assert self.first is not None
        folder = self._directory()
        each = int(np.prod(self.first.cell_shape[self.first.leading :]))
        asked = self.options.seeds[seeds.start : seeds.stop]
        for number, program in enumerate(self.first.programs):
            here = cells[cells // each == number]
            if not len(here):
                continue
            columns = {name: values[here % each] for name, values in program.cells.columns().items()}
            out = None if folder is None else folder / str(number)
            changes = _listed(self.options, columns)
            changes["network"], changes["batch_size"] = self.programs[number]
            changes["folds"] = _same_folds(self.options.folds, program)
            execution = _with_layout(self.options.execution, program.execution)
            yield Round(here, seeds, self._sweep(out, asked, execution=execution, **changes))

    def _sweep(self, out: Path | None, seeds: Sequence[int], **changes: Any) -> SweepResult:
        """A sweep of the options with changes."""
        made = {field.name: getattr(self.options, field.name) for field in dataclasses.fields(Options)}
        places = {"out": out, "resume": out is not None, "seeds": list(seeds)}
        return sweep(**made | places | changes)


def _listed(options: Options, columns: dict[str, np.ndarray]) -> dict[str, Any]:
    """Options that train cells given one by one, name -> values ``[c]``.

    A listed cell's number takes the place of a single one, and ``hyper`` that of a learner's or optimizer's.
    """
    further = {name: float(values[0]) for name, values in columns.items() if name not in ALWAYS}
    return {"cells": columns, "learning_rate": None, "l2": 0.0, "hyper": {**options.hyper, **further}}


def _same_folds(folds: Any, result: SweepResult) -> Any:
    """The folds of a sweep again; a generator of them is used up, and a splitter may draw others."""
    if folds is None or isinstance(folds, int | np.integer | Subsets) or result.origin is None:
        return folds
    return [(part["train"], part["validation"]) for part in result.origin.parts or ()]


def _with_layout(execution: Execution, layout: Execution) -> Execution:
    """How a sweep runs, with the tiles of another."""
    return dataclasses.replace(
        execution, tile=layout.tile, shared=layout.shared, padded=layout.padded or execution.padded
    )
