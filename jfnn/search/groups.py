"""Sweeps of several networks or batch sizes: a group for each, compiled once, and all cells in one table.

Members of one program differ by numbers alone. What changes the program, a network or a batch size, makes
another group; groups are swept one after another and compared in the end.
"""

import dataclasses
import itertools
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jfnn import checks
from jfnn.datasets import Split
from jfnn.network import Network
from jfnn.search import run_directory as archive
from jfnn.search.result import REFIT, Best, SweepResult, best_place, load
from jfnn.search.sweep import check, refit_best, sweep
from jfnn.store import files as storage


class Group(NamedTuple):
    """What the members of one sweep have in common: the network's name, and rows a step (None for all)."""

    network: str
    batch_size: int | None

    @property
    def directory(self) -> str:
        """Where its run lies, in the directory of all: "<network>-<batch size>"."""
        return f"{self.network}-{self.batch_size or 'full'}"


@dataclasses.dataclass(frozen=True)
class SweepGroups:
    """The sweeps of several groups, all of the same cells, seeds and folds.

    Attributes:
        groups: Which they are.
        results: The sweep of each.
        refit: The best cell of all, trained again on all training rows, if that was asked for.
    """

    groups: tuple[Group, ...]
    results: tuple[SweepResult, ...]
    refit: SweepResult | None = None

    def __getitem__(self, group: tuple[str, int | None]) -> SweepResult:
        """The sweep of one group: ``result["50-50", 100]``."""
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
        found = [result.best_or_none() for result in self.results]
        scores = np.array([np.nan if best is None else best.score for best in found])
        place = best_place(scores, self.results[0].ranked_by)
        best = None if place is None else found[place[0]]
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

    def to_csv(self, path) -> None:
        """Writes the columns of `to_dict` as CSV, one row a member."""
        archive.write_table(Path(path), self.to_dict())

    def save(self, directory) -> None:
        """Writes groups.json, results.csv, each group's sweep into its own directory, and what was refitted.

        Raises:
            ValueError: The directory holds another run or other groups.
        """
        out = Path(directory)
        _claim(out, self.groups, resume=True)
        for group, result in zip(self.groups, self.results, strict=True):
            result.save(out / group.directory)
        if self.refit is not None:
            self.refit.save(out / REFIT)
        self.to_csv(out / archive.TABLE)


def sweep_groups(
    networks: Mapping[str, Network],
    split: Split,
    *,
    batch_size: int | Sequence[int | None] | None = 100,
    refit: bool = False,
    out: str | os.PathLike | None = None,
    **options,
) -> SweepGroups:
    """Runs `jfnn.sweep` for every network with every batch size; each such group is compiled once.

    Seeds and folds mean the same in all groups. Halving and early stopping work within a group.

    Args:
        networks: Name -> network; names become directories with ``out``.
        split: As in `jfnn.sweep`.
        batch_size: One, or a sequence; None for all rows.
        refit: Train the best cell of all once more, on all training rows.
        out: A directory for all: each group's run goes into "<network>-<batch size>" in there, the table of
            all into results.csv, which groups there are into groups.json.
        **options: As in `jfnn.sweep`.

    Raises:
        ValueError, TypeError: As in `jfnn.sweep`, for whichever group and before the first one trains; or a
            name that cannot be, or a directory with other runs.
    """
    groups = _groups(networks, batch_size, options.get("minibatch"))
    options |= {"folds": _cut_once(networks, split, groups, options)}
    for group in groups:
        check(**_asked(group, networks, split, options, refit=refit))
    _claim(out, groups, bool(options.get("resume")))
    places = [None if out is None else Path(out) / group.directory for group in groups]
    results = [
        sweep(**_asked(group, networks, split, options, out=place))
        for group, place in zip(groups, places, strict=True)
    ]
    found = SweepGroups(tuple(groups), tuple(results))
    if refit:
        found = dataclasses.replace(found, refit=_refit(found, networks, split, out, options))
    if out is not None:
        found.to_csv(Path(out) / archive.TABLE)
    return found


def load_groups(directory) -> SweepGroups:
    """What `sweep_groups` wrote with ``out``, or `SweepGroups.save`.

    Raises:
        FileNotFoundError: There are no groups in the directory, or one of them has not begun.
        ValueError: A group has not ended, or a file is damaged.
    """
    out = Path(directory)
    groups = _read_manifest(out)
    if groups is None:
        raise FileNotFoundError(f"{out}: there are no groups in it")
    refit = load(out / REFIT) if archive.has_ended(out / REFIT) else None
    return SweepGroups(tuple(groups), tuple(load(out / group.directory) for group in groups), refit)


def _groups(networks: Mapping[str, Network], batch_size, minibatch: str | None) -> list[Group]:
    """The groups asked for, network by network."""
    if not isinstance(networks, Mapping) or not networks:
        raise TypeError("networks: expected a mapping of names to networks, at least one")
    for name in networks:
        if not isinstance(name, str) or not name or os.sep in name or name.startswith("."):
            raise ValueError(f"networks: expected names that can be directories, got {name!r}")
    sizes = list(batch_size) if np.ndim(batch_size) else [batch_size]
    if minibatch == "full":
        if len(sizes) > 1:
            raise ValueError("batch_size: expected none, since minibatch='full' takes all rows in every step")
        sizes = [None]
    if not sizes:
        raise ValueError("batch_size: expected at least one")
    sizes = [size if size is None else checks.as_count(size, "batch_size") for size in sizes]
    if len(set(sizes)) != len(sizes):
        raise ValueError(f"batch_size: expected each one once, got {sizes}")
    return [Group(name, size) for name, size in itertools.product(networks, sizes)]


def _asked(group: Group, networks: Mapping[str, Network], split: Split, options, **changed) -> dict[str, Any]:
    """The keywords of one group's sweep."""
    its_own = {"network": networks[group.network], "split": split, "batch_size": group.batch_size}
    return {**options, **its_own, **changed}


def _cut_once(networks: Mapping[str, Network], split: Split, groups: Sequence[Group], options):
    """Folds as pairs of row numbers, so that a splitter that shuffles gives all groups the same."""
    if options.get("folds") is None:
        return None
    job = check(**_asked(groups[0], networks, split, options, out=None, resume=False))
    parts = [stream.parts for stream in job.grid.streams[: job.folds]]
    return [(each["train"], each["validation"]) for each in parts]


def _refit(found: SweepGroups, networks, split, out, options) -> SweepResult | None:
    best = found.best_or_none()
    if best is None:
        return None
    group, _ = best
    return refit_best(found[group], **_asked(group, networks, split, options, out=out))


def _claim(out: str | os.PathLike | None, groups: Sequence[Group], resume: bool) -> None:
    """Makes a directory that of these groups; refuses one that holds anything else."""
    if out is None:
        return
    directory = Path(out)
    archive.make(directory)
    if (directory / archive.CONFIG).exists():
        raise ValueError(f"out: {out} holds a single run; choose another directory")
    there = _read_manifest(directory)
    if there is not None and not resume:
        raise ValueError(
            f"out: {out} holds groups already; resume=True goes on with these, or choose another"
        )
    if there is not None and there != list(groups):
        names = ", ".join(group.directory for group in there)
        raise ValueError(f"out: {out} holds other groups, choose another directory: {names}")
    _write_manifest(directory, groups)


def _write_manifest(directory: Path, groups: Sequence[Group]) -> None:
    storage.write_json(directory / archive.GROUPS, {"groups": [list(group) for group in groups]})


def _read_manifest(directory: Path) -> list[Group] | None:
    """Which groups a directory is for, in order; None if it is for none."""
    path = directory / archive.GROUPS
    if not path.exists():
        return None
    try:
        return [Group(str(name), size) for name, size in json.loads(path.read_text())["groups"]]
    except (ValueError, KeyError, TypeError):
        raise storage.Damaged(f"{path}: damaged, or not written by jfnn") from None
