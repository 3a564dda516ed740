"""Reduces scores of rows to scores of members, for each metric and part of the data."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.engine.state import Scores
from jfnn.experiment.experiment import PARTS, Experiment
from jfnn.learners.data import Data
from jfnn.learners.learner import Metric


def no_scores(experiment: Experiment) -> dict[str, np.ndarray]:
    """NaN scores ``[members, parts]`` for each metric."""
    shape = (experiment.members, len(PARTS))
    return {metric.name: np.full(shape, np.nan) for metric in experiment.learner.metrics}


def write_scores(
    experiment: Experiment,
    scores: Scores,
    members: np.ndarray,
    parts: Mapping[str, np.ndarray],
    rows: Mapping[str, np.ndarray],
    copied: bool = False,
) -> None:
    """Writes the scores of members of one fold into the scores of all, in place.

    Args:
        experiment: The experiment, whose metrics reduce scores of rows.
        scores: Scores of all members.
        members: Numbers of the scored members.
        parts: Name of a part -> numbers of its rows.
        rows: Metric -> scores of rows ``[len(members), n, …]``.
        copied: Whether these are copies of the parts' rows, one part after another; else all rows.
    """
    metrics = experiment.learner.metrics
    ends = np.cumsum([len(numbers) for numbers in parts.values()])
    for part, numbers in enumerate(parts.values()):
        if not len(numbers):
            continue
        chosen: Any = slice(ends[part] - len(numbers), ends[part]) if copied else numbers
        finite = np.ones(len(members), bool)
        for metric in metrics:
            values = reduced(metric, rows[metric.name][:, chosen], experiment.data, numbers)
            finite = np.isfinite(values) if metric is metrics[0] else finite
            scores[metric.name][members, part] = np.where(finite, values, np.nan)


def reduced(metric: Metric, values: np.ndarray, data: Data, rows: np.ndarray) -> np.ndarray:
    """Scores ``[members]`` by a metric's ``reduce``, of ``values [members, n, …]`` of rows ``[n]``.

    Raises:
        ArgumentError: It gives something other than one number of each member.
    """
    scores = metric.reduce(values, data, rows)
    with checks.item_of("metrics"):
        found = np.asarray(checks.as_array(scores, metric.name))
        checks.check_numbers(found, metric.name)
        if found.shape != (len(values),):
            expected = f"expected [{len(values)}] from its reduce, one number of each member"
            raise ArgumentError(metric.name, f"{expected}, got shape {list(found.shape)}")
    return found
