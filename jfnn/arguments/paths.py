"""Files and directories given by users."""

import contextlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path, PurePath
from typing import TextIO

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError

LONGEST_LINE = 1 << 26  # characters; limits how much of a file without line ends is read


class OutputError(OSError):
    """An argument's file cannot be written, for example because the disk is full."""

    argument = ""  # name of the argument

    def __str__(self) -> str:
        """Return the argument, the file and the reason in one line."""
        return f"{self.argument}: {self.filename} cannot be written ({self.strerror})"


def as_path(path: object, argument: str) -> Path:
    """Return the path of a file or directory, which need not exist; "~" is the user's home.

    Raises:
        TypeError: Not a path.
        ValueError: The path is empty, or the system cannot reach it, for example because a name is too long.
    """
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        raise ArgumentTypeError(argument, f"expected a path, got a {type(path).__name__}")
    if not os.fspath(path):  # `Path` would take it for the current directory
        raise ArgumentError(argument, "expected a path, got ''")
    path = os.path.expanduser(path)
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:  # for example a name with a null byte
        why = error.strerror if isinstance(error, OSError) else "no file can have this name"
        raise ArgumentError(argument, f"{path[:200]!r} cannot be reached ({why})") from None
    return Path(path)


def check_name(name: object, argument: str) -> None:
    """Raise ValueError for a name of a column, an array or a directory that is not printable text."""
    if not isinstance(name, str) or not name.isprintable():
        raise ArgumentError(argument, f"expected names of printable characters, got {checks.as_text(name)}")


def names_directory(name: object, system: type[PurePath] = PurePath) -> bool:
    """Return whether a name is valid on ``system`` for a visible directory inside a run's directory."""
    if not isinstance(name, str) or not name or name.startswith("."):
        return False
    return system(name).name == name  # on Windows "a\\b" has two parts, and "c:b" is on another drive


def as_regular(path: object, argument: str) -> Path:
    """Return the path of a file; raise ValueError for a device or pipe, which may be endless."""
    file = as_path(path, argument)
    if file.exists() and not file.is_file():
        raise ArgumentError(argument, f"{file.name} is not a regular file")
    return file


def as_output_file(path: object, argument: str) -> Path:
    """Return the path of a file to write, in an existing directory.

    Raises:
        TypeError, ValueError: As in `as_path`; or the directory is missing, or the file is a directory.
    """
    file = as_path(path, argument)
    if not file.parent.is_dir():
        raise ArgumentError(argument, f"there is no directory {str(file.parent)!r} to write {file.name} in")
    if file.is_dir():
        raise ArgumentError(argument, f"expected a file to write, {str(file)!r} is a directory")
    return file


def make_directory(directory: Path, argument: str) -> None:
    """Create a directory; raise ValueError if it cannot be created or written to."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ArgumentError(argument, f"{directory} is not a directory") from None
    except OSError as error:
        raise ArgumentError(argument, f"{directory} cannot be created ({error.strerror or error})") from None
    effective = os.access in os.supports_effective_ids
    if not os.access(directory, os.W_OK | os.X_OK, effective_ids=effective):
        raise ArgumentError(argument, f"{directory} cannot be written to")


@contextlib.contextmanager
def readable(path: Path, argument: str) -> Iterator[None]:
    """Convert an OSError raised while reading a file to ValueError; FileNotFoundError passes through."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ArgumentError(argument, f"{path.name} cannot be read ({error.strerror or error})") from None


@contextlib.contextmanager
def text(path: Path, argument: str) -> Iterator[Iterator[str]]:
    """Yield the lines of a UTF-8 file; a line that is too long raises ValueError."""
    with readable(path, argument), path.open(newline="", encoding="utf-8-sig") as file:
        yield _lines(file, path.name, argument)


def _lines(file: TextIO, name: str, argument: str) -> Iterator[str]:
    while line := file.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise ArgumentError(argument, f"{name} has a line of {LONGEST_LINE} characters or more")
        yield line


def check_each_once(names: Collection[str], argument: str) -> None:
    """Raise ArgumentError for a name that occurs twice."""
    if len(set(names)) != len(names):
        raise ArgumentError(argument, "expected each name once", got=checks.as_text(list(names)))
