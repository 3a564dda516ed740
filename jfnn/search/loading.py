"""Runs loaded again with their networks."""

import dataclasses
import functools
import os

from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.types import Json
from jfnn.identity import naming
from jfnn.learners.learner import Learner
from jfnn.learners.supervised import supervised
from jfnn.network import Network
from jfnn.search.predictions import Origin
from jfnn.search.result import SweepResult, read


def load(directory: str | os.PathLike[str]) -> SweepResult:
    """The result that `SweepResult.save` or ``sweep(out=…)`` wrote.

    Parameters come back as they were where they are those of layers, dicts, lists and tuples; custom
    named tuples come back as dicts. The network comes back unless one of its functions is custom.

    Raises:
        FileNotFoundError: There is no run in the directory.
        ValueError: The run has not ended, or a file is corrupt or of another format; the message names it.
    """
    return _with_origin(read(directory))


def keeps_network(config: Json) -> bool:
    """Whether a result that is loaded again brings its network and loss, by its description."""
    try:
        _learner(config.get("settings", {}).get("learner", {}), None)
    except ArgumentError:
        return False
    return True


def _with_origin(result: SweepResult) -> SweepResult:
    """A result that knows its networks."""
    refit = None if result.refit is None else _with_origin(result.refit)
    if result.programs:
        programs = tuple(_with_origin(program) for program in result.programs)
        return dataclasses.replace(result, refit=refit, programs=programs)
    described = result.config.get("settings", {}).get("learner", {})
    return dataclasses.replace(result, refit=refit, origin=Origin(functools.partial(_learner, described)))


def _learner(described: Json, network: Network | None) -> Learner:
    """A learner from its description, and its network where the description does not give it."""
    if "reduction" not in described:  # which networks with a loss have
        raise ArgumentError(
            "network",
            "expected a function (params, x) -> outputs [n, …] of one member, or for row_scores the learner,"
            " since the run's learner is a custom one, which is not kept",
        )
    network = naming.network_from(described.get("network")) if network is None else network
    learner = supervised(network, naming.loss_from(described.get("loss")))
    return dataclasses.replace(learner, multilabel=described.get("multilabel", False) is True)
