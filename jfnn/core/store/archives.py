"""Arrays of ``.npz`` archives that anybody may have written.

No array is unpickled, and none takes more memory than its bytes.
"""

import collections
import math
import zipfile
from typing import IO

import numpy as np

SUFFIX = ".npy"
READ_HEADER = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
LONGEST = 200  # characters of another library's error in a message


def array_names(archive: zipfile.ZipFile) -> list[str]:
    """Names of the arrays in an ``.npz``; other entries are left aside.

    Raises:
        ValueError: Two have one name.
    """
    entries = [name.removesuffix(SUFFIX) for name in archive.namelist() if name.endswith(SUFFIX)]
    if repeated := [name for name, count in collections.Counter(entries).items() if count > 1]:
        raise ValueError(f"two arrays of one name, {repeated[0]!r}")
    return entries


def named_array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """The array of a name; its bytes are checked against the archive's CRC.

    Raises:
        ValueError: It is not there, encrypted, packed in an unknown way, corrupt, of objects, or of another
            number of bytes than its shape takes; the message is one line, which names no array.
    """
    # Bytes that anyone may have written make the libraries raise anything: zlib.error, OverflowError, …
    try:
        entry = archive.getinfo(name + SUFFIX)
        with archive.open(entry) as file:
            array = read_array(file, entry.file_size)
            file.read(1)  # only at the end of an entry its CRC is compared
    except Exception as error:
        raise ValueError(one_line(error)) from None
    return array


def read_array(file: IO[bytes], size: int) -> np.ndarray:
    """The array of a file in NumPy's format of so many bytes; the file must be seekable.

    Raises:
        ValueError: It is corrupt, of objects, or of another number of bytes than its shape takes.
    """
    _check_size(file, size)
    file.seek(0)
    array: np.ndarray = np.lib.format.read_array(file, allow_pickle=False)
    return array


def _check_size(file: IO[bytes], size: int) -> None:
    """Raises ValueError for an array whose shape takes another number of bytes than follow its header."""
    version = np.lib.format.read_magic(file)
    if version not in READ_HEADER:
        raise ValueError(f"version {version[0]}.{version[1]} of NumPy's format is not supported")
    shape, _, dtype = READ_HEADER[version](file)
    if dtype.hasobject:
        raise ValueError("it holds objects, which are not unpickled")
    size_needed = math.prod(shape) * dtype.itemsize
    present = size - file.tell()
    if min(shape, default=0) < 0 or size_needed != present:
        raise ValueError(f"{dtype.str} {list(shape)} takes {size_needed} bytes, there are {present}")


def one_line(error: Exception) -> str:
    """The text of another library's error, for a message."""
    return " ".join(str(error).split())[:LONGEST] or type(error).__name__
