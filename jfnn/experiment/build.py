"""What people ask for, checked once and turned into records: all that a run needs."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

from jfnn import checks, losses, minibatches, training
from jfnn.engine import devices, plan
from jfnn.experiment import arguments, axes
from jfnn.experiment import description as fingerprint
from jfnn.experiment import replicates as streams
from jfnn.experiment.job import Job
from jfnn.experiment.records import PARTS, Axes, Execution, Grid, Recipe
from jfnn.experiment.replicates import Source
from jfnn.layers import dense as layout
from jfnn.losses import Loss
from jfnn.minibatches import Minibatches
from jfnn.schedulers.judges import EarlyStopping, Halving, Selection
from jfnn.search import refitting
from jfnn.search.result import KEEP_PARAMS


class Choices(NamedTuple):
    """What of the keywords is read first, since everything else depends on it."""

    loss: Loss
    optimizer: training.Optimizer
    axes: Axes
    constants: dict[str, float]
    gradient: str | Callable
    dropout: bool
    seeds: list[int]


class Batches(NamedTuple):
    """Where minibatches come from: a scheme that draws them, or those given ``[S, epochs, steps, batch]``."""

    scheme: Minibatches
    given: np.ndarray | None

    def steps(self, n: int) -> int:
        """Steps an epoch over ``n`` rows."""
        return self.scheme.steps(n) if self.given is None else self.given.shape[2]

    def rows_a_step(self, n: int) -> int:
        """Rows a step, out of ``n``."""
        return self.scheme.rows_a_step(n) if self.given is None else self.given.shape[3]

    @property
    def pads(self) -> bool:
        """Whether some step may have fewer rows than the others."""
        return self.given is None and self.scheme.pads

    def source(self, epochs: int) -> Minibatches | np.ndarray:
        """By what the minibatches of a run are known again."""
        return self.scheme if self.given is None else self.given[:, :epochs]


def read(asked: SimpleNamespace) -> Job:
    """Checks all keywords of `jfnn.sweep`, given as attributes, before anything is compiled.

    Raises:
        ValueError, TypeError: As `jfnn.sweep` does.
    """
    choices, execution = _choices(asked), _execution(asked)
    source = streams.read(asked.network, asked.split, choices.loss, asked.weights)
    dtype = source.data.targets.dtype
    cuts = streams.train_and_validation(source, asked.validation, asked.folds)
    lengths = [len(train) for train, _ in cuts]
    batches = _batches(asked, execution.epochs, len(choices.seeds), min(lengths))
    starts = arguments.as_starting_params(asked.network, asked.initial_params, choices.seeds, dtype)
    arguments.check_optimizer(choices.optimizer, starts[0])
    recipe = _recipe(asked, choices, source, batches, lengths, starts[0], execution)
    lies = layout.of(recipe.network, recipe.loss, recipe.reduction, recipe.gradient)
    stored = [lies.store(start) for start in starts]
    rows = streams.by_seed_and_fold(batches.scheme, batches.given, choices.dropout)
    reach = _reach(asked, choices.optimizer, execution.epochs, [batches.steps(n) for n in lengths])
    grid = Grid(
        choices.axes,
        choices.constants,
        streams.streams(source, cuts, choices.seeds, stored, rows, choices.dropout),
        {name: np.tile(of_folds, len(choices.seeds)) for name, of_folds in reach.items()},
    )
    arguments.check_fit(grid, dtype)
    selection = _selection(source, asked, grid.cells, execution.epochs)
    return Job(
        recipe,
        source,
        grid,
        execution,
        selection,
        lies,
        choices.seeds,
        None if asked.folds is None else len(cuts),
        asked.keep_params,
        fingerprint.describe(
            recipe,
            source.data,
            grid,
            execution,
            selection,
            batches.source(execution.epochs),
            asked.keep_params,
            with_code=asked.out is not None,
        ),
    )


def _batches(asked: SimpleNamespace, epochs: int, n_seeds: int, n_train: int) -> Batches:
    given = arguments.as_batches(asked.batches, epochs, n_seeds, n_train)
    size = asked.batch_size if given is None else None
    return Batches(minibatches.make(asked.minibatch, size, n_train, asked.remainder), given)


def _recipe(
    asked: SimpleNamespace,
    choices: Choices,
    source: Source,
    batches: Batches,
    lengths: Sequence[int],
    start,
    execution: Execution,
) -> Recipe:
    if batches.pads or source.data.weights is not None:
        arguments.check_takes_weights(choices.gradient)
    width = arguments.as_tile(
        asked.tile, start, batches.rows_a_step(min(lengths)), execution.devices[0].platform
    )
    return Recipe(
        network=asked.network,
        loss=choices.loss,
        reduction=asked.reduction,
        optimizer=choices.optimizer,
        gradient=choices.gradient,
        padded=batches.pads,
        dropout=choices.dropout,
        evaluation_block=plan.evaluation_block(source.n),
        tile=width,
    )


def _choices(asked: SimpleNamespace) -> Choices:
    """The loss, the optimizer, the hyperparameters and the seeds."""
    loss = losses.get(asked.loss)
    arguments.check_network(asked.network, loss)
    optimizer, numbers = arguments.as_optimizer(asked.optimizer, asked.optimizer_args, asked.schedule)
    numbers = {"learning_rate": asked.learning_rate, "l2": asked.l2} | numbers
    # Without dropout the program has nothing of it in it; with a rate of 0 it has, as beside other rates.
    if asked.dropout is not None:
        numbers["dropout"] = asked.dropout
    if axes.is_axis(asked.init_scale) or asked.init_scale != 1:  # it is no part of the program
        numbers["init_scale"] = asked.init_scale
    of_cells, constants = axes.read(numbers, asked.sample, asked.sample_seed)
    gradient = arguments.as_gradient(asked.gradient, asked.value_and_grad, asked.network)
    dropout = arguments.drops_units(numbers, asked.network, gradient)
    checks.as_choice(asked.keep_params, "keep_params", KEEP_PARAMS)
    checks.as_choice(asked.reduction, "reduction", losses.REDUCTIONS)
    refitting.check(asked)
    return Choices(loss, optimizer, of_cells, constants, gradient, dropout, arguments.as_seeds(asked.seeds))


def _execution(asked: SimpleNamespace) -> Execution:
    epochs = checks.as_count(asked.epochs, "epochs", minimum=0)
    return Execution(
        devices=devices.resolve(asked.devices),
        epochs=epochs,
        segment=max(epochs, 1) if asked.segment is None else checks.as_count(asked.segment, "segment"),
        history=bool(asked.history),
        progress=asked.progress,
    )


def _reach(
    asked: SimpleNamespace, optimizer: training.Optimizer, epochs: int, steps: Sequence[int]
) -> dict[str, np.ndarray]:
    """Over how many steps a schedule spreads, a number for each fold; nothing where there is no schedule."""
    if optimizer.schedule is None:
        return {}
    if asked.schedule_epochs is not None:
        epochs = checks.as_count(asked.schedule_epochs, "schedule_epochs")
    return {arguments.SCHEDULE_STEPS: np.array([float(max(epochs, 1) * each) for each in steps])}


def _selection(source: Source, asked: SimpleNamespace, cells: int, epochs: int) -> Selection:
    """What ranks members: rows held out where there are any, else the test rows, else the training rows."""
    validates = asked.validation is not None or asked.folds is not None
    halving, early_stopping = asked.halving, asked.early_stopping
    if early_stopping is not None and not validates:
        raise ValueError("early_stopping: it watches the loss on rows held out; give validation or folds")
    if halving is not None and not isinstance(halving, Halving):
        halving = Halving(checks.as_count(halving, "halving", minimum=2))
    if halving is not None and cells >= halving.factor and not halving.rungs(cells, epochs):
        raise ValueError(f"halving: no round of {halving} ends within {epochs} epochs")
    if early_stopping is not None:
        early_stopping = EarlyStopping(checks.as_count(early_stopping, "early_stopping"))
    tests = len(source.data.x) > source.n
    return Selection(
        part=PARTS.index("validation" if validates else "test" if tests else "train"),
        by="accuracy" if source.classes else "loss",
        halving=halving,
        early_stopping=early_stopping,
    )
