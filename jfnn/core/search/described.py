"""Learners rebuilt from the description in a run's configuration."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.types import Json
from jfnn.core.search.run_directory import CONFIG
from jfnn.core.store import archives
from jfnn.core.store.files import CorruptFileError
from jfnn.identity import naming
from jfnn.learners.learner import Learner
from jfnn.learners.of_targets import SEVERAL_TARGETS, of_targets
from jfnn.learners.supervised import supervised
from jfnn.network import Network

Made = TypeVar("Made")


def keeps_network(config: Json) -> bool:
    """Return whether a result loaded with this description has its network and loss."""
    try:
        described_learner(config.get("settings", {}).get("learner", {}), CONFIG, None)
    except ValueError:
        return False
    return True


def described_learner(described: Json, path: str | Path, network: Network | None) -> Learner:
    """Rebuild a learner from its description in a file; ``network`` replaces the described one.

    Raises NotKeptError or ArgumentError if a part is not described, CorruptFileError if the description is
    invalid.
    """
    if "reduction" not in described:  # the learner is not a network with a loss
        raise ArgumentError(
            "network",
            "expected a function (params, x) -> outputs [n, …] of one member, or for row_scores the learner,"
            " since the run's learner is custom and was not saved",
        )
    if network is None:
        network = _build(naming.network_from, described.get("network"), path)
    learner = supervised(network, _build(naming.loss_from, described.get("loss"), path))
    if described.get(SEVERAL_TARGETS):
        learner = of_targets(learner)
    return dataclasses.replace(learner, multilabel=described.get("multilabel", False) is True)


def _build(make: Callable[[Any], Made], description: object, path: str | Path) -> Made:
    """Build an object from its description in a file, which may come from anyone."""
    try:
        return make(description)
    except naming.NotKeptError:
        raise
    except Exception as error:
        why = archives.one_line(error)
        raise CorruptFileError(f"{path}: does not describe a network or loss ({why})") from None
