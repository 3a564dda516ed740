"""Sweeps of several networks or batch sizes: a group for each, compiled once, and all cells in one table.

Members of one program differ by numbers alone. What changes the program, a network or a batch size, makes
another group; groups are swept one after another and compared in the end.
"""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jfnn.arguments import checks, paths
from jfnn.arguments.checks import ArgumentError
from jfnn.engine import interrupts
from jfnn.experiment.options import GroupOptions, Options, SearchOptions
from jfnn.minibatches import Minibatches
from jfnn.search import run_directory
from jfnn.search.group import Group, as_groups, names_directory
from jfnn.search.keywords import takes_fields
from jfnn.search.result import REFIT, Best, SweepResult, best_sweep, load
from jfnn.search.sweep import Run, prepare, search, using_workers
from jfnn.store import files


@dataclasses.dataclass(frozen=True, eq=False)
class SweepGroups:
    """Sweeps of several groups, all of the same cells, seeds and folds.

    Attributes:
        groups: The groups.
        results: The sweep of each.
        refit: The best cell of all, trained again on all training rows, where options say so.
    """

    groups: tuple[Group, ...]
    results: tuple[SweepResult, ...]
    refit: SweepResult | None = None

    def __getitem__(self, group: tuple[str, int | None]) -> SweepResult:
        """The sweep of one group: ``result["50-50", 100]``.

        Raises:
            KeyError: There is no such group.
        """
        if group not in self.groups:
            known = ", ".join(repr(tuple(there)) for there in self.groups)
            raise KeyError(f"group: expected one of {known}, got {checks.shown(group)}")
        return self.results[self.groups.index(Group(*group))]

    def best(self) -> tuple[Group, Best]:
        """The best cell of all groups, ranked as `SweepResult.best` does; of equals the first.

        Raises:
            ValueError: Every cell of every group diverged.
        """
        best = self.best_or_none()
        if best is None:
            raise ValueError("no best cell: every one diverged with some seed; try smaller learning rates")
        return best

    def best_or_none(self) -> tuple[Group, Best] | None:
        """As `best`, but None where no cell ranks."""
        best = best_sweep(self.results)
        return None if best is None else (self.groups[best[0]], best[1])

    def to_dict(self) -> dict[str, np.ndarray]:
        """Columns with one value a member, ready for ``pandas.DataFrame``.

        "network" and "batch_size" (0 for all rows), then those of `SweepResult.to_dict`; groups one below the
        other.
        """
        tables = [result.to_dict() for result in self.results]
        lengths = [len(table["seed"]) for table in tables]
        leading = {
            "network": np.repeat([group.network for group in self.groups], lengths),
            "batch_size": np.repeat([group.batch_size or 0 for group in self.groups], lengths),
        }
        return leading | {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Writes the columns of `to_dict` as CSV, one row a member."""
        run_directory.write_table(paths.as_output_file(path, "path"), self.to_dict())

    def save(self, directory: str | os.PathLike[str]) -> None:
        """Writes groups.json, results.csv, and each group's sweep and `refit` into directories of their own.

        Raises:
            ValueError: The directory holds another run or other groups.
        """
        out = paths.as_path(directory, "directory")
        _claim(out, self.groups, resume=True)
        for group, result in zip(self.groups, self.results, strict=True):
            result.save(out / group.directory)
        if self.refit is not None:
            self.refit.save(out / REFIT)
        self.to_csv(out / run_directory.TABLE)


@takes_fields(GroupOptions)
def sweep_groups(options: GroupOptions) -> SweepGroups:
    """Runs a sweep for every network with every batch size; each such group is compiled once.

    Seeds and folds mean the same in all groups. Schedulers work within a group. With ``out`` each group's
    run goes into "<network>-<batch size>" in there, the table of all into results.csv, which groups there
    are into groups.json; ``refit`` trains the best cell of all.

    Returns:
        A `SweepGroups`.

    Raises:
        ValueError, TypeError: As in `jfnn.sweep`, for any group and before the first one trains; or a
            network's name that is invalid, or a directory with other runs.
    """
    with interrupts.deferred(), using_workers(options) as options:
        groups = as_groups(options)
        searches = _prepared(options, groups)
        _claim(options.out, groups, options.resume)
        results, refit = search(searches, options.out)
        swept = SweepGroups(tuple(groups), tuple(results), refit)
        if options.out is not None:
            swept.to_csv(Path(options.out) / run_directory.TABLE)
        return swept


def load_groups(directory: str | os.PathLike[str]) -> SweepGroups:
    """The groups that `sweep_groups` wrote with ``out``, or `SweepGroups.save`.

    Raises:
        FileNotFoundError: There are no groups in the directory, or one of them has not begun.
        ValueError: A group has not ended, or a file is corrupt.
    """
    out = paths.as_path(directory, "directory")
    groups = _read_groups(out)
    if groups is None:
        raise FileNotFoundError(f"{out}: there are no groups in it")
    refit = load(out / REFIT) if run_directory.has_ended(out / REFIT) else None
    return SweepGroups(tuple(groups), tuple(load(out / group.directory) for group in groups), refit)


def _claim(out: str | os.PathLike[str] | None, groups: Sequence[Group], resume: bool) -> None:
    """Makes a directory that of these groups; raises ValueError where it holds anything else."""
    if out is None:
        return
    directory = Path(out)
    run_directory.make(directory)
    there = _read_groups(directory)
    held = ""
    if (directory / run_directory.CONFIG).exists():
        held = "a single run"
    elif there is None and (directory / run_directory.TABLE).exists():
        held = f"a {run_directory.TABLE} of no groups"
    elif there is not None and not resume:
        held = "groups already; resume=True goes on with these"
    elif there is not None and there != list(groups):
        held = f"other groups, {', '.join(group.directory for group in there)}"
    if held:
        raise ArgumentError("out", f"{out} holds {held}; choose another directory")
    named = {"groups": [list(group) for group in groups]}
    files.write_checked_json(directory / run_directory.GROUPS, named)


def _read_groups(directory: Path) -> list[Group] | None:
    """The groups that a directory is for, in order; None if it is for none."""
    path = directory / run_directory.GROUPS
    if not files.exists(path):
        return None
    groups = files.read_checked_json(path, ["groups"]).get("groups")
    try:
        named = [Group(*group) for group in groups or ()]
        is_sound = bool(named) and all(names_directory(group.directory) for group in named)
    except TypeError:
        is_sound = False
    if not is_sound:
        raise files.CorruptFileError(f"{path}: does not name directories of groups")
    return named


def _prepared(options: GroupOptions, groups: Sequence[Group]) -> list[tuple[Options, Run]]:
    """Options and run of every group, checked before any trains; folds are cut once, for all groups."""
    common = {field.name: getattr(options, field.name) for field in dataclasses.fields(SearchOptions)}
    searches: list[tuple[Options, Run]] = []
    directory = run_directory.as_directory(options.out, options.resume)
    for group in groups:
        out = None if directory is None else directory / group.directory
        scheme: Any = group.batch_size
        if isinstance(options.batch_size, Minibatches):
            scheme = options.batch_size._replace(batch_size=scheme)
        own = Options(options.networks[group.network], options.split, **common)
        own = dataclasses.replace(own, batch_size=scheme, out=out)
        with checks.renamed(batch_size="batch_size" if options.batch_sizes is None else "batch_sizes"):
            searches.append((own, prepare(own)))
        if options.folds is not None:
            first = searches[0][1].experiment
            parts = [replicate.parts for replicate in first.replicates[: first.folds]]
            common["folds"] = [(fold["train"], fold["validation"]) for fold in parts]
    return searches
