"""Pytrees taken apart into named arrays, and put together again."""

from collections.abc import Iterable
from typing import Any

import jax
import numpy as np

from jfnn.arguments.checks import ArgumentTypeError
from jfnn.layers import Constant, Directions, ElmanCell, Gain, GRUCell, Layer, LSTMCell

# Named tuples that come back as they are, by their names in structures.
NAMED: dict[str, Any] = {
    "layer": Layer,
    **{kind.__name__: kind for kind in (Constant, Directions, ElmanCell, GRUCell, Gain, LSTMCell)},
}


def leaf_names(tree: object) -> list[str]:
    """A name for each leaf of a pytree, in the order of its leaves, such as ``members.state.params[0].w``."""
    paths = jax.tree_util.tree_flatten_with_path(tree)[0]
    return [jax.tree_util.keystr(path).lstrip(".") for path, _ in paths]


def pack_tree(tree: object) -> tuple[Any, dict[str, np.ndarray]]:
    """Takes parameters apart: ``(structure, arrays)``, the structure plain values with names for arrays.

    Parameters of layers, dicts, lists and tuples come back as they are, other named tuples as dicts.

    Raises:
        TypeError: A leaf, a key or a name that cannot be saved.
    """
    arrays: dict[str, np.ndarray] = {}
    return _pack(tree, (), arrays), arrays


def _pack(tree: object, path: tuple[str, ...], arrays: dict[str, np.ndarray]) -> Any:
    where = ".".join(path) or "params"

    def packed(items: Iterable[tuple[str, Any]]) -> dict[str, Any]:
        return {name: _pack(value, (*path, name), arrays) for name, value in items}

    if tree is None:
        return None
    if isinstance(tree, tuple) and hasattr(tree, "_asdict"):
        kinds = [name for name, kind in NAMED.items() if isinstance(tree, kind)]
        return {kinds[0] if kinds else "dict": packed(tree._asdict().items())}
    if isinstance(tree, dict):
        if not all(isinstance(name, str) for name in tree):
            raise ArgumentTypeError("params", f"cannot save {where}, a dict whose keys are not all strings")
        return {"dict": packed(tree.items())}
    if isinstance(tree, list | tuple):
        children = packed((str(i), value) for i, value in enumerate(tree))
        return {"list" if isinstance(tree, list) else "tuple": list(children.values())}
    if not hasattr(tree, "dtype") or tree.dtype.kind not in "biufc":
        raise ArgumentTypeError(
            "params", f"cannot save {where}, a {getattr(tree, 'dtype', type(tree).__name__)}"
        )
    if where in arrays:
        raise ArgumentTypeError("params", f"cannot save two arrays of one name, {where}")
    arrays[where] = np.asarray(tree)
    return where


def unpack_tree(structure: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Puts parameters together again; the inverse of `pack_tree`."""
    if structure is None or isinstance(structure, str):
        return structure if structure is None else arrays[structure]
    ((kind, children),) = structure.items()
    if kind not in ("dict", "list", "tuple", *NAMED):
        raise ValueError(f"unknown structure {kind!r}")
    if kind not in ("list", "tuple"):
        parts = {name: unpack_tree(child, arrays) for name, child in children.items()}
        return NAMED[kind](**parts) if kind in NAMED else parts
    return (list if kind == "list" else tuple)(unpack_tree(child, arrays) for child in children)
