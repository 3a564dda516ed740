"""Values of options: small types that hold several settings, and the check of each option.

A check takes a value and the option's name, and returns the value in its canonical type, which it returns
unchanged when called again.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, NamedTuple

import jax

from jfnn.arguments import checks, memory
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.texts import number_text
from jfnn.experiment.workers import Workers, as_workers
from jfnn.learners.learner import Metric
from jfnn.minibatches import Minibatches
from jfnn.schedulers.scheduler import Scheduler
from jfnn.targets import Split

KEEP_PARAMS = ("all", "best", "none", "evaluations")
SEED_BYTES = 1000  # of a replicate without starting parameters


class Progress(NamedTuple):
    """The state of a run, for a callback at every return to the host.

    Attributes:
        epoch: Epochs done.
        epochs: Epochs in all.
        training: Members that still train, of ``members``.
        members: Members in all.
        best: The best score when scores were last taken, of losses the negative; None before.
    """

    epoch: int
    epochs: int
    training: int
    members: int
    best: float | None


class ProgressBar:
    """A bar of epochs on one line, in a notebook a widget, that is gone at the end; called with a `Progress`.

    It begins anew with each group, and where the best cell is trained again.

    Args:
        metric: Name of the metric that ranks, shown before the best score.
        higher_is_better: Its direction.
        silent: Whether to show nothing; None for that unless the output is a terminal or a notebook.
    """

    def __init__(self, metric: str = "", higher_is_better: bool | None = None, silent: bool | None = False):
        self.metric, self.higher_is_better, self.silent = metric, higher_is_better, silent
        self._bar: Any = None

    def __call__(self, now: Progress) -> None:
        """Shows the state of a run."""
        from tqdm.auto import tqdm

        if self._bar is None:
            self._bar = tqdm(total=now.epochs, unit="epoch", disable=self.silent, leave=False)
        best = ""
        if now.best is not None:
            higher = now.best >= 0 if self.higher_is_better is None else self.higher_is_better
            score = number_text(now.best if higher else -now.best, higher)
            best = ", best " + f"{self.metric} {score}".lstrip()
        self._bar.set_postfix_str(f"{now.training} of {now.members} training{best}", refresh=False)
        if now.epoch < self._bar.n:
            self._bar.reset(now.epochs)
        self._bar.update(now.epoch - self._bar.n)
        if now.epoch >= now.epochs or not now.training:
            self.close()

    def close(self) -> None:
        """Removes the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class Validation(NamedTuple):
    """Rows held out to rank cells, and the metric that ranks.

    Attributes:
        size: Share (float) or number (int) of training rows to hold out, the same for every seed; or None.
        rank_by: Name of a metric, or a `jfnn.Metric` of your own; None for accuracy where targets are
            classes, else the loss.
    """

    size: float | int | None = None
    rank_by: str | Metric | None = None


class Execution(NamedTuple):
    """How a sweep runs and what it records; only ``tile``, ``shared`` and ``padded`` change bits.

    Attributes:
        devices: None for all accelerators, or where there is none all CPU cores; a count; or JAX devices.
        tile: Members trained side by side; None for a width chosen from what there is to train.
        shared: Whether members of a tile share minibatches; None to choose from what there is to train.
        padded: Rows to which full batches are padded, by rows of weight 0; None for those of the longest fold
            where folds are of several lengths and the learner takes weights, so that they share a program.
        eval_every: Epochs from one evaluation of the history to the next, or their sequence; None for none.
        objective: Whether to keep the mean objective of each epoch's steps.
        keep_params: Trained parameters to keep: "all", "best" (the best cell's), "none", or
            "evaluations" (those at each one, whose axis comes behind the grid's).
        verify: Whether to compare a first step and its scores, compiled, with their operations one by one.
        progress: Called with a `Progress` at every return to the host, as each evaluation then is; True for a
            bar on one line, in a notebook a widget.
        executor: Other processes that train, near or far: any executor of ``concurrent.futures`` (a process
            pool, Dask's, MPI's), a function that makes one, or a `jfnn.Workers`. The bits are those of this
            process on the same kind of processor. None to train in this process.
        names: What the numbers of the data stand for, such as ``{"classes": ["no", "yes"]}``, in plain values
            as JSON has them. They are written into config.json, and a run with others is another run.
    """

    devices: int | Sequence[jax.Device] | None = None
    tile: int | None = None
    shared: bool | None = None
    padded: int | None = None
    eval_every: int | Sequence[int] | None = None
    objective: bool = False
    keep_params: str = "all"
    verify: bool = False
    progress: Callable[[Progress], None] | bool | None = None
    executor: Workers | Executor | Callable[[], Executor] | None = None
    names: Mapping[str, Any] | None = None


def optional(check: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    """A check that None passes."""
    return lambda value, argument: None if value is None else check(value, argument)


def as_split(split: Any, argument: str) -> Split:
    """A `Split` from four or five arrays."""
    if not isinstance(split, Sequence) or len(split) not in (4, 5):
        expected = (
            "expected jfnn.Split(x_train, y_train, x_test, y_test), of which the last two may be left out"
        )
        raise ArgumentTypeError(argument, f"{expected}, got a {type(split).__name__}")
    return Split(*split)


def as_mapping(value: Any, argument: str) -> Mapping[str, Any]:
    """A mapping of names to values."""
    if not isinstance(value, Mapping):
        raise ArgumentTypeError(argument, f"expected a mapping of names to values, got {checks.shown(value)}")
    return value


def as_minibatches(size: Any, argument: str) -> Minibatches:
    """A `Minibatches`, from a number of rows a step or None as well."""
    scheme = size if isinstance(size, Minibatches) else Minibatches(size)
    with checks.renamed(batch_size=argument):
        scheme.checked(checks.MOST)
    return scheme


def as_schedulers(schedulers: Any, argument: str) -> tuple[Scheduler, ...]:
    """A sequence of schedulers, those that keep parameters first."""
    if not checks.is_several(schedulers) or not all(isinstance(one, Scheduler) for one in schedulers):
        got = checks.shown(schedulers)
        raise ArgumentTypeError(argument, f"expected a sequence of jfnn.schedulers, got {got}")
    return tuple(sorted(schedulers, key=lambda scheduler: not scheduler.keeps_best))


def as_execution(value: Any, argument: str = "execution") -> Execution:
    """An `Execution`, from a number of devices, an executor or None as well; its executor as `Workers`."""
    execution: Execution = value
    if callable(getattr(value, "submit", None)):
        execution = Execution(executor=value)
    elif not isinstance(value, Execution):
        execution = Execution(None if value is None else checks.as_count(value, argument))
    if execution.executor is not None:
        execution = execution._replace(executor=as_workers(execution.executor))
    checks.as_choice(execution.keep_params, "keep_params", KEEP_PARAMS)
    for name in ("verify", "objective", *(() if execution.shared is None else ("shared",))):
        checks.as_switch(getattr(execution, name), name)
    for name in ("tile", "padded"):
        if getattr(execution, name) is not None:
            checks.as_count(getattr(execution, name), name)
    if isinstance(execution.progress, bool):
        execution = execution._replace(progress=ProgressBar() if execution.progress else None)
    if execution.progress is not None and not callable(execution.progress):
        raise ArgumentTypeError("progress", f"expected a function, got {type(execution.progress).__name__}")
    if execution.names is not None:
        _check_plain(as_mapping(execution.names, "names"), "names")
    if execution.eval_every is not None:
        return execution._replace(eval_every=_as_epochs(execution.eval_every))
    if execution.keep_params == "evaluations":
        raise ArgumentError("keep_params", "'evaluations' needs eval_every")
    return execution


def _check_plain(value: Any, argument: str) -> None:
    """Raises ArgumentTypeError for values that JSON lacks."""
    try:
        json.dumps(dict(value))
    except (TypeError, ValueError):
        got = checks.shown(value)
        raise ArgumentTypeError(argument, f"expected plain values, as JSON has them, got {got}") from None


def _as_epochs(every: Any) -> int | list[int]:
    """A number of epochs, or several of their numbers in order."""
    every = every.tolist() if hasattr(every, "tolist") else every
    if not checks.is_several(every):
        return checks.as_count(every, "eval_every")
    if not len(every):
        raise ArgumentError("eval_every", "expected at least one epoch")
    return sorted({checks.as_count(epoch, "eval_every") for epoch in every})


def as_validation(validation: Any, argument: str = "validation") -> Validation:
    """A `Validation`, from a share or number of rows or None as well."""
    return validation if isinstance(validation, Validation) else Validation(validation)


def as_seeds(seeds: Any, argument: str = "seeds") -> list[int]:
    """Seeds from their count, or from a sequence of distinct integers from 0 to 2³² - 1."""
    seeds = seeds.tolist() if hasattr(seeds, "tolist") else seeds
    if not checks.is_several(seeds):
        count = checks.as_count(seeds, argument)
        memory.check(argument, SEED_BYTES * count)
        return list(range(count))
    checked = [checks.as_seed(seed.item() if hasattr(seed, "item") else seed, argument) for seed in seeds]
    if not checked:
        raise ArgumentError(argument, "expected at least one")
    if len(set(checked)) != len(checked):
        raise ArgumentError(argument, f"expected each one once, got {checks.shown(checked)}")
    return checked
