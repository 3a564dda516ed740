"""Directories of the groups of one run, and the list of them in the directory above."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from jfnn.arguments import paths
from jfnn.arguments.checks import ArgumentError
from jfnn.search import run_directory
from jfnn.store import files


class Group(NamedTuple):
    """A sweep of several: the network's name, and rows a step (None for all)."""

    network: str
    batch_size: int | None

    @property
    def directory(self) -> str:
        """Name of the directory of its run, in that of all: "<network>-<batch size>"."""
        return f"{self.network}-{self.batch_size or 'full'}"


@contextlib.contextmanager
def claimed(out: str | os.PathLike[str] | None, groups: Sequence[Group], resume: bool) -> Iterator[None]:
    """Writes the list of groups into a directory, and keeps other processes out of it meanwhile.

    Raises:
        ValueError: The directory holds anything else, or another process uses it.
    """
    if out is None:
        yield
        return
    directory = Path(out)
    paths.make_directory(directory, "out")
    with files.lock(directory):
        _claim(directory, groups, resume)
        yield


def _claim(directory: Path, groups: Sequence[Group], resume: bool) -> None:
    there, content = read_groups(directory), ""
    if (directory / run_directory.CONFIG).exists():
        content = "a single run"
    elif there is None and (directory / run_directory.TABLE).exists():
        content = f"a {run_directory.TABLE} of no groups"
    elif there is not None and not resume:
        content = "groups already; resume=True goes on with these"
    elif there not in (None, list(groups)):
        content = f"other groups, {', '.join(group.directory for group in there or ())}"
    if content:
        raise ArgumentError("out", f"{directory} holds {content}; choose another directory")
    files.write_checked_json(directory / run_directory.GROUPS, {"groups": [list(group) for group in groups]})


def read_groups(directory: Path) -> list[Group] | None:
    """The groups listed in a directory, in order; None without a list."""
    path = directory / run_directory.GROUPS
    if not files.exists(path):
        return None
    groups = files.read_checked_json(path, ["groups"]).get("groups")
    try:
        named = [Group(*group) for group in groups or ()]
    except TypeError:
        named = []
    if not named or not all(names_directory(group.directory) for group in named):
        raise files.CorruptFileError(f"{path}: does not name directories of groups")
    return named


def names_directory(name: Any, system: type[PurePath] = PurePath) -> bool:
    """Whether a name can be that of a directory in another, not hidden and not outside of it.

    Args:
        name: Any value.
        system: The system's kind of paths, `PurePath` for this one's.
    """
    if not isinstance(name, str) or not name or name.startswith("."):
        return False
    return system(name).name == name  # on Windows "a\\b" has two parts, and "c:b" is on another drive
