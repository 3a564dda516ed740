"""Layer normalization of each sample to mean 0 and variance 1 (Ba et al., arXiv:1607.06450, 2016)."""

import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.fields import above, field
from jfnn.layers.kind import LayerKind, Residuals, Shape
from jfnn.layers.starts import Draw, Starts


class Gain(NamedTuple):
    """``scale`` and ``shift``, each ``[features]``; like biases, they are vectors and not penalized."""

    scale: jax.Array
    shift: jax.Array


@dataclasses.dataclass(frozen=True)
class LayerNorm(LayerKind):
    """``y = γ ∘ (a - μ) / √(σ² + ε) + β``, with the mean μ and variance σ² over each sample's last axes.

    With inputs ``(time, features)`` each time step is normalized separately; with ``axes=2``, the whole
    sample is. Outputs have the shape of the inputs. The parameters are a `Gain` with γ, initially ones, and
    β, initially zeros, over all numbers that are normalized together, in C order. The layer matches
    `torch.nn.LayerNorm` with ``normalized_shape = shape[-axes:]``.

    Attributes:
        axes: Number of last axes that are normalized together.
        epsilon: ε.
    """

    axes: int = field(1, checks.as_count)
    epsilon: float = field(1e-5, above(0))

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the inputs."""
        if len(shape) < self.axes:
            raise ArgumentError(
                "layers", f"layer normalization over {self.axes} axes got inputs of shape {shape}"
            )
        return shape

    def starts(self, shape: Shape) -> Starts:
        """Return ones and zeros."""
        features = (math.prod(shape[-self.axes :]),)
        return Gain._make((Draw("constant", features), Draw("constant", features, 0.0)))

    def forward(self, packed: Gain, a: jax.Array) -> tuple[jax.Array, Residuals]:
        """Return the scaled and shifted inputs; residuals are the normalized inputs and 1/√(σ² + ε)."""
        rows = a.reshape(-1, len(packed.scale), a.shape[-1])
        centered = rows - jnp.mean(rows, axis=1, keepdims=True)
        rate = jax.lax.rsqrt(jnp.mean(centered**2, axis=1, keepdims=True) + self.epsilon)
        normal = rate * centered
        outputs = packed.scale[:, None] * normal + packed.shift[:, None]
        return outputs.reshape(a.shape), (normal, rate)

    def pull_back(self, packed: Gain, residuals: Residuals, d_out: jax.Array) -> tuple[Gain, jax.Array]:
        """With n the normalized inputs and ``δ = ∂C/∂y``: ``∂C/∂γ = Σ δ ∘ n``, ``∂C/∂β = Σ δ``.

        ``∂C/∂a = (d - mean(d) - n ∘ mean(d ∘ n)) / √(σ² + ε)`` with ``d = γ ∘ δ``, since μ and σ depend on
        all inputs that are normalized together.
        """
        normal, rate = residuals
        delta = d_out.reshape(normal.shape)
        d = packed.scale[:, None] * delta
        spread = jnp.mean(d, axis=1, keepdims=True) + normal * jnp.mean(d * normal, axis=1, keepdims=True)
        gradient = Gain(jnp.sum(delta * normal, axis=(0, 2)), jnp.sum(delta, axis=(0, 2)))
        return gradient, (rate * (d - spread)).reshape(d_out.shape)
