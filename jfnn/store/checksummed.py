"""Arrays of any dtype of JAX, in a file with their checksums, so that no byte can change unnoticed."""

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from jfnn.checks import ArgumentError
from jfnn.store import archives, files

MAGIC = b"jfnn checksummed arrays "
FORMAT = 1


def write(path: Path, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Writes arrays behind a header, with checksums of both.

    A line with the format's number, a line with the checksum of the next, a line of JSON with the header and
    each array's checksum, the arrays' bytes.
    """
    arrays = {name: files.in_order(array) for name, array in arrays.items()}
    checksums = {name: files.checksum(array) for name, array in arrays.items()}
    line = json.dumps({"header": header, "arrays": checksums}).encode()
    with files.atomic(path) as file:
        file.write(
            MAGIC + b"%d\n" % FORMAT + hashlib.sha256(line).hexdigest().encode() + b"\n" + line + b"\n"
        )
        for array in arrays.values():
            file.write(files.bytes_of(array))


def read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What `write` wrote, ``(header, arrays)``.

    Raises:
        CorruptFileError: The file is cut short, or any byte of it is another; the message names the array.
        ValueError: It is of another format.
    """
    content = files.read(path)
    magic, _, rest = content.partition(b"\n")
    number = magic.removeprefix(MAGIC)
    if not (magic.startswith(MAGIC) and number.isdigit()):
        raise files.CorruptFileError(f"{path}: its first line is not that of a file of checksummed arrays")
    if number != b"%d" % FORMAT:
        said = number[:20].decode()
        raise ArgumentError(str(path), f"its format is {said}, this version of jfnn reads format {FORMAT}")
    checksum, _, rest = rest.partition(b"\n")
    line, separator, body = rest.partition(b"\n")
    if separator != b"\n" or hashlib.sha256(line).hexdigest().encode() != checksum:
        raise files.CorruptFileError(f"{path}: its header is corrupt")
    try:
        described = json.loads(line)
        arrays, end = _split(path, body, described["arrays"])
        header = dict(described["header"])
    except files.CorruptFileError:
        raise
    except Exception as error:  # a header of anybody's, under its own checksum
        raise files.CorruptFileError(f"{path}: its header is none ({archives.one_line(error)})") from None
    if end != len(body):
        raise files.CorruptFileError(f"{path}: {len(body) - end} bytes too many at its end")
    return header, arrays


def _split(path: Path, body: bytes, checksums: dict[str, Any]) -> tuple[dict[str, np.ndarray], int]:
    """The arrays in the bytes after the header, and how many bytes they take."""
    arrays, place = {}, 0
    for name, expected in checksums.items():
        dtype, shape = np.dtype(expected["dtype"]), tuple(expected["shape"])
        end = place + dtype.itemsize * math.prod(shape)
        if end > len(body):
            raise files.CorruptFileError(
                f"{path}: it is cut short, {end - len(body)} bytes or more into array {name!r}"
            )
        arrays[name] = np.frombuffer(body[place:end], dtype).reshape(shape).copy()
        files.check_checksum(path, name, arrays[name], expected)
        place = end
    return arrays, place
