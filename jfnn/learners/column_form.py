"""A network of layers in the engine's column form: its gradient by `jax.grad`, and the masks of dropout."""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp

from jfnn import backprop
from jfnn.dropout import dropout_masks, dropout_shapes
from jfnn.layers import sequence
from jfnn.layers.kind import LayerKind, Params, Shape
from jfnn.layers.sequence import Masks
from jfnn.learners.data import Batch
from jfnn.losses import Loss


def value_and_grad(
    layers: Sequence[LayerKind],
    loss: Loss,
    reduction: str,
    packed: Params,
    x: jax.Array,
    targets: jax.Array,
    *,
    l2: jax.Array | float,
    weights: jax.Array | None = None,
    masks: Masks | None = None,
) -> tuple[jax.Array, Params]:
    """The objective and its gradient: what `jfnn.backprop.sequence_value_and_grad` derives by hand."""
    columns, targets = (sequence.columns(rows, jnp.shape(l2)) for rows in (x, targets))

    def objectives(packed: Params) -> tuple[jax.Array, jax.Array]:
        outputs, _ = sequence.forward_columns(layers, packed, columns, masks)
        costs = loss.cost(outputs, targets, axis=0)
        values = backprop.sequence_objective(costs, packed, l2, reduction, weights)
        # No member's objective depends on another's parameters, so that their sum has all gradients.
        return jnp.sum(values), values

    (_, values), gradients = jax.value_and_grad(objectives, has_aux=True)(packed)
    return values, gradients


def masks(
    layers: Sequence[LayerKind],
    input_shape: Shape,
    batch: Batch,
    hyper: Mapping[str, jax.Array],
    key: jax.Array | None,
) -> Masks | None:
    """What hidden outputs are multiplied by, from the key of a step; None without one.

    Args:
        layers: The layers.
        input_shape: Shape of one row.
        batch: The minibatch, whose length and dtype the masks take.
        hyper: With "dropout", the rate of one member or of all ``[members]``.
        key: A random key, that of all members or each one's ``[members]``; or None.
    """
    if key is None:
        return None
    x, rate = batch.rows[0], hyper["dropout"]
    drops = dropout_shapes(layers, input_shape)

    def drawn(key: jax.Array, rate: jax.Array) -> Masks:
        return dropout_masks(key, rate, drops, x.shape[0], x.dtype)

    if not jnp.shape(rate):
        return drawn(key, rate)
    drawn_by_each: Masks = jax.vmap(drawn, (0 if key.ndim else None, 0), -1)(key, rate)
    return drawn_by_each
