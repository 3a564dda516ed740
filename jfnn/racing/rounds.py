"""The networks of a race: rounds of new seeds, each a sweep of the cells that remain."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jfnn.arguments.checks import ArgumentError
from jfnn.core.experiment.options import Options
from jfnn.core.search.programs import combine, programs_of
from jfnn.core.search.result import SweepResult, map_members, with_run
from jfnn.core.search.sweep import sweep
from jfnn.schedulers import Converged, EarlyStopping

ALWAYS = ("learning_rate", "l2")  # hyperparameters that every cell has and that have their own arguments
ALONE = (EarlyStopping, Converged)  # schedulers that look at each member separately


def check(options: Options) -> None:
    """Raise ArgumentError for sweep options that a race does not support."""
    for scheduler in options.schedulers:
        if not isinstance(scheduler, ALONE):
            reason = f"expected no scheduler that compares cells, got {scheduler}"
            cure = "a race itself decides which cells continue; EarlyStopping and Converged stop networks"
            raise ArgumentError("schedulers", reason, cure=cure)
    if options.refit:
        cure = "train the winner again by jfnn.sweep with its hyperparameters, race.best.axes"
        raise ArgumentError("refit", "expected none, since a race may end without one best cell", cure=cure)
    if options.initial_params is not None:
        raise ArgumentError("initial_params", "expected none, since each new seed has its own")
    if options.batches is not None and not callable(options.batches):
        cure = "pass a function (seed, epoch) -> row numbers"
        raise ArgumentError("batches", "expected no array, since seeds are not known in advance", cure=cure)
    if options.execution.keep_params == "evaluations":
        raise ArgumentError("keep_params", "expected 'all', 'best' or 'none', got 'evaluations'")


class Round(NamedTuple):
    """Some cells of one program, trained with some seeds.

    Attributes:
        cells: Indices of the cells in the program's grid ``[c]``.
        seeds: Positions of these seeds among all seeds.
        result: The result of a sweep of listed cells; for the first round, of the program's grid.
    """

    cells: np.ndarray
    seeds: slice
    result: SweepResult


class Rounds:
    """Trains rounds by `jfnn.sweep`, with the same bits as one sweep of all cells and seeds.

    Bits depend on the tiles, so all rounds use the tiles of the first.
    """

    def __init__(self, options: Options, seeds: int):
        """Train all cells with the first ``seeds`` seeds.

        ``options`` are for a sweep of the whole grid with all seeds; ``out`` gets a directory per round.
        """
        self.keeps = options.execution.keep_params != "none"
        execution = options.execution.with_changes(keep_params="all" if self.keeps else "none")
        resume = options.out is not None
        self.options = options.with_changes(execution=execution, resume=resume)
        self.count = 0
        self.first = sweep(**vars(self._next(slice(seeds))))
        programs = [self.first.program(**run.key) for run in self.first.runs]
        cells = np.arange(int(np.prod(programs[0].cell_shape)))
        self.of_programs = [[Round(cells, slice(seeds), program)] for program in programs]
        origin = self.first.runs[0].origin
        if self.first.folds is not None and origin is not None and origin.subsets is None:
            # A generator of folds is exhausted by now, and a splitter may choose other rows if called again.
            folds = [(part["train"], part["validation"]) for part in origin.parts or ()]
            self.options = self.options.with_changes(folds=folds)

    def __call__(self, cells: np.ndarray, seeds: range) -> np.ndarray:
        """Return scores of cells ``[c, seeds]``, the higher the better, NaN if a network diverged."""
        if not seeds.start:
            return _scores(self.first)
        places = slice(seeds.start, seeds.stop)
        found = []
        programs = programs_of(self._next(places)).options
        for number, (program, rounds) in enumerate(zip(programs, self.of_programs, strict=True)):
            each = len(rounds[0].cells)
            here = cells[cells // each == number] % each
            if len(here):
                result = sweep(**vars(program) | _listed_options(program, rounds[0].result, here))
                rounds.append(Round(here, places, result))
                found.append(_scores(result))
        return np.concatenate(found)

    def _next(self, places: slice) -> Options:
        self.count += 1
        out = None if self.options.out is None else self.options.out / str(self.count)
        return self.options.with_changes(out=out, seeds=self.options.seeds[places])

    def whole(self, seeds: Sequence[int], left: np.ndarray, race: Mapping[str, Any]) -> SweepResult:
        """Combine all cells and seeds; only eliminated cells, also their trained networks, count as pruned.

        A network that was never trained has 0 epochs, NaN as its scores, and ``stopped_at`` 0.

        ``left`` lists the remaining cells, best first; the first one's parameters are kept.
        """
        programs = [_program(rounds, seeds, race) for rounds in self.of_programs]
        if self.keeps and len(left):
            number, cell = divmod(int(left[0]), len(self.of_programs[0][0].cells))
            params = _params(self.of_programs[number], cell)
            index = list(np.ndindex(*programs[number].cell_shape))[cell]
            programs[number] = with_run(programs[number], params=params, kept_cell=index)
        result = combine(self.first.cells.programs, programs)
        out = np.ones(self.first.cell_shape, bool)
        out.flat[left] = False
        behind = range(out.ndim, result.pruned.ndim)
        return dataclasses.replace(result, pruned=result.pruned | np.expand_dims(out, tuple(behind)))


def _scores(result: SweepResult) -> np.ndarray:
    """Return the scores that rank, averaged over folds ``[cells, seeds]``, the higher the better."""
    values = result.scores[result.ranked_by].astype(np.float64)
    sign = 1 if result.higher_is_better() else -1
    cells = int(np.prod(result.cell_shape))
    return np.asarray(sign * values.reshape(cells, len(result.seeds), -1).mean(axis=2))


def _listed_options(options: Options, first: SweepResult, cells: np.ndarray) -> dict[str, Any]:
    """Return options that train listed cells of a program, with the tiles of its first round.

    The listed values override single ones; ``hyper`` declares the numbers of a learner or optimizer.
    """
    columns = {name: values[cells] for name, values in first.cells.columns().items()}
    further = {name: float(values[0]) for name, values in columns.items() if name not in ALWAYS}
    layout = first.execution
    padded = layout.padded or options.execution.padded
    execution = options.execution.with_changes(tile=layout.tile, shared=layout.shared, padded=padded)
    listed = {"cells": columns, "learning_rate": None, "l2": 0.0, "hyper": {**options.hyper, **further}}
    return listed | {"execution": execution}


def _program(rounds: Sequence[Round], seeds: Sequence[int], race: Mapping[str, Any]) -> SweepResult:
    """Return the result of all cells and seeds of one program, without parameters."""
    first = rounds[0].result

    def filled(*parts: np.ndarray) -> np.ndarray:
        behind = parts[0].shape[len(first.cell_shape) + 1 :]
        blank = {"f": np.nan, "b": False}.get(parts[0].dtype.kind, -1)
        whole = np.full((len(rounds[0].cells), len(seeds), *behind), blank, parts[0].dtype)
        for one, part in zip(rounds, parts, strict=True):
            whole[one.cells, one.seeds] = part.reshape(len(one.cells), -1, *behind)
        return whole.reshape(*first.cell_shape, len(seeds), *behind)

    fields = map_members(filled, *(one.result for one in rounds))
    untrained = fields["epochs"] < 0
    fields["epochs"][untrained] = 0
    fields["stopped_at"][untrained] = 0
    settings = first.config["settings"] | {
        "seeds": list(seeds),
        "replicates": len(seeds) * (first.folds or 1),
        "keep_params": "none" if first.params is None else "best",
        "race": dict(race),
    }
    decided = json.dumps([race, [one.result.config["fingerprint"] for one in rounds]], sort_keys=True)
    fingerprint = hashlib.sha256(decided.encode()).hexdigest()
    config = {**first.config, "settings": settings, "fingerprint": fingerprint}
    timing = {name: sum(one.result.timing.get(name, 0.0) for one in rounds) for name in first.timing}
    result = dataclasses.replace(first, **fields, seeds=np.asarray(seeds, first.seeds.dtype))
    return with_run(result, params=None, kept_cell=None, config=config, timing=timing)


def _params(rounds: Sequence[Round], cell: int) -> Any:
    """Return the parameters of one cell, with the seeds as first axis."""
    parts = [
        one.result.of_cell(*list(np.ndindex(*one.result.cell_shape))[place]).params
        for one in rounds
        for place in np.flatnonzero(one.cells == cell).tolist()
    ]
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)
