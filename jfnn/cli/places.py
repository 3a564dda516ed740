"""Where a command writes, tried before it works."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from jfnn.checks import ArgumentError


def check_directory(directory: Path, argument: str, names: Iterable[str] = ()) -> None:
    """Refuses a directory that cannot be made or written to.

    A file is made where the directory is or will be, and removed.

    Args:
        directory: It need not be there.
        argument: What names it, in errors.
        names: Files that will be written in it.

    Raises:
        ValueError: It cannot be, or a directory is in the place of a file; the message begins with the
            argument.
    """
    try:
        above = (directory.absolute(), *directory.absolute().parents)
        with tempfile.TemporaryFile(dir=next(path for path in above if os.path.lexists(path))):
            pass
        taken = [name for name in names if (directory / name).is_dir()]
    except OSError as error:
        why = error.strerror or error
        raise ArgumentError(argument, f"cannot write to {directory}: {why}") from None
    if taken:
        raise ArgumentError(argument, f"cannot write {directory / taken[0]}, which is a directory")
