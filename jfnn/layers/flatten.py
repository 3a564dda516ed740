"""The layer that makes all axes of an input one."""

import dataclasses
import math

import jax

from jfnn.layers.kind import LayerKind, Residuals, Shape


@dataclasses.dataclass(frozen=True)
class Flatten(LayerKind):
    """All axes of an input as one, the last running fastest; no parameters."""

    keeps_values = True

    def output_shape(self, shape: Shape) -> Shape:
        """``(features,)``: the product of the axes."""
        return (math.prod(shape),)

    def width(self, shape: Shape) -> int:
        """0: it adds no numbers to its inputs."""
        return 0

    def forward(self, packed: tuple[()], a: jax.Array) -> tuple[jax.Array, Residuals]:
        """``a [*shape, batch] -> [features, batch]``; residual: the shape."""
        return a.reshape(-1, a.shape[-1]), a.shape

    def pull_back(
        self, packed: tuple[()], residuals: Residuals, d_out: jax.Array
    ) -> tuple[tuple[()], jax.Array]:
        """The shape that the inputs had."""
        return (), d_out.reshape(residuals)
