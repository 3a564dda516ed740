"""Sweeps: build an experiment from options and train it, in memory or in a directory."""

import contextlib
import dataclasses
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np

from jfnn.arguments import checks, paths
from jfnn.arguments.checks import ArgumentError
from jfnn.core.engine.cohort import PARTS
from jfnn.core.engine.interrupts import deferred_interrupts
from jfnn.core.engine.trainer import Trainer
from jfnn.core.experiment import doubts
from jfnn.core.experiment.experiment import Experiment
from jfnn.core.experiment.options import Common, Options
from jfnn.core.experiment.refit import Refit
from jfnn.core.search import run_directory
from jfnn.core.search.keywords import takes_fields
from jfnn.core.search.outcomes import as_result, origin_of
from jfnn.core.search.prepare import MakeTrainer, Run, compiled_ahead, prepare, train_members
from jfnn.core.search.programs import Programs, combine, programs_of
from jfnn.core.search.reading import read
from jfnn.core.search.refit import refit_options, winners, with_copied_arrays
from jfnn.core.search.result import SweepResult, with_run, write_program
from jfnn.core.store import files
from jfnn.core.store.checkpoint import SPACING, Checkpoint
from jfnn.core.store.files import remove_scratch
from jfnn.core.store.identity import Description
from jfnn.minibatches import AUTO, Minibatches

# Arguments that must fit every network; if there are several, errors about these arguments name the network.
OF_NETWORKS = (
    *("network", "x_train", "y_train", "x_test", "y_test"),
    *("loss", "gradient", "hyper", "initial_params"),
)


@takes_fields(Options)
def sweep(options: Options) -> SweepResult:
    """Train a member for every combination of hyperparameters and seeds, in one compiled program.

    Members with the same seed share initial parameters and minibatches, so cells of the grid differ only in
    their hyperparameters. A member's result has the same bits in every grid, beside any neighbors, on any
    number of devices and with any ``eval_every``; only the tile and the gradient change them.

    Returns:
        A `SweepResult`.

    Raises:
        ValueError, TypeError: An invalid argument, or a directory that holds another run or corrupt files;
            the message names it, before anything is compiled.

    Example:
        >>> import jfnn
        >>> split = jfnn.datasets.standardize(jfnn.datasets.digits())
        >>> result = jfnn.sweep(
        ...     jfnn.mlp((64, 20, 10)), split, learning_rate=[0.01, 0.1], l2=[0, 1e-3], seeds=3, epochs=5
        ... )
        >>> result.scores["test_accuracy"].shape  # learning rates, penalties, seeds
        (2, 2, 3)
        >>> result.best().axes
        {'learning_rate': 0.1, 'l2': 0.0}
    """
    with call_context(options):
        programs = programs_of(options)
        runs = _prepare_all(programs)
        doubts.warn(run.experiment.doubts for run in runs)
        if options.refit is None:
            return _train_programs(options, programs, runs)
        _check_winners(options.refit, programs, runs[0].experiment)
        copies = programs_of(with_copied_arrays(options)).options
        result = _train_programs(options, programs, runs)
        again = _options_of_winners(result, options, copies, runs)
        if again is None:
            return result
        count = len(runs) + 1
        return dataclasses.replace(result, refit=_train_one(prepare(again), count, count))


def check_names(run: Run) -> None:
    """Raise ValueError or TypeError for axes and parameters whose names a directory or table cannot hold."""
    experiment = run.experiment
    names = () if experiment.subsets is None else experiment.subsets.axis
    if run.options.out is not None or names:
        scores = [f"{part}_{metric.name}" for part in PARTS for metric in experiment.learner.metrics]
        keeps = experiment.execution.keep_params != "none"
        params = experiment.learner.unpack(experiment.replicates.start(0)) if keeps else None
        run_directory.check_can_hold(experiment.cells.values, scores, params, names)


def _train_programs(options: Options, programs: Programs, runs: Sequence[Run]) -> SweepResult:
    """Train the runs of all programs and combine their results; while one trains, later programs compile."""
    count = len(runs) + (options.refit is not None)
    with _claim_all(options, programs, runs) as finished:
        names = run_directory.program_names(programs.axes)
        to_train = [run for name, run in zip(names, runs, strict=True) if not finished.get(name)]
        with compiled_ahead(to_train) as make_trainer:
            parts = [_train_one(run, number, count, make_trainer) for number, run in enumerate(runs, 1)]
        result = combine(programs.axes, parts)
        if programs.axes and options.out is not None:
            run_directory.write_table(options.out / run_directory.TABLE, result.to_dict())
    return result


def _train_one(run: Run, number: int, runs: int, make_trainer: MakeTrainer = Trainer) -> SweepResult:
    """Train one of several runs; the progress bar shows its number."""
    if runs > 1:
        run.experiment.execution.listener.begin(run.experiment.epochs, number, runs)
    return train_run(run, make_trainer)


def _check_winners(refit: Refit, programs: Programs, experiment: Experiment) -> None:
    """Raise ArgumentError if winners could belong to several programs, or a rule cannot choose."""
    if refit.cells > 1 and programs.axes:
        reason = f"expected 1 with several networks or batch sizes, got {refit.cells}"
        cure = "to refit several cells, give only the network and batch size of the best cell"
        raise ArgumentError("refit", f"{reason}; {cure}", "cells")
    if refit.rule is not None:
        names = [*programs.axes, *experiment.cells.values]
        refit.rule.check(names, max(len(experiment.seeds), experiment.folds or 1), "refit")


def _options_of_winners(
    result: SweepResult, options: Options, copies: Sequence[Options], runs: Sequence[Run]
) -> Options | None:
    """Return the options that train the winners again, from those of their program; None if no cell ranks."""
    chosen = winners(result, options.refit or Refit())
    if not chosen:
        return None
    axes = result.cells.programs
    number = int(np.ravel_multi_index(chosen[0][: len(axes)], tuple(map(len, axes.values()))))
    batch_size = _batch_size_of(runs[number])
    searched = copies[number].with_changes(batch_size=batch_size, out=options.out)
    program = result.program(**result.runs[number].key)
    starts_of_cells = runs[number].experiment.replicates.differ_by_cell
    return refit_options(searched, program, [index[len(axes) :] for index in chosen], starts_of_cells)


def _batch_size_of(run: Run) -> Minibatches:
    """Return the batch size of a search for its refit, which has more rows, so that "auto" would differ."""
    scheme = run.options.scheme
    batches = run.experiment.replicates.batches
    if scheme.batch_size == AUTO and scheme.scheme != "full" and isinstance(batches, Minibatches):
        return batches
    return scheme


def _prepare_all(programs: Programs) -> list[Run]:
    """Build and check the run of every program before any trains; folds are made once, for all."""
    runs: list[Run] = []
    folds: Any = None
    for name, options in zip(programs.networks(), programs.options, strict=True):
        with checks.about(f"network {name!r}" if name else "", OF_NETWORKS):
            run = prepare(options if folds is None else options.with_changes(folds=folds))
            check_names(run)
        runs.append(run)
        first = runs[0].experiment
        if first.folds is not None and first.subsets is None:
            folds = [(part["train"], part["validation"]) for part in first.replicates.parts]
    for run in runs if programs.axes else ():
        _check_same(runs[0].experiment, run.experiment, programs.axes)
    return runs


def _check_same(first: Experiment, other: Experiment, axes: Collection[str]) -> None:
    """Raise ArgumentError unless programs have the same metrics and cells, none named like an axis."""
    metrics = [[metric.name for metric in each.learner.metrics] for each in (first, other)]
    if metrics[0] != metrics[1]:
        got = f"{', '.join(metrics[0])}, and {', '.join(metrics[1])}"
        raise ArgumentError("network", f"expected networks with the same metrics, got {got}")
    one, two = ({n: v.tolist() for n, v in each.cells.values.items()} for each in (first, other))
    if list(one.items()) != list(two.items()):
        names = ", ".join(name for name in {**one, **two} if one.get(name) != two.get(name))
        reason = f"expected networks with the same hyperparameters in the same order; {names} differ"
        raise ArgumentError("network", reason)
    subsets = () if first.subsets is None else first.subsets.axis
    scores = [f"{part}_{metric.name}" for part in PARTS for metric in first.learner.metrics]
    for name in axes:
        if name in (*one, *subsets, *scores):
            raise ArgumentError(
                "network", f"an axis cannot be named {name!r}; another axis or a score has this name", name
            )


def _claim_all(
    options: Options, programs: Programs, runs: Sequence[Run]
) -> contextlib.AbstractContextManager[dict[str, bool]]:
    """Check all directories that a sweep will write to; see `run_directory.claim`."""
    if options.out is None:
        return contextlib.nullcontext({})
    names = run_directory.program_names(programs.axes)
    described: dict[str, Description | None] = {
        name: run.description for name, run in zip(names, runs, strict=True)
    }
    if options.refit:
        described[run_directory.REFIT] = None
    return run_directory.claim(options.out, programs.axes, described, options.resume, trains=True)


@contextlib.contextmanager
def call_context(options: Common) -> Iterator[None]:
    """Context of a call: shuts down its workers and closes its progress bar at the end, also after errors."""
    execution = options.execution
    workers = contextlib.nullcontext() if execution.executor is None else execution.executor
    with deferred_interrupts(), workers, contextlib.closing(execution.listener) as listener:
        listener.begin(options.epochs.stop)
        yield


def train_run(
    run: Run,
    make_trainer: MakeTrainer = Trainer,
    spacing: float = SPACING,
) -> SweepResult:
    """Train a run in memory, or in a directory, where ``resume`` continues it.

    Raises:
        ValueError: The directory holds another run, or this one and ``resume`` is not set; another process
            uses it; or a file in it is corrupt.
        LostMembersError: Workers died with some members as often as allowed; other members are trained.
    """
    directory = run.options.out
    if directory is None:
        description = run.description  # before training, so that an error here loses nothing
        return as_result(run.experiment, description, train_members(run, make_trainer), None)
    paths.make_directory(directory, "out")
    with files.directory_lock(directory):
        checkpoint = Checkpoint(directory / run_directory.CHECKPOINT, run.description, spacing)
        if run_directory.check_free(directory, run.description, run.options.resume):
            result = read(directory, lambda _: run.experiment.names)
            result = with_run(result, origin=origin_of(run.experiment))
            run_directory.write_table(directory / run_directory.TABLE, result.to_dict())
        else:
            run_directory.write_config(directory, run.description)
            try:
                outcome = train_members(run, make_trainer, checkpoint)
            except KeyboardInterrupt as error:
                if files.file_exists(checkpoint.path):
                    error.add_note(
                        f"{directory} holds a checkpoint; the same call with resume=True continues it"
                    )
                raise
            finally:
                remove_scratch(directory)
            result = as_result(run.experiment, run.description, outcome, directory)
            write_program(result, directory)
            (directory / run_directory.PARTIAL).unlink(missing_ok=True)
        checkpoint.remove()
    return result
