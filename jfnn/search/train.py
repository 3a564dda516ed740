"""One member alone: a sweep of one, whose result has no axes."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.engine import interrupts
from jfnn.experiment.options import Common, Options, TrainOptions
from jfnn.experiment.settings import as_execution
from jfnn.learners.learner import Learner
from jfnn.optimizers import as_optimizer, is_axis
from jfnn.search.keywords import takes_fields
from jfnn.search.result import SweepResult
from jfnn.search.sweep import prepare, train_run, using_workers
from jfnn.targets import Split

# Names that a sweep has for arguments of `train`.
RENAMED = {"x_train": "x", "y_train": "y", "x_test": "test", "y_test": "test", "seeds": "seed"}


@takes_fields(TrainOptions)
def train(options: TrainOptions) -> SweepResult:
    """Trains one member, through the compiled tile of a large grid.

    The parameters have the same bits as that cell's of a grid that fills its tiles, and with a result's
    `execution` those of that result. ``execution=jfnn.Execution(tile=1)`` takes the fastest program for one
    network instead, which may differ in the last bits. Scores are taken after
    each epoch, unless ``eval_every`` says otherwise.

    Returns:
        A `SweepResult` without axes: ``result.params`` are the member's, ``result.test_accuracy`` is one
        number, ``result.history["train_loss"]`` has one for each of ``result.evaluations``.

    Raises:
        ValueError, TypeError: As in `jfnn.sweep`; also for sequences where there must be one number.
    """
    _check_single(options)
    with using_workers(options) as options:
        with checks.renamed(**RENAMED):
            run = prepare(_as_sweep(options), options.fold, single=True)
        with interrupts.deferred():
            return train_run(run, options.out, options.resume)


def _as_sweep(options: TrainOptions) -> Options:
    """Options of the sweep that trains the member, with a history of every epoch by default."""
    execution = as_execution(options.execution)
    common = {field.name: getattr(options, field.name) for field in dataclasses.fields(Common)}
    if execution.eval_every is None:
        common["execution"] = execution._replace(eval_every=1)
    x_test, y_test = options.test or (None, None)
    split = Split(options.x, options.y, x_test, y_test, options.weights)
    return Options(options.network, split, seeds=[options.seed], **common)


def _check_single(options: TrainOptions) -> None:
    values: dict[str, Any] = {"learning_rate": options.learning_rate, "l2": options.l2}
    values |= options.hyper if isinstance(options.hyper, Mapping) else {}
    learner = options.network
    values |= learner.numbers if isinstance(learner, Learner) else as_optimizer(options.optimizer).numbers
    for name, value in values.items():
        if is_axis(value):
            raise ArgumentTypeError(name, "expected one number, got several; use sweep for these")
    checks.as_seed(options.seed)
    checks.as_count(options.fold, "fold", 0)
    if options.test is not None and (not isinstance(options.test, tuple | list) or len(options.test) != 2):
        raise ArgumentError("test", f"expected a pair (x, y), got {type(options.test).__name__}")
