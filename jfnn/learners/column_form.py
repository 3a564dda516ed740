"""A network of layers in the engine's column form: its gradient by `jax.grad`, and the masks of dropout."""

import functools
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp

from jfnn import backprop
from jfnn.dropout import dropout_masks, dropout_shapes
from jfnn.layers import sequence, small
from jfnn.layers.kind import LayerKind, Params
from jfnn.layers.sequence import Masks
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
    layers: Sequence[LayerKind], x: jax.Array, hyper: Mapping[str, jax.Array], key: jax.Array | None
) -> Masks | None:
    """What hidden outputs are multiplied by, from the key of a step; None without one.

    Args:
        layers: The layers.
        x: Inputs in rows ``[batch, …]``.
        hyper: With "dropout", the rate of one member or of all ``[members]``, who drop by the same numbers.
        key: A random key, or None.
    """
    if key is None:
        return None
    drops = dropout_shapes(layers, x.shape[1:])
    of_rate = functools.partial(dropout_masks, key, of_layers=drops, n=x.shape[0], dtype=x.dtype)
    of_members: Masks = small.each_member(jnp.shape(hyper["dropout"]))(of_rate)(hyper["dropout"])
    return of_members
