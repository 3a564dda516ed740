"""Arrays among the parameters that training leaves as they start, and a layer of them."""

import dataclasses
from typing import Any, NamedTuple

import jax

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentTypeError
from jfnn.layers.kind import LayerKind, Params, Residuals, Shape


class Constant(NamedTuple):
    """Marks what a member holds and does not train: ``{"net": params, "teacher": Constant(weights)}``.

    It may stand anywhere in parameters. No gradient is taken by it, no penalty counts it, no optimizer sees
    it; results, files and scores have it like all others.

    Attributes:
        value: A pytree of arrays, of whole numbers as well.
    """

    value: Params


def without_constants(params: Params) -> Params:
    """The parameters that are trained; a `Constant` holds nothing there."""
    return jax.tree.map(
        lambda node: Constant(()) if _is_constant(node) else node, params, is_leaf=_is_constant
    )


def with_constants(trained: Params, params: Params) -> Params:
    """Trained parameters, or gradients by them, with the constants of ``params``."""
    return jax.tree.map(
        lambda new, old: old if _is_constant(new) else new, trained, params, is_leaf=_is_constant
    )


def has_constants(params: Params) -> bool:
    """Whether there is a `Constant` among parameters."""
    return any(map(_is_constant, jax.tree.leaves(params, is_leaf=_is_constant)))


def _is_constant(node: object) -> bool:
    return isinstance(node, Constant)


@dataclasses.dataclass(frozen=True)
class Frozen(LayerKind):
    """A layer whose parameters, a `Constant`, stay as they start: random features, a part trained elsewhere.

    Attributes:
        layer: The layer.
    """

    layer: LayerKind

    def __post_init__(self) -> None:
        """Raises TypeError for other than a layer."""
        if not isinstance(self.layer, LayerKind):
            raise ArgumentTypeError(
                "layer", f"expected a layer of jfnn.layers, got {checks.shown(self.layer)}"
            )

    @property
    def activation(self) -> Any:
        """The activation of the layer; "identity" if it has none."""
        return getattr(self.layer, "activation", "identity")

    @property
    def tokens(self) -> int | None:
        """Number of tokens that the layer takes, or None."""
        return self.layer.tokens

    @property
    def droppable(self) -> bool:  # type: ignore[override]
        """Whether dropout may zero the layer's outputs."""
        return self.layer.droppable

    @property
    def takes_members(self) -> bool:
        """Whether the layer takes members on a last axis."""
        return self.layer.takes_members

    def output_shape(self, shape: Shape) -> Shape:
        """The output shape of the layer."""
        return self.layer.output_shape(shape)

    def width(self, shape: Shape) -> int:
        """The width of the layer."""
        return self.layer.width(shape)

    def init(self, key: jax.Array, shape: Shape) -> Constant:
        """Starting parameters of the layer."""
        return Constant(self.layer.init(key, shape))

    def pack(self, params: Constant) -> Constant:
        """Parameters of the layer, packed."""
        return Constant(self.layer.pack(params.value))

    def unpack(self, packed: Constant) -> Constant:
        """Parameters of the layer, unpacked."""
        return Constant(self.layer.unpack(packed.value))

    def apply(self, params: Constant, a: jax.Array) -> jax.Array:
        """The outputs of the layer, in rows."""
        return self.layer.apply(params.value, a)

    def forward(self, packed: Constant, a: jax.Array) -> tuple[jax.Array, Residuals]:
        """The forward pass of the layer."""
        return self.layer.forward(packed.value, a)

    def pull_back(
        self, packed: Constant, residuals: Residuals, d_out: jax.Array
    ) -> tuple[Constant, jax.Array]:
        """The pull-back of the layer, whose gradient by parameters no learner follows."""
        gradients, d_inputs = self.layer.pull_back(packed.value, residuals, d_out)
        return Constant(gradients), d_inputs
