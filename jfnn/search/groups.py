"""Sweeps of several networks or batch sizes: a group for each, compiled once, and all cells in one table.

Members of one program differ by numbers alone. What changes the program, a network or a batch size, makes
another group; groups are swept one after another and compared in the end.
"""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jfnn import checks, paths
from jfnn.experiment.options import GroupOptions, Options, SearchOptions
from jfnn.minibatches import Minibatches
from jfnn.search import run_directory
from jfnn.search.best import Best, best_place
from jfnn.search.group import Group, as_groups
from jfnn.search.keywords import own_copies, takes_fields
from jfnn.search.manifest import claim, read_manifest
from jfnn.search.refit import refit_options
from jfnn.search.result import REFIT, SweepResult, load
from jfnn.search.sweep import Run, prepare, search, train_run, using_workers


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
        bests = [result.best_or_none() for result in self.results]
        scores = np.array([np.nan if best is None else best.score for best in bests])
        place = best_place(scores, self.results[0].higher_is_better())
        best = None if place is None else bests[place[0]]
        return None if place is None or best is None else (self.groups[place[0]], best)

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
        """Writes groups.json, results.csv, each group's sweep into its own directory, and what was refitted.

        Raises:
            ValueError: The directory holds another run or other groups.
        """
        out = paths.as_path(directory, "directory")
        claim(out, self.groups, resume=True)
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
        ValueError, TypeError: As in `jfnn.sweep`, for whichever group and before the first one trains; or a
            name that cannot be, or a directory with other runs.
    """
    with using_workers(options) as options:
        return _swept(options, as_groups(options))


def _swept(options: GroupOptions, groups: Sequence[Group]) -> SweepGroups:
    """Every group's sweep, and what is trained again."""
    all_options, runs = _prepared(options, groups)
    copies = own_copies(vars(options)) if options.refit else {}
    claim(options.out, groups, options.resume)
    results = tuple(
        train_run(run, of_group.out, of_group.resume) for of_group, run in zip(all_options, runs, strict=True)
    )
    swept = SweepGroups(tuple(groups), results)
    best = swept.best_or_none()
    if options.refit and best is not None:
        place = groups.index(best[0])
        of_group = dataclasses.replace(all_options[place], out=options.out, **copies)
        again = refit_options(of_group, results[place])
        if again is not None:
            swept = dataclasses.replace(swept, refit=search(again, prepare(again)))
    if options.out is not None:
        swept.to_csv(Path(options.out) / run_directory.TABLE)
    return swept


def load_groups(directory: str | os.PathLike[str]) -> SweepGroups:
    """What `sweep_groups` wrote with ``out``, or `SweepGroups.save`.

    Raises:
        FileNotFoundError: There are no groups in the directory, or one of them has not begun.
        ValueError: A group has not ended, or a file is corrupt.
    """
    out = paths.as_path(directory, "directory")
    groups = read_manifest(out)
    if groups is None:
        raise FileNotFoundError(f"{out}: there are no groups in it")
    refit = load(out / REFIT) if run_directory.has_ended(out / REFIT) else None
    return SweepGroups(tuple(groups), tuple(load(out / group.directory) for group in groups), refit)


def _prepared(options: GroupOptions, groups: Sequence[Group]) -> tuple[list[Options], list[Run]]:
    """Options and run of every group, checked before any trains; folds are cut once, for all groups."""
    common = {field.name: getattr(options, field.name) for field in dataclasses.fields(SearchOptions)}
    all_options: list[Options] = []
    runs: list[Run] = []
    directory = run_directory.as_directory(options.out, options.resume)
    for group in groups:
        out = None if directory is None else directory / group.directory
        size = group.batch_size
        if isinstance(options.batch_size, Minibatches):
            size_or_scheme: Minibatches | int | None = options.batch_size._replace(batch_size=size)
        else:
            size_or_scheme = size
        of_group = Options(options.networks[group.network], options.split, **common)
        of_group = dataclasses.replace(of_group, batch_size=size_or_scheme, out=out)
        with checks.renamed(batch_size="batch_size" if options.batch_sizes is None else "batch_sizes"):
            runs.append(prepare(of_group))
        all_options.append(of_group)
        if options.folds is not None:
            parts = [replicate.parts for replicate in runs[0].experiment.replicates]
            folds = runs[0].experiment.folds
            common["folds"] = [(of_fold["train"], of_fold["validation"]) for of_fold in parts[:folds]]
    return all_options, runs
