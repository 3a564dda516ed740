"""Options become an experiment: what they need data or a learner for is checked here, before any compiling.

Options and split -> learner and data -> rows of the folds -> cells -> replicates -> `Experiment`.
"""

import math
import warnings
from collections.abc import Collection, Mapping, Sequence

import jax
import numpy as np

from jfnn.arguments import checks, memory, paths
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.texts import compact
from jfnn.experiment.axes import (
    ALWAYS,
    PROGRAM_AXES,
    Number,
    as_numbers,
    axes_and_constants,
    check_counts,
    check_range,
    number_of_cells,
)
from jfnn.experiment.experiment import PARTS, Experiment, Ranking, Replicates, rows_to_copy, scored_block
from jfnn.experiment.going_on import Ended, Trained
from jfnn.experiment.options import Options
from jfnn.experiment.replicates import replicates
from jfnn.experiment.settings import Validation
from jfnn.experiment.validation import cuts, with_labels, with_weights
from jfnn.learners.data import Data
from jfnn.learners.learner import OTHER_METRICS, Learner, Metric, check_metrics, starting_shapes
from jfnn.learners.supervised import HYPER, Supervised, supervised
from jfnn.learners.traced import scoring, traced
from jfnn.network import Network
from jfnn.optimizers import SCHEDULE_STEPS
from jfnn.subsets import Subsets
from jfnn.targets import Split

COPIES = 4  # of all parameters at the least: starts, those in training, their memory, the result
# Inputs from here on are warned of. Were it more, grids that learn little would go without a word; were it
# 200, pixels up to 255 would be warned of, which are learned (tests/search/test_large_inputs.py).
LARGE = 1e3
OF_NETWORKS = ("loss", "reduction", "optimizer", "gradient")  # options that a learner brings itself


def build(options: Options, first_fold: int = 0) -> Experiment:
    """The experiment that options describe; raises ValueError or TypeError naming an invalid option.

    Args:
        options: The options.
        first_fold: Number of the first fold, for the random numbers of its steps.
    """
    split, folds, _, tests = with_labels(options.split, options.folds)
    subsets = folds if isinstance(folds, Subsets) else None
    holds_out = options.validation.size is not None
    if folds is not None:
        holds_out |= subsets is None or subsets.holds_out
    _check_combinations(options, holds_out)

    learner, data = _learner(options, split).bind(split)
    data = with_weights(data, subsets)
    check_metrics(learner.metrics)
    learner.check(data)
    _check_drawn_rows(options, split)
    if isinstance(learner, Supervised) and learner.network.layers is not None:  # others may scale themselves
        _warn_of_large(data.rows[0][: data.n_train])

    rows = cuts(data, options.validation.size, folds)

    further = as_numbers(learner.numbers, "hyper") | options.hyper
    _check_names([*further, *options.hyper_names], learner, options.model)
    numbers = {"learning_rate": options.learning_rate, "l2": options.l2, **further}
    _check_memory(options, learner, data, len(rows), numbers)
    cells, constants = axes_and_constants(numbers, options.cells)
    values = cells.values | {name: np.array([value]) for name, value in constants.items()}
    check_range(values, data.dtype)
    check_counts(values, learner.counts)
    has_test = data.n > data.n_train and (tests is None or tests.size > 0)
    ranking = _ranking(learner, options.validation, holds_out, has_test)
    _check_schedulers(options, math.prod(cells.shape), list(values), holds_out)

    ended: Ended | None = None
    if isinstance(options.initial_params, Trained):
        axes = [*cells.lengths.items(), ("seeds", len(options.seeds))]
        axes += [] if folds is None else [("folds", len(rows))]
        ended = options.initial_params.ended_in(axes, options.epochs)
    members = replicates(options, learner, data, rows, tests, cells.shape, first_fold)
    given = options.initial_params is not None and folds is not None
    if options.refit and given and members.n_starts > len(options.seeds):
        raise ArgumentError("refit", "initial_params are of each fold, and it trains without folds")
    schedule_steps = _schedule_steps(learner, len(options.epochs), members.sources.steps)
    copied_rows = None if folds is None else rows_to_copy(data.n, members.parts)
    learner = _as_trained(learner, data, members, (*values, *schedule_steps))
    return Experiment(
        learner=scoring(learner, scored_block(data, copied_rows)),
        data=data,
        cells=cells,
        constants=constants,
        replicate_constants=schedule_steps,
        replicates=members,
        seeds=options.seeds,
        folds=None if folds is None else len(rows),
        copied_rows=copied_rows,
        subsets=options.folds if isinstance(options.folds, Subsets) else None,
        names=split.names,
        epochs=options.epochs.stop,
        first_epoch=options.epochs.start,
        ended=ended,
        ranking=ranking,
        schedulers=options.schedulers,
        execution=options.execution,
    )


def _check_combinations(options: Options, validates: bool) -> None:
    """Raises ArgumentError for options that exclude each other."""
    every = options.execution.eval_every
    first = options.epochs.start
    end = options.epochs.stop
    if isinstance(every, list) and not first < every[0] <= every[-1] <= end:
        raise ArgumentError("eval_every", f"expected epochs from {first + 1} to {end}, got {every}")
    if options.refit and not validates:
        reason = "with no rows held out, by validation or folds, cells are trained on all rows already"
        raise ArgumentError("refit", reason)
    if options.refit and isinstance(options.folds, Subsets) and options.folds.name == "group":
        raise ArgumentError("refit", "each group has a network; one of all rows would be none of theirs")
    if options.refit and options.batches is not None:
        raise ArgumentError("refit", "given batches are of fewer rows than it trains on")


def _check_drawn_rows(options: Options, split: Split) -> None:
    """Raises ArgumentError for minibatches of a split without rows."""
    if split.x_train is None and options.batches is None and options.scheme.axis_value:
        reason = "expected None or jfnn.Minibatches(None, steps=…), since the split has no rows to draw"
        raise ArgumentError("batch_size", f"{reason}, got {options.scheme.axis_value}")


def _warn_of_large(inputs: np.ndarray) -> None:
    """Warns of inputs, floats, that are so large that their products with weights leave nothing to learn."""
    if inputs.dtype.kind == "f" and (most := max(inputs.max(), -inputs.min())) >= LARGE:
        found = f"inputs reach {compact(float(most), 2)}, where training diverges or stands still"
        warnings.warn(f"{found}; jfnn.datasets.standardise(split) scales them", UserWarning, stacklevel=2)


def _learner(options: Options, split: Split) -> Learner:
    """The learner itself, or that of the network; with the metric that ranks, if it is a custom one."""
    if isinstance(options.model, Learner):
        learner: Learner = options.model
        for name in options.changed(OF_NETWORKS):
            raise ArgumentError(name, "a learner brings it; give it to the learner")
    else:
        learner = supervised(
            options.model,
            loss=options.loss,
            reduction=options.reduction,
            optimizer=options.optimizer,
            gradient=options.gradient,
            hyper=[name for name in options.hyper_names if name in HYPER],
        )
    metric = options.validation.rank_by
    if not isinstance(metric, Metric):
        return learner
    if not isinstance(learner, Supervised):
        raise ArgumentTypeError(
            "rank_by", "expected the name of a metric, since the learner brings its metrics"
        )
    bound, _ = learner.bind(split)
    with checks.renamed(metrics="rank_by"):
        return bound.measuring([*bound.metrics, metric])


def _check_names(names: Sequence[str], learner: Learner, network: Network | Learner) -> None:
    """Raises ArgumentError unless these are the names of the numbers that the learner takes."""
    accepted = [name for name in learner.hyper if name not in (*ALWAYS, SCHEDULE_STEPS)]
    for name in names:
        if name not in accepted:
            raise ArgumentError("hyper", _not_taken(name, accepted, network), name)
    for name in accepted:
        paths.check_name(name, "hyper")
        if name in PROGRAM_AXES:
            raise ArgumentError("hyper", f"a number cannot be named {name!r}, as an axis of programs is")
        if name not in names:
            raise ArgumentError("hyper", f"the learner takes a number {name!r}; give its value")


def _check_memory(
    options: Options, learner: Learner, data: Data, folds: int, numbers: Mapping[str, Number | None]
) -> None:
    """Raises ArgumentError, of the longest axis, the seeds or the tile, unless members fit into memory."""
    leaves = jax.tree.leaves(starting_shapes(learner))
    member_size = sum(leaf.size for leaf in leaves) * data.dtype.itemsize
    memory.check("network", float(COPIES) * member_size, sizes=f", for one member of {member_size} bytes")
    if options.cells is None:
        lengths = {name: len(v) if isinstance(v, np.ndarray) else 1 for name, v in numbers.items()}
    else:
        lengths = {"cells": number_of_cells(options.cells)}
    lengths["seeds"] = len(options.seeds) * folds
    members = math.prod(lengths.values())
    tile = options.execution.tile
    if tile is not None and tile > members:  # filled up with repeats
        members = tile
        lengths = {"tile": tile}
    longest = max(lengths, key=lambda name: lengths[name])
    sizes = f", for {members} members of {member_size} bytes"
    memory.check(longest, float(COPIES) * member_size * members, sizes=sizes)


def _as_trained(learner: Learner, data: Data, members: Replicates, hyper: Sequence[str]) -> Learner:
    """The learner, traced now for these replicates' minibatches."""
    weighted = members.batches.padded or data.weights is not None
    if weighted and not learner.takes_weights:
        raise ArgumentError(
            "weights",
            "this sweep needs row weights (sample weights, or a last, shorter minibatch), but the"
            " learner, or its gradient function, takes none",
        )
    sizes = np.unique(members.sources.batch).tolist()
    return traced(learner, members.start_shapes, data, hyper, sizes, weighted)


def _not_taken(name: object, accepted: Sequence[str], network: Network | Learner) -> str:
    """Why a number is of no use, and where it is to be declared."""
    if name in ("learning_rate", "l2"):
        return f"{name} is no further number, but a keyword beside hyper"
    if isinstance(network, Learner):
        expected = ", ".join(accepted) or "no names"
        cure = f"; name it where the learner is made, hyper=[{name!r}]"
    else:
        accepted = sorted({*accepted, *HYPER})
        expected = ", ".join(accepted)
        cure = "; numbers of an optimizer go into jfnn.Optimizer, those of a loss into jfnn.learner"
    meant = checks.did_you_mean(name, accepted)
    return f"expected {expected}, got {name!r}{meant or cure}"


def _schedule_steps(learner: Learner, epochs: int, steps: np.ndarray) -> dict[str, np.ndarray]:
    """Steps over which a schedule spreads, one number a replicate; nothing where there is no schedule."""
    if SCHEDULE_STEPS not in learner.hyper:
        return {}
    spread = max(epochs, 1) if learner.schedule_epochs is None else learner.schedule_epochs
    return {SCHEDULE_STEPS: spread * steps.astype(np.float64)}


def _ranking(learner: Learner, validation: Validation, validates: bool, has_test: bool) -> Ranking:
    """The score on rows held out where there are any, else on the test rows, else on the training rows."""
    part = "validation" if validates else "test" if has_test else "train"
    directions = {metric.name: metric.higher_is_better for metric in learner.metrics}
    name = validation.rank_by.name if isinstance(validation.rank_by, Metric) else validation.rank_by
    name = learner.ranked_by if name is None else name
    checks.as_choice(name, "rank_by", directions, OTHER_METRICS)
    return Ranking(PARTS.index(part), name, directions[name])


def _check_schedulers(options: Options, cells: int, hyper: Collection[str], validates: bool) -> None:
    for scheduler in options.schedulers:
        if scheduler.validates and not validates:
            reason = f"{scheduler} needs rows held out: validation or folds"
            raise ArgumentError("schedulers", reason, scheduler)
        try:
            scheduler.check(cells, len(options.epochs), hyper)
        except ValueError as error:
            raise ArgumentError("schedulers", str(error), scheduler) from None
