"""Parameters of any network: which of them are weights, which stay constant, and the state of training."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

Params = Any  # a pytree of arrays


class State(NamedTuple):
    """State of a member between steps: the parameters, and memory such as the optimizer's, both pytrees."""

    params: Any
    memory: Any


def key_shape() -> Any:
    """Shape and dtype of a random key, to trace functions for: to make a key, JAX compiles two programs."""
    return jax.eval_shape(lambda: jax.random.key(0))


def is_weight(leaf: jax.Array | np.ndarray | jax.ShapeDtypeStruct, members: int = 0) -> bool:
    """Whether a leaf of the parameters is a weight: two axes or more; vectors are biases, never penalised.

    Args:
        leaf: An array of one member, or of several.
        members: Number of its axes that are of members, which do not count.
    """
    return leaf.ndim - members >= 2


def by_dtype(params: Params) -> dict[str, list[jax.Array]]:
    """The arrays of a pytree by their dtype, in order."""
    groups: dict[str, list[jax.Array]] = {}
    for leaf in map(jnp.asarray, jax.tree.leaves(params)):
        groups.setdefault(str(leaf.dtype), []).append(leaf)
    return groups


class Constant(NamedTuple):
    """Marks what a member holds and does not train: ``{"net": params, "teacher": Constant(weights)}``.

    It may stand anywhere in parameters, in a field of a module of Equinox, and in a ``Param`` of Flax. No
    gradient is taken by it, no penalty counts it, no optimizer sees it; results, files and scores have it
    like all others.

    One float, ``{"centres": …, "width": Constant(jnp.float32(1.0))}``, is a number of the network by its name
    in a dict or named tuple: ``hyper={"width": [0.5, 1.0]}`` gives each member another one as it starts.

    Attributes:
        value: A pytree of arrays, of whole numbers as well; infinite numbers and NaN are no divergence.
    """

    value: Params


def without_constants(params: Params) -> Params:
    """The parameters that are trained; a `Constant` holds nothing there."""
    return jax.tree.map(lambda node: Constant(()) if is_constant(node) else node, params, is_leaf=is_constant)


def with_constants(trained: Params, params: Params) -> Params:
    """Trained parameters, or gradients by them, with the constants of ``params``."""
    return jax.tree.map(
        lambda new, old: old if is_constant(new) else new, trained, params, is_leaf=is_constant
    )


def has_constants(params: Params) -> bool:
    """Whether there is a `Constant` among parameters."""
    return any(map(is_constant, jax.tree.leaves(params, is_leaf=is_constant)))


def number_names(params: Params) -> list[str]:
    """Names of the constants among parameters that are one float, each once."""
    numbers, _ = jax.tree_util.tree_flatten_with_path(params, is_leaf=_is_number)
    return list(dict.fromkeys(_name(path) for path, leaf in numbers if _is_number(leaf)))


def with_numbers(params: Params, numbers: Mapping[str, Any]) -> Params:
    """Parameters whose constants of these names, those of `number_names`, have these values."""

    def replaced(path: tuple[Any, ...], node: Any) -> Any:
        if not _is_number(node) or _name(path) not in numbers:
            return node
        return Constant(jnp.asarray(numbers[_name(path)], node.value.dtype))

    return jax.tree_util.tree_map_with_path(replaced, params, is_leaf=_is_number)


def _is_number(node: object) -> bool:
    """Whether a node of parameters, or of their shapes, is a constant of one float."""
    value: Any = node.value if isinstance(node, Constant) else None
    return getattr(value, "shape", None) == () and jnp.issubdtype(value.dtype, jnp.floating)


def _name(path: tuple[Any, ...]) -> str:
    """The name of an entry of a dict or a named tuple by its path; "" without one."""
    last = path[-1] if path else None
    return str(getattr(last, "key", getattr(last, "name", "")))


def are_constants(params: Params) -> list[bool]:
    """Whether each array of parameters is within a `Constant`, in order."""
    nodes = jax.tree.leaves(params, is_leaf=is_constant)
    return [is_constant(node) for node in nodes for _ in jax.tree.leaves(node)]


def is_constant(node: object) -> bool:
    """Whether a node of parameters is a `Constant`."""
    return isinstance(node, Constant)
