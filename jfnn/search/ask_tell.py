"""Searches that an outside optimiser steers: it proposes a whole tile of cells, which train side by side."""

import contextlib
import dataclasses
import numbers
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from jfnn.arguments import checks, paths
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.packages import imported
from jfnn.arguments.signatures import check_callable
from jfnn.experiment.experiment import Experiment
from jfnn.experiment.options import Options
from jfnn.experiment.settings import as_execution
from jfnn.learners.learner import Learner
from jfnn.network import Network
from jfnn.search.fronts import Objective, as_objectives, cell_values, undominated
from jfnn.search.keywords import copied_arrays, make_options
from jfnn.search.result import SweepResult
from jfnn.search.sweep import Run, prepare, sweep
from jfnn.targets import Split


@runtime_checkable
class Study(Protocol):
    """The part of `optuna.study.Study` that is used here."""

    directions: Any

    def ask(self) -> Any:
        """A new trial."""

    def tell(self, trial: Any, values: Any = None, state: Any = None) -> Any:
        """Takes a trial's score, or several, or the state of one that has none."""


class Rounds(list[SweepResult]):
    """The sweep of each round, cells in the order of its trials.

    Attributes:
        values: Values told to the study of each trial ``[trials, objectives]``, NaN where it was pruned.
        front: Numbers of the trials, from 0, that no other dominates: is as good as in all objectives and
            better in one.
    """

    values: np.ndarray
    front: np.ndarray


def ask_tell(
    study: Study,
    suggest: Callable[[Any], Mapping[str, float]],
    network: Network | Learner,
    split: Split,
    *,
    trials: int,
    at_once: int | None = None,
    objectives: Sequence[Objective] | None = None,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    **options: Any,
) -> Rounds:
    """Optimises hyperparameters with an Optuna study, a tile of trials at a time.

    Every round asks for as many trials as train side by side, sweeps these cells, and tells the study their
    ranking scores, averaged over seeds and folds. All rounds run the same compiled program. A cell that
    diverged or was pruned is told as pruned, which Optuna's TPE counts among the worst. Give a sampler that
    expects several trials at once, such as ``TPESampler(constant_liar=True)``; with a seed, the search is the
    same each time.

    With ``out`` a search that was stopped goes on: the same call with ``resume=True``, a new study and the
    same seeded sampler asks for the same trials again, takes the rounds that have ended from their
    directories, and ends with the same bytes as a search that nothing stopped. A round of other trials
    raises ValueError. More trials than before may follow full rounds.

    Args:
        study: From ``optuna.create_study(direction="maximize")``, or "minimize" where the score is a loss;
            with several objectives from ``create_study(directions=[…])``, with a sampler such as NSGA-II.
        suggest: Trial -> its hyperparameters by name, the same names for every trial: "learning_rate", "l2",
            and whatever ``hyper`` or the optimizer takes.
        network: As in `jfnn.sweep`, but one network; ``batch_size`` is one, too.
        split: As in `jfnn.sweep`; hold rows out (``validation``, ``folds``), or the test rows choose.
        trials: Trials in all.
        at_once: Trials a round; None for one tile for each device (with fewer devices than seeds and folds,
            one in all). Fewer let the study learn more often, and waste a part of the tile. Say how many
            where a search may be resumed on another number of devices.
        objectives: Values that the study is told, in the order of its directions: names of scores, such as
            "test_accuracy", and functions ``result -> one number a member`` of a round's sweep. None for the
            score that ranks.
        out: A directory, in which each round is a run: "round-0000", …, for `jfnn.load`.
        resume: Go on with the search in ``out``; start it if there is none.
        **options: Those of `jfnn.sweep` but ``cells``.

    Returns:
        A list of the sweep of each round.

    Raises:
        ValueError: An invalid option, a study of the wrong direction, names that change, or a directory that
            holds rounds of another search.
        TypeError: ``suggest`` gives no mapping to numbers.
        ImportError: Optuna is not installed.
    """
    remaining = checks.as_count(trials, "trials")
    at_once = None if at_once is None else checks.as_count(at_once, "at_once")
    if "cells" in options:
        raise ArgumentError("cells", "the study chooses every cell; expected none")
    directory = None if out is None else paths.as_path(out, "out")
    checks.check_instance(study, Study, "study")
    check_callable(suggest, (None,), "suggest", "a function of a trial")
    trial, cell = _ask(study, suggest)
    objectives = None if objectives is None else as_objectives(objectives)
    # Every round reads the folds, and takes the same workers.
    if isinstance(options.get("folds"), Iterator):
        options["folds"] = list(options["folds"])
    execution = options["execution"] = as_execution(options.get("execution"), "execution")
    kept = {"out": directory, "resume": resume}
    width = _width(study, network, split, options | kept, cell, at_once, objectives)
    copies = copied_arrays(options | {"split": split})
    split = copies.pop("split")
    options = options | copies
    pruned = imported("optuna", "study", "optuna").trial.TrialState.PRUNED
    results = Rounds()
    values = []
    with execution.executor or contextlib.nullcontext():
        while remaining:
            proposals = [] if results else [(trial, cell)]
            count = min(width, remaining) - len(proposals)
            proposals += [_ask(study, suggest, cell.keys()) for _ in range(count)]
            out_here = None if directory is None else directory / f"round-{len(results):04}"
            cells = _with_cells(options, [cell for _, cell in proposals])
            results.append(sweep(network, split, **cells, out=out_here, resume=resume))
            values.append(cell_values(results[-1], objectives or [results[-1].ranked_by]))
            _tell(study, [trial for trial, _ in proposals], values[-1], pruned)
            remaining -= len(proposals)
    results.values = np.concatenate(values)
    signs = [-1 if direction == "maximize" else 1 for direction in _directions(study)]
    results.front = np.flatnonzero(undominated(results.values * signs))
    return results


def _ask(
    study: Study, suggest: Callable[[Any], Mapping[str, float]], names: Collection[str] | None = None
) -> tuple[Any, dict[str, float]]:
    """A new trial with its hyperparameters, which have the given names."""
    trial = study.ask()
    cell = suggest(trial)
    if not isinstance(cell, Mapping) or not all(isinstance(v, numbers.Real) for v in cell.values()):
        raise ArgumentTypeError(
            "suggest", f"expected a mapping of names to numbers, got {checks.shown(cell)}"
        )
    if not cell or cell.keys() != (names or cell.keys()):
        raise ArgumentError("suggest", f"expected the same names for every trial, got {', '.join(cell)}")
    return trial, {name: float(value) for name, value in cell.items()}


def _tell(study: Study, trials: Sequence[object], values: np.ndarray, pruned: object) -> None:
    """Tells a study the values of its trials ``[trials, objectives]``, and the state of those without."""
    for trial, row in zip(trials, values.tolist(), strict=True):
        if np.isfinite(row).all():
            study.tell(trial, row if len(row) > 1 else row[0])
        else:
            study.tell(trial, state=pruned)


def _with_cells(options: Mapping[str, Any], cells: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Options of a sweep of these cells."""
    for name in ("learning_rate", "l2"):
        if name in options and name in cells[0]:
            raise ArgumentError(name, "expected none, since suggest gives it")
    return {**options, "cells": cells}


def _width(
    study: Study,
    network: Network | Learner,
    split: Split,
    options: Mapping[str, object],
    cell: Mapping[str, float],
    at_once: int | None,
    objectives: Sequence[Objective] | None,
) -> int:
    """Trials a round; invalid options raise here, before anything trains."""

    def prepared(count: int) -> Run:
        cells = make_options(ask_tell, Options, network, split, **_with_cells(options, [cell] * count))
        here = dataclasses.replace(cells.execution, executor=None)
        return prepare(dataclasses.replace(cells, execution=here), widest=count == 1)

    run = prepared(1)
    _check_directions(study, run.experiment, objectives)
    tiles = max(1, len(run.threads) // len(run.experiment.replicates))
    width = at_once or run.layout.width * tiles
    prepared(width)
    return width


def _directions(study: Study) -> list[str]:
    return [direction.name.lower() for direction in study.directions]


def _check_directions(study: Study, experiment: Experiment, objectives: Sequence[Objective] | None) -> None:
    """Raises ArgumentError for unknown scores, and where a study's directions are not those of its scores."""
    parts = [part for part, rows in experiment.replicates.parts[0].items() if len(rows)]
    names = {f"{part}_{m.name}": m.higher_is_better for part in parts for m in experiment.learner.metrics}
    got = _directions(study)
    expected = []
    for score in objectives or [experiment.ranking.name]:
        higher = None if callable(score) else names[checks.as_choice(score, "objectives", names)]
        expected.append("either" if higher is None else "maximize" if higher else "minimize")
    fits = [needs in ("either", direction) for needs, direction in zip(expected, got, strict=False)]
    if len(got) != len(expected) or not all(fits):
        raise ArgumentError("study", f"expected directions {', '.join(expected)}, got {', '.join(got)}")
