"""Files and directories that users name."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import TextIO

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError

LONGEST_LINE = 1 << 26  # characters; a file without line ends would be read whole


class OutputError(OSError):
    """A file that an argument names cannot be written, as where the disk is full."""

    argument = ""  # its name

    def __str__(self) -> str:
        """The argument, the file and the reason in one line."""
        return f"{self.argument}: {self.filename} cannot be written ({self.strerror})"


def as_path(path: object, argument: str) -> Path:
    """The path of a file or a directory, which need not exist; "~" is the user's home.

    Raises:
        TypeError: No path.
        ValueError: An empty path, or one that the system cannot reach, as where a name is too long.
    """
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        raise ArgumentTypeError(argument, f"expected a path, got a {type(path).__name__}")
    if not os.fspath(path):  # which a `Path` would take for the directory that this process is in
        raise ArgumentError(argument, "expected a path, got ''")
    path = os.path.expanduser(path)
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:  # such as a name with a zero byte
        why = error.strerror if isinstance(error, OSError) else "no file can be named so"
        raise ArgumentError(argument, f"{path[:200]!r} cannot be reached ({why})") from None
    return Path(path)


def check_name(name: object, argument: str) -> None:
    """Raises ValueError for a name of a column, an array or a directory that is no printable text."""
    if not isinstance(name, str) or not name.isprintable():
        raise ArgumentError(argument, f"expected names of printable characters, got {checks.shown(name)}")


def names_directory(name: object, system: type[PurePath] = PurePath) -> bool:
    """Whether a name can be that of a directory in a run's, not hidden and not outside of it.

    ``system`` is the kind of paths of an operating system, `PurePath` that of this one.
    """
    if not isinstance(name, str) or not name or name.startswith("."):
        return False
    return system(name).name == name  # on Windows "a\\b" has two parts, and "c:b" is on another drive


def as_regular(path: object, argument: str) -> Path:
    """The path of a file; a device or a pipe, which may have no end, raises ValueError."""
    file = as_path(path, argument)
    if file.exists() and not file.is_file():
        raise ArgumentError(argument, f"{file.name} is no regular file")
    return file


def as_output_file(path: object, argument: str) -> Path:
    """The path of a file to write, in a directory that is there.

    Raises:
        TypeError, ValueError: As `as_path`; or there is no such directory, or one where the file would be.
    """
    file = as_path(path, argument)
    if not file.parent.is_dir():
        raise ArgumentError(argument, f"there is no directory {str(file.parent)!r} to write {file.name} in")
    if file.is_dir():
        raise ArgumentError(argument, f"expected a file to write, {str(file)!r} is a directory")
    return file


def make_directory(directory: Path, argument: str) -> None:
    """Makes a directory; raises ValueError where it cannot be made or written to."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ArgumentError(argument, f"{directory} is no directory") from None
    except OSError as error:
        raise ArgumentError(argument, f"{directory} cannot be made ({error.strerror or error})") from None
    effective = os.access in os.supports_effective_ids
    if not os.access(directory, os.W_OK | os.X_OK, effective_ids=effective):
        raise ArgumentError(argument, f"{directory} cannot be written to")


@contextlib.contextmanager
def readable(path: Path, argument: str) -> Iterator[None]:
    """Turns errors of the system while a file is read into ValueError, but for a missing file."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ArgumentError(argument, f"{path.name} cannot be read ({error.strerror or error})") from None


@contextlib.contextmanager
def text(path: Path, argument: str) -> Iterator[Iterator[str]]:
    """The lines of a file in UTF-8; one that is too long raises ValueError."""
    with readable(path, argument), path.open(newline="", encoding="utf-8-sig") as file:
        yield _lines(file, path.name, argument)


def _lines(file: TextIO, name: str, argument: str) -> Iterator[str]:
    while line := file.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise ArgumentError(argument, f"{name} has a line of {LONGEST_LINE} characters or more")
        yield line
