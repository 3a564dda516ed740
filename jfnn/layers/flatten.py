"""The layer that flattens its inputs."""

import dataclasses
import math

import jax

from jfnn.layers.kind import LayerKind, Residuals, Shape


@dataclasses.dataclass(frozen=True)
class Flatten(LayerKind):
    """Flatten all axes of an input into one, in C order; no parameters."""

    keeps_values = True

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(features,)``, the product of the axes."""
        return (math.prod(shape),)

    def width(self, shape: Shape) -> int:
        """Return 0: the layer stores no numbers beyond its inputs."""
        return 0

    def forward(self, packed: tuple[()], a: jax.Array) -> tuple[jax.Array, Residuals]:
        """Return ``a [*shape, batch]`` as ``[features, batch]``; the residual is the shape."""
        return a.reshape(-1, a.shape[-1]), a.shape

    def pull_back(
        self, packed: tuple[()], residuals: Residuals, d_out: jax.Array
    ) -> tuple[tuple[()], jax.Array]:
        """Restore the shape of the inputs."""
        return (), d_out.reshape(residuals)
