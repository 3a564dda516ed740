"""Maximal-update parametrisation: how layers start and learn such that widths behave alike.

Yang & Hu, Table 3 of "Tensor Programs V" (arXiv 2203.03466), relative to a base width. With ``r_in`` and
``r_out`` for how many times as many inputs and outputs a layer has as that of the base network, and starting
variances of ``1/fan_in`` as standard initializers have them:

================  ==============  ===========  ============
layer             starting scale  rate of SGD  rate of Adam
================  ==============  ===========  ============
first, r_in = 1   1               r_out        1
hidden            1               r_out/r_in   1/r_in
last, r_out = 1   1/√r_in         1/r_in       1/r_in
biases            1               r_out        1
================  ==============  ===========  ============

No output needs a multiplier: one of α is the same as starting weights α times as large, whose rates are α²
times (SGD) or α times (Adam) as large (the paper's Lemma J.1).
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import jax
import optax

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.layers.conv import Conv
from jfnn.layers.dense import Dense, Layer
from jfnn.layers.initializers import FAN_IN
from jfnn.layers.kind import LayerKind, Params, Shape
from jfnn.layers.residual import Residual
from jfnn.layers.sequence import shapes as shapes_of


@dataclasses.dataclass(frozen=True)
class Scaled(LayerKind):
    """A layer whose starting weights are multiplied by a factor, and its learning rates by others.

    Its outputs for given parameters are those of the layer. `jfnn.supervised` multiplies the updates of its
    optimizer by the rates (`at_learning_rates`).

    Attributes:
        layer: The layer.
        start: Factor of its starting weights, arrays of two axes or more.
        rate: Factor of the learning rate of its weights; 0 keeps them as they start.
        bias_rate: Factor of the learning rate of its vectors.
    """

    layer: LayerKind
    start: float = 1.0
    rate: float = 1.0
    bias_rate: float = 1.0

    def __post_init__(self) -> None:
        """Raises TypeError for other than a layer, ValueError for factors not finite or below 0."""
        if not isinstance(self.layer, LayerKind):
            raise ArgumentTypeError(
                "layer", f"expected a layer of jfnn.layers, got {checks.shown(self.layer)}"
            )
        for name in ("start", "rate", "bias_rate"):
            object.__setattr__(self, name, checks.as_number(getattr(self, name), name))

    @property
    def activation(self) -> Any:
        """That of the layer; "identity" if it has none."""
        return getattr(self.layer, "activation", "identity")

    @property
    def droppable(self) -> bool:  # type: ignore[override]
        """Whether dropout may zero the layer's outputs."""
        return self.layer.droppable

    def output_shape(self, shape: Shape) -> Shape:
        """That of the layer."""
        return self.layer.output_shape(shape)

    def width(self, shape: Shape) -> int:
        """That of the layer."""
        return self.layer.width(shape)

    def init(self, key: jax.Array, shape: Shape) -> Params:
        """The layer's, weights multiplied by ``start``."""
        params = self.layer.init(key, shape)
        return jax.tree.map(lambda leaf: self.start * leaf if leaf.ndim > 1 else leaf, params)

    def pack(self, params: Params) -> Params:
        """The layer's."""
        return self.layer.pack(params)

    def unpack(self, packed: Params) -> Params:
        """The layer's."""
        return self.layer.unpack(packed)

    def apply(self, params: Params, a: jax.Array) -> jax.Array:
        """The layer's."""
        return self.layer.apply(params, a)

    def forward(self, packed: Params, a: jax.Array) -> tuple[jax.Array, Any]:
        """The layer's."""
        return self.layer.forward(packed, a)

    def pull_back(self, packed: Params, kept: Any, d_out: jax.Array) -> tuple[Params, jax.Array]:
        """The layer's."""
        return self.layer.pull_back(packed, kept, d_out)


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
        lambda leaf, rate: rate * (layer.rate if leaf.ndim > 1 else layer.bias_rate), params, inner
    )


def maximal_update(
    layers: Sequence[LayerKind], shape: Shape, base: Sequence[LayerKind], base_shape: Shape, optimizer: str
) -> tuple[LayerKind, ...]:
    """Layers in maximal-update parametrisation; those of the base's widths stay as they are.

    Args:
        layers: The layers: dense or convolutional, such in `Scaled` or `Residual`, or without parameters.
        shape: Shape of one input.
        base: Layers of the same kinds at the base width.
        base_shape: Shape of one of their inputs.
        optimizer: "sgd" or "adam".

    Raises:
        ValueError: Other layers than the base's, kinds that are not covered, or starting weights that do not
            scale with the fan-in.
    """
    if [type(layer) for layer in layers] != [type(layer) for layer in base]:
        raise ArgumentError("base", "expected a network of the same kinds of layers, of another width")
    scaled: list[LayerKind] = []
    shapes, base_shapes = shapes_of(layers, shape), shapes_of(base, base_shape)
    for layer, inputs, base_layer, base_inputs in zip(layers, shapes, base, base_shapes, strict=False):
        if isinstance(layer, Residual) and isinstance(base_layer, Residual):
            inside = maximal_update(layer.layers, inputs, base_layer.layers, base_inputs, optimizer)
            scaled.append(dataclasses.replace(layer, layers=inside))
        elif isinstance(layer, Scaled) and isinstance(base_layer, Scaled):
            (inner,) = maximal_update([layer.layer], inputs, [base_layer.layer], base_inputs, optimizer)
            scaled.append(simplified(dataclasses.replace(layer, layer=inner)))
        elif isinstance(layer, Dense | Conv) and isinstance(base_layer, Dense | Conv):
            (fan_in, n_out), (base_in, base_out) = _fans(layer, inputs), _fans(base_layer, base_inputs)
            scaled.append(_rescaled(layer, fan_in / base_in, n_out / base_out, optimizer))
        elif jax.tree.leaves(_starting_shapes(layer, inputs)):
            raise ArgumentError("network", f"expected dense and convolutional layers, got {layer!r}")
        else:
            scaled.append(layer)
    return tuple(scaled)


def _starting_shapes(layer: LayerKind, shape: Shape) -> Params:
    return jax.eval_shape(lambda key: layer.init(key, shape), jax.random.key(0))


def _fans(layer: LayerKind, shape: Shape) -> tuple[int, int]:
    """Fan-in and outputs (channels) of a layer."""
    params: Layer = _starting_shapes(layer, shape)
    n_out = params.b.shape[0]
    return math.prod(params.w.shape) // n_out, n_out


def _rescaled(layer: Dense | Conv, r_in: float, r_out: float, optimizer: str) -> LayerKind:
    """A layer with the factors of the table."""
    if layer.initializer not in FAN_IN:
        raise ArgumentError(
            "init",
            f"expected one of {', '.join(FAN_IN)}, whose variance is that of one over the inputs,"
            f" got {layer.initializer!r}",
        )
    start = 1 / math.sqrt(r_in) if r_out == 1 else 1.0
    if optimizer == "sgd":
        return simplified(Scaled(layer, start, r_out / r_in, r_out))
    return simplified(Scaled(layer, start, 1 / r_in))


def simplified(layer: Scaled) -> LayerKind:
    """One layer of factors for two, and none for factors of 1."""
    inner = layer.layer
    if isinstance(inner, Scaled):
        factors = (getattr(layer, name) * getattr(inner, name) for name in ("start", "rate", "bias_rate"))
        return simplified(Scaled(inner.layer, *factors))
    return inner if (layer.start, layer.rate, layer.bias_rate) == (1, 1, 1) else layer
