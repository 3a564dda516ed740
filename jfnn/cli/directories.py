"""Output directories, checked before training."""

import itertools
import os
import tempfile
from collections.abc import Collection, Iterable
from pathlib import Path

from jfnn.arguments.checks import ArgumentError
from jfnn.cli.flags import Flags
from jfnn.core.search.run_directory import CHECKPOINT, CONFIG


def choose_directory(flags: Flags) -> Path:
    """Return the directory of --out, by default the first unused one of runs/grid, runs/grid-2, ….

    With --resume the default is runs/grid. Raises ArgumentError if the directory is not writable.
    """
    out = flags.out
    if "out" not in flags.present and not flags.resume:
        numbered = (out.with_name(f"{out.name}-{i}") for i in itertools.count(2))
        out = next(path for path in itertools.chain([out], numbered) if not os.path.lexists(path))
    check_directory(out, "out")
    return out


def holds_run(directory: Path) -> bool:
    """Whether a directory has files of a run that can be resumed."""
    return any((directory / name).exists() for name in (CONFIG, CHECKPOINT))


def check_free(directory: Path, added: Collection[str]) -> None:
    """Raise ArgumentError if a directory holds files that the command would overwrite, but no run.

    ``added`` names the files that the command writes; the library checks its own.
    """
    check_directory(directory, "out", added)
    there = ", ".join(name for name in added if (directory / name).exists())
    if there and not (directory / CONFIG).exists():
        raise ArgumentError("out", f"{directory} contains {there} but no run; choose another directory")


def check_directory(directory: Path, argument: str, names: Iterable[str] = ()) -> None:
    """Raise ArgumentError if a directory cannot be made, or these files cannot be written in it.

    As a test, a temporary file is made in the directory, or in its first existing parent.
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
