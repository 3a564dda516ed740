"""Options become an experiment: everything is checked here, once, before anything is compiled."""

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from jfnn.arguments import checks, memory, paths
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.experiment.axes import axes_and_constants, check_counts, check_range
from jfnn.experiment.experiment import PARTS, Experiment, Ranking, Replicate
from jfnn.experiment.options import CheckedOptions, Common, Options
from jfnn.experiment.replicates import replicates
from jfnn.experiment.settings import Validation
from jfnn.experiment.validation import cuts, with_labels, with_weights
from jfnn.learners.data import Data
from jfnn.learners.learner import Learner, Metric, check_metrics, starting_shapes
from jfnn.learners.supervised import HYPER, Supervised, supervised
from jfnn.learners.traced import scoring, traced
from jfnn.network import Network
from jfnn.optimizers import SCHEDULE_STEPS, Values
from jfnn.subsets import Subsets

COPIES = 4  # of all parameters at the least: starts, those in training, their memory, the result
OF_NETWORKS = ("loss", "reduction", "optimizer", "gradient")  # options that a learner has of its own


def build(options: Options, first_fold: int = 0) -> Experiment:
    """The experiment that options describe; raises ValueError or TypeError naming an invalid option.

    Args:
        options: The options.
        first_fold: Number of the first fold, for the random numbers of its steps.
    """
    options = options.checked()
    given = options.folds if isinstance(options.folds, Subsets) else None
    split, folds = with_labels(options.split, options.folds)
    options = dataclasses.replace(options, split=split, folds=folds)
    subsets = folds if isinstance(folds, Subsets) else None
    validates = folds is not None if subsets is None else subsets.holds_out
    validates |= options.validation.size is not None
    _check_combinations(options, validates)
    learner, data = _learner(options).bind(options.split)
    data = with_weights(data, subsets)
    check_metrics(learner.metrics)
    learner.check(data)
    parts = cuts(data, options.validation.size, folds)
    numbers, sample = _numbers(options, learner), options.sample
    lengths = {name: len(v) if checks.is_several(v) else 1 for name, v in numbers.items()}
    lengths = lengths if sample is None else {"sample": sample.cells}
    _check_memory(learner, data, len(options.seeds) * len(parts), options.execution.tile, lengths)
    cells, constants = axes_and_constants(numbers, sample)
    values = cells.values | {name: np.array([value]) for name, value in constants.items()}
    check_range(values, data.dtype)
    check_counts(values, learner.counts)
    ranking = _ranking(learner, data, options.validation, validates)
    _check_schedulers(options, math.prod(cells.shape), list(values), validates)
    members = replicates(options, learner, data, parts, first_fold)
    spread = _schedule_steps(learner, options.epochs, [replicate.steps for replicate in members])
    experiment = Experiment(
        learner=_as_trained(learner, data, members, (*values, *spread)),
        data=data,
        cells=cells,
        constants=constants,
        replicate_constants=spread,
        replicates=members,
        seeds=options.seeds,
        folds=None if folds is None else len(parts),
        subsets=given,
        epochs=options.epochs,
        ranking=ranking,
        schedulers=options.schedulers,
        execution=options.execution,
    )
    return dataclasses.replace(experiment, learner=scoring(experiment.learner, experiment.block))


def _as_trained(learner: Learner, data: Data, members: Sequence[Replicate], hyper: Sequence[str]) -> Learner:
    """The learner, traced now for these replicates' minibatches."""
    weighted = members[0].batches.padded or data.weights is not None
    if weighted and not learner.takes_weights:
        raise ArgumentError(
            "weights",
            "this sweep needs row weights (sample weights, or a last, shorter minibatch), but the"
            " learner, or its gradient function, takes none",
        )
    sizes = [replicate.rows_a_step for replicate in members]
    return traced(learner, members[0].params, data, hyper, sizes, weighted)


def _check_memory(
    learner: Learner, data: Data, replicates: int, tile: int | None, axes: Mapping[str, int]
) -> None:
    """Raises ArgumentError, of the longest axis, the seeds or the tile, unless members fit into memory.

    Args:
        learner: The learner.
        data: The data.
        replicates: Number of replicates.
        tile: Members a tile, if that is fixed.
        axes: Length of each axis, whose product is the number of cells.
    """
    leaves = jax.tree.leaves(starting_shapes(learner))
    member_size = sum(leaf.size for leaf in leaves) * data.dtype.itemsize
    memory.check("network", float(COPIES) * member_size, sizes=f", for one member of {member_size} bytes")
    members, lengths = math.prod(axes.values()) * replicates, {**axes, "seeds": replicates}
    if tile is not None and tile > members:  # filled up with repeats
        members, lengths = tile, {"tile": tile}
    longest = max(lengths, key=lambda name: lengths[name])
    sizes = f", for {members} members of {member_size} bytes"
    memory.check(longest, float(COPIES) * member_size * members, sizes=sizes)


def _check_combinations(options: CheckedOptions, validates: bool) -> None:
    """Raises ArgumentError for options that exclude each other."""
    every = options.execution.eval_every
    if isinstance(every, list) and every[-1] > options.epochs:
        raise ArgumentError("eval_every", f"expected epochs from 1 to {options.epochs}, got {every[-1]}")
    if options.refit and not validates:
        reason = "with no rows held out, by validation or folds, cells are trained on all rows already"
        raise ArgumentError("refit", reason)
    if options.refit and options.batches is not None:
        raise ArgumentError("refit", "given batches are of fewer rows than it trains on")


def _learner(options: CheckedOptions) -> Learner:
    """The learner itself, or that of the network; with the metric that ranks, if it is the user's own."""
    if isinstance(options.network, Learner):
        learner: Learner = options.network
        for field in dataclasses.fields(Common):
            check, value = field.metadata["check"], getattr(options, field.name)
            if field.name in OF_NETWORKS and value != check(field.default, field.name):
                raise ArgumentError(field.name, "a learner has its own; give it to the learner")
    else:
        own = {name: getattr(options, name) for name in OF_NETWORKS}
        own["hyper"] = [name for name in options.hyper or {} if name in HYPER]
        learner = supervised(options.network, **own)
    metric = options.validation.rank_by
    if not isinstance(metric, Metric):
        return learner
    if not isinstance(learner, Supervised):
        raise ArgumentTypeError("rank_by", "expected the name of a metric, since the learner brings its own")
    bound, _ = learner.bind(options.split)
    with checks.renamed(metrics="rank_by"):
        return bound.measuring([*bound.metrics, metric])


def _numbers(options: CheckedOptions, learner: Learner) -> dict[str, Values]:
    """Values of all numbers that the learner takes, in the order of the axes."""
    own = {"learning_rate": options.learning_rate, "l2": options.l2}
    numbers = {**own, **learner.numbers, **(options.hyper or {})}
    accepted = [name for name in learner.hyper if name not in (*own, SCHEDULE_STEPS)]
    for name in (*learner.numbers, *(options.hyper or {})):
        if name not in accepted:
            raise ArgumentError("hyper", _not_taken(name, accepted, options.network), name)
    for name in accepted:
        paths.check_name(name, "hyper")
        if name not in numbers:
            raise ArgumentError("hyper", f"the learner takes a number {name!r}; give its value")
    return numbers


def _not_taken(name: Any, accepted: Sequence[str], network: Network | Learner) -> str:
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


def _schedule_steps(learner: Learner, epochs: int, steps: Sequence[int]) -> dict[str, np.ndarray]:
    """Steps over which a schedule spreads, one number a replicate; nothing where there is no schedule."""
    if SCHEDULE_STEPS not in learner.hyper:
        return {}
    spread = max(epochs, 1) if learner.schedule_epochs is None else learner.schedule_epochs
    return {SCHEDULE_STEPS: np.array([float(spread * steps_each) for steps_each in steps])}


def _ranking(learner: Learner, data: Data, validation: Validation, validates: bool) -> Ranking:
    """The score on rows held out where there are any, else on the test rows, else on the training rows."""
    part = "validation" if validates else "test" if data.n > data.n_train else "train"
    directions = {metric.name: metric.higher_is_better for metric in learner.metrics}
    name = validation.rank_by.name if isinstance(validation.rank_by, Metric) else validation.rank_by
    name = learner.ranked_by if name is None else checks.as_choice(name, "rank_by", directions)
    return Ranking(PARTS.index(part), name, directions[name])


def _check_schedulers(options: CheckedOptions, cells: int, hyper: Collection[str], validates: bool) -> None:
    for scheduler in options.schedulers:
        if scheduler.validates and not validates:
            reason = f"{scheduler} needs rows held out: validation or folds"
            raise ArgumentError("schedulers", reason, scheduler)
        try:
            scheduler.check(cells, options.epochs, hyper)
        except ValueError as error:
            raise ArgumentError("schedulers", str(error), scheduler) from None
