"""Pytrees as named arrays, and reading of arrays from ``.npz`` archives.

Reading never unpickles objects, and takes no more memory than the bytes of each array.
"""

import math
import zipfile
from collections.abc import Iterable
from typing import Any

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


def read_array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray:
    """Return an array after comparing its size with its bytes, and its bytes with the archive's CRC.

    For arbitrary bytes, the libraries may raise anything: zlib.error, OverflowError, …
    """
    with archive.open(entry) as file:
        shape, _, dtype = READ_HEADER[np.lib.format.read_magic(file)](file)
        size = math.prod(shape) * dtype.itemsize
        present = entry.file_size - file.tell()
        if min(shape, default=0) < 0 or size != present:
            raise ValueError(f"{dtype.str} {list(shape)} takes {size} bytes, there are {present}")
        file.seek(0)
        array: np.ndarray = np.lib.format.read_array(file, allow_pickle=False)
        file.read(1)  # the CRC is only checked at the end of an entry
    return array


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
