"""Scores of rows become scores of members: a reduction for each metric and part of the data."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jfnn.engine.state import Scores
from jfnn.experiment.experiment import PARTS, Experiment

Parts = Mapping[str, np.ndarray]  # name of a part -> numbers of its rows


def no_scores(experiment: Experiment) -> dict[str, np.ndarray]:
    """Scores of which none is known: NaN ``[members, parts]`` for each metric."""
    shape = (experiment.members, len(PARTS))
    return {metric.name: np.full(shape, np.nan) for metric in experiment.learner.metrics}


def add_scores(
    experiment: Experiment,
    scores: Scores,
    members: np.ndarray,
    parts: Sequence[Parts],
    blocks: Sequence[Mapping[str, Any]],
) -> None:
    """Puts the scores of some members in their places.

    Args:
        experiment: Its metrics reduce the scores of rows.
        scores: Those of all members.
        members: Numbers of the members that were scored.
        parts: Rows of each part, for each of them.
        blocks: Scores of each block of rows, metric -> ``[members or more, block, …]``.
    """
    rows = {
        metric.name: np.concatenate([block[metric.name] for block in blocks], axis=1)[: len(members)]
        for metric in experiment.learner.metrics
    }
    groups: dict[int, list[int]] = {}
    for i, of_member in enumerate(parts):
        groups.setdefault(id(of_member), []).append(i)
    for among in groups.values():
        values = {name: by_row[among] for name, by_row in rows.items()}
        _reduce(experiment, scores, members[among], parts[among[0]], values)


def _reduce(
    experiment: Experiment, scores: Scores, members: np.ndarray, parts: Parts, rows: Mapping[str, np.ndarray]
) -> None:
    """Puts the scores on the rows of each part in the places of members that share these rows."""
    metrics = experiment.learner.metrics
    for part, numbers in enumerate(parts.values()):
        if not len(numbers):
            continue
        finite = np.ones(len(members), bool)
        for metric in metrics:
            values = metric.reduce(rows[metric.name][:, numbers], experiment.data, numbers)
            finite = np.isfinite(values) if metric is metrics[0] else finite
            scores[metric.name][members, part] = np.where(finite, values, np.nan)
