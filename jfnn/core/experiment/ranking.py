"""The score that ranks the cells of a sweep."""

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.core.engine.cohort import PARTS, RankingScore
from jfnn.core.experiment.bound import Bound
from jfnn.core.experiment.settings import Validation
from jfnn.learners.learner import OTHER_METRICS, Metric


def ranking_score(validation: Validation, bound: Bound) -> RankingScore:
    """Return the score that ranks: on held-out rows if there are any, otherwise on test or training rows.

    Raises:
        ValueError: No such metric, or one that is NaN for every network on these rows.
    """
    learner = bound.learner
    part = "validation" if bound.holds_out else "test" if bound.has_tests else "train"
    directions = {metric.name: metric.higher_is_better for metric in learner.metrics}
    name = validation.rank_by.name if isinstance(validation.rank_by, Metric) else validation.rank_by
    name = learner.ranked_by if name is None else name
    if name not in directions:
        checks.as_choice(name, "rank_by", learner.metric_names, OTHER_METRICS)
    _check_defined(bound, name, part)
    return RankingScore(PARTS.index(part), name, directions[name])


def _check_defined(bound: Bound, name: str, part: str) -> None:
    """Raise ArgumentError if the metric that ranks is NaN for every network on the rows of a fold."""
    learner = bound.learner
    data = bound.data
    metric = next(metric for metric in learner.metrics if metric.name == name)
    for fold, (train, held_out) in enumerate(bound.cuts):
        rows = {"train": train, "validation": held_out, "test": np.arange(data.n_train, data.n)}[part]
        reason = learner.undefined(metric, data.in_fold(fold), rows)
        if reason:
            where = f"{part} rows{f' of fold {fold}' * (len(bound.cuts) > 1)}"
            raise ArgumentError("rank_by", f"{reason} among the {where}; use more rows or another metric")
