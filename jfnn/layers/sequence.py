"""A sequence of layers in column form: forward pass, hand-derived backward pass, dropout."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.layers.kind import LayerKind, Residuals, Shape, declared_starts
from jfnn.layers.starts import Starts, within
from jfnn.numerics.sums import row_uniforms
from jfnn.params import Params

Masks = Sequence[jax.Array | None]


def as_layers(layers: Sequence[LayerKind], argument: str = "layers") -> tuple[LayerKind, ...]:
    """Return checked layers as a tuple; raise TypeError for other objects, ValueError if there are none."""
    if not checks.is_several(layers):
        raise ArgumentTypeError(argument, f"expected a sequence of layers, got {checks.as_text(layers)}")
    layers = tuple(layers)
    if not layers:
        raise ArgumentError(argument, "expected at least one layer")
    for layer in layers:
        if not isinstance(layer, LayerKind):
            raise ArgumentTypeError(argument, f"expected layers of jfnn.layers, got {checks.as_text(layer)}")
        for field in vars(layer):
            if callable(getattr(LayerKind, field, None)):
                reason = (
                    f"{type(layer).__name__} has a field {field!r}, the name of a method of jfnn.LayerKind"
                )
                raise ArgumentTypeError(argument, f"{reason}; rename it")
    if any(layer.tokens is not None for layer in layers[1:]):
        raise ArgumentError(argument, "expected a layer of tokens first, since other layers return floats")
    return layers


def name(layers: Sequence[LayerKind], i: int) -> str:
    """Return the number of a layer, from 1, and its kind, for messages."""
    return f"layer {i + 1} of {len(layers)} ({type(layers[i]).__name__})"


def shapes(layers: Sequence[LayerKind], input_shape: Shape) -> list[Shape]:
    """Return the shapes of one sample from the input to the output: one more than there are layers."""
    sizes = [input_shape]
    for i, layer in enumerate(layers):
        shape = layer.output_shape(sizes[-1])
        with checks.item_of("layers"):
            sizes.append(checks.as_counts(shape, f"output_shape of {name(layers, i)}"))
    return sizes


def width(layers: Sequence[LayerKind], input_shape: Shape) -> int:
    """Return how many numbers the widest layer holds per sample while it computes."""
    inputs = shapes(layers, input_shape)[:-1]
    return max(layer.width(shape) for layer, shape in zip(layers, inputs, strict=True))


def init(layers: Sequence[LayerKind], input_shape: Shape, key: jax.Array) -> Params:
    """Return initial parameters of every layer, in public form."""
    checks.check_key(key)
    keys = jax.random.split(key, len(layers))
    inputs = shapes(layers, input_shape)[:-1]
    return tuple(layer.init(*drawn) for layer, *drawn in zip(layers, keys, inputs, strict=True))


def starts(layers: Sequence[LayerKind], input_shape: Shape) -> Starts | None:
    """Return how `init` draws the parameters of every layer; None if a layer does not declare it."""
    inputs = shapes(layers, input_shape)[:-1]
    declared = [declared_starts(layer, shape) for layer, shape in zip(layers, inputs, strict=True)]
    if any(part is None for part in declared):
        return None
    return tuple(within(part, i, len(layers)) for i, part in enumerate(declared))


def columns(rows: jax.Array, members: Shape = ()) -> jax.Array:
    """Return rows ``[batch, …]`` in column form ``[…, batch]``; a last axis of members stays last."""
    return jnp.moveaxis(rows, 0, -1 - len(members))


def forward(
    layers: Sequence[LayerKind], packed: Params, a: jax.Array, masks: Masks | None = None
) -> tuple[jax.Array, list[Residuals]]:
    """Return the outputs in column form, and each layer's residuals.

    Args:
        layers: The layers.
        packed: Their parameters in column form.
        a: Inputs in column form, ``[*shape, batch]``.
        masks: Factors of each layer's outputs (`dropout_masks`); None for ones.
    """
    residuals = []
    for layer, params, mask in zip(layers, packed, masks or [None] * len(layers), strict=True):
        a, residual = layer.forward(params, a)
        a = a if mask is None else a * mask
        residuals.append(residual)
    return a, residuals


def pull_back(
    layers: Sequence[LayerKind],
    packed: Params,
    residuals: Sequence[Residuals],
    d_outputs: jax.Array,
    masks: Masks | None = None,
) -> tuple[Params, jax.Array]:
    """Backpropagate through the layers, last layer first.

    ``residuals`` are from `forward`; ``d_outputs`` is ``∂C/∂outputs`` in column form.

    Returns:
        ``(∂C/∂parameters of every layer, ∂C/∂inputs)``.
    """
    gradients: list[Params] = []
    d_out = d_outputs
    backward = zip(layers, packed, residuals, masks or [None] * len(layers), strict=True)
    for layer, params, residual, mask in reversed(list(backward)):
        d_out = d_out if mask is None else d_out * mask
        gradient, d_out = layer.pull_back(params, residual, d_out)
        gradients.append(gradient)
    return tuple(reversed(gradients)), d_out


def pack(layers: Sequence[LayerKind], params: Params) -> Params:
    """Convert public parameters to column form."""
    return tuple(layer.pack(leaves) for layer, leaves in zip(layers, params, strict=True))


def unpack(layers: Sequence[LayerKind], packed: Params) -> Params:
    """Convert parameters in column form to public form."""
    return tuple(layer.unpack(leaves) for layer, leaves in zip(layers, packed, strict=True))


def dropout_shapes(layers: Sequence[LayerKind], input_shape: Shape) -> list[Shape | None]:
    """Return each layer's output shape, or None for layers whose outputs dropout never zeroes."""
    outputs = shapes(layers, input_shape)[1:]
    drops = [layer.droppable for layer in layers[:-1]] + [False]
    return [shape if dropped else None for shape, dropped in zip(outputs, drops, strict=True)]


def dropout_masks(
    key: jax.Array, rate: jax.Array | float, shapes: Sequence[Shape | None], n: int, dtype: Any
) -> list[jax.Array | None]:
    """Return the masks of inverted dropout (Srivastava et al., JMLR 15, 2014): factors of hidden activations.

    A unit is kept for a sample with probability 1 - rate, and its activation is divided by 1 - rate, which
    preserves the mean; otherwise it is 0. Networks with the same key but different rates use the same random
    numbers, and a sample's numbers do not depend on how many others there are.

    Args:
        key: A random key.
        rate: Probability of dropping a unit, in [0, 1); may be traced.
        shapes: From `dropout_shapes`. Each shape gives a mask ``[*shape, n]``, None gives None.
        n: Number of samples.
        dtype: Dtype of the masks.
    """
    keys = iter(jax.random.split(key, max(sum(shape is not None for shape in shapes), 1)))

    def mask(shape: Shape) -> jax.Array:
        draw = row_uniforms(next(keys), shape, n, dtype)
        return jnp.where(draw >= rate, 1 / (1 - rate), 0).astype(dtype)

    return [None if shape is None else mask(shape) for shape in shapes]


def check_dropout(rate: jax.Array | float, key: jax.Array | None) -> None:
    """Check a dropout rate and its key.

    Raises:
        ValueError: The rate is not one number in [0, 1), or is above 0 without a key.
        TypeError: The rate is not a number, or the key is not a JAX array.
    """
    if key is not None:
        checks.check_key(key)
    concrete = checks.is_concrete(rate)
    if not concrete and jnp.ndim(rate):
        raise ArgumentError("dropout", f"expected one number, got shape {list(jnp.shape(rate))}")
    # Compare in JAX's default float dtype, where numbers just below 1 round to 1.
    given = min(checks.as_number(rate, "dropout"), 1.0) if concrete else 0.0
    number = np.asarray(given, jnp.result_type(float))
    if not number < 1:
        raise ArgumentError("dropout", f"expected a rate of at least 0 and below 1, got {rate}")
    if key is None and (not concrete or number > 0):
        raise ArgumentError("key", "dropout needs a random key, such as jax.random.key(0)")
