"""A sequence of layers in column form: forward pass and hand-derived backward pass."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.layers.kind import LayerKind, Residuals, Shape, declared_starts
from jfnn.layers.starts import Starts, within
from jfnn.params import Params

Masks = Sequence[jax.Array | None]
# Number of images or sequences per block, if there are at least `MANY_ROWS`. Larger blocks do not fit into a
# core's cache, smaller ones take more loop iterations, and a loop does not pay off for fewer rows. Other
# values slow scoring down; benchmark with the workload cnn of scripts/bench.py.
BLOCK = 128
MANY_ROWS = 512


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
        masks: Factors of each layer's outputs (`jfnn.layers.dropout.dropout_masks`); None for ones.
    """
    residuals = []
    for layer, params, mask in zip(layers, packed, masks or [None] * len(layers), strict=True):
        a, residual = layer.forward(params, a)
        a = a if mask is None else a * mask
        residuals.append(residual)
    return a, residuals


def outputs(layers: Sequence[LayerKind], packed: Params, x: jax.Array) -> jax.Array:
    """Return the outputs of rows in column form, ``x [n, …] -> [n_out, n]``, without residuals.

    Many images or sequences are processed in blocks: the arrays of all rows at once would not fit into a
    core's cache, and computing them would take several times as long.
    """
    n = x.shape[0]
    if x.ndim == 2 or n < MANY_ROWS or n % BLOCK:
        return forward(layers, packed, columns(x))[0]
    blocks = x.reshape(-1, BLOCK, *x.shape[1:])
    mapped = jax.lax.map(lambda block: forward(layers, packed, columns(block))[0], blocks)
    joined = jnp.moveaxis(mapped, 0, -2)
    return joined.reshape(*joined.shape[:-2], n)


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
