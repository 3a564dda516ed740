"""Build an experiment from options, checking what depends on data or learner before anything compiles.

Options and split -> learner and data -> rows of the folds -> cells -> replicates -> `Experiment`.
"""

import math
import numbers
from collections.abc import Collection, Iterable, Mapping, Sequence

import jax
import numpy as np

from jfnn.arguments import checks, memory, paths, suggestions
from jfnn.arguments.callers import Doubt
from jfnn.arguments.checks import ArgumentError
from jfnn.core.engine.cohort import PARTS, Ended, RankingScore, Replicates, rows_to_copy, scored_block
from jfnn.core.experiment import doubts
from jfnn.core.experiment.axes import (
    ALWAYS,
    PROGRAM_AXES,
    Axes,
    Number,
    as_numbers,
    axes_and_constants,
    check_counts,
    check_range,
    number_of_cells,
)
from jfnn.core.experiment.continuing import Trained
from jfnn.core.experiment.experiment import Experiment
from jfnn.core.experiment.options import Options
from jfnn.core.experiment.replicates import replicates
from jfnn.core.experiment.settings import Validation
from jfnn.core.experiment.subsets import Subsets
from jfnn.core.experiment.tracing import trace_functions
from jfnn.core.experiment.validation import cuts, with_labels, with_weights
from jfnn.learners.data import Data
from jfnn.learners.functions import Functions
from jfnn.learners.labelled import check_network
from jfnn.learners.learner import OTHER_METRICS, Learner, Metric, check_metrics, starting_shapes
from jfnn.learners.of_targets import TARGET, of_targets
from jfnn.learners.supervised import Supervised, numbers_of, supervised
from jfnn.minibatches import Minibatches
from jfnn.network import Network
from jfnn.optimizers import SCHEDULE_STEPS
from jfnn.split import Split, as_names
from jfnn.targets import is_labels

COPIES = 4  # minimum copies of all parameters: initial, in training, in the optimizer, in the result
OF_NETWORKS = ("loss", "reduction", "optimizer", "gradient")  # options that a learner replaces


def build(options: Options, first_fold: int = 0) -> Experiment:
    """Build the experiment that options describe; raise ValueError or TypeError naming an invalid option.

    ``first_fold`` is the number of the first fold, for the random numbers of its steps.
    """
    split, folds, _, tests = with_labels(options.split, options.folds)
    subsets = folds if isinstance(folds, Subsets) else None
    holds_out = options.validation.size is not None
    if folds is not None:
        holds_out |= subsets is None or subsets.holds_out
    _check_combinations(options)

    learner, data = _learner(options, subsets).bind(split)
    learner = _with_ranking_metric(learner, data, options.validation.rank_by)
    data = _with_columns(with_weights(data, subsets), subsets)
    check_metrics(learner.metrics)
    learner.check(data)
    _check_drawn_rows(options, split)

    rows = cuts(data, options.validation.size, folds)

    further = as_numbers(learner.numbers, "hyper") | options.hyper
    _check_names([*further, *options.hyper_names], learner, options.model)
    numbers = {"learning_rate": options.learning_rate, "l2": options.l2, **further}
    _check_memory(options, learner, data, len(rows), numbers)
    cells, constants = axes_and_constants(numbers, options.cells)
    values = cells.values | {name: np.array([value]) for name, value in constants.items()}
    check_range(values, data.dtype)
    check_counts(values, learner.counts)
    found = _doubts(options, learner, data, cells, values)
    has_test = data.n > data.n_train and (tests is None or tests.size > 0)
    ranking = _ranking_score(learner, data, options.validation, holds_out, has_test, rows)
    if options.schedulers:
        changeable = [name for name in values if name not in learner.at_start]
        _check_schedulers(options, math.prod(cells.shape), changeable, holds_out)
    _check_refit(options, math.prod(cells.shape), holds_out)

    ended: Ended | None = None
    if isinstance(options.initial_params, Trained):
        axes = [*cells.lengths.items(), ("seeds", len(options.seeds))]
        axes += [] if folds is None else [("folds", len(rows))]
        ended = options.initial_params.ended_in(axes, options.epochs)
    members = replicates(options, learner, data, rows, tests, cells.shape, first_fold)
    _check_row_numbers(members)
    given = options.initial_params is not None and folds is not None
    if options.refit and given and members.n_starts > len(options.seeds):
        raise ArgumentError("refit", "initial_params differ between folds, but a refit trains without folds")
    of_replicates = _schedule_steps(learner, len(options.epochs), members.sources.steps)
    if data.columns is not None:
        if TARGET in values:
            raise ArgumentError(
                "hyper", f"{TARGET!r} is reserved for each subset's target; choose another name"
            )
        of_replicates[TARGET] = data.columns[members.folds].astype(np.float64)
    copied_rows = None if folds is None else rows_to_copy(data.n, members.parts)
    return Experiment(
        functions=_trace_functions(learner, data, members, (*values, *of_replicates), copied_rows),
        data=data,
        cells=cells,
        constants=constants,
        replicate_constants=of_replicates,
        replicates=members,
        seeds=options.seeds,
        folds=None if folds is None else len(rows),
        copied_rows=copied_rows,
        subsets=options.folds if isinstance(options.folds, Subsets) else None,
        names=as_names(split.names),
        epochs=options.epochs.stop,
        first_epoch=options.epochs.start,
        ended=ended,
        ranking=ranking,
        schedulers=options.schedulers,
        execution=options.execution,
        doubts=found,
        advice=_advice(learner, data),
    )


def _check_combinations(options: Options) -> None:
    """Raise ArgumentError for options that exclude each other."""
    every = options.execution.eval_every
    first = options.epochs.start
    end = options.epochs.stop
    if isinstance(every, list) and not first < every[0] <= every[-1] <= end:
        raise ArgumentError("eval_every", f"expected epochs from {first + 1} to {end}, got {every}")


def _check_refit(options: Options, cells: int, validates: bool) -> None:
    """Raise ArgumentError if winners cannot be trained again, or would be trained on the same rows."""
    refit = options.refit
    split = options.split
    if refit is None:
        return
    tests = refit.rows == "all" and split.x_test is not None
    if not validates and not tests:
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
    if refit.cells > cells:
        raise ArgumentError(
            "refit", f"expected at most {cells}, the number of cells, got {refit.cells}", "cells"
        )


def _check_drawn_rows(options: Options, split: Split) -> None:
    """Raise ArgumentError for minibatches of a split without rows."""
    scheme = options.scheme
    is_full = scheme.batch_size is None or scheme.scheme == "full"
    if split.x_train is None and options.batches is None and not is_full:
        reason = "expected None or jfnn.Minibatches(None, steps=…), since the split has no rows to draw"
        raise ArgumentError("batch_size", f"{reason}, got {scheme.batch_size!r}")


def _doubts(
    options: Options, learner: Learner, data: Data, cells: Axes, values: Mapping[str, np.ndarray]
) -> list[Doubt]:
    """Return warnings about valid but suspicious input."""
    found: list[Doubt] = []
    if cells.crossed:  # listed cells may repeat a value
        found += doubts.about_axes(
            {name: axis for name, axis in cells.values.items() if axis.ndim}, data.dtype
        )
    if not isinstance(learner, Supervised):
        return found
    inputs, targets = (leaf[: data.n_train] for leaf in data.rows)
    names = options.split.names or {}
    found += doubts.about_columns(inputs, names.get("columns"))
    if data.labels is not None and is_labels(data.labels):
        folds = int(options.folds) if isinstance(options.folds, numbers.Integral) else None
        found += doubts.about_classes(data.labels, targets.shape[1], names.get("classes"), folds)
    layers = learner.network.layers
    if layers is not None:  # other networks may scale inputs themselves
        found += doubts.about_size(inputs)
        if "dropout" in values:
            found += doubts.about_dropout(values["dropout"], layers, inputs.shape[1:])
    return found


def _advice(learner: Learner, data: Data) -> str:
    """Return what to change first if training fails; see `jfnn.core.experiment.doubts.advice`."""
    if not isinstance(learner, Supervised):
        return ""
    inputs, targets = (leaf[: data.n_train] for leaf in data.rows)
    labels = data.labels if data.labels is not None and is_labels(data.labels) else None
    are_numbers = labels is None and not learner.loss.takes_logits and learner.loss.least_target < 0
    scales = learner.network.layers is None  # other networks may scale inputs themselves
    return doubts.advice(None if scales else inputs, targets if are_numbers else None, labels)


def _learner(options: Options, subsets: Subsets | None) -> Learner:
    """Return the given or the network's learner; if subsets have columns, for one target per subset."""
    if isinstance(options.model, Learner):
        learner: Learner = options.model
        for name in options.non_default(OF_NETWORKS):
            raise ArgumentError(name, "a learner has its own; give it to the learner")
    else:
        check_network(options.model, options.loss, options.gradient)
        taken = numbers_of(options.model, options.hyper_names)
        learner = supervised(
            options.model,
            loss=options.loss,
            reduction=options.reduction,
            optimizer=options.optimizer,
            gradient=options.gradient,
            hyper=[name for name in options.hyper_names if name in taken],
        )
    return learner if subsets is None or subsets.columns is None else of_targets(learner)


def _with_ranking_metric(learner: Learner, data: Data, metric: str | Metric | None) -> Learner:
    """Add the metric that ranks to a bound learner, if the metric is defined for its outputs."""
    known = [known.name for known in learner.metrics]
    if metric is None or metric in known or (isinstance(metric, str) and metric not in learner.metric_names):
        return learner
    with checks.rename_arguments(metrics="rank_by"):
        return learner.measuring([*learner.metrics, metric]).fitted(data)


def _check_names(names: Sequence[str], learner: Learner, network: Network | Learner) -> None:
    """Raise ArgumentError unless these are the names of the numbers that the learner takes."""
    accepted = [name for name in learner.hyper if name not in (*ALWAYS, SCHEDULE_STEPS)]
    for name in names:
        if name not in accepted:
            raise ArgumentError("hyper", _explain_unknown(name, accepted, network), name)
    for name in accepted:
        paths.check_name(name, "hyper")
        if name in PROGRAM_AXES:
            raise ArgumentError("hyper", f"a number cannot be named {name!r}, like an axis of programs")
        if name not in names:
            raise ArgumentError("hyper", f"the learner takes a number {name!r}; give its value")


def _check_memory(
    options: Options, learner: Learner, data: Data, folds: int, numbers: Mapping[str, Number | None]
) -> None:
    """Raise ArgumentError about the longest axis, the seeds or the tile if members do not fit into memory."""
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
    if tile is not None and tile > members:  # the tile is padded with repeated members
        members = tile
        lengths = {"tile": tile}
    longest = max(lengths, key=lambda name: lengths[name])
    sizes = f", for {members} members of {member_size} bytes"
    memory.check(longest, float(COPIES) * member_size * members, sizes=sizes)


def _check_row_numbers(members: Replicates) -> None:
    """Raise ArgumentError unless the row numbers of two calls, of an epoch each, fit into memory."""
    batches = members.batches
    if not isinstance(batches, Minibatches) or batches.scheme == "full":
        return
    n = max(len(part["train"]) for part in members.parts)
    steps = batches.n_steps(n)
    needed = 2.0 * np.dtype(np.int32).itemsize * steps * batches.rows_a_step(n)
    sizes = f", for the row numbers of {steps} steps; use fewer per epoch and more epochs"
    memory.check("batch_size", needed, sizes=sizes)


def _trace_functions(
    learner: Learner, data: Data, members: Replicates, hyper: Iterable[str], copied_rows: np.ndarray | None
) -> Functions:
    """Trace the learner's functions for these replicates' minibatches and blocks of scored rows."""
    weighted = members.batches.padded or data.weights is not None
    if weighted and not learner.takes_weights:
        raise ArgumentError(
            "weights",
            "this sweep needs row weights (sample weights, or a last, shorter minibatch), but the"
            " learner, or its gradient function, does not take any",
        )
    steps = np.unique(members.sources.batch).tolist()
    scored = (data.block, scored_block(data, copied_rows))
    return trace_functions(learner, members.start_shapes, data, hyper, steps, weighted, scored)


def _explain_unknown(name: object, accepted: Sequence[str], network: Network | Learner) -> str:
    """Explain why a hyperparameter is not accepted, and where to declare it."""
    if name in ("learning_rate", "l2"):
        return f"{name} is a separate keyword, not part of hyper"
    if isinstance(network, Learner):
        expected = ", ".join(accepted) or "no names"
        cure = f"; declare it when making the learner, hyper=[{name!r}]"
    else:
        accepted = sorted({*accepted, *numbers_of(network, [str(name)])})
        expected = ", ".join(accepted)
        cure = (
            "; an optimizer's numbers go into jfnn.Optimizer, a loss's into jfnn.learner, and a layer's is a"
            " jfnn.Constant with this name among its parameters"
        )
    meant = suggestions.did_you_mean(name, accepted)
    return f"expected {expected}, got {name!r}{meant or cure}"


def _schedule_steps(learner: Learner, epochs: int, steps: np.ndarray) -> dict[str, np.ndarray]:
    """Return the steps over which a schedule spreads, one number per replicate; empty without a schedule."""
    if SCHEDULE_STEPS not in learner.hyper:
        return {}
    spread = max(epochs, 1) if learner.schedule_epochs is None else learner.schedule_epochs
    return {SCHEDULE_STEPS: spread * steps.astype(np.float64)}


def _with_columns(data: Data, subsets: Subsets | None) -> Data:
    """Add each subset's target to the data, if rows have several."""
    if subsets is None or subsets.columns is None:
        return data
    most = data.rows[1].shape[1]
    last = subsets.columns.max()
    if last >= most:
        raise ArgumentError("folds", f"expected columns of the split's {most} targets, got {last}")
    return data._replace(columns=subsets.columns)


def _ranking_score(
    learner: Learner,
    data: Data,
    validation: Validation,
    validates: bool,
    has_test: bool,
    rows: Sequence[tuple[np.ndarray, np.ndarray]],
) -> RankingScore:
    """Return the score that ranks: on held-out rows if there are any, otherwise on test or training rows.

    ``validates`` and ``has_test`` state whether there are held-out and test rows; ``rows`` has the rows to
    train on and the rows held out in each fold.

    Raises:
        ValueError: No such metric, or one that is NaN for every network on these rows.
    """
    part = "validation" if validates else "test" if has_test else "train"
    directions = {metric.name: metric.higher_is_better for metric in learner.metrics}
    name = validation.rank_by.name if isinstance(validation.rank_by, Metric) else validation.rank_by
    name = learner.ranked_by if name is None else name
    if name not in directions:
        checks.as_choice(name, "rank_by", learner.metric_names, OTHER_METRICS)
    _check_defined(learner, data, name, part, rows)
    return RankingScore(PARTS.index(part), name, directions[name])


def _check_defined(
    learner: Learner, data: Data, name: str, part: str, rows: Sequence[tuple[np.ndarray, np.ndarray]]
) -> None:
    """Raise ArgumentError if the metric that ranks is NaN for every network on the rows of a fold."""
    metric = next(metric for metric in learner.metrics if metric.name == name)
    for fold, (train, held_out) in enumerate(rows):
        numbers = {"train": train, "validation": held_out, "test": np.arange(data.n_train, data.n)}[part]
        reason = learner.undefined(metric, data.in_fold(fold), numbers)
        if reason:
            where = f"{part} rows{f' of fold {fold}' * (len(rows) > 1)}"
            raise ArgumentError("rank_by", f"{reason} among the {where}; use more rows or another metric")


def _check_schedulers(options: Options, cells: int, hyper: Collection[str], validates: bool) -> None:
    for scheduler in options.schedulers:
        if scheduler.validates and not validates:
            reason = f"{scheduler} needs rows held out: validation or folds"
            raise ArgumentError("schedulers", reason, scheduler)
        try:
            scheduler.check(cells, len(options.epochs), hyper)
        except ValueError as error:
            raise ArgumentError("schedulers", str(error), scheduler) from None
