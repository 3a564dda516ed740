"""The door: options become an experiment, which is trained in memory or in a directory."""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np

from jfnn.checks import ArgumentError
from jfnn.distributed.attempts import CALLS
from jfnn.distributed.calls import remove_tasks
from jfnn.distributed.futures import Futures, environment_of
from jfnn.engine import loop
from jfnn.engine.devices import check_process, hardware
from jfnn.engine.executors import Executor
from jfnn.engine.plan import Hardware
from jfnn.engine.segment import Task
from jfnn.engine.state import Outcome, Scores
from jfnn.engine.trainer import Trainer
from jfnn.experiment.build import build
from jfnn.experiment.description import describe
from jfnn.experiment.experiment import PARTS, Experiment
from jfnn.experiment.options import Common, Options
from jfnn.experiment.settings import as_execution
from jfnn.search import run_directory
from jfnn.search.keywords import own_copies, takes_fields
from jfnn.search.lost import LostMembersError, keep_others
from jfnn.search.refit import refit_options
from jfnn.search.result import SweepResult, load_alone
from jfnn.store import environment, files
from jfnn.store.checkpoint import SPACING, Checkpoint
from jfnn.store.identity import Description, check_same
from jfnn.workers import Workers, as_workers

CHECKPOINT = "checkpoint.jfnn"

SomeOptions = TypeVar("SomeOptions", bound=Common)


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """An experiment with the devices that it runs on, and what tells it apart from others."""

    experiment: Experiment
    hardware: Hardware
    description: Description
    workers: Workers | None = None


def prepare(options: Options, first_fold: int = 0, alone: bool = False) -> Run:
    """Checks options; trains nothing.

    Args:
        options: The options.
        first_fold: Number of the first fold, for the random numbers of its steps.
        alone: Whether a lone member takes the tiles of a large grid.

    Raises:
        ValueError, TypeError: An invalid option; the message begins with its name.
        RuntimeError: The process was forked from one that has trained, or no worker gives an answer.
    """
    check_process()
    experiment = build(options, first_fold)
    run_directory.as_directory(options.out, options.resume)
    executor = experiment.execution.executor
    workers = None if executor is None else as_workers(executor)
    there = None if workers is None else environment_of(workers)
    devices = hardware(experiment, None if there is None else there["backend"]["platform"], alone)
    description = describe(
        experiment,
        devices.form,
        there or environment.describe(devices.threads[0]),
        0 if there else len(devices.threads),
        with_batches=options.out is not None,
    )
    if options.out is not None:
        scores = [f"{part}_{metric.name}" for part in PARTS for metric in experiment.learner.metrics]
        keeps = experiment.execution.keep_params != "none"
        params = experiment.learner.unpack(experiment.replicates[0].params) if keeps else None
        run_directory.check_can_hold(experiment.cells.values, dict.fromkeys(scores), params)
    return Run(experiment, devices, description, workers)


@takes_fields(Options)
def sweep(options: Options) -> SweepResult:
    """Trains a member for every combination of hyperparameters and seeds, in one compiled program.

    Members of one seed share their starting parameters and their minibatches, so cells of the grid differ by
    their hyperparameters alone. A member's result has the same bits in every grid, beside any neighbours, on
    any number of devices and with any ``eval_every``; only the tile and the gradient change them.

    Returns:
        A `SweepResult`.

    Raises:
        ValueError, TypeError: An argument that cannot be, or a directory that holds another run or corrupt
            files; the message names it, before anything is compiled.
    """
    with using_workers(options) as options:
        return search(options, prepare(options))


@contextlib.contextmanager
def using_workers(options: SomeOptions) -> Iterator[SomeOptions]:
    """The options with their executor ready for several runs; what was made for it ends with the context."""
    execution = as_execution(options.execution)
    executor = execution.executor
    with contextlib.nullcontext() if executor is None else as_workers(executor):
        yield dataclasses.replace(options, execution=execution)


def search(options: Options, run: Run) -> SweepResult:
    """Trains a prepared run, and its best cell once more where options say so."""
    if not options.refit:
        return train_run(run, options.out, options.resume)
    options = dataclasses.replace(options, **own_copies(vars(options)))
    result = train_run(run, options.out, options.resume)
    again = refit_options(options, result)
    return result if again is None else dataclasses.replace(result, refit=search(again, prepare(again)))


def train_run(
    run: Run,
    out: Any,
    resume: bool,
    make_trainer: Callable[[Experiment, Hardware], Trainer] = Trainer,
    spacing: float = SPACING,
) -> SweepResult:
    """Trains a run in memory alone, or in a directory.

    Args:
        run: What to train.
        out: The directory, or None.
        resume: Whether to go on with the run there.
        make_trainer: What trains it.
        spacing: See `Checkpoint`.

    Raises:
        ValueError: The directory holds another run, or this one and ``resume`` is not set; another process
            uses it; or a file in it is corrupt.
        LostMembersError: Workers died with some members as often as was allowed; the others are trained.
    """
    directory = run_directory.as_directory(out, resume)
    if run.workers is not None:
        make_executor = functools.partial(_futures, run, directory)
        make_trainer = functools.partial(Trainer, calls=CALLS, make_executor=make_executor)
    if directory is None:
        trainer = make_trainer(run.experiment, run.hardware)
        return _whole(run, loop.run(trainer, loop.start(trainer)), None)
    run_directory.make(directory)
    with files.lock(directory):
        checkpoint = Checkpoint(directory / CHECKPOINT, run.description, spacing)
        if _claim(directory, checkpoint, resume):
            result = load_alone(directory)
            run_directory.write_table(directory / run_directory.TABLE, result.to_dict())
        else:
            try:
                trainer = make_trainer(run.experiment, run.hardware)
                state = checkpoint.restore(loop.start(trainer))
                result = _whole(run, loop.run(trainer, state, checkpoint.save), directory)
            finally:
                remove_tasks(directory)
            result.save(directory)
            (directory / run_directory.PARTIAL).unlink(missing_ok=True)
        checkpoint.remove()
    return result


def _futures(run: Run, directory: Path | None, task: Task, threads: Sequence[jax.Device]) -> Executor:
    """The executor of a run on other processes."""
    assert run.workers is not None
    computes = {name: run.description[name] for name in ("versions", "backend")}
    return Futures(task, run.workers, computes, directory)


def _whole(run: Run, outcome: Outcome, directory: Path | None) -> SweepResult:
    """The result of an outcome in which every member was trained."""
    result = shaped(run, outcome)
    if outcome.lost:
        error = LostMembersError(result, outcome.lost, directory)
        if directory is not None:
            keep_others(error, directory)
        raise error
    return result


def _claim(directory: Path, checkpoint: Checkpoint, resume: bool) -> bool:
    """Makes a directory this run's; whether the run has ended already."""
    config = run_directory.read_config(directory)
    check_same(directory, config, checkpoint.description)
    finished = config is not None and config["status"] == "finished"
    if not resume and (finished or checkpoint.path.exists()):
        state, what = ("finished", "gives back its result") if finished else ("unfinished", "goes on with it")
        reason = f"{directory} holds this very run, {state}; resume=True {what}, or choose another directory"
        raise ArgumentError("out", reason)
    if not finished:
        run_directory.write_config(directory, checkpoint.description)
    return finished


def shaped(run: Run, outcome: Outcome) -> SweepResult:
    """An outcome in the shape of its grid."""
    experiment, shape = run.experiment, run.experiment.shape
    scores = functools.partial(_by_part, shape=shape)
    history = {"epoch": outcome.history.epoch, **scores(outcome.history.scores)}
    result = SweepResult(
        axes=dict(experiment.cells.values),
        seeds=np.array(experiment.seeds),
        folds=experiment.folds,
        scores=scores(outcome.scores),
        metrics={metric.name: metric.higher_is_better for metric in experiment.learner.metrics},
        diverged_at=outcome.diverged_at.reshape(shape),
        stopped_at=outcome.stopped_at.reshape(shape),
        pruned=outcome.pruned.reshape(shape),
        epochs=outcome.epochs.reshape(shape),
        params=None,
        history={} if experiment.execution.eval_every is None else history,
        timing={"compile": outcome.compile_seconds, "run": outcome.run_seconds},
        ranked_by=experiment.ranking.name,
        sampled=not experiment.cells.crossed,
        config=run.description,
        objective=outcome.objectives.T.reshape(*shape, -1) if len(outcome.objectives) else None,
    )
    keep = experiment.execution.keep_params
    if keep == "none":
        return result
    every = jax.tree.map(lambda leaf: np.moveaxis(leaf, 0, 1), outcome.history.params)
    params = experiment.learner.unpack(outcome.params if every is None else every)
    params = jax.tree.map(lambda leaf: np.ascontiguousarray(leaf).reshape(*shape, *leaf.shape[1:]), params)
    best = result.best_or_none()
    if keep != "best":
        return result.keeping(params)
    if best is None:  # the scores say why; they are worth as much as ever
        return result
    return result.keeping(jax.tree.map(lambda leaf: leaf[best.index].copy(), params), best.index)


def _by_part(scores: Scores, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Part and metric -> the scores of all members, in the shape of the grid."""
    by_part = {}
    for i, part in enumerate(PARTS):
        for metric, values in scores.items():
            of_members = np.moveaxis(values[..., i], -1, 0)  # members first, also before a history's epochs
            by_part[f"{part}_{metric}"] = of_members.reshape(*shape, *of_members.shape[1:])
    return by_part
