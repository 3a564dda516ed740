"""Names shown to readers for the axes "network" and "fold" of a sweep."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from jfnn.core.search.result import SweepResult

NETWORK = "network"  # name of the axis of a dict of networks or learners
LEARNER = "learner"  # name of this axis if no entry of WORDS covers all differences of the learners
# Name of the axis -> settings; the name is used if the learners differ in these settings only.
WORDS = {
    "schedule": {"schedule"},
    "optimizer": {"optimizer", "optimizer_arguments", "schedule", "constants"},
    "loss": {"loss", "reduction", "metrics", "constants"},
    NETWORK: {"network", "constants"},
}


def network_word(result: SweepResult) -> str:
    """Return the name of the axis "network": "optimizer" for learners that differ only in it, and so on."""
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
    differences = {name for name, values in texts.items() if len(values) > 1}
    if not differences:
        return NETWORK
    return next((word for word, settings in WORDS.items() if differences <= settings), LEARNER)


def fold_word(result: SweepResult) -> str:
    """Return the name of one fold: "fold", or for `jfnn.subsets` "bootstrap", "subset", …."""
    are_subsets = "subsets" in result.config.get("settings", {}) or bool(result.subset_values)
    return str(result.config.get("words", {}).get("fold", "subset" if are_subsets else "fold"))


def with_network_word(result: SweepResult) -> SweepResult:
    """Return the sweep with its axis "network" renamed by `network_word`, as readers see it."""
    word = network_word(result)

    def rename(values: Mapping[str, Any]) -> dict[str, Any]:
        return {word if name == NETWORK else name: each for name, each in values.items()}

    axes = rename(result.axes)
    if len(axes) < len(result.axes):  # another axis has this name
        return result
    runs = tuple(dataclasses.replace(run, key=rename(run.key)) for run in result.runs)
    return dataclasses.replace(result, axes=axes, runs=runs)
