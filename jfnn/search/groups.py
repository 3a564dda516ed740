"""Sweeps of several networks or batch sizes: a group for each, compiled once, and all cells in one table.

Members of one program differ by numbers alone; another network or batch size is another program, and so
another group.
"""

import dataclasses
import itertools
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jfnn.arguments import checks, paths
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.texts import group_columns
from jfnn.engine import interrupts
from jfnn.experiment.options import GroupOptions, Options
from jfnn.experiment.settings import as_minibatches
from jfnn.minibatches import Minibatches, as_given
from jfnn.search import run_directory
from jfnn.search.cells import NONE_RANKS, Best, best_html
from jfnn.search.group_directories import Group, claimed, names_directory, read_groups
from jfnn.search.keywords import takes_fields
from jfnn.search.loading import load
from jfnn.search.result import REFIT, SweepResult, best_sweep
from jfnn.search.sweep import Run, prepare, search, workers_of


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
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

    def __repr__(self) -> str:
        """The groups, and the best cell of all."""
        names, best = ", ".join(group.directory for group in self.groups), self.best_or_none()
        best_text = "no cell ranks"
        if best is not None:
            group, cell = best
            best_text = f"best {cell.ranked_by} {cell.score:.6g} in {group.directory} at {cell.axes}"
        return f"<SweepGroups {names};\n {best_text}>"

    def _repr_html_(self) -> str:
        """The best cells of all as a table, for notebooks."""
        return best_html(self.results, group_columns(self.groups))

    def __getitem__(self, group: tuple[str, int | None]) -> SweepResult:
        """The sweep of one group: ``result["50-50", 100]``.

        Raises:
            KeyError: There is no such group.
        """
        if group not in self.groups:
            names = ", ".join(repr(tuple(there)) for there in self.groups)
            raise KeyError(f"group: expected one of {names}, got {checks.shown(group)}")
        return self.results[self.groups.index(Group(*group))]

    def best(self) -> tuple[Group, Best]:
        """The best cell of all groups, ranked as `SweepResult.best` does; raises ValueError if none ranks."""
        best = self.best_or_none()
        if best is None:
            raise ValueError(NONE_RANKS)
        return best

    def best_or_none(self) -> tuple[Group, Best] | None:
        """As `best`, but None where no cell ranks."""
        best = best_sweep(self.results)
        return None if best is None else (self.groups[best[0]], best[1])

    def to_dict(self) -> dict[str, np.ndarray]:
        """Columns "network" and "batch_size" (0 for all rows), then those of `SweepResult.to_dict`."""
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
        """Writes groups.json, results.csv, and a directory for each group's sweep and for `refit`.

        Raises:
            ValueError: The directory holds another run or other groups.
        """
        out = paths.as_path(directory, "directory")
        with claimed(out, self.groups, resume=True):
            for group, result in zip(self.groups, self.results, strict=True):
                result.save(out / group.directory)
            if self.refit is not None:
                self.refit.save(out / REFIT)
            self.to_csv(out / run_directory.TABLE)


@takes_fields(GroupOptions)
def sweep_groups(options: GroupOptions) -> SweepGroups:
    """Runs a sweep for every network with every batch size; each such group is compiled once.

    Seeds and folds mean the same in all groups. Schedulers work within a group; ``refit`` trains the best
    cell of all. With ``out`` each group's run goes into "<network>-<batch size>" in there, the table of all
    into results.csv, and the list of groups into groups.json.

    Returns:
        A `SweepGroups`.

    Raises:
        ValueError, TypeError: As in `jfnn.sweep`, for any group and before the first one trains; or a
            network's name that is invalid, or a directory with other runs.
    """
    with interrupts.deferred(), workers_of(options):
        groups = _as_groups(options)
        runs = _prepared(options, groups)
        with claimed(options.out, groups, options.resume):
            results, refit = search(runs, options.out)
            swept = SweepGroups(tuple(groups), tuple(results), refit)
            if options.out is not None:
                swept.to_csv(options.out / run_directory.TABLE)
            return swept


def load_groups(directory: str | os.PathLike[str]) -> SweepGroups:
    """The groups that `sweep_groups` wrote with ``out``, or `SweepGroups.save`.

    Raises:
        FileNotFoundError: There are no groups in the directory, or one of them has not begun.
        ValueError: A group has not ended, or a file is corrupt.
    """
    out = paths.as_path(directory, "directory")
    if (groups := read_groups(out)) is None:
        raise FileNotFoundError(f"{out}: there are no groups in it")
    refit = load(out / REFIT) if run_directory.has_ended(out / REFIT) else None
    return SweepGroups(tuple(groups), tuple(load(out / group.directory) for group in groups), refit)


def _as_groups(options: GroupOptions) -> list[Group]:
    """All groups, network by network; raises ArgumentError for invalid names and batch sizes."""
    if not isinstance(options.networks, Mapping) or not options.networks:
        raise ArgumentTypeError("networks", "expected a mapping of names to networks, at least one")
    for name in options.networks:
        if not names_directory(name) or not name.isprintable():
            raise ArgumentError(
                "networks", f"expected names that can be directories, got {checks.shown(name)}"
            )
    sizes = [_rows_a_step(options)] if options.batch_sizes is None else _sizes(options)
    return [Group(name, size) for name, size in itertools.product(options.networks, sizes)]


def _sizes(options: GroupOptions) -> Sequence[int | None]:
    """The batch sizes, each of which makes groups of its own."""
    scheme, sizes = options.batch_size, options.batch_sizes
    if not isinstance(scheme, Minibatches) and np.any(scheme != GroupOptions.batch_size):
        raise ArgumentError(
            "batch_size",
            f"expected jfnn.Minibatches, or none, beside batch_sizes; got {checks.shown(scheme)}",
        )
    if not checks.is_several(sizes) or not len(sizes):
        raise ArgumentError("batch_sizes", "expected a sequence of at least one number of rows")
    sizes = [size if size is None else checks.as_count(size, "batch_sizes") for size in sizes]
    if len(set(sizes)) != len(sizes):
        raise ArgumentError("batch_sizes", f"expected each one once, got {sizes}")
    full = isinstance(scheme, Minibatches) and scheme.scheme == "full"
    if options.batches is not None or (full and sizes != [None]):
        owner = "batches have" if options.batches is not None else "a full batch has"
        raise ArgumentError("batch_sizes", f"expected none, since {owner} a size of their own, got {sizes}")
    return sizes


def _rows_a_step(options: GroupOptions) -> int | None:
    """Rows a step where no batch sizes make groups: those of the scheme, or of the user's minibatches."""
    if options.batches is not None:
        minibatches = as_given(options.batches, options.epochs, options.seeds, sys.maxsize)
        return None if minibatches is None else minibatches.shape[1]
    scheme = as_minibatches(options.batch_size, "batch_size")
    return None if scheme.scheme == "full" else scheme.batch_size


def _prepared(options: GroupOptions, groups: Sequence[Group]) -> list[Run]:
    """The run of every group, checked before any trains; folds are cut once, for all groups."""
    common = options.common()
    common |= {name: vars(options)[name] for name in ("seeds", "folds", "refit", "sample")}
    runs: list[Run] = []
    for group in groups:
        out = None if options.out is None else options.out / group.directory
        scheme: Any = group.batch_size
        if isinstance(options.batch_size, Minibatches):
            scheme = options.batch_size._replace(batch_size=scheme)
        own_options = common | {"batch_size": scheme, "out": out}
        own = Options(options.networks[group.network], options.split, **own_options)
        with checks.renamed(batch_size="batch_size" if options.batch_sizes is None else "batch_sizes"):
            runs.append(prepare(own))
        first = runs[0].experiment
        if first.folds is not None and first.subsets is None:
            common["folds"] = [(fold["train"], fold["validation"]) for fold in first.replicates.parts]
    return runs
