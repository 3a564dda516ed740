"""The residual block: layers whose outputs are added to their inputs (He et al., CVPR 2016)."""

import dataclasses
from collections.abc import Sequence

import jax

import jfnn.layers.sequence as sequence
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.fields import Converted, field
from jfnn.layers.kind import LayerKind, Residuals, Shape
from jfnn.layers.starts import Starts
from jfnn.params import Params


@dataclasses.dataclass(frozen=True)
class Residual(LayerKind):
    """``h + f(h)``, where f is a sequence of layers whose output shape equals its input shape.

    The parameters are a tuple of the inner layers' parameters. Dropout may zero outputs of the block, but not
    units inside it.

    Attributes:
        layers: The layers of f, from input to output.
    """

    layers: Converted[Sequence[LayerKind], tuple[LayerKind, ...]] = field(convert=sequence.as_layers)
    droppable = True

    @property
    def takes_members(self) -> bool:
        """Whether all inner layers accept members on a last axis."""
        return all(layer.takes_members for layer in self.layers)

    @property
    def loops(self) -> bool:  # type: ignore[override]
        """Whether an inner layer loops over small products."""
        return any(layer.loops for layer in self.layers)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the inputs."""
        inner = sequence.shapes(self.layers, shape)[-1]
        if inner != shape:
            raise ArgumentError(
                "layers", f"a residual block must return the shape of its inputs, {shape}, got {inner}"
            )
        return shape

    def width(self, shape: Shape) -> int:
        """Return the width of the widest inner layer."""
        return sequence.width(self.layers, shape)

    def starts(self, shape: Shape) -> Starts | None:
        """Return how the parameters of each inner layer are drawn."""
        return sequence.starts(self.layers, shape)

    def init(self, key: jax.Array, shape: Shape) -> Params:
        """Return initial parameters of each inner layer."""
        return sequence.init(self.layers, shape, key)

    def pack(self, params: Params) -> Params:
        """Return packed parameters of each inner layer."""
        return sequence.pack(self.layers, params)

    def unpack(self, packed: Params) -> Params:
        """Return public parameters of each inner layer."""
        return sequence.unpack(self.layers, packed)

    def forward(self, packed: Params, a: jax.Array) -> tuple[jax.Array, Residuals]:
        """Return ``a + f(a)``, and the residuals of the inner layers."""
        outputs, residuals = sequence.forward(self.layers, packed, a)
        return a + outputs, residuals

    def pull_back(self, packed: Params, residuals: Residuals, d_out: jax.Array) -> tuple[Params, jax.Array]:
        """Return the gradients of the inner layers, and ``∂C/∂a = δ + (∂f/∂a)ᵀ δ``."""
        gradients, d_inputs = sequence.pull_back(self.layers, packed, residuals, d_out)
        return gradients, d_out + d_inputs
