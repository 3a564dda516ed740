"""Directories that commands write into, tried before training, and images in them."""

import itertools
import os
import tempfile
from collections.abc import Collection, Iterable
from pathlib import Path

from jfnn.arguments.checks import ArgumentError
from jfnn.cli.flags import Flags
from jfnn.core.search.run_directory import CHECKPOINT, CONFIG


def choose_directory(flags: Flags) -> Path:
    """The directory of --out; without the flag the first of runs/grid, runs/grid-2, … that is free.

    With --resume the default is runs/grid. Raises ArgumentError where it cannot be written to.
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


def check_free(directory: Path, added: Collection[str]) -> None:
    """Raises ArgumentError for a directory without a run that has files which the command would overwrite.

    ``added`` names those beside the library's, which the library checks.
    """
    check_directory(directory, "out", added)
    there = ", ".join(name for name in added if (directory / name).exists())
    if there and not (directory / CONFIG).exists():
        raise ArgumentError("out", f"{directory} holds {there}, and no run; choose another directory")


def check_directory(directory: Path, argument: str, names: Iterable[str] = ()) -> None:
    """Raises ArgumentError for a directory that cannot be made, or in which these files cannot be written.

    A file is made where the directory is or will be, and removed.
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
