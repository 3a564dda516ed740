"""Directories that commands write into, tried before training, and images in them."""

import itertools
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from jfnn.arguments.checks import ArgumentError
from jfnn.cli.flags import Flags
from jfnn.core.search.run_directory import CHECKPOINT, CONFIG

REPORT = "report.html"  # the page of a run


def choose_directory(flags: Flags) -> Path:
    """The directory of --out; without the flag the first of runs/grid, runs/grid-2, … that is free.

    With --resume the default is runs/grid.

    Raises:
        ValueError: It cannot be written to.
    """
    out = flags.out
    if "out" not in flags.present and not flags.resume:
        numbered = (out.with_name(f"{out.name}-{i}") for i in itertools.count(2))
        out = next(path for path in itertools.chain([out], numbered) if not os.path.lexists(path))
    check_directory(out, "out")
    return out


def holds_run(directory: Path) -> bool:
    """Whether there is anything of a run to go on with."""
    return any((directory / name).exists() for name in (CONFIG, CHECKPOINT))


def check_free(directory: Path, added: Iterable[str]) -> None:
    """Raises ArgumentError for a directory with files that would be overwritten, but without a run.

    Args:
        directory: It need not exist.
        added: Files that the command writes beside the library's; the library checks those.
    """
    names = list(added)
    check_directory(directory, "out", names)
    there = ", ".join(name for name in names if (directory / name).exists())
    if there and not (directory / CONFIG).exists():
        raise ArgumentError("out", f"{directory} holds {there}, and no run; choose another directory")


def check_directory(directory: Path, argument: str, names: Iterable[str] = ()) -> None:
    """Raises ArgumentError for a directory that cannot be made or written to.

    A file is made where the directory is or will be, and removed.

    Args:
        directory: It need not exist.
        argument: Names it, in errors.
        names: Files that will be written in it; none of these names may be a directory.
    """
    try:
        above = (directory.absolute(), *directory.absolute().parents)
        with tempfile.TemporaryFile(dir=next(path for path in above if os.path.lexists(path))):
            pass
        blocked = [name for name in names if (directory / name).is_dir()]
    except OSError as error:
        why = error.strerror or error
        raise ArgumentError(argument, f"cannot write to {directory}: {why}") from None
    if blocked:
        raise ArgumentError(argument, f"cannot write {directory / blocked[0]}, which is a directory")
