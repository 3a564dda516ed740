"""Runs loaded again with their networks."""

import dataclasses
import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from jfnn.arguments import paths
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.types import Json
from jfnn.datasets.columns import ColumnNames
from jfnn.extend.runs import CONFIG, REFIT, Origin, archives, naming, program_names, read
from jfnn.learners import Learner, supervised
from jfnn.network import Network
from jfnn.search.result import SweepResult
from jfnn.store.files import CorruptFileError

Made = TypeVar("Made")


def load(directory: str | os.PathLike[str]) -> SweepResult:
    """The result that `SweepResult.save` or ``sweep(out=…)`` wrote.

    Parameters come back as they were where they are those of layers, dicts, lists and tuples; custom
    named tuples come back as dicts. The network comes back unless one of its functions is custom.

    Raises:
        FileNotFoundError: There is no run in the directory.
        ValueError: The run has not ended, or a file is corrupt or of another format; the message names it.
    """
    path = paths.as_path(directory, "directory")
    return _with_names(_with_origin(read(path), path))


def keeps_network(config: Json) -> bool:
    """Whether a result that is loaded again brings its network and loss, by its description."""
    try:
        _learner(config.get("settings", {}).get("learner", {}), CONFIG, None)
    except ValueError:
        return False
    return True


def _with_names(result: SweepResult) -> SweepResult:
    """The result, which now reads rows by the names of their columns."""
    refit = None if result.refit is None else _with_names(result.refit)
    names = ColumnNames(result.names) if result.names else result.names
    return dataclasses.replace(result, names=names, refit=refit)


def _with_origin(result: SweepResult, directory: Path) -> SweepResult:
    """The result in a directory, which now knows its networks."""
    refit = None if result.refit is None else _with_origin(result.refit, directory / REFIT)
    if result.programs:
        programs = tuple(
            _with_origin(program, directory / name)
            for program, name in zip(result.programs, program_names(result.program_axes), strict=True)
        )
        return dataclasses.replace(result, refit=refit, programs=programs)
    described = result.config.get("settings", {}).get("learner", {})
    learner = functools.partial(_learner, described, directory / CONFIG)
    return dataclasses.replace(result, refit=refit, origin=Origin(learner))


def _learner(described: Json, path: str | Path, network: Network | None) -> Learner:
    """A learner from its description in a file, and its network where the description does not give it.

    Raises:
        NotKeptError, ArgumentError: A part of it is not described.
        CorruptFileError: What is described cannot be made.
    """
    if "reduction" not in described:  # which networks with a loss have
        raise ArgumentError(
            "network",
            "expected a function (params, x) -> outputs [n, …] of one member, or for row_scores the learner,"
            " since the run's learner is a custom one, which is not kept",
        )
    if network is None:
        network = _made(naming.network_from, described.get("network"), path)
    learner = supervised(network, _made(naming.loss_from, described.get("loss"), path))
    return dataclasses.replace(learner, multilabel=described.get("multilabel", False) is True)


def _made(make: Callable[[Any], Made], description: object, path: str | Path) -> Made:
    """What a description in a file describes; anybody may have written it."""
    try:
        return make(description)
    except naming.NotKeptError:
        raise
    except Exception as error:
        why = archives.one_line(error)
        raise CorruptFileError(f"{path}: describes no network or loss ({why})") from None
