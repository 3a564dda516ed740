"""What readers call the axes of a sweep that its arrays call "network" and "fold"."""

import dataclasses
import json
from collections.abc import Mapping

from jfnn.core.search.result import SweepResult

NETWORK = "network"  # the axis of a dict of networks or learners
LEARNER = "learner"  # where they differ in more than one of these:
# What learners by name are called that differ in these settings alone.
WORDS = {
    "schedule": {"schedule"},
    "optimizer": {"optimizer", "optimizer_arguments", "schedule", "constants"},
    "loss": {"loss", "reduction", "metrics", "constants"},
    NETWORK: {"network", "constants"},
}


def network_word(result: SweepResult) -> str:
    """What the axis "network" is an axis of: "optimizer" of learners that differ in nothing else."""
    settings = [run.config.get("settings", {}) for run in result.runs]
    learners = []
    for each in settings:
        learner = each.get("learner")
        described = learner if isinstance(learner, Mapping) else {}
        learners.append({**described, "constants": each.get("constants")})
    texts = {
        name: {json.dumps(learner.get(name), sort_keys=True) for learner in learners}
        for name in set().union(*learners)
    }
    differing = {name for name, values in texts.items() if len(values) > 1}
    if not differing:
        return NETWORK
    return next((word for word, settings in WORDS.items() if differing <= settings), LEARNER)


def fold_word(result: SweepResult) -> str:
    """What each of the folds is: a "fold", or of `jfnn.subsets` a "bootstrap", a "subset", …"""
    are_subsets = "subsets" in result.config.get("settings", {}) or bool(result.subset_values)
    return str(result.config.get("words", {}).get("fold", "subset" if are_subsets else "fold"))


def in_words(result: SweepResult) -> SweepResult:
    """The sweep with its axis "network" called by `network_word`, for figures, tables and sentences."""
    axes = {network_word(result) if name == NETWORK else name: each for name, each in result.axes.items()}
    return dataclasses.replace(result, axes=axes) if len(axes) == len(result.axes) else result
