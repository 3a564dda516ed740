"""Layers with factors on their initial weights and learning rates."""

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
    """A layer with one factor on its initial weights and others on its learning rates.

    For given parameters, its outputs are the wrapped layer's. `jfnn.supervised` multiplies the optimizer's
    updates by the rates.

    Attributes:
        layer: The layer.
        start: Factor of the initial weights.
        rate: Factor of the learning rate of the weights; 0 keeps them at their initial values.
        bias_rate: Factor of the learning rate of vectors, such as biases.
    """

    start: float = field(1.0, checks.as_number)
    rate: float = field(1.0, checks.as_number)
    bias_rate: float = field(1.0, checks.as_number)

    def starts(self, shape: Shape) -> Starts | None:
        """Return how the layer draws parameters; None with a factor, which XLA would merge with others."""
        return super().starts(shape) if self.start == 1 else None

    def init(self, key: jax.Array, shape: Shape) -> Params:
        """Return the layer's initial parameters, with weights multiplied by ``start``."""
        params = self.layer.init(key, shape)
        return jax.tree.map(lambda leaf: self.start * leaf if is_weight(leaf) else leaf, params)


def at_learning_rates(
    transformation: optax.GradientTransformation, layers: Sequence[LayerKind], params: Params
) -> optax.GradientTransformation:
    """Multiply the updates of a transformation by the rates of `Scaled` layers, if there are any.

    Args:
        transformation: An optax transformation.
        layers: The layers of a network.
        params: Parameters of one member, in public or column form.
    """
    rates = tuple(learning_rates(layer, leaves) for layer, leaves in zip(layers, params, strict=True))
    if all(rate == 1 for rate in jax.tree.leaves(rates)):
        return transformation
    scale = optax.stateless(lambda updates, params: jax.tree.map(lambda u, rate: rate * u, updates, rates))
    return optax.chain(transformation, scale)


def learning_rates(layer: LayerKind, params: Params) -> Params:
    """Return the factor of the learning rate for each array of a layer's parameters."""
    if isinstance(layer, Residual):
        return tuple(map(learning_rates, layer.layers, params))
    if not isinstance(layer, Scaled):
        return jax.tree.map(lambda leaf: 1.0, params)
    inner = learning_rates(layer.layer, params)
    return jax.tree.map(
        lambda leaf, rate: rate * (layer.rate if is_weight(leaf) else layer.bias_rate), params, inner
    )


def scale(layer: LayerKind, start: float = 1.0, rate: float = 1.0, bias_rate: float = 1.0) -> LayerKind:
    """Return a layer with these factors, times those it has; the layer itself if all factors are 1."""
    if isinstance(layer, Scaled):
        return scale(layer.layer, start * layer.start, rate * layer.rate, bias_rate * layer.bias_rate)
    factors = start, rate, bias_rate
    return layer if factors == (1, 1, 1) else Scaled(layer, *factors)
