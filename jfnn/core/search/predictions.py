"""Predictions of a sweep's members, and their scores on every row."""

import functools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import ArrayLike

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.types import Json
from jfnn.core.engine.blocks import (
    BLOCK,
    REDUCTIONS,
    Finish,
    ProgramCall,
    Reduce,
    compute_in_blocks,
    vote,
)
from jfnn.core.engine.cohort import PARTS
from jfnn.core.experiment.description import without_added
from jfnn.core.experiment.subsets import Subsets
from jfnn.core.experiment.validation import Labelled, cuts, with_labels, with_weights
from jfnn.core.search.runs import Members, Origin
from jfnn.core.store.files import digest
from jfnn.learners import answers
from jfnn.learners.answers import Model
from jfnn.learners.data import Data
from jfnn.learners.learner import Learner, Metric
from jfnn.split import Names, Split, is_frame

# Reductions of labels over members; labels are names, so other statistics are meaningless.
VOTE = "vote"
MEAN = "mean"


def predict(
    members: Members,
    x: ArrayLike,
    reduce: str | Reduce | None,
    metrics: Mapping[str, bool],
    names: Names,
) -> np.ndarray:
    """Return labels or outputs of all members, as in `SweepResult.predict`."""
    framed = is_frame(x)
    meanings = [answers.meaning(program.model) for program in members.programs]
    if not all(meaning.decides(metrics) for meaning in meanings):
        loss = meanings[0].loss
        links = (None,) if loss is None else loss.inverse_links
        units = names.units([link is None for link in links]) if framed else None
        finish = None if units is None else lambda values, _: units(values)
        if reduce == MEAN and loss is not None and loss.deviation is not None:
            reduce = functools.partial(_mixture, loss.central, loss.deviation, loss.outputs_per_target)
        return _evaluate(answers.predictions, members, x, reduce, names, finish)
    if reduce is not None and not (isinstance(reduce, str) and reduce in (VOTE, MEAN)):
        raise ArgumentError(
            "reduce",
            f"expected None, '{VOTE}' or '{MEAN}', since other statistics of labels are meaningless"
            f" (predict_proba takes them); got {checks.as_text(reduce)}",
        )
    if reduce == MEAN:
        means = _evaluate(answers.evidence, members, x, MEAN, names)
        values = _labels_of_means(means, any(meaning.multilabel for meaning in meanings))
    else:
        values = _evaluate(answers.labels, members, x, vote if reduce == VOTE else None, names)
    return names.words(values) if framed else values


def _mixture(central: int, deviation: int, k: int, values: np.ndarray, axis: int = 0) -> np.ndarray:
    """Return means over members of ``k`` predictions per target ``[members, n, k t]``, as of their mixture.

    The variance of an equally weighted mixture is the mean of the variances plus the variance of the means;
    see Lakshminarayanan et al. (2017), "Simple and scalable predictive uncertainty estimation using deep
    ensembles".
    """
    parts = np.split(values.astype(np.float64), k, axis=-1)
    parts[deviation] = parts[deviation] ** 2
    means = [np.asarray(REDUCTIONS["mean"](part, axis=axis)) for part in parts]
    spread = np.asarray(REDUCTIONS["std"](parts[central], axis=axis))
    means[deviation] = np.sqrt(means[deviation] + spread**2)
    return np.concatenate(means, axis=-1)


def _labels_of_means(means: np.ndarray, each: bool) -> np.ndarray:
    """Return labels ``[n]`` from means over members ``[n, n_out]``; -1 where no member has a finite mean.

    The largest output or, of a single one, whether it exceeds 1/2; with ``each``, 0 or 1 for each output.
    """
    if each:
        return np.where(np.isnan(means), -1, means > 0.5)
    labels = means.argmax(axis=-1) if means.shape[-1] > 1 else (means[..., 0] > 0.5).astype(int)
    return np.where(np.isnan(means).any(axis=-1), -1, labels)


def probabilities(members: Members, x: ArrayLike, reduce: str | Reduce | None, names: Names) -> np.ndarray:
    """Return class probabilities of all members, as in `SweepResult.predict_proba`."""
    for program in members.programs:
        loss = answers.meaning(program.model).loss
        if loss is None or loss.probabilities is None:
            raise ArgumentError(
                "loss", "expected a network with a cross-entropy; other losses have no probabilities"
            )
    return _evaluate(answers.probabilities, members, x, reduce, names)


def _evaluate(
    function: Callable[..., jax.Array],
    members: Members,
    x: Any,
    reduce: object,
    names: Names,
    finish: Finish | None = None,
) -> np.ndarray:
    """Evaluate a function of `jfnn.learners.answers` for inputs or a data frame."""
    if isinstance(x, str | os.PathLike):
        raise ArgumentTypeError(
            "x", "expected rows, got a path; jfnn.datasets.read_columns reads a .csv file"
        )
    framed = is_frame(x)
    if not framed:
        names.warn_of_units(x)
    table = names.inputs(x) if framed else x
    calls = []
    for program in members.programs:
        model = program.model
        rows = answers.inputs(model, table, program.dtype)
        params = answers.pack_params(model, program.params, program.dtype)
        leaves = jax.tree.leaves(params)
        layer = model.width() if isinstance(model, Learner) else max(leaf.shape[-1] for leaf in leaves)
        calls.append(ProgramCall(answers.program(function, model), params, program.selection, rows, layer))
    return compute_in_blocks(calls, members.shape, finish, reduce)


class Folds(NamedTuple):
    """The folds given to score rows, the run's number of folds if any, and what its result holds of them."""

    given: int | Iterable[object] | Subsets | None
    number: int | None
    origin: Origin | None


class PartOfFolds(NamedTuple):
    """The rows of one part of the data in each fold.

    Attributes:
        row_numbers: Row numbers in each fold, among all training or all test rows; None for all rows in each.
        relabelled: If subsets have labels, for each subset the rows of ``longer`` ``[F, n]`` that carry its
            labels, for all training or test rows; otherwise None.
        longer: The split with an additional row for every label that subsets change.
    """

    row_numbers: Sequence[np.ndarray] | None = None
    relabelled: np.ndarray | None = None
    longer: Split | None = None


def row_scores(
    members: Members,
    metric: str | Metric,
    part: str,
    split: Split,
    reduce: str | Reduce | None,
    config: Json,
    folds: Folds,
) -> np.ndarray:
    """Return a metric of each row and member, as in `SweepResult.row_scores`.

    ``config`` is the run's description.
    """
    calls = []
    fold_of: list[np.ndarray] = []
    rows_of: PartOfFolds | None = None
    n_train = 0
    for program in members.programs:
        learner = _with_metric(program.model, metric)
        name = metric.name if isinstance(metric, Metric) else metric
        checks.as_choice(name, "metric", [metric.name for metric in learner.metrics])
        learner, data = learner.bind(split)
        n_train = data.n_train
        first, end = (n_train, data.n) if part == "test" else (0, n_train)
        if first == end:
            raise ArgumentError("part", "expected one with rows; this split has none to test on")
        check_rows(data, config)
        function: Callable[..., jax.Array] = answers.row_score
        packed = answers.pack_params(learner, program.params, program.dtype)
        arguments: tuple[Any, ...] = (packed, program.hyper)
        rows = jax.tree.map(lambda leaf, first=first, end=end: leaf[first:end], data.rows)
        rows_of = rows_of or _part_of_folds(part, split, learner, data, folds, config.get("data", {}))
        of_folds = rows_of.relabelled if rows_of.row_numbers is None else rows_of.row_numbers
        fold = program.selection.indices % (1 if of_folds is None else len(of_folds))
        fold_of.append(fold)
        if rows_of.relabelled is not None and rows_of.longer is not None:
            _, everything = learner.bind(rows_of.longer)
            row_numbers = rows_of.relabelled.T + (everything.n_train if part == "test" else 0)
            rows = jax.tree.map(lambda leaf, row_numbers=row_numbers: leaf[row_numbers], everything.rows)
            function = answers.row_score_in_fold
            arguments = (*arguments, fold.astype(np.int32))
        compiled = answers.program(function, learner, name)
        calls.append(ProgramCall(compiled, arguments, program.selection, rows, learner.width()))
    finish = None
    if rows_of is not None and rows_of.row_numbers is not None:
        diverged = np.concatenate([program.selection.diverged for program in members.programs])
        every = np.concatenate(fold_of)
        finite = every[:1] if diverged.all() else every[~diverged]
        finish = _mask_missing(rows_of.row_numbers, n_train, finite)
    return compute_in_blocks(calls, members.shape, finish, reduce, "metric")


def check_rows(data: Data, config: Json) -> None:
    """Raise ValueError unless the rows of a split, bound to a run's learner, are those of the run."""
    recorded = config.get("data", {}).get("rows")  # None for a result made without a sweep
    given = [digest(leaf) for leaf in jax.tree.leaves(data.rows)]
    if recorded is not None and given != [leaf["sha256"] for leaf in recorded]:
        raise ArgumentError("split", "expected the rows of the sweep, got others")


def _with_metric(model: Model, metric: str | Metric) -> Learner:
    """Return the learner of a model, with a metric added."""
    if not isinstance(model, Learner):
        raise ArgumentTypeError("network", "expected a network or a learner, got a function")
    with checks.rename_arguments(metrics="metric"):
        return model.measuring([metric])


def _part_of_folds(
    part: str, split: Split, learner: Learner, data: Data, folds: Folds, recorded: Json
) -> PartOfFolds:
    """Return the rows of a part that count in each fold's scores, checked against the run's description.

    For the part "all", the rows are those of "train" and "validation". ``data`` are the split's rows bound to
    the learner; ``recorded`` is "data" of the run's description. A loaded result needs folds unless they were
    a number.
    """
    origin = folds.origin
    if part == "test" and recorded.get("test", {}).get("rows") == [0]:
        reason = "expected one with rows; subsets with labels but no test_labels have no test scores"
        raise ArgumentError("part", reason)
    parts = None if origin is None else origin.parts
    given = folds.given if origin is None or parts is None else origin.subsets
    subsets = given if isinstance(given, Subsets) else None
    labelled = _labelled("test_labels" if part == "test" else "labels", split, learner, recorded, subsets)
    longer = None if labelled.rows is None else labelled.split
    if part not in PARTS[:2]:
        return PartOfFolds(None, labelled.tests if part == "test" else labelled.rows, longer)
    i = PARTS.index(part)
    if longer is not None:
        _, data = learner.bind(longer)
        row_numbers = [pair[i] for pair in labelled.folds.pairs]
    elif parts is not None:
        row_numbers = [fold[part] for fold in parts]
    else:
        size = None if folds.number else max(recorded["validation"]["rows"]) or None
        pairs = cuts(data, size, folds.number if folds.given is None else folds.given)
        row_numbers = [pair[i] for pair in pairs]
    if digest(*row_numbers) != recorded[part]["sha256"]:
        raise _other_folds()
    if not any(map(len, row_numbers)):
        raise ArgumentError("part", "expected one with rows; this sweep held none out")
    data = with_weights(data, labelled.folds)
    if recorded["weights"] != (None if data.weights is None else digest(data.weights)):
        raise ArgumentError("split", "expected the weights of the sweep, and of its subsets; got others")
    kept = []
    for fold, numbers in enumerate(row_numbers if subsets is None else [pair[i] for pair in subsets.pairs]):
        counted = data.counted_rows(row_numbers[fold], i > 0, fold)
        kept.append(numbers if counted is None else numbers[counted])
    return PartOfFolds(kept, labelled.rows, longer)


def _labelled(name: str, split: Split, learner: Learner, recorded: Json, subsets: Subsets | None) -> Labelled:
    """Return a split with the labels of a run's subsets, if the run recorded labels under this name."""
    if name not in recorded:
        return Labelled(split, subsets)
    if subsets is None or subsets.labels is None:
        raise ArgumentError("folds", "expected the jfnn.subsets.Subsets of the sweep, with labels")
    with checks.rename_arguments(y_train="folds", y_test="folds"):
        labelled = with_labels(split, subsets)
        _, data = learner.bind(labelled.split)
    _, added = without_added(data, subsets)
    if name not in added or digest(*added[name]) != recorded[name]:
        raise _other_folds()
    return labelled


def _other_folds() -> ArgumentError:
    return ArgumentError("folds", "expected the folds of the sweep, got others")


def _mask_missing(parts: Sequence[np.ndarray], n: int, fold_of: np.ndarray) -> Finish:
    """Return a function that sets values to NaN where a member's fold ``[members]`` lacks a row."""
    has = np.zeros((len(parts), -(-n // BLOCK) * BLOCK), bool)
    for fold, row_numbers in enumerate(parts):
        has[fold, row_numbers] = True

    def only(values: np.ndarray, first: int) -> np.ndarray:
        kept = has[fold_of, first : first + BLOCK]
        kept = kept.reshape(*kept.shape, *(1,) * (values.ndim - 2))
        return np.where(kept, values, np.array(np.nan, values.dtype))

    return only
