"""Arrays in ``.npz`` archives: written with a header and a checksum, and read from anybody.

No array is unpickled, and none takes more memory than its own bytes.
"""

import collections
import hashlib
import json
import math
import os
import zipfile
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

HEADER = "header.json"
SUFFIX = ".npy"
DIGITS = 64  # of a SHA-256, with which a file ends: an archive may end with a comment
READ_HEADER = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
LONGEST = 200  # characters of another library's error in a message


def write(file: IO[bytes], header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    """Writes an uncompressed ``.npz`` whose bytes follow from its content alone.

    `numpy.savez` would write the time of day into every entry. Arrays of dtypes that NumPy's format lacks,
    such as bfloat16, are written as unsigned integers.

    The header, of plain values, is an entry ``header.json``. The file, which must be readable too, ends with
    its checksum, which is returned.
    """
    dtypes = {name: array.dtype.name for name, array in arrays.items() if array.dtype.kind == "V"}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.comment = b"0" * DIGITS
        content = {"header": header, "dtypes": dtypes}
        archive.writestr(_entry(HEADER), json.dumps(content, allow_nan=False))
        for name, array in arrays.items():
            plain = array.view(f"u{array.itemsize}") if name in dtypes else array
            with archive.open(_entry(name + SUFFIX), "w", force_zip64=True) as target:
                np.lib.format.write_array(target, np.asarray(plain, order="C"), allow_pickle=False)
    checksum = _checksum(file)
    file.write(checksum.encode())
    return checksum


def load(file: IO[bytes], checksum: str | None = None) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The content of a file by `write`: ``(header, arrays)``.

    Raises:
        ValueError: Any byte of the file has changed, or its checksum is not the given one.
    """
    actual = _checksum(file)
    if file.read() != actual.encode() or checksum not in (None, actual):
        raise ValueError("not as it was written; its checksum is of other bytes")
    try:
        with zipfile.ZipFile(file) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > file.seek(0, os.SEEK_END):
                raise ValueError("its entries are larger than the file")
            content = json.loads(archive.read(HEADER))
            arrays = {name: read(archive, name) for name in names(archive)}
            for name, dtype in content["dtypes"].items():
                arrays[name] = arrays[name].view(dtype)
            return dict(content["header"]), arrays
    except Exception as error:  # see `read`
        raise ValueError(f"not written by jfnn ({one_line(error)})") from None


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.create_system, entry.external_attr = 3, 0o644 << 16
    return entry


def _checksum(file: IO[bytes]) -> str:
    """The SHA-256 of all bytes of a file before the last `DIGITS`, where it is left."""
    left = file.seek(0, os.SEEK_END) - DIGITS
    file.seek(0)
    sha256 = hashlib.sha256()
    while left > 0 and (chunk := file.read(min(left, 1 << 20))):
        sha256.update(chunk)
        left -= len(chunk)
    return sha256.hexdigest()


def names(archive: zipfile.ZipFile) -> list[str]:
    """Names of the arrays in an ``.npz``; other entries are left aside.

    Raises:
        ValueError: Two have one name.
    """
    stored = [name.removesuffix(SUFFIX) for name in archive.namelist() if name.endswith(SUFFIX)]
    if repeated := [name for name, count in collections.Counter(stored).items() if count > 1]:
        raise ValueError(f"two arrays of one name, {repeated[0]!r}")
    return stored


def read(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """The array of a name; its bytes are checked against the archive's CRC.

    Raises:
        ValueError: It is not there, encrypted, packed in an unknown way, corrupt, of objects, or of another
            number of bytes than its shape takes; the message is one line, which names no array.
    """
    # Bytes that anyone may have written make the libraries raise anything: zlib.error, OverflowError, …
    try:
        entry = archive.getinfo(name + SUFFIX)
        with archive.open(entry) as file:
            _check_size(file, entry.file_size)
        with archive.open(entry) as file:
            array: np.ndarray = np.lib.format.read_array(file, allow_pickle=False)
            if file.read(1):  # only at the end of an entry its CRC is compared
                raise ValueError("there are bytes behind it")
    except Exception as error:
        raise ValueError(one_line(error)) from None
    return array


def _check_size(file: IO[bytes], size: int) -> None:
    """Raises ValueError for an array whose shape takes another number of bytes than follow its header."""
    version = np.lib.format.read_magic(file)
    if version not in READ_HEADER:
        raise ValueError(f"version {version[0]}.{version[1]} of NumPy's format is not supported")
    shape, _, dtype = READ_HEADER[version](file)
    if dtype.hasobject:
        raise ValueError("it holds objects, which are not unpickled")
    needed, present = math.prod(shape) * dtype.itemsize, size - file.tell()
    if min(shape, default=0) < 0 or needed != present:
        raise ValueError(f"{dtype.str} {list(shape)} takes {needed} bytes, there are {present}")


def one_line(error: Exception) -> str:
    """The text of another library's error, for a message."""
    return " ".join(str(error).split())[:LONGEST] or type(error).__name__
