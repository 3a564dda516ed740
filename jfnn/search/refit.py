"""Options that train the winner of a search once more, on all rows."""

import dataclasses
from typing import Any

import jax
import numpy as np

from jfnn.experiment.options import Options
from jfnn.experiment.settings import Validation
from jfnn.learners.learner import Learner
from jfnn.optimizers import Optimizer
from jfnn.search.result import SweepResult
from jfnn.search.run_directory import REFIT


def refit_options(
    options: Options, result: SweepResult, index: tuple[int, ...], starts_of_cells: bool = False
) -> Options:
    """Options that train a cell of a search on all training rows.

    Args:
        options: The search's.
        result: Its result.
        index: The cell.
        starts_of_cells: Whether the search's ``initial_params`` are of each cell.
    """
    # As axes of one value, so that the program, and the bits, are those of the cell in a grid of all rows.
    values = {name: [value] for name, value in result.axes_at(index).items()}
    changed: dict[str, Any] = {name: values.pop(name) for name in ("learning_rate", "l2")}
    if isinstance(options.model, Learner):
        changed["network"] = options.model.with_schedule(max(len(options.epochs), 1))
    else:
        changed["optimizer"] = _with_values(options.optimizer, len(options.epochs), values)
        values = {name: value for name, value in values.items() if name not in options.optimizer.arguments}
    starts = options.initial_params
    if isinstance(starts, SweepResult):  # the cell has no member that diverged
        changed["initial_params"] = starts = starts.params
    if starts_of_cells:
        changed["initial_params"] = jax.tree.map(lambda leaf: np.asarray(leaf)[index], starts)
    epochs = options.epochs
    if any(scheduler.keeps_best for scheduler in options.schedulers):
        end = round(float(np.mean(result.epochs[index])))
        epochs = range(epochs.start, max(end, epochs.start + 1))
    return dataclasses.replace(
        options,
        **changed,
        hyper={**options.hyper, **values},
        epochs=epochs,
        validation=Validation(None, options.validation.rank_by),
        folds=None,
        schedulers=(),
        cells=None,
        refit=False,
        execution=dataclasses.replace(options.execution, keep_params="all"),
        out=None if options.out is None else options.out / REFIT,
    )


def _with_values(optimizer: Optimizer, epochs: int, values: dict[str, list[float]]) -> Optimizer:
    """The optimizer with the winner's numbers, its schedule as long as it was in the search."""
    arguments = {name: values.get(name, value) for name, value in optimizer.arguments.items()}
    if optimizer.schedule == "constant":
        return Optimizer(optimizer.name, **arguments)
    spread = optimizer.schedule_epochs or max(epochs, 1)
    return Optimizer(optimizer.name, schedule=optimizer.schedule, schedule_epochs=spread, **arguments)
