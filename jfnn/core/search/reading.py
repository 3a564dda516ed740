"""Read runs from their directories."""

import dataclasses
import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from jfnn.arguments import paths
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.types import Json
from jfnn.core.experiment.axes import as_index
from jfnn.core.search import run_directory
from jfnn.core.search.programs import combine
from jfnn.core.search.result import KEPT, SweepResult
from jfnn.core.search.run_directory import CONFIG, REFIT, RESULTS
from jfnn.core.search.runs import Origin, ProgramRun
from jfnn.core.store import archives
from jfnn.core.store.files import CorruptFileError
from jfnn.identity import naming
from jfnn.learners.learner import Learner
from jfnn.learners.of_targets import SEVERAL_TARGETS, of_targets
from jfnn.learners.supervised import supervised
from jfnn.network import Network
from jfnn.split import Names

Made = TypeVar("Made")
MakeNames = Callable[[Mapping[str, Any] | None], Names]


def read(directory: str | os.PathLike[str], make_names: MakeNames = Names) -> SweepResult:
    """Read the result in a directory, with names that ``make_names`` creates; raises as `jfnn.load`."""
    path = paths.as_path(directory, "directory")
    axes, configs = run_directory.programs(path)
    programs = [_read_program(*program, make_names) for program in configs.items()]
    with run_directory.name_corrupt_file(path / CONFIG):
        result = combine(axes, programs)
    refit = read(path / REFIT, make_names) if run_directory.has_ended(path / REFIT) else None
    return dataclasses.replace(result, refit=refit)


def _read_program(directory: Path, config: Json, make_names: MakeNames) -> SweepResult:
    """Read the result of one program from its directory, given its config.json."""
    fields = run_directory.read(directory, config, KEPT)
    described = fields["config"].get("settings", {}).get("learner", {})
    origin = Origin(functools.partial(_learner, described, directory / CONFIG))
    of_run = {name: fields.pop(name) for name in ("params", "kept_cell", "config", "timing")}
    with run_directory.name_corrupt_file(directory / RESULTS):
        names = make_names(config.get("data", {}).get("names"))
        result = SweepResult(**fields, names=names, runs=(ProgramRun(**of_run, origin=origin),))
        _check_names(result)
    return result


def _check_names(result: SweepResult) -> None:
    """Raise ValueError unless the scores, metrics and kept cell of a result fit each other."""
    if result.ranked_by not in result.scores:
        raise ValueError(f"cells rank by {result.ranked_by!r}, which is not a score")
    for name in result.scores:
        if name.partition("_")[2] not in result.metrics:
            raise ValueError(f"the score {name!r} has no metric")
    if not result.history.keys() <= result.scores.keys():
        raise ValueError("the history has scores that the result lacks")
    kept_cell = result.runs[0].kept_cell
    if kept_cell is not None:
        as_index(kept_cell, result.cells.lengths.items(), "kept_cell")


def keeps_network(config: Json) -> bool:
    """Return whether a result loaded with this description has its network and loss."""
    try:
        _learner(config.get("settings", {}).get("learner", {}), CONFIG, None)
    except ValueError:
        return False
    return True


def _learner(described: Json, path: str | Path, network: Network | None) -> Learner:
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
