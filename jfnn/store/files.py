"""Arrays on disk that can be trusted: written whole or not at all, checksummed, the same bytes again.

An ``.npz`` is NumPy's own form, for people and other programs; its checksums are elsewhere. The other form,
which holds its checksums itself, is in `jfnn.store.checksummed`.
"""

import contextlib
import hashlib
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from jfnn import memory
from jfnn.checks import ArgumentError
from jfnn.store import archives

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

COPIES = 3  # of a file, while it is read: its bytes, their parts, what is made of them


class CorruptFileError(ValueError):
    """A file is not what was written."""


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[IO[bytes]]:
    """A file to write that takes its place only when it is complete and on the disk."""
    part = leftover(path)
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def lock(directory: Path) -> Iterator[None]:
    """Keeps other processes that ask for it out of a directory; the system lets go when the process ends.

    Where the system or the file system has no such locks, nobody is kept out.

    Raises:
        ValueError: It is held already, or the directory cannot be read.
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


def leftover(path: Path) -> Path:
    """Where `atomic` writes, and what a process killed meanwhile leaves behind."""
    return path.with_name(f".{path.name}.part")


def json_text(value: Any) -> bytes:
    """Plain values as JSON, indented; NaN and infinity are refused, since JSON has none."""
    return (json.dumps(value, indent=2, allow_nan=False) + "\n").encode()


def write_json(path: Path, value: Any) -> None:
    """Writes plain values as `json_text`."""
    with atomic(path) as file:
        file.write(json_text(value))


def read(path: Path) -> bytes:
    """What a file holds.

    Raises:
        CorruptFileError: It cannot be read, or is no regular file, which may have no end.
        ValueError: It does not fit into memory.
    """
    try:
        if not path.is_file():
            raise CorruptFileError(f"{path}: no regular file")
        memory.check(str(path), COPIES * path.stat().st_size)
        return path.read_bytes()
    except OSError as error:
        raise CorruptFileError(f"{path}: cannot be read ({error.strerror or error})") from None


def is_there(path: Path) -> bool:
    """Whether there is anything of this name.

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


def checksum_of(values: Any) -> str:
    """The SHA-256 of plain values."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def digest(*arrays: Any) -> str:
    """The SHA-256 of arrays: their dtypes, shapes and bytes."""
    sha256 = hashlib.sha256()
    for array in map(in_order, arrays):
        sha256.update(f"{array.dtype.name} {array.shape};".encode())
        sha256.update(bytes_of(array))
    return sha256.hexdigest()


def checksum(array: Any) -> dict[str, Any]:
    """Dtype, shape and SHA-256 of an array."""
    array = in_order(array)
    return {"dtype": array.dtype.name, "shape": list(array.shape), "sha256": digest(array)}


def in_order(array: Any) -> np.ndarray:
    """The array in C order, so that its bytes follow from its values."""
    return np.asarray(array, order="C")


def bytes_of(array: np.ndarray) -> memoryview:
    """The bytes of an array in C order."""
    return array.reshape(-1).view(np.uint8).data


def write_npz(path: Path, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Writes an uncompressed ``.npz`` whose bytes follow from the arrays alone.

    `numpy.savez` would write the time of day into every entry.

    Returns:
        Checksums for `read_npz`: of the file, and of each array.
    """
    with atomic(path) as file, _archive(file) as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            with archive.open(entry, "w", force_zip64=True) as target:
                np.lib.format.write_array(target, in_order(array), allow_pickle=False)
    return {
        "sha256": file_digest(path),
        "arrays": {name: checksum(array) for name, array in arrays.items()},
    }


@contextlib.contextmanager
def _archive(file: IO[bytes]) -> Iterator[zipfile.ZipFile]:
    """An archive to write; an interrupt stays one where the archive can then not be closed."""
    try:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            yield archive
    except ValueError as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise error.__context__ from None
        raise


def read_npz(path: Path, checksums: dict[str, Any]) -> dict[str, np.ndarray]:
    """The arrays that `write_npz` wrote.

    Raises:
        CorruptFileError: The file is missing or no archive, or any byte of it is another; the message names
            the array.
    """
    try:
        if not path.is_file():
            raise OSError("no such regular file")
        archive = zipfile.ZipFile(path)
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        raise CorruptFileError(f"{path}: {archives.one_line(error)}") from None
    with archive:
        named = checksums["arrays"].items()
        arrays = {name: _read_entry(archive, path, name, expected) for name, expected in named}
    if file_digest(path) != checksums["sha256"]:
        raise CorruptFileError(f"{path}: not as it was written, though its arrays are")
    return arrays


def file_digest(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_entry(archive: zipfile.ZipFile, path: Path, name: str, expected: dict[str, Any]) -> np.ndarray:
    try:
        array = archives.read(archive, name)
    except ValueError as error:
        raise CorruptFileError(f"{path}: array {name!r} cannot be read ({error})") from None
    check_checksum(path, name, array, expected)
    return array


def check_checksum(path: Path, name: str, array: np.ndarray, expected: dict[str, Any]) -> None:
    """Raises `CorruptFileError` if the array is not the one that was written."""
    for kind, value in checksum(array).items():
        if value != expected[kind]:
            raise CorruptFileError(
                f"{path}: array {name!r} is corrupt ({kind} is {value}, was {expected[kind]})"
            )
