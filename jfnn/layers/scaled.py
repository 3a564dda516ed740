"""Layers whose starting weights and learning rates are multiplied by factors."""

import dataclasses
from collections.abc import Sequence

import jax
import optax

from jfnn.arguments import checks
from jfnn.arguments.fields import field
from jfnn.layers.kind import LayerKind, Shape
from jfnn.layers.residual import Residual
from jfnn.layers.starts import Starts
from jfnn.layers.wrapped import Wrapped
from jfnn.params import Params, is_weight


@dataclasses.dataclass(frozen=True)
class Scaled(Wrapped):
    """A layer whose starting weights are multiplied by a factor, and its learning rates by others.

    Its outputs for given parameters are those of the layer. `jfnn.supervised` multiplies the updates of its
    optimizer by the rates.

    Attributes:
        layer: The layer.
        start: Factor of its starting weights.
        rate: Factor of the learning rate of its weights; 0 keeps them as they start.
        bias_rate: Factor of the learning rate of its vectors.
    """

    start: float = field(1.0, checks.as_number)
    rate: float = field(1.0, checks.as_number)
    bias_rate: float = field(1.0, checks.as_number)

    def starts(self, shape: Shape) -> Starts | None:
        """What the layer starts with; None with a factor, which compilers merge with others."""
        return super().starts(shape) if self.start == 1 else None

    def init(self, key: jax.Array, shape: Shape) -> Params:
        """Starting parameters of the layer, weights multiplied by ``start``."""
        params = self.layer.init(key, shape)
        return jax.tree.map(lambda leaf: self.start * leaf if is_weight(leaf) else leaf, params)


def at_learning_rates(
    transformation: optax.GradientTransformation, layers: Sequence[LayerKind], params: Params
) -> optax.GradientTransformation:
    """A transformation whose updates are multiplied by the rates of `Scaled` layers; itself without any.

    Args:
        transformation: Any.
        layers: The layers of a network.
        params: Parameters of one member, in public or in column form.
    """
    rates = tuple(learning_rates(layer, leaves) for layer, leaves in zip(layers, params, strict=True))
    if all(rate == 1 for rate in jax.tree.leaves(rates)):
        return transformation
    scale = optax.stateless(lambda updates, params: jax.tree.map(lambda u, rate: rate * u, updates, rates))
    return optax.chain(transformation, scale)


def learning_rates(layer: LayerKind, params: Params) -> Params:
    """Factor of the learning rate for each array of a layer's parameters."""
    if isinstance(layer, Residual):
        return tuple(map(learning_rates, layer.layers, params))
    if not isinstance(layer, Scaled):
        return jax.tree.map(lambda leaf: 1.0, params)
    inner = learning_rates(layer.layer, params)
    return jax.tree.map(
        lambda leaf, rate: rate * (layer.rate if is_weight(leaf) else layer.bias_rate), params, inner
    )


def scaled(layer: LayerKind, start: float = 1.0, rate: float = 1.0, bias_rate: float = 1.0) -> LayerKind:
    """A layer with factors multiplied into those that it has; the layer itself for factors of 1."""
    if isinstance(layer, Scaled):
        return scaled(layer.layer, start * layer.start, rate * layer.rate, bias_rate * layer.bias_rate)
    factors = start, rate, bias_rate
    return layer if factors == (1, 1, 1) else Scaled(layer, *factors)
