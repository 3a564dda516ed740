"""A layer around another one, which does all that it does not change; a frozen one does not train."""

import dataclasses
from typing import Any

import jax

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentTypeError
from jfnn.arguments.fields import field
from jfnn.layers.kind import LayerKind, Residuals, Shape, declared_starts
from jfnn.layers.starts import Starts
from jfnn.params import Constant, Params


def _as_layer(layer: object, argument: str) -> LayerKind:
    if not isinstance(layer, LayerKind):
        raise ArgumentTypeError(argument, f"expected a layer of jfnn.layers, got {checks.shown(layer)}")
    return layer


@dataclasses.dataclass(frozen=True)
class Wrapped(LayerKind):
    """A layer around another one; a subclass overrides what it changes.

    Attributes:
        layer: The layer.
    """

    layer: LayerKind = field(convert=_as_layer)

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

    def output_shape(self, shape: Shape) -> Shape:
        """The output shape of the layer."""
        return self.layer.output_shape(shape)

    def width(self, shape: Shape) -> int:
        """The width of the layer."""
        return self.layer.width(shape)

    def starts(self, shape: Shape) -> Starts | None:
        """What the layer starts with."""
        return declared_starts(self.layer, shape)

    def init(self, key: jax.Array, shape: Shape) -> Params:
        """Starting parameters of the layer."""
        return self.layer.init(key, shape)

    def pack(self, params: Params) -> Params:
        """Parameters of the layer, packed."""
        return self.layer.pack(params)

    def unpack(self, packed: Params) -> Params:
        """Parameters of the layer, unpacked."""
        return self.layer.unpack(packed)

    def apply(self, params: Params, a: jax.Array) -> jax.Array:
        """The outputs of the layer, in rows."""
        return self.layer.apply(params, a)

    def forward(self, packed: Params, a: jax.Array) -> tuple[jax.Array, Residuals]:
        """The forward pass of the layer."""
        return self.layer.forward(packed, a)

    def pull_back(self, packed: Params, residuals: Residuals, d_out: jax.Array) -> tuple[Params, jax.Array]:
        """The pull-back of the layer."""
        return self.layer.pull_back(packed, residuals, d_out)


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
