"""Prepare a run from options, and train its members; the caller provides the `Keep` of their state."""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import jax

from jfnn.core.engine import loop
from jfnn.core.engine.ahead import Ahead, trainers_at_once
from jfnn.core.engine.devices import as_devices, check_process
from jfnn.core.engine.executors import Executor
from jfnn.core.engine.layouts import layout_for
from jfnn.core.engine.plan import Layout
from jfnn.core.engine.segment import Task
from jfnn.core.engine.state import Outcome, RunState
from jfnn.core.engine.trainer import Trainer
from jfnn.core.engine.verification import verify
from jfnn.core.experiment.build import build
from jfnn.core.experiment.description import describe
from jfnn.core.experiment.experiment import Experiment
from jfnn.core.experiment.options import Options
from jfnn.core.experiment.remote import Remote
from jfnn.core.store import identity
from jfnn.core.store.identity import Description

MakeTrainer = Callable[[Experiment, Sequence[jax.Device], Layout], Trainer]


class Keep(Protocol):
    """Keeps the state of a run, as `jfnn.core.store.checkpoint.Checkpoint` does."""

    def restore(self, fresh: RunState) -> RunState:
        """Return the state that is kept; if none is, return ``fresh``."""

    def save(self, state: RunState, now: bool = False) -> None:
        """Keep a state if it is time to do so, or always if ``now``."""


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """Options with their experiment, devices and identity.

    Attributes:
        threads: The device of each host thread; the cores of a CPU share one.
        there: Environment of the workers that train the run; None if this process does.
    """

    options: Options
    experiment: Experiment
    threads: tuple[jax.Device, ...]
    layout: Layout
    there: Description | None = None

    @functools.cached_property
    def description(self) -> Description:
        """The description in config.json, which includes a checksum of the initial parameters."""
        return describe(
            self.experiment,
            self.layout,
            self.there or identity.describe_environment(self.threads[0]),
            0 if self.there else len(self.threads),
            with_batches=self.options.out is not None,
        )


def prepare(options: Options, first_fold: int = 0, single: bool = False) -> Run:
    """Check options and build a run, without training it.

    A ``single`` run has one member; its result has no axes, and its tiles are wide. For ``first_fold`` see
    `build`.

    Raises:
        ValueError, TypeError: Invalid options; the message begins with the option's name.
        RuntimeError: The process was forked from one that has trained, or no worker responds.
    """
    check_process()
    experiment = build(options, first_fold)
    if single:
        experiment = experiment.without_axes()
    execution = experiment.execution
    workers = execution.executor
    there = None if workers is None else workers.environment(execution.listener)
    threads = as_devices(execution.devices if there is None else 1)
    platform = threads[0].platform if there is None else there["backend"]["platform"]
    layout = layout_for(experiment, platform, single, execution.tile, execution.shared)
    return Run(options, experiment, threads, layout, there)


@contextlib.contextmanager
def compiled_ahead(runs: Sequence[Run]) -> Iterator[MakeTrainer]:
    """Return the function that makes a run's trainer; while a run trains, the next ones compile."""
    if len(runs) < 2 or runs[0].experiment.execution.executor is not None:
        yield Trainer
        return
    experiments = [run.experiment for run in runs]
    makes = [functools.partial(Trainer, run.experiment, run.threads, run.layout) for run in runs]
    with Ahead(makes, trainers_at_once(experiments[0])) as ahead:

        def make_trainer(experiment: Experiment, *_: object) -> Trainer:
            experiment.execution.listener.compiling(0, 1)
            return ahead.take(experiments.index(experiment))

        yield make_trainer


def train_members(run: Run, make_trainer: MakeTrainer = Trainer, keep: Keep | None = None) -> Outcome:
    """Train the members of a run, from the state that ``keep`` restores, and score them.

    With ``verify``, the compiled step is verified before the first epoch.
    """
    workers = run.experiment.execution.executor
    if workers is not None:
        make_trainer = functools.partial(_remote_trainer, workers, run.options.out)
    trainer = make_trainer(run.experiment, run.threads, run.layout)
    if run.experiment.execution.verify:
        verify(run.experiment, run.layout.width, run.threads[0].platform)
    state = loop.first_state(trainer)
    if keep is None:
        return loop.run_to_end(trainer, state)
    return loop.run_to_end(trainer, keep.restore(state), keep.save)


def _remote_trainer(
    workers: Remote,
    directory: Path | None,
    experiment: Experiment,
    threads: Sequence[jax.Device],
    layout: Layout,
) -> Trainer:
    """Return a trainer that runs on other processes."""

    def make_executor(task: Task, _: Sequence[jax.Device]) -> Executor:
        executor: Executor = workers.make_executor(task, directory, experiment.execution.listener)
        return executor

    return Trainer(experiment, threads, layout, calls=workers.calls, make_executor=make_executor)
