"""The base class of layers that modify another layer; and frozen layers, which are not trained."""

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
        raise ArgumentTypeError(argument, f"expected a layer of jfnn.layers, got {checks.as_text(layer)}")
    return layer


@dataclasses.dataclass(frozen=True)
class Wrapped(LayerKind):
    """A layer that delegates to another one; subclasses override what they change.

    Attributes:
        layer: The layer.
    """

    layer: LayerKind = field(convert=_as_layer)

    @property
    def activation(self) -> Any:
        """The layer's activation; "identity" if it has none."""
        return getattr(self.layer, "activation", "identity")

    @property
    def tokens(self) -> int | None:
        """The layer's vocabulary size, or None."""
        return self.layer.tokens

    @property
    def droppable(self) -> bool:  # type: ignore[override]
        """Whether dropout may zero the layer's outputs."""
        return self.layer.droppable

    @property
    def loops(self) -> bool:  # type: ignore[override]
        """Whether the layer loops over small products."""
        return self.layer.loops

    def output_shape(self, shape: Shape) -> Shape:
        """Return the layer's output shape."""
        return self.layer.output_shape(shape)

    def width(self, shape: Shape) -> int:
        """Return the layer's width."""
        return self.layer.width(shape)

    def starts(self, shape: Shape) -> Starts | None:
        """Return how the layer's parameters are drawn."""
        return declared_starts(self.layer, shape)

    def init(self, key: jax.Array, shape: Shape) -> Params:
        """Return the layer's initial parameters."""
        return self.layer.init(key, shape)

    def pack(self, params: Params) -> Params:
        """Return the layer's packed parameters."""
        return self.layer.pack(params)

    def unpack(self, packed: Params) -> Params:
        """Return the layer's public parameters."""
        return self.layer.unpack(packed)

    def apply(self, params: Params, a: jax.Array) -> jax.Array:
        """Apply the layer in row form."""
        return self.layer.apply(params, a)

    def forward(self, packed: Params, a: jax.Array) -> tuple[jax.Array, Residuals]:
        """Run the layer's forward pass."""
        return self.layer.forward(packed, a)

    def pull_back(self, packed: Params, residuals: Residuals, d_out: jax.Array) -> tuple[Params, jax.Array]:
        """Run the layer's backward pass."""
        return self.layer.pull_back(packed, residuals, d_out)


@dataclasses.dataclass(frozen=True)
class Frozen(Wrapped):
    """A layer whose parameters, a `Constant`, are not trained, such as random features or a pretrained part.

    Attributes:
        layer: The layer.

    Example:
        >>> import jax
        >>> import jfnn
        >>> network = jfnn.sequential([jfnn.Frozen(jfnn.Dense(50)), jfnn.Dense(3, "identity")], (4,))
        >>> trained = [len(jax.tree.leaves(layer)) for layer in network.init(jax.random.key(0))]
        >>> trained
        [2, 2]
    """

    @property
    def takes_members(self) -> bool:
        """Whether the layer accepts members on a last axis."""
        return self.layer.takes_members

    def starts(self, shape: Shape) -> Starts | None:
        """Return how the layer's parameters are drawn, as a `Constant`."""
        declared = super().starts(shape)
        return None if declared is None else Constant(declared)

    def init(self, key: jax.Array, shape: Shape) -> Constant:
        """Return the layer's initial parameters."""
        return Constant(super().init(key, shape))

    def pack(self, params: Constant) -> Constant:
        """Return the layer's packed parameters."""
        return Constant(super().pack(params.value))

    def unpack(self, packed: Constant) -> Constant:
        """Return the layer's public parameters."""
        return Constant(super().unpack(packed.value))

    def apply(self, params: Constant, a: jax.Array) -> jax.Array:
        """Apply the layer in row form."""
        return super().apply(params.value, a)

    def forward(self, packed: Constant, a: jax.Array) -> tuple[jax.Array, Residuals]:
        """Run the layer's forward pass."""
        return super().forward(packed.value, a)

    def pull_back(
        self, packed: Constant, residuals: Residuals, d_out: jax.Array
    ) -> tuple[Constant, jax.Array]:
        """Run the layer's backward pass; learners ignore the gradient of the parameters."""
        gradients, d_inputs = super().pull_back(packed.value, residuals, d_out)
        return Constant(gradients), d_inputs
