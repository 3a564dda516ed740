"""Parameters of any network: weights, constants, and the state of training."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

Params = Any  # a pytree of arrays


class State(NamedTuple):
    """A member's state between steps: the parameters, and memory such as the optimizer's, both pytrees."""

    params: Any
    memory: Any


def key_shape() -> Any:
    """Shape and dtype of a random key, to trace functions: making a real key compiles two programs."""
    return jax.eval_shape(lambda: jax.random.key(0))


def is_weight(leaf: jax.Array | np.ndarray | jax.ShapeDtypeStruct, members: int = 0) -> bool:
    """Whether an array is a weight, with two axes or more; vectors are biases and not penalized by default.

    Args:
        leaf: An array of one member, or of several.
        members: Number of member axes, which do not count.
    """
    return leaf.ndim - members >= 2


class Constant(NamedTuple):
    """Marks parameters that are not trained: ``{"net": params, "teacher": Constant(weights)}``.

    A Constant may appear anywhere in the parameters, also in an Equinox module's field or a Flax ``Param``.
    Gradients, penalties and optimizers skip it; results, files and scores include it.

    A Constant that holds one float, such as ``{"centers": …, "width": Constant(jnp.float32(1.0))}``, is a
    hyperparameter named by its key in a dict or field of a named tuple: ``hyper={"width": [0.5, 1.0]}`` sets
    its value for each member.

    Attributes:
        value: A pytree of arrays, integers included; infinity and NaN do not count as divergence.
    """

    value: Params


def without_constants(params: Params) -> Params:
    """Return the trained parameters; each `Constant` is emptied."""
    return jax.tree.map(lambda node: Constant(()) if is_constant(node) else node, params, is_leaf=is_constant)


def with_constants(trained: Params, params: Params) -> Params:
    """Return trained parameters, or their gradients, together with the constants of ``params``."""
    return jax.tree.map(
        lambda new, old: old if is_constant(new) else new, trained, params, is_leaf=is_constant
    )


def has_constants(params: Params) -> bool:
    """Whether the parameters contain a `Constant`."""
    return any(map(is_constant, jax.tree.leaves(params, is_leaf=is_constant)))


def is_constant(node: object) -> bool:
    """Whether a node of parameters is a `Constant`."""
    return isinstance(node, Constant)


def by_dtype(params: Params) -> dict[str, list[jax.Array]]:
    """Group the arrays of a pytree by dtype, in order."""
    groups: dict[str, list[jax.Array]] = {}
    for leaf in map(jnp.asarray, jax.tree.leaves(params)):
        groups.setdefault(str(leaf.dtype), []).append(leaf)
    return groups
