"""Pytrees as named arrays, and reading of arrays from ``.npz`` archives of any origin.

Reading never unpickles objects, and takes no more memory than the bytes of each array.
"""

import collections
import math
import zipfile
from collections.abc import Iterable
from typing import IO, Any

import jax
import numpy as np

from jfnn.arguments.checks import ArgumentTypeError
from jfnn.layers import Constant, Directions, ElmanCell, Gain, GRUCell, Layer, LSTMCell

SUFFIX = ".npy"
READ_HEADER = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
LONGEST = 200  # maximum number of characters of another library's error in a message


def array_names(archive: zipfile.ZipFile) -> list[str]:
    """Return the names of the arrays in an ``.npz``; other entries are ignored.

    Raises:
        ValueError: Two arrays have the same name.
    """
    entries = [name.removesuffix(SUFFIX) for name in archive.namelist() if name.endswith(SUFFIX)]
    if repeated := [name for name, count in collections.Counter(entries).items() if count > 1]:
        raise ValueError(f"two arrays have the name {repeated[0]!r}")
    return entries


def named_array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """Return an array by its name, after checking its bytes against the archive's CRC.

    Raises:
        ValueError: It is missing, encrypted, corrupt, of objects, or compressed by an unknown method, or its
            shape does not match its number of bytes. The message is one line, without the array's name.
    """
    # For arbitrary bytes, the libraries may raise anything: zlib.error, OverflowError, …
    try:
        entry = archive.getinfo(name + SUFFIX)
        with archive.open(entry) as file:
            array = read_array(file, entry.file_size)
            file.read(1)  # the CRC is only checked at the end of an entry
    except Exception as error:
        raise ValueError(one_line(error)) from None
    return array


def read_array(file: IO[bytes], size: int) -> np.ndarray:
    """Return the array of ``size`` bytes in a seekable file in NumPy's format.

    Raises:
        ValueError: It is corrupt or of objects, or its shape does not match its number of bytes.
    """
    _check_size(file, size)
    file.seek(0)
    array: np.ndarray = np.lib.format.read_array(file, allow_pickle=False)
    return array


def _check_size(file: IO[bytes], size: int) -> None:
    """Raise ValueError unless the number of bytes after the header matches the shape and dtype."""
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
    """Return the text of another library's error, for a message."""
    return " ".join(str(error).split())[:LONGEST] or type(error).__name__


# Named tuples, by the names under which saved structures refer to them.
NAMED: dict[str, Any] = {
    "layer": Layer,
    **{kind.__name__: kind for kind in (Constant, Directions, ElmanCell, GRUCell, Gain, LSTMCell)},
}


def leaf_names(tree: object) -> list[str]:
    """Return a name for each leaf of a pytree, in order, such as ``members.state.params[0].w``."""
    paths = jax.tree_util.tree_flatten_with_path(tree)[0]
    return [jax.tree_util.keystr(path).lstrip(".") for path, _ in paths]


def pack_tree(tree: object) -> tuple[Any, dict[str, np.ndarray]]:
    """Split parameters into ``(structure, arrays)``, a structure of plain values including arrays' names.

    Parameters of layers, dicts, lists and tuples are restored as they are, other named tuples as dicts.

    Raises:
        TypeError: A leaf, a key or a name cannot be saved.
    """
    arrays: dict[str, np.ndarray] = {}
    return _pack(tree, (), arrays), arrays


def _pack(tree: object, path: tuple[str, ...], arrays: dict[str, np.ndarray]) -> Any:
    where = ".".join(path) or "params"

    def pack(items: Iterable[tuple[str, Any]]) -> dict[str, Any]:
        return {name: _pack(value, (*path, name), arrays) for name, value in items}

    if tree is None:
        return None
    if isinstance(tree, tuple) and hasattr(tree, "_asdict"):
        kinds = [name for name, kind in NAMED.items() if isinstance(tree, kind)]
        return {kinds[0] if kinds else "dict": pack(tree._asdict().items())}
    if isinstance(tree, dict):
        if not all(isinstance(name, str) for name in tree):
            raise ArgumentTypeError("params", f"cannot save {where}, a dict whose keys are not all strings")
        return {"dict": pack(tree.items())}
    if isinstance(tree, list | tuple):
        children = pack((str(i), value) for i, value in enumerate(tree))
        return {"list" if isinstance(tree, list) else "tuple": list(children.values())}
    if not hasattr(tree, "dtype") or tree.dtype.kind not in "biufc":
        raise ArgumentTypeError(
            "params", f"cannot save {where}, a {getattr(tree, 'dtype', type(tree).__name__)}"
        )
    if where in arrays:
        raise ArgumentTypeError("params", f"cannot save two arrays with the same name, {where}")
    arrays[where] = np.asarray(tree)
    return where


def unpack_tree(structure: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Restore parameters; the inverse of `pack_tree`."""
    if structure is None or isinstance(structure, str):
        return structure if structure is None else arrays[structure]
    ((kind, children),) = structure.items()
    if kind not in ("dict", "list", "tuple", *NAMED):
        raise ValueError(f"unknown structure {kind!r}")
    if kind not in ("list", "tuple"):
        parts = {name: unpack_tree(child, arrays) for name, child in children.items()}
        return NAMED[kind](**parts) if kind in NAMED else parts
    return (list if kind == "list" else tuple)(unpack_tree(child, arrays) for child in children)
