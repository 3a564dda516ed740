"""Maximal-update parametrisation: how layers start and learn such that widths behave alike (Yang & Hu).

Table 3 of "Tensor Programs V" (arXiv 2203.03466), relative to a base width. With ``r_in`` and ``r_out`` for
how many times as many inputs and outputs a layer has as that of the base network, and starting variances of
``1/fan_in`` as standard initializers have them:

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

import jax
import numpy as np

from jfnn import checks
from jfnn.checks import ArgumentError
from jfnn.layers.conv import Conv
from jfnn.layers.dense import Dense, Layer
from jfnn.layers.initializers import FAN_IN
from jfnn.layers.kind import LayerKind, Shape
from jfnn.layers.residual import Residual
from jfnn.layers.scaled import Scaled
from jfnn.layers.sequence import shapes as shapes_of

OPTIMIZERS = ("sgd", "adam")


def maximal_update(
    layers: Sequence[LayerKind],
    shape: Shape,
    base: Sequence[LayerKind],
    base_shape: Shape,
    optimizer: str,
    output_multiplier: float = 1.0,
) -> tuple[LayerKind, ...]:
    """Layers in maximal-update parametrisation; those of the base's widths stay as they are.

    Args:
        layers: The layers: dense or convolutional, such in `Scaled` or `Residual`, or without parameters.
        shape: Shape of one input.
        base: Layers of the same kinds at the base width.
        base_shape: Shape of one of their inputs.
        optimizer: "sgd" or "adam".
        output_multiplier: α, of the last layer.

    Raises:
        ValueError: Other layers than the base's, kinds that are not covered, or starting weights that do not
            scale with the fan-in.
    """
    checks.as_choice(optimizer, "optimizer", OPTIMIZERS)
    scaled = _scaled(layers, shape, base, base_shape, optimizer)
    if output_multiplier == 1:
        return scaled
    if not isinstance(layers[-1], Dense | Scaled):
        raise ArgumentError("output_multiplier", f"expected a dense last layer, got {layers[-1]!r}")
    factor = output_multiplier ** (2 if optimizer == "sgd" else 1)
    singles = np.finfo(np.float32)
    if not float(singles.smallest_subnormal) <= factor <= float(singles.max):
        raise ArgumentError("output_multiplier", f"{output_multiplier:g} is out of the range of float32")
    return (*scaled[:-1], _simplified(Scaled(scaled[-1], output_multiplier, factor)))


def _scaled(
    layers: Sequence[LayerKind], shape: Shape, base: Sequence[LayerKind], base_shape: Shape, optimizer: str
) -> tuple[LayerKind, ...]:
    if [type(layer) for layer in layers] != [type(layer) for layer in base]:
        raise ArgumentError("base", "expected a network of the same kinds of layers, of another width")
    scaled: list[LayerKind] = []
    shapes, base_shapes = shapes_of(layers, shape), shapes_of(base, base_shape)
    for layer, inputs, of_base, base_inputs in zip(layers, shapes, base, base_shapes, strict=False):
        if isinstance(layer, Residual) and isinstance(of_base, Residual):
            inside = _scaled(layer.layers, inputs, of_base.layers, base_inputs, optimizer)
            scaled.append(dataclasses.replace(layer, layers=inside))
        elif isinstance(layer, Scaled) and isinstance(of_base, Scaled):
            (inner,) = _scaled([layer.layer], inputs, [of_base.layer], base_inputs, optimizer)
            scaled.append(_simplified(dataclasses.replace(layer, layer=inner)))
        elif isinstance(layer, Dense | Conv) and isinstance(of_base, Dense | Conv):
            ratios = _ratios(_weights(layer, inputs), _weights(of_base, base_inputs))
            scaled.append(_rescaled(layer, *ratios, optimizer))
        elif jax.tree.leaves(
            jax.eval_shape(lambda key, s=inputs, f=layer: f.init(key, s), jax.random.key(0))
        ):
            raise ArgumentError("network", f"expected dense and convolutional layers, got {layer!r}")
        else:
            scaled.append(layer)
    return tuple(scaled)


def _weights(layer: LayerKind, shape: Shape) -> tuple[int, int]:
    """Fan-in and outputs (channels) of a layer."""
    params: Layer = jax.eval_shape(lambda key: layer.init(key, shape), jax.random.key(0))
    n_out = params.b.shape[0]
    return math.prod(params.w.shape) // n_out, n_out


def _ratios(fans: tuple[int, int], base: tuple[int, int]) -> tuple[float, float]:
    return fans[0] / base[0], fans[1] / base[1]


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
        return _simplified(Scaled(layer, start, r_out / r_in, r_out))
    return _simplified(Scaled(layer, start, 1 / r_in))


def _simplified(layer: Scaled) -> LayerKind:
    """One layer of factors for two, and none for factors of 1."""
    inner = layer.layer
    if isinstance(inner, Scaled):
        factors = (getattr(layer, name) * getattr(inner, name) for name in ("start", "rate", "bias_rate"))
        return _simplified(Scaled(inner.layer, *factors))
    return inner if (layer.start, layer.rate, layer.bias_rate) == (1, 1, 1) else layer
