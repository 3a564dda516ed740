"""Options that train the winners of a search again."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike

from jfnn.arguments import checks
from jfnn.core.experiment.continuing import Trained
from jfnn.core.experiment.options import Options
from jfnn.core.experiment.refit import Refit
from jfnn.core.experiment.settings import Validation
from jfnn.core.search.result import SweepResult
from jfnn.core.search.run_directory import REFIT
from jfnn.learners.learner import Learner
from jfnn.optimizers import Optimizer
from jfnn.schedulers.until import Until
from jfnn.split import Split

Index = tuple[int, ...]


def with_copied_arrays(options: Options) -> Options:
    """Return options for a refit, which reads arrays after a callback may have changed the caller's.

    They have no folds: a refit trains without, and a generator of folds is exhausted by then.
    """
    batches = options.batches if callable(options.batches) else copy.deepcopy(options.batches)
    split, starts = copy.deepcopy((options.split, options.initial_params))
    return options.with_changes(split=split, batches=batches, initial_params=starts, folds=None)


def winners(result: SweepResult, refit: Refit) -> list[Index]:
    """Return the indices of the cells to train again, best first; empty if no cell ranks."""
    best = result.best_or_none(refit.rule)
    if best is None or refit.cells == 1:
        return [] if best is None else [best.index]
    pruned = result.pruned_cells
    by_numbers: dict[tuple[object, ...], Index] = {}
    for index in result.order():
        if not pruned[index]:
            by_numbers.setdefault(tuple(result.axes_at(index).values()), index)
    return list(by_numbers.values())[: refit.cells]


def refit_options(
    options: Options, result: SweepResult, chosen: Sequence[Index], starts_of_cells: bool = False
) -> Options:
    """Return options that train the chosen cells of a search on all training rows, or on all rows.

    A single cell is a grid with one value per axis, whose program and bits are those of the cell in a grid
    trained on these rows; if several were requested, they are listed. ``starts_of_cells`` states whether the
    search's ``initial_params`` differ between cells.
    """
    refit = options.refit or Refit()
    is_listed = refit.cells > 1
    columns = {name: [result.axes_at(index)[name] for index in chosen] for name in result.axes_at(chosen[0])}
    values: dict[str, Any] = {name: column[0] for name, column in columns.items()} if is_listed else columns
    changed: dict[str, Any] = {name: values[name] for name in ("learning_rate", "l2")}
    further = {name: value for name, value in values.items() if name not in changed}
    if isinstance(options.model, Learner):
        changed["network"] = options.model.with_schedule(max(len(options.epochs), 1))
    else:
        changed["optimizer"] = _with_values(options.optimizer, len(options.epochs), further)
        further = {name: value for name, value in further.items() if name not in options.optimizer.arguments}
    starts = options.initial_params
    if isinstance(starts, Trained):  # ranked cells have no diverged members
        changed["initial_params"] = starts = starts.params
    if starts_of_cells:

        def of_chosen(leaf: ArrayLike) -> np.ndarray:
            chosen_starts = [np.asarray(leaf)[index] for index in chosen]
            return np.stack(chosen_starts) if is_listed else chosen_starts[0]

        changed["initial_params"] = jax.tree.map(of_chosen, starts)
    epochs = options.epochs
    schedulers: tuple[Until, ...] = ()
    if any(scheduler.keeps_best for scheduler in options.schedulers):
        kept = (round(float(np.mean(result.epochs[index]))) for index in chosen)
        ends = [max(end, epochs.start + 1) for end in kept]
        if len(set(ends)) > 1:
            schedulers = (Until(tuple(end - epochs.start for end in ends)),)
        epochs = range(epochs.start, max(ends))
    every = options.execution.eval_every
    if isinstance(every, list):
        every = [epoch for epoch in every if epoch <= epochs.stop] or None
    return options.with_changes(
        **changed,
        split=options.split if refit.rows == "train" else _all_rows(options.split),
        hyper={**options.hyper, **further},
        epochs=epochs,
        validation=Validation(None, options.validation.rank_by),
        folds=None,
        schedulers=schedulers,
        cells=columns if is_listed else None,
        refit=False,
        execution=options.execution.with_changes(keep_params="all", eval_every=every),
        out=None if options.out is None else options.out / REFIT,
    )


def _all_rows(split: Split) -> Split:
    """Move a split's test rows behind its training rows."""
    if split.x_test is None:
        return split

    def joined(train: object, test: object) -> np.ndarray:
        return np.concatenate([checks.as_array(train, "split"), checks.as_array(test, "split")])

    x, y = jax.tree.map(
        joined,
        (split.x_train, split.y_train),
        (split.x_test, split.y_test),
        is_leaf=lambda leaf: isinstance(leaf, list),
    )
    return split._replace(x_train=x, y_train=y, x_test=None, y_test=None)


def _with_values(optimizer: Optimizer, epochs: int, values: Mapping[str, Any]) -> Optimizer:
    """Return the optimizer with the winner's values and a schedule of the same length as in the search."""
    arguments = {name: values.get(name, value) for name, value in optimizer.arguments.items()}
    if optimizer.schedule == "constant":
        return Optimizer(optimizer.name, **arguments)
    spread = optimizer.schedule_epochs or max(epochs, 1)
    return Optimizer(optimizer.name, schedule=optimizer.schedule, schedule_epochs=spread, **arguments)
