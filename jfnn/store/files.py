"""Arrays on disk that can be trusted: written whole or not at all, sealed by checksums, the same bytes again.

Two forms. An ``.npz`` is NumPy's own, for people and other programs; its seals lie elsewhere. A sealed file
holds its seals itself, so that no byte of it can change unseen; it takes every dtype that JAX has.
"""

import contextlib
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import jax
import numpy as np

from jfnn.network import Layer

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

MAGIC = b"jfnn sealed arrays "
FORMAT = 1


class Damaged(ValueError):
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
def held(directory: Path) -> Iterator[None]:
    """Keeps other processes that ask for it out of a directory; the system lets go when the process ends.

    Where the system or the file system has no such locks, nobody is kept out.

    Raises:
        ValueError: It is held already.
    """
    if fcntl is None:
        yield
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"out: {directory} is in use by another process") from None
        except OSError:  # a network file system without locks
            pass
        yield
    finally:
        os.close(handle)


def leftover(path: Path) -> Path:
    """Where `atomic` writes, and what a process killed meanwhile leaves behind."""
    return path.with_name(f".{path.name}.part")


def write_json(path: Path, value) -> None:
    """Writes plain values, indented; NaN and infinity are refused, since JSON has none."""
    with atomic(path) as file:
        file.write((json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def digest(*arrays) -> str:
    """The SHA-256 of arrays: their dtypes, shapes and bytes."""
    found = hashlib.sha256()
    for array in map(in_order, arrays):
        found.update(f"{array.dtype.name} {array.shape};".encode())
        found.update(_bytes(array))
    return found.hexdigest()


def seal(array) -> dict[str, Any]:
    """By what an array is known again."""
    array = in_order(array)
    return {"dtype": array.dtype.name, "shape": list(array.shape), "sha256": digest(array)}


def in_order(array) -> np.ndarray:
    """The array in C order, so that its bytes follow from its values."""
    return np.asarray(array, order="C")


def _bytes(array: np.ndarray):
    return array.reshape(-1).view(np.uint8).data


def write_npz(path: Path, arrays: dict[str, np.ndarray]) -> dict[str, dict]:
    """Writes an uncompressed ``.npz`` whose bytes follow from the arrays alone; gives their seals.

    `numpy.savez` would write the time of day into every entry.
    """
    with atomic(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            with archive.open(entry, "w", force_zip64=True) as target:
                np.lib.format.write_array(target, in_order(array), allow_pickle=False)
    return {name: seal(array) for name, array in arrays.items()}


def read_npz(path: Path, seals: dict[str, dict]) -> dict[str, np.ndarray]:
    """Reads the arrays that were sealed.

    Raises:
        Damaged: The file is missing or no archive, or an array is missing or not the one written; the message
            names it.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        raise Damaged(f"{path}: {error}") from None
    with archive:
        return {name: _read_entry(archive, path, name, expected) for name, expected in seals.items()}


def _read_entry(archive, path, name, expected) -> np.ndarray:
    try:
        # An entry's own checksum is looked at once all of it has been read, and before NumPy sees any.
        array = np.lib.format.read_array(io.BytesIO(archive.read(f"{name}.npy")), allow_pickle=False)
    except (OSError, ValueError, KeyError, EOFError, NotImplementedError, RuntimeError) as error:
        raise Damaged(f"{path}: array {name!r} cannot be read ({error})") from None
    except zipfile.BadZipFile as error:
        raise Damaged(f"{path}: array {name!r} is damaged ({error})") from None
    check_seal(path, name, array, expected)
    return array


def check_seal(path: Path, name: str, array: np.ndarray, expected: dict) -> None:
    """Raises `Damaged` if the array is not the one that was sealed."""
    for kind, found in seal(array).items():
        if found != expected[kind]:
            raise Damaged(f"{path}: array {name!r} is damaged ({kind} is {found}, was {expected[kind]})")


def write_sealed(path: Path, header: dict, arrays: dict[str, np.ndarray]) -> None:
    """Writes arrays behind a header, in a file that no byte of can change unseen.

    A line with the format's number, a line with the checksum of the next, a line of JSON with the header and
    each array's seal, the arrays' bytes.
    """
    arrays = {name: in_order(array) for name, array in arrays.items()}
    seals = {name: seal(array) for name, array in arrays.items()}
    line = json.dumps({"header": header, "arrays": seals}).encode()
    with atomic(path) as file:
        file.write(
            MAGIC + b"%d\n" % FORMAT + hashlib.sha256(line).hexdigest().encode() + b"\n" + line + b"\n"
        )
        for array in arrays.values():
            file.write(_bytes(array))


def read_sealed(path: Path) -> tuple[dict, dict[str, np.ndarray]]:
    """What `write_sealed` wrote, ``(header, arrays)``.

    Raises:
        Damaged: The file is cut short, or any byte of it is another; the message names the array.
        ValueError: It is of another format.
    """
    content = path.read_bytes()
    magic, _, rest = content.partition(b"\n")
    number = magic.removeprefix(MAGIC)
    if not (magic.startswith(MAGIC) and number.isdigit()):
        raise Damaged(f"{path}: its first line is not that of a file of sealed arrays")
    if int(number) != FORMAT:
        raise ValueError(f"{path}: its format is {int(number)}, this version of jfnn reads format {FORMAT}")
    checksum, _, rest = rest.partition(b"\n")
    line, separator, body = rest.partition(b"\n")
    if separator != b"\n" or hashlib.sha256(line).hexdigest().encode() != checksum:
        raise Damaged(f"{path}: its header is damaged")
    described = json.loads(line)
    arrays, place = {}, 0
    for name, expected in described["arrays"].items():
        dtype, shape = np.dtype(expected["dtype"]), tuple(expected["shape"])
        end = place + dtype.itemsize * int(np.prod(shape))
        if end > len(body):
            raise Damaged(f"{path}: it is cut short, {end - len(body)} bytes or more into array {name!r}")
        arrays[name] = np.frombuffer(body[place:end], dtype).reshape(shape).copy()
        check_seal(path, name, arrays[name], expected)
        place = end
    if place != len(body):
        raise Damaged(f"{path}: {len(body) - place} bytes too many at its end")
    return described["header"], arrays


def names_of_leaves(tree) -> list[str]:
    """A name for each leaf of a pytree, in the order of its leaves, such as ``members.state.params.0.w``."""
    paths = jax.tree_util.tree_flatten_with_path(tree)[0]
    return [jax.tree_util.keystr(path, simple=True, separator=".") for path, _ in paths]


def pack(tree) -> tuple[Any, dict[str, np.ndarray]]:
    """Takes parameters apart: ``(structure, arrays)``, the structure plain values with names for arrays.

    Layers stay layers, and dicts, lists and tuples what they are; other named tuples become dicts.

    Raises:
        TypeError: Parameters hold what neither a structure of plain values nor NumPy's format can.
    """
    arrays: dict[str, np.ndarray] = {}
    return _pack(tree, (), arrays), arrays


def _pack(tree, path: tuple[str, ...], arrays: dict[str, np.ndarray]):
    where = ".".join(path) or "params"

    def each(items):
        return {name: _pack(value, (*path, name), arrays) for name, value in items}

    if tree is None:
        return None
    if isinstance(tree, Layer):
        return {"layer": each(tree._asdict().items())}
    if isinstance(tree, tuple) and hasattr(tree, "_asdict"):
        return {"dict": each(tree._asdict().items())}
    if isinstance(tree, dict):
        if not all(isinstance(name, str) for name in tree):
            raise TypeError(f"params: cannot save {where}, a dict whose keys are not all strings")
        return {"dict": each(tree.items())}
    if isinstance(tree, list | tuple):
        children = each((str(i), value) for i, value in enumerate(tree))
        return {"list" if isinstance(tree, list) else "tuple": list(children.values())}
    if not hasattr(tree, "dtype") or tree.dtype.kind not in "biufc":
        raise TypeError(f"params: cannot save {where}, a {getattr(tree, 'dtype', type(tree).__name__)}")
    if where in arrays:
        raise TypeError(f"params: cannot save two arrays of one name, {where}")
    arrays[where] = np.asarray(tree)
    return where


def unpack(structure, arrays: dict[str, np.ndarray]):
    """Puts parameters together again; the inverse of `pack`."""
    if structure is None or isinstance(structure, str):
        return structure if structure is None else arrays[structure]
    ((kind, children),) = structure.items()
    if kind in ("dict", "layer"):
        found = {name: unpack(child, arrays) for name, child in children.items()}
        return Layer(**found) if kind == "layer" else found
    return (list if kind == "list" else tuple)(unpack(child, arrays) for child in children)
