"""Options that train the winner of a search once more, on all rows."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from jfnn.experiment.options import Options
from jfnn.experiment.settings import Validation, as_execution, as_validation
from jfnn.learners.learner import Learner
from jfnn.optimizers import Optimizer, as_optimizer
from jfnn.search.result import REFIT, SweepResult


def refit_options(options: Options, result: SweepResult) -> Options:
    """Options that train the best cell of a search, given its options and result, on all training rows."""
    best = result.best()
    # As axes of one value, so that the program, and the bits, are those of the cell in a grid of all rows.
    values = {name: [value] for name, value in best.axes.items()}
    changed: dict[str, Any] = {name: values.pop(name) for name in ("learning_rate", "l2")}
    if isinstance(options.network, Learner):
        changed["network"] = options.network.with_schedule(max(options.epochs, 1))
    else:
        optimizer = as_optimizer(options.optimizer)
        changed["optimizer"] = _with_values(optimizer, options.epochs, values)
        values = {name: value for name, value in values.items() if name not in optimizer.arguments}
    epochs = options.epochs
    if any(scheduler.keeps_best for scheduler in options.schedulers):
        epochs = max(1, round(float(np.mean(result.epochs[best.index]))))
    return dataclasses.replace(
        options,
        **changed,
        hyper={**(options.hyper or {}), **values} or None,
        epochs=epochs,
        validation=Validation(None, as_validation(options.validation).rank_by),
        folds=None,
        schedulers=(),
        sample=None,
        refit=False,
        execution=as_execution(options.execution)._replace(keep_params="all"),
        out=None if options.out is None else Path(options.out) / REFIT,
    )


def _with_values(optimizer: Optimizer, epochs: int, values: dict[str, list[float]]) -> Optimizer:
    """The optimizer with the winner's numbers, its schedule as long as it was in the search."""
    arguments = {name: values.get(name, value) for name, value in optimizer.arguments.items()}
    if optimizer.schedule == "constant":
        return Optimizer(optimizer.name, **arguments)
    spread = optimizer.schedule_epochs or max(epochs, 1)
    return Optimizer(optimizer.name, schedule=optimizer.schedule, schedule_epochs=spread, **arguments)
