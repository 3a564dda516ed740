"""Files that are written whole or not at all and read with their checksums; digests of arrays."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from jfnn.arguments import memory
from jfnn.arguments.checks import ArgumentError
from jfnn.store import archives

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

FORMAT = 6  # of run directories: their JSON files, archives and checkpoints
JSON_COPIES = 3  # of a file in memory while it is read: its bytes, their parts, the values made of them


class CorruptFileError(ValueError):
    """A file is not as it was written."""


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[IO[bytes]]:
    """A file to write (and read back) that takes its place only when it is complete and on the disk."""
    part = leftover(path)
    try:
        with part.open("w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def leftover(path: Path) -> Path:
    """The file that `atomic` writes, left behind by a process that is killed meanwhile."""
    return path.with_name(f".{path.name}.part")


@contextlib.contextmanager
def lock(directory: Path) -> Iterator[None]:
    """Locks a directory against other processes; the system unlocks it when this process ends.

    Where the system or the file system has no such locks, nothing is locked.

    Raises:
        ValueError: Another process holds the lock, or the directory cannot be read.
    """
    if fcntl is None:
        yield
        return
    try:
        handle = os.open(directory, os.O_RDONLY)
    except OSError as error:
        raise ArgumentError("out", f"{directory} cannot be read ({error.strerror or error})") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ArgumentError("out", f"{directory} is in use by another process") from None
        except OSError:  # a network file system without locks
            pass
        yield
    finally:
        os.close(handle)


def exists(path: Path) -> bool:
    """Whether there is anything of this name, also a link to nowhere.

    Raises:
        CorruptFileError: The system does not say.
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise CorruptFileError(f"{path}: cannot be reached ({error.strerror or error})") from None
    return True


@contextlib.contextmanager
def opened(path: Path, copies: int = 1) -> Iterator[IO[bytes]]:
    """A regular file to read, if ``copies`` of it fit into memory.

    Raises:
        CorruptFileError: It cannot be read, or is a pipe, a device or a directory.
        ValueError: It does not fit into memory.
    """
    try:
        if not path.is_file():
            raise CorruptFileError(f"{path}: no regular file")
        with path.open("rb") as file:
            memory.check(str(path), copies * path.stat().st_size)
            yield file
    except OSError as error:
        raise CorruptFileError(f"{path}: cannot be read ({error.strerror or error})") from None


def write_archive(path: Path, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    """Writes a file by `archives.write`; returns its checksum."""
    with atomic(path) as file:
        return archives.write(file, header, arrays)


def read_archive(path: Path, checksum: str | None = None) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The content of a file by `write_archive`, ``(header, arrays)``; other files raise CorruptFileError."""
    with opened(path) as file:
        try:
            return archives.load(file, checksum)
        except ValueError as error:
            raise CorruptFileError(f"{path}: {error}") from None


def write_json(path: Path, values: Any) -> None:
    """Writes plain values as indented JSON; NaN and infinity, which JSON lacks, raise ValueError."""
    with atomic(path) as file:
        file.write(_json(values))


def write_checked_json(path: Path, values: Mapping[str, Any]) -> None:
    """Writes plain values with the format's number and a checksum, for `read_checked_json`."""
    values = {"format": FORMAT, **values}
    write_json(path, values | {"checksum": _checksum(values)})


def read_checked_json(path: Path, names: Iterable[str]) -> dict[str, Any]:
    """Values of a file by `write_checked_json`; values of other names may have been added since.

    Raises:
        CorruptFileError: The file cannot be read, or is not as it was written.
        ValueError: It is of another format.
    """
    with opened(path, JSON_COPIES) as file:
        content = file.read()
    try:
        values = dict(json.loads(content))
        number = values["format"]
        checked = {name: values[name] for name in ("format", *names) if name in values}
        is_sound = _json(values) == content and _checksum(checked) == values["checksum"]
    except (ValueError, LookupError, TypeError, RecursionError):
        number, is_sound = FORMAT, False
    if type(number) is int and number != FORMAT:
        raise ArgumentError(str(path), f"its format is {number}, this version of jfnn reads format {FORMAT}")
    if not is_sound:
        raise CorruptFileError(f"{path}: not as it was written, or not written by jfnn")
    return values


def _json(values: Any) -> bytes:
    return (json.dumps(values, indent=2, allow_nan=False) + "\n").encode()


def _checksum(values: Any) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def digest(*arrays: Any) -> str:
    """The SHA-256 of arrays: their dtypes, shapes and bytes in C order."""
    sha256 = hashlib.sha256()
    for array in (np.asarray(array, order="C") for array in arrays):
        sha256.update(f"{array.dtype.name} {array.shape};".encode())
        sha256.update(array.reshape(-1).view(np.uint8).data)
    return sha256.hexdigest()


def file_digest(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
