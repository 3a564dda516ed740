"""Options become an experiment: everything is checked here, once, before anything is compiled."""

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from jfnn import checks, memory, paths
from jfnn.checks import ArgumentError, ArgumentTypeError
from jfnn.datasets import Split
from jfnn.experiment.axes import Axes, axes_and_constants, check_counts, check_range
from jfnn.experiment.experiment import Experiment, Ranking
from jfnn.experiment.options import Common, Execution, Options, Validation
from jfnn.experiment.replicates import PARTS, Replicate, as_seeds, replicates
from jfnn.experiment.validation import check_weights, cuts
from jfnn.learners.data import Data
from jfnn.learners.learner import Learner, Metric, check_metrics
from jfnn.learners.supervised import HYPER, Supervised, supervised
from jfnn.learners.traced import traced
from jfnn.learners.trial import starting_shapes
from jfnn.optimizers import SCHEDULE_STEPS, Values
from jfnn.schedulers.scheduler import Scheduler

COPIES = 4  # of all parameters at the least: starts, those in training, their memory, the result
KEEP_PARAMS = ("all", "best", "none", "evaluations")


def build(options: Options, first_fold: int = 0) -> Experiment:
    """The experiment that options describe.

    Args:
        options: The options.
        first_fold: Number of the first fold, for the random numbers of its steps.

    Raises:
        ValueError, TypeError: What cannot be; the message begins with the option's name.
    """
    if not isinstance(options.split, Sequence) or len(options.split) not in (4, 5):
        raise ArgumentTypeError("split", "expected Split(x_train, y_train, x_test, y_test)")
    options = dataclasses.replace(options, split=Split(*options.split))
    epochs = checks.as_count(options.epochs, "epochs", minimum=0)
    execution, validation = as_execution(options.execution), as_validation(options.validation)
    if isinstance(execution.eval_every, list) and execution.eval_every[-1] > epochs:
        raise ArgumentError(
            "eval_every", f"expected epochs from 1 to {epochs}, got {execution.eval_every[-1]}"
        )
    _check_switches(options, validation)
    learner, data = _learner(options, validation).bind(options.split)
    check_metrics(learner.metrics)
    learner.check(data)
    cells, constants = axes_and_constants(_numbers(options, learner), options.sample)
    values = {**cells.values, **{name: np.array([value]) for name, value in constants.items()}}
    check_range(values, data.dtype)
    check_counts(values, learner.counts)
    ranking = _ranking(learner, data, validation, options)
    schedulers = _schedulers(options, cells, epochs, [*cells.values, *constants])
    seeds = as_seeds(options.seeds)
    folds = cuts(data, validation.size, options.folds)
    check_weights(data, folds)
    _check_memory(learner, data, cells, len(seeds) * len(folds), execution.tile)
    members = replicates(options, learner, data, folds, seeds, first_fold)
    spread = _schedule_steps(learner, epochs, [replicate.steps for replicate in members])
    return Experiment(
        _as_trained(learner, data, members, (*cells.values, *constants, *spread)),
        data,
        cells,
        constants,
        spread,
        members,
        seeds,
        None if options.folds is None else len(folds),
        epochs,
        ranking,
        schedulers,
        execution,
    )


def _as_trained(learner: Learner, data: Data, members: Sequence[Replicate], hyper: Sequence[str]) -> Learner:
    """The learner as it is now, for the minibatches that there are."""
    weighted = members[0].padded or data.weights is not None
    if weighted and not learner.takes_weights:
        raise ArgumentError(
            "weights",
            "this sweep needs row weights (sample weights, or a last, shorter minibatch), but the"
            " learner, or its gradient function, takes none",
        )
    sizes = [replicate.rows_a_step for replicate in members]
    return traced(learner, members[0].params, data, hyper, sizes, weighted)


def _check_memory(learner: Learner, data: Data, cells: Axes, replicates: int, tile: int | None) -> None:
    """Refuses more members than fit into memory; names the longest axis, or the seeds, or the tile."""
    leaves = jax.tree.leaves(starting_shapes(learner))
    of_member = sum(leaf.size for leaf in leaves) * data.dtype.itemsize
    memory.check("network", float(COPIES) * of_member, sizes=f", for one member of {of_member} bytes")
    members = math.prod(cells.shape) * replicates
    lengths = {name: len(values) for name, values in cells.values.items()} | {"seeds": replicates}
    if tile is not None and tile > members:  # filled up with repeats
        members, lengths = tile, {"tile": tile}
    longest = max(lengths, key=lambda name: lengths[name])
    sizes = f", for {members} members of {of_member} bytes"
    memory.check(longest, float(COPIES) * of_member * members, sizes=sizes)


def as_execution(execution: int | Execution | None) -> Execution:
    """An `Execution`, checked; a number is one of devices."""
    if execution is None:
        execution = Execution()
    elif not isinstance(execution, Execution):
        execution = Execution(devices=checks.as_count(execution, "execution"))
    checks.as_choice(execution.keep_params, "keep_params", KEEP_PARAMS)
    checks.as_switch(execution.verify, "verify")
    if execution.shared is not None:
        checks.as_switch(execution.shared, "shared")
    checks.as_switch(execution.objective, "objective")
    if execution.tile is not None:
        checks.as_count(execution.tile, "tile")
    if execution.eval_every is not None:
        execution = execution._replace(eval_every=_as_epochs(execution.eval_every))
    if execution.keep_params == "evaluations" and execution.eval_every is None:
        raise ArgumentError("keep_params", "'evaluations' needs eval_every")
    if execution.progress is not None and not callable(execution.progress):
        raise ArgumentTypeError("progress", f"expected a function, got {type(execution.progress).__name__}")
    return execution


def _as_epochs(every: Any) -> int | list[int]:
    """A number of epochs, or several of their numbers in order."""
    every = every.tolist() if hasattr(every, "tolist") else every
    if not checks.is_several(every):
        return checks.as_count(every, "eval_every")
    if not len(every):
        raise ArgumentError("eval_every", "expected at least one epoch")
    return sorted({checks.as_count(epoch, "eval_every") for epoch in every})


def as_validation(validation: float | int | Validation | None) -> Validation:
    """A `Validation`; a number is the share or number of rows."""
    return validation if isinstance(validation, Validation) else Validation(validation)


def _check_switches(options: Options, validation: Validation) -> None:
    for name in ("resume", "refit"):
        checks.as_switch(getattr(options, name), name)
    if options.refit and validation.size is None and options.folds is None:
        raise ArgumentError(
            "refit", "without validation or folds, cells are trained on all training rows already"
        )
    if options.refit and options.batches is not None:
        raise ArgumentError("refit", "given batches are of fewer rows than it trains on")


def _learner(options: Options, validation: Validation) -> Learner:
    """The learner itself, or that of the network; with the metric that ranks, if it is the user's own."""
    learner, of_network = options.network, ("loss", "reduction", "optimizer", "gradient")
    if options.hyper is not None and not isinstance(options.hyper, Mapping):
        raise ArgumentTypeError(
            "hyper", f"expected a mapping of names to values, got {checks.shown(options.hyper)}"
        )
    if isinstance(learner, Learner):
        defaults = {field.name: field.default for field in dataclasses.fields(Common)}
        for name in of_network:
            if getattr(options, name) != defaults[name]:
                raise ArgumentError(name, "a learner has its own; give it to the learner")
    else:
        learner = supervised(
            learner,
            options.loss,
            reduction=options.reduction,
            optimizer=options.optimizer,
            gradient=options.gradient,
            hyper=[name for name in options.hyper or {} if name in HYPER],
        )
    metric = validation.rank_by
    if isinstance(metric, Metric):
        if not isinstance(learner, Supervised):
            raise ArgumentTypeError(
                "rank_by", "expected the name of a metric, since the learner brings its own"
            )
        bound, _ = learner.bind(options.split)
        with checks.renamed(metrics="rank_by"):
            learner = bound.measuring([*bound.metrics, metric])
    return learner


def _numbers(options: Options, learner: Learner) -> dict[str, Values]:
    """Values of all numbers that the learner takes, in the order of the axes."""
    own = {"learning_rate": options.learning_rate, "l2": options.l2}
    numbers = {**own, **learner.numbers, **(options.hyper or {})}
    accepted = [name for name in learner.hyper if name not in (*own, SCHEDULE_STEPS)]
    for name in (*learner.numbers, *(options.hyper or {})):
        if name not in accepted:
            names = accepted if isinstance(options.network, Learner) else sorted({*accepted, *HYPER})
            raise ArgumentError("hyper", f"expected names of {names}, got {name!r}", name)
    for name in accepted:
        paths.check_name(name, "hyper")
        if name not in numbers:
            raise ArgumentError("hyper", f"the learner takes a number {name!r}; give its value")
    return numbers


def _schedule_steps(learner: Learner, epochs: int, steps: Sequence[int]) -> dict[str, np.ndarray]:
    """Steps over which a schedule spreads, one number a replicate; nothing where there is no schedule."""
    if SCHEDULE_STEPS not in learner.hyper:
        return {}
    spread = max(epochs, 1) if learner.schedule_epochs is None else learner.schedule_epochs
    return {SCHEDULE_STEPS: np.array([float(spread * of_replicate) for of_replicate in steps])}


def _ranking(learner: Learner, data: Data, validation: Validation, options: Options) -> Ranking:
    """What ranks: rows held out where there are any, else the test rows, else the training rows."""
    validates = validation.size is not None or options.folds is not None
    part = "validation" if validates else "test" if data.n > data.n_train else "train"
    directions = {metric.name: metric.higher_is_better for metric in learner.metrics}
    chosen = validation.rank_by.name if isinstance(validation.rank_by, Metric) else validation.rank_by
    name = learner.ranked_by if chosen is None else checks.as_choice(chosen, "rank_by", directions)
    return Ranking(PARTS.index(part), name, directions[name])


def _schedulers(options: Options, cells: Axes, epochs: int, hyper: Collection[str]) -> tuple[Scheduler, ...]:
    validates = as_validation(options.validation).size is not None or options.folds is not None
    if not checks.is_several(options.schedulers):
        got = checks.shown(options.schedulers)
        raise ArgumentTypeError("schedulers", f"expected a sequence of schedulers, got {got}")
    for scheduler in options.schedulers:
        if not isinstance(scheduler, Scheduler):
            got = checks.shown(scheduler)
            raise ArgumentTypeError("schedulers", f"expected schedulers of jfnn.schedulers, got {got}")
        if scheduler.validates and not validates:
            raise ArgumentError(
                "schedulers", f"{scheduler} needs rows held out; give validation or folds", scheduler
            )
        try:
            scheduler.check(int(np.prod(cells.shape)), epochs, hyper)
        except ValueError as error:
            raise ArgumentError("schedulers", str(error), scheduler) from None
    return tuple(sorted(options.schedulers, key=lambda scheduler: not scheduler.keeps_best))
