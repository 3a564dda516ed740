"""Arrays among the parameters that training leaves as they start, and a layer of them."""

import dataclasses
from typing import NamedTuple

import jax

from jfnn.layers.kind import Params, Residuals, Shape
from jfnn.layers.wrapped import Wrapped


class Constant(NamedTuple):
    """Marks what a member holds and does not train: ``{"net": params, "teacher": Constant(weights)}``.

    It may stand anywhere in parameters, in a field of a module of Equinox, and in a `Param` of Flax. No
    gradient is taken by it, no penalty counts it, no optimizer sees it; results, files and scores have it
    like all others.

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
