"""The learner and rows of a sweep, checked against each other: what cells, replicates and scores need."""

import dataclasses

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.core.experiment.options import Options
from jfnn.core.experiment.subsets import Cut, Subsets
from jfnn.core.experiment.validation import cuts, with_labels, with_weights
from jfnn.learners.data import Data
from jfnn.learners.labelled import check_network
from jfnn.learners.learner import Learner, Metric, check_metrics
from jfnn.learners.of_targets import of_targets
from jfnn.learners.supervised import numbers_of, supervised

OF_NETWORKS = ("loss", "reduction", "optimizer", "gradient")  # options that a learner replaces


@dataclasses.dataclass(frozen=True, eq=False)
class Bound:
    """A learner bound to a split's rows, and the rows of each fold.

    Attributes:
        learner: The learner; it measures the metric that ranks.
        data: The rows; labels that subsets change are further rows.
        cuts: Numbers of the rows to train on and of those held out, for each fold; one pair without folds.
        tests: Numbers of each fold's test rows, counted from the first test row ``[F, m]``; None for all.
        holds_out: Whether there are held-out rows.
    """

    learner: Learner
    data: Data
    cuts: list[Cut]
    tests: np.ndarray | None
    holds_out: bool

    @property
    def has_tests(self) -> bool:
        """Whether there are test rows to score."""
        return self.data.n > self.data.n_train and (self.tests is None or self.tests.size > 0)


def bind(options: Options) -> Bound:
    """Bind the learner of options to their rows; raise ValueError or TypeError if they do not fit."""
    labelled = with_labels(options.split, options.folds)
    subsets = labelled.folds if isinstance(labelled.folds, Subsets) else None
    learner, data = _learner(options, subsets).bind(labelled.split)
    learner = _with_ranking_metric(learner, data, options.validation.rank_by)
    data = _with_columns(with_weights(data, subsets), subsets)
    check_metrics(learner.metrics)
    learner.check(data)
    _check_drawn_rows(options)
    rows = cuts(data, options.validation.size, labelled.folds)
    return Bound(learner, data, rows, labelled.tests, holds_out=len(rows[0][1]) > 0)


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


def _with_columns(data: Data, subsets: Subsets | None) -> Data:
    """Add each subset's target to the data, if rows have several."""
    if subsets is None or subsets.columns is None:
        return data
    most = data.rows[1].shape[1]
    last = subsets.columns.max()
    if last >= most:
        raise ArgumentError("folds", f"expected columns of the split's {most} targets, got {last}")
    return data._replace(columns=subsets.columns)


def _check_drawn_rows(options: Options) -> None:
    """Raise ArgumentError for minibatches of a split without rows."""
    scheme = options.scheme
    is_full = scheme.batch_size is None or scheme.scheme == "full"
    if options.split.x_train is None and options.batches is None and not is_full:
        reason = "expected None or jfnn.Minibatches(None, steps=…), since the split has no rows to draw"
        raise ArgumentError("batch_size", f"{reason}, got {scheme.batch_size!r}")
