"""A sequence of layers in column form: the forward pass, and the pull-back of all of them by hand."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jfnn import checks
from jfnn.checks import ArgumentError, ArgumentTypeError
from jfnn.layers.kind import LayerKind, Params, Shape

Masks = Sequence[jax.Array | None]
BLOCK, MANY_ROWS = 128, 512  # see `outputs`


def as_layers(layers: Sequence[LayerKind]) -> tuple[LayerKind, ...]:
    """At least one layer, as a tuple.

    Raises:
        TypeError: Not layers.
        ValueError: None.
    """
    if not checks.is_several(layers):
        raise ArgumentTypeError("layers", f"expected a sequence of layers, got {checks.shown(layers)}")
    layers = tuple(layers)
    if not layers:
        raise ArgumentError("layers", "expected at least one layer")
    for layer in layers:
        if not isinstance(layer, LayerKind):
            raise ArgumentTypeError("layers", f"expected layers of jfnn.layers, got {checks.shown(layer)}")
    return layers


def shapes(layers: Sequence[LayerKind], input_shape: Shape) -> list[Shape]:
    """Shapes of one sample from the input to the output: one more than there are layers."""
    of_layers = [input_shape]
    for layer in layers:
        of_layers.append(layer.output_shape(of_layers[-1]))
    return of_layers


def width(layers: Sequence[LayerKind], input_shape: Shape) -> int:
    """The most numbers that one of the layers holds for one sample as it computes."""
    inputs = shapes(layers, input_shape)[:-1]
    return max(layer.width(shape) for layer, shape in zip(layers, inputs, strict=True))


def init(layers: Sequence[LayerKind], input_shape: Shape, key: jax.Array) -> Params:
    """Starting parameters of every layer, in public form."""
    checks.check_key(key)
    keys = jax.random.split(key, len(layers))
    inputs = shapes(layers, input_shape)[:-1]
    return tuple(layer.init(*of_layer) for layer, *of_layer in zip(layers, keys, inputs, strict=True))


def rates(layers: Sequence[LayerKind], params: Params) -> Params:
    """What the learning rate is multiplied by, for each array of one member's parameters."""
    return tuple(layer.rates(of_layer) for layer, of_layer in zip(layers, params, strict=True))


def forward(
    layers: Sequence[LayerKind], packed: Params, x: jax.Array, masks: Masks | None = None
) -> tuple[jax.Array, list[Any]]:
    """Outputs in column form, and what each layer's pull-back needs.

    Args:
        layers: The layers.
        packed: Their parameters in column form.
        x: Inputs in rows, ``[batch, …]``.
        masks: For each layer what its outputs are multiplied by (`jfnn.dropout.dropout_masks`).
    """
    return forward_columns(layers, packed, columns(x), masks)


def columns(rows: jax.Array, members: Shape = ()) -> jax.Array:
    """Rows ``[batch, …]`` in column form ``[…, batch]``; with a last axis of members, this stays the last."""
    return jnp.moveaxis(rows, 0, -1 - len(members))


def forward_columns(
    layers: Sequence[LayerKind], packed: Params, a: jax.Array, masks: Masks | None = None
) -> tuple[jax.Array, list[Any]]:
    """The same from inputs in column form, ``a [*shape, batch]``."""
    kept = []
    for i, (layer, params) in enumerate(zip(layers, packed, strict=True)):
        a, kept_by_layer = layer.forward(params, a)
        mask = None if masks is None else masks[i]
        a = a if mask is None else a * mask
        kept.append(kept_by_layer)
    return a, kept


def outputs(layers: Sequence[LayerKind], packed: Params, x: jax.Array) -> jax.Array:
    """Outputs in column form of any number of rows, ``x [n, …] -> [n_out, n]``, keeping nothing.

    Many images or sequences are taken in blocks: what layers hold for all at once would not stay in a core's
    cache, and takes several times as long.
    """
    n = x.shape[0]
    if x.ndim == 2 or n < MANY_ROWS or n % BLOCK:
        return forward(layers, packed, x)[0]
    blocks = x.reshape(-1, BLOCK, *x.shape[1:])
    of_blocks = jax.lax.map(lambda block: forward(layers, packed, block)[0], blocks)
    of_rows = jnp.moveaxis(of_blocks, 0, -2)
    return of_rows.reshape(*of_rows.shape[:-2], n)


def pull_back(
    layers: Sequence[LayerKind],
    packed: Params,
    kept: Sequence[Any],
    d_outputs: jax.Array,
    masks: Masks | None = None,
) -> Params:
    """``∂C/∂parameters`` of every layer, from ``∂C/∂outputs``: the delta recursion, last layer first."""
    return pull_back_columns(layers, packed, kept, d_outputs, masks)[0]


def pull_back_columns(
    layers: Sequence[LayerKind],
    packed: Params,
    kept: Sequence[Any],
    d_outputs: jax.Array,
    masks: Masks | None = None,
) -> tuple[Params, jax.Array]:
    """The same, and ``∂C/∂inputs`` in column form."""
    gradients: list[Params] = []
    d_out = d_outputs
    for i in reversed(range(len(layers))):
        mask = None if masks is None else masks[i]
        d_out = d_out if mask is None else d_out * mask
        of_layer, d_out = layers[i].pull_back(packed[i], kept[i], d_out)
        gradients.insert(0, of_layer)
    return tuple(gradients), d_out


def pack(layers: Sequence[LayerKind], params: Params) -> Params:
    """Public parameters -> parameters of the column form."""
    return tuple(layer.pack(of_layer) for layer, of_layer in zip(layers, params, strict=True))


def unpack(layers: Sequence[LayerKind], packed: Params) -> Params:
    """The inverse of `pack`."""
    return tuple(layer.unpack(of_layer) for layer, of_layer in zip(layers, packed, strict=True))
