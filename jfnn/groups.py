"""Sweeps of several networks or batch sizes: a group for each, compiled once, and all cells in one table.

Members of one program differ by numbers alone. What changes the program, a network or a batch size, makes
another group; groups are swept one after another and compared in the end.
"""

import dataclasses
import itertools
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jfnn import checks
from jfnn.datasets import Split
from jfnn.engine import archive
from jfnn.engine.result import REFIT, Best, SweepResult, load
from jfnn.engine.sweep import refit_best, sweep
from jfnn.network import Network

# What a group's directory cannot be called: the other files beside it.
RESERVED = (REFIT, archive.TABLE)


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
        found = list(zip(self.groups, map(_best, self.results), strict=True))
        ranked = [(group, best) for group, best in found if best is not None]
        if not ranked:
            raise ValueError("no best cell: every one diverged with some seed; try smaller learning rates")
        sign = 1 if ranked[0][1].ranked_by.endswith("accuracy") else -1
        return max(ranked, key=lambda pair: sign * pair[1].score)

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
        """Writes results.csv, each group's sweep into a directory of its own, and what was refitted."""
        out = Path(directory)
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
            all into results.csv.
        **options: As in `jfnn.sweep`.

    Raises:
        ValueError, TypeError: As in `jfnn.sweep`; or a name that cannot be, or a directory with other runs.
            Before the first group trains, the others are looked at as far as names and batch sizes go.
    """
    sizes = list(batch_size) if isinstance(batch_size, Sequence) else [batch_size]
    groups = [Group(name, size) for name, size in itertools.product(_checked(networks), sizes)]
    _check(groups, split)
    _check_directory(out, bool(options.get("resume")))
    results = [
        sweep(
            networks[group.network],
            split,
            batch_size=group.batch_size,
            out=None if out is None else Path(out) / group.directory,
            **options,
        )
        for group in groups
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
        FileNotFoundError: There are no groups in the directory.
        ValueError: A group has not ended, or a file is damaged.
    """
    out = Path(directory)
    runs = sorted(path.parent for path in out.glob(f"*/{archive.CONFIG}") if path.parent.name != REFIT)
    if not runs:
        raise FileNotFoundError(f"{out}: there are no groups in it")
    groups = []
    for run in runs:
        name, _, size = run.name.rpartition("-")
        groups.append(Group(name, None if size == "full" else int(size)))
    refit = load(out / REFIT) if (out / REFIT).exists() else None
    return SweepGroups(tuple(groups), tuple(map(load, runs)), refit)


def _best(result: SweepResult) -> Best | None:
    try:
        return result.best()
    except ValueError:
        return None


def _refit(found: SweepGroups, networks, split, out, options) -> SweepResult | None:
    try:
        group, _ = found.best()
    except ValueError:
        return None
    return refit_best(
        found[group],
        out=out,
        network=networks[group.network],
        split=split,
        batch_size=group.batch_size,
        **options,
    )


def _checked(networks: Mapping[str, Network]) -> list[str]:
    if not isinstance(networks, Mapping) or not networks:
        raise TypeError("networks: expected a mapping of names to networks, at least one")
    for name in networks:
        if not isinstance(name, str) or not name or os.sep in name or name.startswith("."):
            raise ValueError(f"networks: expected names that can be directories, got {name!r}")
    return list(networks)


def _check_directory(out: str | os.PathLike | None, resume: bool) -> None:
    if out is None:
        return
    if (Path(out) / archive.CONFIG).exists():
        raise ValueError(f"out: {out} holds a single run, choose another directory")
    if (Path(out) / archive.TABLE).exists() and not resume:
        raise ValueError(
            f"out: {out} holds groups already; resume=True goes on with these, or choose another"
        )


def _check(groups: Sequence[Group], split: Split) -> None:
    names = [group.directory for group in groups]
    if len(set(names)) != len(names) or set(names) & set(RESERVED):
        raise ValueError(f"networks, batch_size: expected different groups, got {', '.join(names)}")
    n = len(split[0]) if isinstance(split, Sequence) and len(split) == 4 else math.inf
    for group in groups:
        if group.batch_size is not None and checks.as_count(group.batch_size, "batch_size") > n:
            raise ValueError(f"batch_size: expected at most the {n} training rows, got {group.batch_size}")
