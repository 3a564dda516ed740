"""What people ask for, checked once and turned into records: all that a run needs."""

import dataclasses
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from jfnn import checks, losses, minibatches, training
from jfnn.engine import arguments, axes, devices, fingerprint, layout, loop, plan, refitting, streams
from jfnn.engine.checkpoint import Checkpoint
from jfnn.engine.judges import EarlyStopping, Halving, Selection
from jfnn.engine.layout import Layout
from jfnn.engine.records import PARTS, Axes, Execution, Grid, Recipe
from jfnn.engine.result import KEEP_PARAMS, SweepResult
from jfnn.engine.shaping import from_outcome
from jfnn.engine.streams import Source
from jfnn.losses import Loss
from jfnn.minibatches import Minibatches


class Job(NamedTuple):
    """A sweep ready to run.

    Attributes:
        recipe: What is trained.
        source: On what.
        grid: Which members.
        execution: How it runs.
        selection: What ranks members, and which may leave early.
        layout: How parameters lie in memory.
        seeds: The seeds.
        folds: How many folds, or None.
        keep_params: Which parameters are kept.
        description: What the run is, from `fingerprint.describe`.
        start: One member's parameters as they start, if such are kept.
    """

    recipe: Recipe
    source: Source
    grid: Grid
    execution: Execution
    selection: Selection
    layout: Layout
    seeds: Sequence[int]
    folds: int | None
    keep_params: str
    description: dict[str, Any]
    start: Any

    def train(self, kept: Checkpoint | None) -> SweepResult:
        """Runs it, from where it was saved if it was."""
        outcome = loop.run(self.recipe, self.source.data, self.grid, self.execution, self.selection, kept)
        result = from_outcome(
            outcome,
            self.grid,
            self.seeds,
            self.folds,
            self.layout.restore,
            self.source.classes,
            self.keep_params,
            self.execution.history,
        )
        return dataclasses.replace(result, config=self.description)


class Asked(NamedTuple):
    """What of the keywords is read first, since everything else depends on it."""

    loss: Loss
    optimizer: training.Optimizer
    axes: Axes
    constants: dict[str, float]
    gradient: Any
    dropout: bool
    seeds: list[int]


def read(asked: SimpleNamespace) -> Job:
    """Checks all keywords of `jfnn.sweep`, given as attributes, before anything is compiled.

    Raises:
        ValueError, TypeError: As `jfnn.sweep` does.
    """
    what, execution = _what(asked), _execution(asked)
    source = streams.read(asked.network, asked.split, what.loss, asked.weights)
    cuts = streams.train_and_validation(source, asked.validation, asked.folds)
    selection = _selection(source, asked)
    n_train = min(len(train) for train, _ in cuts)
    given = arguments.as_batches(asked.batches, execution.epochs, len(what.seeds), n_train)
    size = asked.batch_size if given is None else None
    scheme = minibatches.make(asked.minibatch, size, n_train, asked.remainder)
    starts = arguments.as_starting_params(
        asked.network, asked.initial_params, what.seeds, source.data.targets.dtype
    )
    arguments.check_optimizer(what.optimizer, starts[0])
    steps, rows_a_step = _steps(scheme, given, n_train)
    recipe = Recipe(
        network=asked.network,
        loss=what.loss,
        reduction=asked.reduction,
        optimizer=what.optimizer,
        gradient=what.gradient,
        padded=given is None and any(scheme.is_padded(len(train)) for train, _ in cuts),
        dropout=what.dropout,
        evaluation_block=plan.evaluation_block(source.n),
        tile=arguments.as_tile(asked.tile, starts[0], rows_a_step, execution.devices[0].platform),
    )
    lies = layout.of(asked.network, what.loss, asked.reduction, what.gradient)
    rows = streams.by_seed_and_fold(scheme, given, what.dropout)
    stored = [lies.store(start) for start in starts]
    grid = Grid(
        what.axes,
        what.constants | _reach(asked, what.optimizer, execution.epochs, steps),
        streams.streams(source, cuts, what.seeds, stored, rows, what.dropout),
    )
    drawn_by = scheme if given is None else given[:, : execution.epochs]
    with_code = asked.out is not None
    return Job(
        recipe,
        source,
        grid,
        execution,
        selection,
        lies,
        what.seeds,
        None if asked.folds is None else len(cuts),
        asked.keep_params,
        fingerprint.describe(
            recipe, source.data, grid, execution, selection, drawn_by, asked.keep_params, with_code
        ),
        None if asked.keep_params == "none" else starts[0],
    )


def _what(asked: SimpleNamespace) -> Asked:
    """The loss, the optimizer, the hyperparameters and the seeds."""
    loss = losses.get(asked.loss)
    arguments.check_network(asked.network, loss)
    optimizer, numbers = arguments.as_optimizer(asked.optimizer, asked.optimizer_args, asked.schedule)
    numbers = {"learning_rate": asked.learning_rate, "l2": asked.l2} | numbers
    # Where these make no difference the program has nothing of them in it.
    for name, neutral in {"dropout": 0, "init_scale": 1}.items():
        value = getattr(asked, name)
        if axes.is_axis(value) or value != neutral:
            numbers[name] = value
    of_cells, constants = axes.read(numbers, asked.sample, asked.sample_seed)
    gradient = arguments.as_gradient(asked.gradient, asked.value_and_grad, asked.network)
    dropout = arguments.check_dropout(numbers, asked.network, gradient)
    checks.as_choice(asked.keep_params, "keep_params", KEEP_PARAMS)
    checks.as_choice(asked.reduction, "reduction", training.REDUCTIONS)
    refitting.check(asked)
    return Asked(loss, optimizer, of_cells, constants, gradient, dropout, arguments.as_seeds(asked.seeds))


def _execution(asked: SimpleNamespace) -> Execution:
    epochs = checks.as_count(asked.epochs, "epochs", minimum=0)
    return Execution(
        devices=devices.resolve(asked.devices),
        epochs=epochs,
        segment=max(epochs, 1) if asked.segment is None else checks.as_count(asked.segment, "segment"),
        history=bool(asked.history),
        progress=asked.progress,
    )


def _steps(scheme: Minibatches, given: np.ndarray | None, n_train: int) -> tuple[int, int]:
    """Steps an epoch, and rows a step."""
    if given is not None:
        return given.shape[2], given.shape[3]
    return scheme.steps(n_train), scheme.rows_a_step(n_train)


def _reach(asked, optimizer: training.Optimizer, epochs: int, steps: int) -> dict[str, float]:
    """The number that tells members over how many steps a schedule spreads, where there is one."""
    if optimizer.schedule is None:
        return {}
    if asked.schedule_epochs is not None:
        epochs = checks.as_count(asked.schedule_epochs, "schedule_epochs")
    return {arguments.SCHEDULE_STEPS: float(max(epochs, 1) * steps)}


def _selection(source: Source, asked: SimpleNamespace) -> Selection:
    """What ranks members: rows held out where there are any, else the test rows, else the training rows."""
    validates = asked.validation is not None or asked.folds is not None
    halving, early_stopping = asked.halving, asked.early_stopping
    if early_stopping is not None and not validates:
        raise ValueError("early_stopping: it watches the loss on rows held out; give validation or folds")
    if halving is not None and not isinstance(halving, Halving):
        halving = Halving(checks.as_count(halving, "halving", minimum=2))
    if early_stopping is not None:
        early_stopping = EarlyStopping(checks.as_count(early_stopping, "early_stopping"))
    tests = len(source.data.x) > source.n
    return Selection(
        part=PARTS.index("validation" if validates else "test" if tests else "train"),
        by="accuracy" if source.classes else "loss",
        halving=halving,
        early_stopping=early_stopping,
    )
