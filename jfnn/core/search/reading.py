"""Read runs from their directories."""

import dataclasses
import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from jfnn.arguments import paths
from jfnn.arguments.types import Json
from jfnn.core.experiment.axes import as_index
from jfnn.core.search import run_directory
from jfnn.core.search.described import described_learner
from jfnn.core.search.programs import combine
from jfnn.core.search.result import KEPT, SweepResult
from jfnn.core.search.run_directory import CONFIG, REFIT, RESULTS
from jfnn.core.search.runs import Origin, ProgramRun
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
    origin = Origin(functools.partial(described_learner, described, directory / CONFIG))
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
