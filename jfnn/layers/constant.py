"""Arrays among the parameters that training leaves as they start, and a layer of them."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jfnn.layers.kind import Params, Residuals, Shape
from jfnn.layers.starts import Starts
from jfnn.layers.wrapped import Wrapped


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


@dataclasses.dataclass(frozen=True)
class Frozen(Wrapped):
    """A layer whose parameters, a `Constant`, stay as they start: random features, a part trained elsewhere.

    Attributes:
        layer: The layer.
    """

    @property
    def takes_members(self) -> bool:
        """Whether the layer takes members on a last axis."""
        return self.layer.takes_members

    def starts(self, shape: Shape) -> Starts | None:
        """What the layer starts with."""
        declared = super().starts(shape)
        return None if declared is None else Constant(declared)

    def init(self, key: jax.Array, shape: Shape) -> Constant:
        """Starting parameters of the layer."""
        return Constant(super().init(key, shape))

    def pack(self, params: Constant) -> Constant:
        """Parameters of the layer, packed."""
        return Constant(super().pack(params.value))

    def unpack(self, packed: Constant) -> Constant:
        """Parameters of the layer, unpacked."""
        return Constant(super().unpack(packed.value))

    def apply(self, params: Constant, a: jax.Array) -> jax.Array:
        """The outputs of the layer, in rows."""
        return super().apply(params.value, a)

    def forward(self, packed: Constant, a: jax.Array) -> tuple[jax.Array, Residuals]:
        """The forward pass of the layer."""
        return super().forward(packed.value, a)

    def pull_back(
        self, packed: Constant, residuals: Residuals, d_out: jax.Array
    ) -> tuple[Constant, jax.Array]:
        """The pull-back of the layer, whose gradient by parameters no learner follows."""
        gradients, d_inputs = super().pull_back(packed.value, residuals, d_out)
        return Constant(gradients), d_inputs
