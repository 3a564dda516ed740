"""Reduces scores of rows to scores of members, for each metric and part of the data."""

from collections.abc import Mapping

import numpy as np

from jfnn.engine.state import Scores
from jfnn.experiment.experiment import PARTS, Experiment


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
) -> None:
    """Writes the scores of members of one fold into the scores of all, in place.

    Args:
        experiment: The experiment, whose metrics reduce scores of rows.
        scores: Scores of all members.
        members: Numbers of the scored members.
        parts: Name of a part -> numbers of its rows.
        rows: Metric -> scores of all rows ``[len(members), n, …]``.
    """
    metrics = experiment.learner.metrics
    for part, numbers in enumerate(parts.values()):
        if not len(numbers):
            continue
        finite = np.ones(len(members), bool)
        for metric in metrics:
            values = metric.reduce(rows[metric.name][:, numbers], experiment.data, numbers)
            finite = np.isfinite(values) if metric is metrics[0] else finite
            scores[metric.name][members, part] = np.where(finite, values, np.nan)
