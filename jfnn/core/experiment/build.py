"""Build an experiment from options, checking what depends on data or learner before anything compiles.

Options -> bound learner and rows -> cells -> ranking score -> replicates -> traced functions -> `Experiment`.
Each step returns a record that has checked itself.
"""

from collections.abc import Iterable

import numpy as np

from jfnn.arguments.checks import ArgumentError
from jfnn.core.engine.cohort import Ended, Replicates, rows_to_copy, scored_block
from jfnn.core.experiment import doubts
from jfnn.core.experiment.bound import Bound, bind
from jfnn.core.experiment.cells import Cells, make_cells
from jfnn.core.experiment.continuing import Trained
from jfnn.core.experiment.experiment import Experiment
from jfnn.core.experiment.options import Options
from jfnn.core.experiment.ranking import ranking_score
from jfnn.core.experiment.replicates import make_replicates
from jfnn.core.experiment.subsets import Subsets
from jfnn.core.experiment.tracing import trace_functions
from jfnn.learners.functions import Functions
from jfnn.learners.of_targets import TARGET
from jfnn.optimizers import SCHEDULE_STEPS
from jfnn.split import as_names


def build(options: Options, first_fold: int = 0) -> Experiment:
    """Build the experiment that options describe; raise ValueError or TypeError naming an invalid option.

    ``first_fold`` is the number of the first fold, for the random numbers of its steps.
    """
    _check_evaluations(options)
    bound = bind(options)
    cells = make_cells(options, bound)
    ranking = ranking_score(options.validation, bound)
    _check_schedulers(options, bound, cells)
    _check_refit(options, bound, cells)
    ended = _ended(options, bound, cells)
    replicates = make_replicates(options, bound, cells.axes.shape, first_fold)
    _check_refit_starts(options, replicates)
    of_replicates = _numbers_of_replicates(options, bound, replicates)
    copied_rows = None if options.folds is None else rows_to_copy(bound.data.n, replicates.parts)
    return Experiment(
        functions=_trace_functions(bound, replicates, (*cells.values, *of_replicates), copied_rows),
        data=bound.data,
        cells=cells.axes,
        constants=cells.constants,
        replicate_constants=of_replicates,
        replicates=replicates,
        seeds=options.seeds,
        folds=None if options.folds is None else len(bound.cuts),
        copied_rows=copied_rows,
        subsets=options.folds if isinstance(options.folds, Subsets) else None,
        names=as_names(options.split.names),
        epochs=options.epochs.stop,
        first_epoch=options.epochs.start,
        ended=ended,
        ranking=ranking,
        schedulers=options.schedulers,
        execution=options.execution,
        doubts=doubts.about(options, bound, cells),
        advice=doubts.advice(bound),
    )


def _check_evaluations(options: Options) -> None:
    """Raise ArgumentError for epochs to evaluate that the run does not have."""
    every = options.execution.eval_every
    first = options.epochs.start
    end = options.epochs.stop
    if isinstance(every, list) and not first < every[0] <= every[-1] <= end:
        raise ArgumentError("eval_every", f"expected epochs from {first + 1} to {end}, got {every}")


def _check_schedulers(options: Options, bound: Bound, cells: Cells) -> None:
    """Raise ArgumentError for schedulers that need other rows or cells."""
    changeable = [name for name in cells.values if name not in bound.learner.at_start]
    for scheduler in options.schedulers:
        if scheduler.validates and not bound.holds_out:
            reason = f"{scheduler} needs rows held out: validation or folds"
            raise ArgumentError("schedulers", reason, scheduler)
        try:
            scheduler.check(cells.number, len(options.epochs), changeable)
        except ValueError as error:
            raise ArgumentError("schedulers", str(error), scheduler) from None


def _check_refit(options: Options, bound: Bound, cells: Cells) -> None:
    """Raise ArgumentError if winners cannot be trained again, or would be trained on the same rows."""
    refit = options.refit
    split = options.split
    if refit is None:
        return
    tests = refit.rows == "all" and split.x_test is not None
    if not bound.holds_out and not tests:
        reason = "without held-out rows (validation or folds), cells are already trained on all rows"
        raise ArgumentError("refit", reason)
    if isinstance(options.folds, Subsets) and options.folds.name == "group":
        raise ArgumentError("refit", "each group trains its own network, so refit is not supported")
    if isinstance(options.folds, Subsets) and options.folds.columns is not None:
        raise ArgumentError("refit", "each target trains its own network, so refit is not supported")
    if options.batches is not None:
        raise ArgumentError("refit", "the given batches have fewer rows than a refit trains on")
    if tests and split.weights is not None:
        reason = "test rows have no weights to train with; a split of test size 0 has weights for all rows"
        raise ArgumentError("refit", reason)
    if refit.cells > cells.number:
        reason = f"expected at most {cells.number}, the number of cells, got {refit.cells}"
        raise ArgumentError("refit", reason, "cells")


def _check_refit_starts(options: Options, replicates: Replicates) -> None:
    """Raise ArgumentError if winners would begin with parameters that belong to folds."""
    given = options.initial_params is not None and options.folds is not None
    if options.refit and given and replicates.n_starts > len(options.seeds):
        raise ArgumentError("refit", "initial_params differ between folds, but a refit trains without folds")


def _ended(options: Options, bound: Bound, cells: Cells) -> Ended | None:
    """Return how the members of a result that the run continues had ended; None if all train further."""
    if not isinstance(options.initial_params, Trained):
        return None
    axes = [*cells.axes.lengths.items(), ("seeds", len(options.seeds))]
    axes += [] if options.folds is None else [("folds", len(bound.cuts))]
    return options.initial_params.ended_in(axes, options.epochs)


def _numbers_of_replicates(options: Options, bound: Bound, replicates: Replicates) -> dict[str, np.ndarray]:
    """Return numbers of each replicate by name: steps of a schedule, and columns of targets."""
    learner = bound.learner
    numbers: dict[str, np.ndarray] = {}
    if SCHEDULE_STEPS in learner.hyper:
        epochs = len(options.epochs)
        spread = max(epochs, 1) if learner.schedule_epochs is None else learner.schedule_epochs
        numbers[SCHEDULE_STEPS] = spread * replicates.sources.steps.astype(np.float64)
    if bound.data.columns is not None:
        numbers[TARGET] = bound.data.columns[replicates.folds].astype(np.float64)
    return numbers


def _trace_functions(
    bound: Bound, replicates: Replicates, hyper: Iterable[str], copied_rows: np.ndarray | None
) -> Functions:
    """Trace the learner's functions for these replicates' minibatches and blocks of scored rows."""
    learner = bound.learner
    data = bound.data
    weighted = replicates.batches.padded or data.weights is not None
    if weighted and not learner.takes_weights:
        raise ArgumentError(
            "weights",
            "this sweep needs row weights (sample weights, or a last, shorter minibatch), but the"
            " learner, or its gradient function, does not take any",
        )
    steps = np.unique(replicates.sources.batch).tolist()
    scored = (data.block, scored_block(data, copied_rows))
    return trace_functions(learner, replicates.start_shapes, data, hyper, steps, weighted, scored)
