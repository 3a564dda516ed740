"""Reduction of scores of rows to scores of members, for each metric and part of the data."""

from collections.abc import Mapping

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.core.engine.cohort import PARTS, Cohort
from jfnn.core.engine.state import Scores
from jfnn.learners.data import Data
from jfnn.learners.learner import Metric


def no_scores(cohort: Cohort) -> dict[str, np.ndarray]:
    """Return NaN scores ``[members, parts]`` for each metric."""
    shape = (cohort.members, len(PARTS))
    return {metric.name: np.full(shape, np.nan) for metric in cohort.learner.metrics}


def write_scores(
    cohort: Cohort,
    scores: Scores,
    members: np.ndarray,
    fold: int,
    rows: Mapping[str, np.ndarray],
    copied: bool = False,
) -> None:
    """Write the scores of members of one fold into the scores of all, in place.

    ``members`` are the numbers of the scored members. ``rows`` is metric -> scores ``[len(members), n, …]``
    of all rows or, if ``copied``, of the fold's rows, one part after another.
    """
    metrics = cohort.learner.metrics
    data = cohort.data.in_fold(fold)
    end = 0
    for part, (name, row_numbers) in enumerate(cohort.replicates.parts[fold].items()):
        first = end
        end += len(row_numbers)
        if not len(row_numbers):
            continue
        columns: slice | np.ndarray = slice(first, end) if copied else row_numbers
        counted = data.counted_rows(row_numbers, name != PARTS[0], fold)
        if counted is not None:
            row_numbers = row_numbers[counted]
            columns = first + np.flatnonzero(counted) if copied else row_numbers
        finite = np.ones(len(members), bool)
        for metric in metrics:
            values = reduce_rows(metric, rows[metric.name][:, columns], data, row_numbers)
            finite = np.isfinite(values) if metric is metrics[0] else finite
            scores[metric.name][members, part] = np.where(finite, values, np.nan)


def reduce_rows(metric: Metric, values: np.ndarray, data: Data, rows: np.ndarray) -> np.ndarray:
    """Return scores ``[members]`` by a metric's ``reduce``, from ``values [members, n, …]`` of rows ``[n]``.

    Raises:
        ArgumentError: ``reduce`` does not return one number per member.
    """
    scores = metric.reduce(values, data, rows)
    with checks.item_of("metrics"):
        found = checks.as_numbers(scores, metric.name)
        if found.shape != (len(values),):
            expected = f"expected [{len(values)}] from its reduce, one number per member"
            raise ArgumentError(metric.name, f"{expected}, got shape {list(found.shape)}")
    return found
