"""The maximal-update parametrization, in which the best learning rate does not depend on the width.

It follows Table 3 of Yang & Hu, "Tensor Programs V" (arXiv 2203.03466), relative to a base width. A layer has
``r_in`` times the inputs and ``r_out`` times the outputs of the same layer in the base network, and standard
initializers have variances proportional to ``1/fan_in``:

================  ==============  ===========  ============
layer             initial scale   rate of SGD  rate of Adam
================  ==============  ===========  ============
first, r_in = 1   1               r_out        1
hidden            1               r_out/r_in   1/r_in
last, r_out = 1   1/√r_in         1/r_in       1/r_in
biases            1               r_out        1
================  ==============  ===========  ============

No output multiplier is needed: multiplying outputs by α is the same as multiplying initial weights by α, and
learning rates by α² (SGD) or α (Adam) (the paper's Lemma J.1).
"""

import dataclasses
import math
from collections.abc import Sequence

import jax
import numpy as np
import optax

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.layers import Conv, Dense, LayerKind, Params, Residual, Scaled, Shape
from jfnn.layers.scaled import scale
from jfnn.layers.sequence import shapes as shapes_of
from jfnn.network import Network, sequential
from jfnn.optimizers import Factory, Optimizer
from jfnn.params import key_shape

# Initializers whose weight variance is a constant divided by the fan-in, and whose biases ignore the fan-in.
FAN_IN = ("he_uniform", "he_normal", "lecun_normal")
# Optimizers whose steps do not depend on the size of gradients, so that their rates scale like Adam's.
LIKE_ADAM = (
    *("adabelief", "adagrad", "adam", "adamax", "adamaxw", "adamw", "amsgrad"),
    *("lion", "nadam", "nadamw", "rmsprop", "sign_sgd", "yogi"),
)


def maximal_update(
    network: Network,
    base: Network,
    optimizer: str | Optimizer | Factory = "adam",
    output_multiplier: float = 1.0,
) -> Network:
    """Return a network in the maximal-update parametrization, whose best learning rate holds for all widths.

    Initial weights and the learning rate of each layer are multiplied by powers of the ratio of its width to
    its width in ``base`` (the module's table). The base network itself is returned unchanged, in the standard
    parametrization. The penalty l2 is not scaled.

    Args:
        network: A network of dense and convolutional layers and layers without parameters, with an ``init``
            whose variance is inversely proportional to the inputs: "he_normal", "he_uniform" or
            "lecun_normal".
        base: The same network at the base width.
        optimizer: The optimizer for its training, as in `jfnn.sweep`: "sgd", also with momentum; or one whose
            steps do not depend on the size of gradients (adam, adamw, rmsprop, lion, …). The learning rates
            of the two kinds scale differently.
        output_multiplier: α, a factor of the outputs before the last bias is added, realized by the last
            layer's initialization and learning rate. Tune it together with the learning rate, at any width.

    Raises:
        ValueError, TypeError: Networks with other layers, or of different kinds of layers; an
            unsupported optimizer.
    """
    layers, shape = _parts(network, "network")
    base_layers, base_shape = _parts(base, "base")
    multiplier = checks.as_number(output_multiplier, "output_multiplier", strict=True)
    given = optimizer.name if isinstance(optimizer, Optimizer) else optimizer
    known = ("sgd", *LIKE_ADAM)
    name = next((name for name in known if vars(optax)[name] is given), given)
    rule = "sgd" if checks.as_choice(name, "optimizer", known) == "sgd" else "adam"
    *hidden, last = _apply_maximal_update(layers, shape, base_layers, base_shape, rule)
    if multiplier != 1:
        if not isinstance(last, Dense | Scaled):
            raise ArgumentError("output_multiplier", f"expected a dense last layer, got {last!r}")
        factor = multiplier ** (2 if rule == "sgd" else 1)
        singles = np.finfo(np.float32)
        if not float(singles.smallest_subnormal) <= factor <= float(singles.max):
            raise ArgumentError("output_multiplier", f"{multiplier:g} is out of the range of float32")
        last = scale(last, multiplier, factor)
    return sequential([*hidden, last], shape)


def _parts(network: Network, argument: str) -> tuple[tuple[LayerKind, ...], Shape]:
    checks.check_instance(network, Network, argument)
    if network.layers is None or network.input_shape is None:
        raise ArgumentError(argument, "expected a network of jfnn.layers, whose widths are known")
    return network.layers, network.input_shape


def _apply_maximal_update(
    layers: Sequence[LayerKind], shape: Shape, base: Sequence[LayerKind], base_shape: Shape, rule: str
) -> tuple[LayerKind, ...]:
    """Return the layers, including those inside `Scaled` and `Residual`, with the factors of the table."""
    if [type(layer) for layer in layers] != [type(layer) for layer in base]:
        raise ArgumentError("base", "expected a network with the same kinds of layers at another width")
    results: list[LayerKind] = []
    shapes = shapes_of(layers, shape)
    base_shapes = shapes_of(base, base_shape)
    for layer, inputs, base_layer, base_inputs in zip(layers, shapes, base, base_shapes, strict=False):
        if isinstance(layer, Residual) and isinstance(base_layer, Residual):
            inside = _apply_maximal_update(layer.layers, inputs, base_layer.layers, base_inputs, rule)
            results.append(dataclasses.replace(layer, layers=inside))
        elif isinstance(layer, Scaled) and isinstance(base_layer, Scaled):
            (inner,) = _apply_maximal_update([layer.layer], inputs, [base_layer.layer], base_inputs, rule)
            results.append(scale(inner, layer.start, layer.rate, layer.bias_rate))
        elif isinstance(layer, Dense | Conv) and isinstance(base_layer, Dense | Conv):
            fan_in, n_out = _fans(layer, inputs)
            base_in, base_out = _fans(base_layer, base_inputs)
            results.append(_with_factors(layer, fan_in / base_in, n_out / base_out, rule))
        elif jax.tree.leaves(_starting_shapes(layer, inputs)):
            raise ArgumentError("network", f"expected dense and convolutional layers, got {layer!r}")
        else:
            results.append(layer)
    return tuple(results)


def _starting_shapes(layer: LayerKind, shape: Shape) -> Params:
    return jax.eval_shape(lambda key: layer.init(key, shape), key_shape())


def _fans(layer: LayerKind, shape: Shape) -> tuple[int, int]:
    """Return fan-in and number of outputs (channels) of a layer."""
    weights, *_ = _starting_shapes(layer, shape)
    n_out = layer.output_shape(shape)[0]
    return math.prod(weights.shape) // n_out, n_out


def _with_factors(layer: Dense | Conv, r_in: float, r_out: float, rule: str) -> LayerKind:
    if layer.initializer not in FAN_IN:
        expected = f"one of {', '.join(FAN_IN)}, with variance proportional to one over the inputs"
        raise ArgumentError("init", f"expected {expected}, got {layer.initializer!r}")
    start = 1 / math.sqrt(r_in) if r_out == 1 else 1.0
    return scale(layer, start, r_out / r_in, r_out) if rule == "sgd" else scale(layer, start, 1 / r_in)
