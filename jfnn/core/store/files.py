"""Files with checksums that are written completely or not at all; digests of arrays."""

import contextlib
import errno
import hashlib
import json
import os
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO

import numpy as np

from jfnn.arguments import memory
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.paths import OutputError
from jfnn.arguments.types import Json
from jfnn.core.store import archives

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]

FORMAT = 7  # version of run directories: their JSON files, archives and checkpoints
HEADER = "header.json"  # name of an archive's JSON entry
DIGITS = 64  # length of an archive's SHA-256, in the comment at its end
# Files that processes share while a run trains, named by the checksum of their bytes and removed afterwards.
SCRATCH_SUFFIX = ".task"
SCRATCH = re.compile(rf"[0-9a-f]{{64}}{re.escape(SCRATCH_SUFFIX)}")
SCRATCH_LEFTOVER = re.compile(rf"\.{SCRATCH.pattern}\.part")  # see `leftover_file`
JSON_COPIES = 3  # copies of a file in memory while it is read: its bytes, its values, and their text


class CorruptFileError(ValueError):
    """A file has changed since it was written."""


@contextlib.contextmanager
def atomic_file(path: Path, argument: str = "out") -> Iterator[IO[bytes]]:
    """Open a file for writing and reading back; it gets its name only once it is complete and on disk.

    Raises:
        OutputError: The system cannot write it, or another process or thread is writing it; the error has
            the argument and the file.
    """
    part = leftover_file(path)
    try:
        _remove_leftover(part)
        with part.open("x+b") as file:
            _lock_part(file.fileno(), part)
            try:
                yield file
                file.flush()
                os.fsync(file.fileno())
                if fcntl is None:  # Windows cannot rename or remove open files
                    file.close()
                os.replace(part, path)
            except BaseException:
                if fcntl is None:
                    file.close()
                part.unlink(missing_ok=True)
                raise
    except OSError as error:
        refused = OutputError(error.errno, error.strerror or str(error), str(path))
        refused.argument = argument
        raise refused from error


def leftover_file(path: Path) -> Path:
    """Return the file that `atomic_file` writes first, which a killed process leaves behind."""
    return path.with_name(f".{path.name}.part")


def _remove_leftover(part: Path) -> None:
    """Remove the file left by a killed writer, or another user's link; raise OSError like `_lock_part`."""
    if fcntl is None:
        part.unlink(missing_ok=True)
        return
    try:
        handle = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return
    except OSError:  # not a file that a writer has open
        part.unlink(missing_ok=True)
        return
    try:
        _lock_part(handle, part)
        part.unlink(missing_ok=True)
    finally:
        os.close(handle)


def _lock_part(handle: int, part: Path) -> None:
    """Lock an open file until it is closed; all writers of a file do so.

    Raises:
        OSError: Another process or thread has locked it, or has replaced it.
    """
    if fcntl is None:
        return
    busy = OSError(errno.EBUSY, "another process or thread is writing it")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise busy from None
    except OSError:  # a network file system without locks
        return
    if not os.path.lexists(part) or not os.path.samestat(os.fstat(handle), part.lstat()):
        raise busy


@contextlib.contextmanager
def directory_lock(directory: Path, waits: bool = False) -> Iterator[None]:
    """Lock a directory against other processes and threads; the lock ends with this process at the latest.

    Nothing is locked on systems and file systems without such locks. If ``waits``, wait until another holder
    releases the lock, as for short operations.

    Raises:
        ValueError: Another process or thread holds the lock, or the directory cannot be read.
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
            fcntl.flock(handle, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ArgumentError("out", f"{directory} is in use by another process or thread") from None
        except OSError:  # a network file system without locks
            pass
        yield
    finally:
        os.close(handle)


def file_exists(path: Path) -> bool:
    """Return whether anything has this name, even a dangling link.

    Raises:
        CorruptFileError: The path cannot be reached.
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise CorruptFileError(f"{path}: cannot be reached ({error.strerror or error})") from None
    return True


@contextlib.contextmanager
def regular_file(path: Path, copies: int = 1) -> Iterator[IO[bytes]]:
    """Open a regular file for reading, if ``copies`` of it fit into memory.

    Raises:
        CorruptFileError: It cannot be read, or is a pipe, a device or a directory.
        ValueError: It does not fit into memory.
    """
    try:
        if not path.is_file():
            raise CorruptFileError(f"{path}: not a regular file")
        with path.open("rb") as file:
            memory.check(str(path), copies * path.stat().st_size)
            yield file
    except OSError as error:
        raise CorruptFileError(f"{path}: cannot be read ({error.strerror or error})") from None


def write_archive(
    path: Path, header: Mapping[str, object], arrays: Mapping[str, np.ndarray], argument: str = "out"
) -> str:
    """Write an uncompressed ``.npz`` whose bytes depend on its content only; return its checksum.

    `numpy.savez` would write the time of day into every entry. Arrays of dtypes that NumPy's format lacks,
    such as bfloat16, are written as unsigned integers. The header, of plain values, is the entry
    ``header.json``; the archive's comment is its checksum.
    """
    dtypes = {name: array.dtype.name for name, array in arrays.items() if array.dtype.kind == "V"}
    with atomic_file(path, argument) as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            archive.comment = b"0" * DIGITS
            content = {"header": header, "dtypes": dtypes}
            archive.writestr(_entry(HEADER), json.dumps(content, allow_nan=False))
            for name, array in arrays.items():
                plain = array.view(f"u{array.itemsize}") if name in dtypes else array
                with archive.open(_entry(name + archives.SUFFIX), "w", force_zip64=True) as target:
                    np.lib.format.write_array(target, np.asarray(plain, order="C"), allow_pickle=False)
        checksum = _archive_checksum(file)
        file.write(checksum.encode())
    return checksum


def read_archive(path: Path, checksum: str | None = None) -> tuple[Json, dict[str, np.ndarray]]:
    """Read a file written by `write_archive`: ``(header, arrays)``.

    Raises:
        CorruptFileError: Any byte of the file has changed, or its checksum is not ``checksum``.
    """
    with regular_file(path) as file:
        actual = _archive_checksum(file)
        if file.read() != actual.encode() or checksum not in (None, actual):
            raise CorruptFileError(f"{path}: changed since it was written; its checksum does not match")
        try:
            with zipfile.ZipFile(file) as archive:
                if sum(entry.file_size for entry in archive.infolist()) > file.seek(0, os.SEEK_END):
                    raise ValueError("its entries are larger than the file")
                content = json.loads(archive.read(HEADER))
                arrays: dict[str, np.ndarray] = {}
                for entry in archive.infolist():
                    name = entry.filename.removesuffix(archives.SUFFIX)
                    if name in arrays:
                        raise ValueError(f"two arrays have the name {name!r}")
                    if name != entry.filename:
                        arrays[name] = archives.read_array(archive, entry)
                for name, dtype in content["dtypes"].items():
                    arrays[name] = arrays[name].view(dtype)
                return dict(content["header"]), arrays
        except Exception as error:  # see `archives.read_array`
            why = archives.one_line(error)
            raise CorruptFileError(f"{path}: not written by jfnn ({why})") from None


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    return entry


def _archive_checksum(file: IO[bytes]) -> str:
    """Return the SHA-256 of all bytes of a file before its last `DIGITS`, and seek there."""
    left = file.seek(0, os.SEEK_END) - DIGITS
    file.seek(0)
    sha256 = hashlib.sha256()
    while left > 0 and (chunk := file.read(min(left, 1 << 20))):
        sha256.update(chunk)
        left -= len(chunk)
    return sha256.hexdigest()


def write_json(path: Path, values: object) -> None:
    """Write plain values as indented JSON; NaN and infinity, which JSON lacks, raise ValueError."""
    with atomic_file(path) as file:
        file.write(_json(values))


def write_checked_json(path: Path, values: Mapping[str, object]) -> None:
    """Write plain values with the format's number and a checksum, for `read_checked_json`."""
    values = {"format": FORMAT, **values}
    write_json(path, values | {"checksum": _checksum(values)})


def read_checked_json(path: Path, names: Iterable[str]) -> Json:
    """Read a file written by `write_checked_json`; values with other names may have been added since.

    Raises:
        CorruptFileError: The file cannot be read, or has changed since it was written.
        ValueError: It has another format.
    """
    with regular_file(path, JSON_COPIES) as file:
        content = file.read()
    try:
        values = dict(json.loads(content))
        number = values["format"]
        checked = {name: values[name] for name in ("format", *names) if name in values}
        is_sound = _json(values) == content and _checksum(checked) == values["checksum"]
    except (ValueError, LookupError, TypeError, RecursionError):
        number = FORMAT
        is_sound = False
    if type(number) is int and number != FORMAT:
        raise ArgumentError(str(path), f"its format is {number}, this version of jfnn reads format {FORMAT}")
    if not is_sound:
        raise CorruptFileError(f"{path}: changed since it was written, or not written by jfnn")
    return values


def _json(values: object) -> bytes:
    return (json.dumps(values, indent=2, allow_nan=False) + "\n").encode()


def _checksum(values: object) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def digest(*arrays: object) -> str:
    """Return the SHA-256 of the arrays' dtypes, shapes and bytes in C order."""
    sha256 = hashlib.sha256()
    for array in (np.asarray(array, order="C") for array in arrays):
        sha256.update(f"{array.dtype.name} {array.shape};".encode())
        sha256.update(array.reshape(-1).view(np.uint8).data)
    return sha256.hexdigest()


def write_scratch(content: bytes, directory: Path) -> Path:
    """Write bytes to a scratch file in a run's directory; return its path."""
    path = directory.absolute() / f"{hashlib.sha256(content).hexdigest()}{SCRATCH_SUFFIX}"
    with atomic_file(path) as file:
        file.write(content)
    return path


def remove_scratch(directory: Path) -> None:
    """Remove files of `write_scratch` from a directory, complete or not; keep other files."""
    for path in directory.iterdir():
        is_scratch = SCRATCH.fullmatch(path.name) and path.is_file()
        if SCRATCH_LEFTOVER.fullmatch(path.name) or (
            is_scratch and hashlib.sha256(path.read_bytes()).hexdigest() == path.stem
        ):
            path.unlink(missing_ok=True)
