"""The objective of a sequence of layers and its gradient in the engine's column form, by hand and by JAX.

Both gradients take the same pull-backs of products, convolutions, pooling and recurrence, which `jfnn.layers`
registers with JAX; they differ in the derivatives of losses, activations and the penalty. Neither is evidence
for the other there: central differences and plain loops are, and `jfnn.backprop`, in rows.

All arrays may have a further, last axis of members, where the layers take it (`LayerKind.takes_members`).
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp

from jfnn import losses
from jfnn.layers import sequence, small
from jfnn.layers.constant import with_constants, without_constants
from jfnn.layers.dropout import dropout_masks, dropout_shapes
from jfnn.layers.kind import LayerKind, Params, Shape, is_weight
from jfnn.layers.products import members_sum
from jfnn.layers.sequence import Masks
from jfnn.learners.data import Batch
from jfnn.losses import Loss


def gradient_by_hand(
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
    """The objective and its gradient by the delta recursion.

    Args:
        layers: The layers.
        loss: The loss.
        reduction: "sum" or "mean".
        packed: The layers' parameters in column form.
        x: Inputs in rows ``[batch, …]``.
        targets: Targets in rows ``[batch, n_out]``.
        l2: λ of the network, or with an axis of members ``[members]``.
        weights: Optional sample weights ``[batch]``.
        masks: Of dropout, from `draw_masks`.

    Returns:
        ``(value, gradients)``, a scalar or ``[members]``, and gradients shaped like ``packed`` without its
        constants.
    """
    members = jnp.shape(l2)
    outputs, residuals = sequence.forward(layers, packed, sequence.columns(x, members), masks)
    targets = sequence.columns(targets, members)
    value = objective(loss.cost(outputs, targets, axis=0), packed, l2, reduction, weights)
    d_outputs = loss.delta(outputs, targets, axis=0)
    d_outputs = d_outputs if weights is None else d_outputs * weights
    gradients, _ = sequence.pull_back(layers, packed, residuals, d_outputs, masks)
    scale = jnp.broadcast_to(losses.reduction_scale(x.shape[0], reduction, weights), members)

    def with_penalty(gradients: Params, packed: Params, l2: jax.Array, scale: jax.Array) -> Params:
        def add(gradient: jax.Array, leaf: jax.Array) -> jax.Array:
            return scale * (gradient + l2 * leaf if is_weight(leaf) else gradient)

        return jax.tree.map(add, gradients, packed)

    gradients, trained = map(without_constants, (gradients, packed))
    return value, small.each_member(members)(with_penalty)(gradients, trained, l2, scale)


def gradient_by_jax(
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
    """The same as `gradient_by_hand`, by `jax.value_and_grad`."""
    columns, targets = (sequence.columns(rows, jnp.shape(l2)) for rows in (x, targets))

    def total(trained: Params) -> tuple[jax.Array, jax.Array]:
        outputs, _ = sequence.forward(layers, with_constants(trained, packed), columns, masks)
        values = objective(loss.cost(outputs, targets, axis=0), trained, l2, reduction, weights)
        # No member's objective depends on another's parameters, so that their sum has all gradients.
        return jnp.sum(values), values

    (_, values), gradients = jax.value_and_grad(total, has_aux=True)(without_constants(packed))
    return values, gradients


def objective(
    costs: jax.Array, packed: Params, l2: jax.Array | float, reduction: str, weights: jax.Array | None
) -> jax.Array:
    """`jfnn.losses.reduce_costs` of ``costs [batch]``, or for all members of ``costs [batch, members]``."""
    if not jnp.shape(l2):
        return losses.reduce_costs(costs, l2 * losses.l2_penalty(packed), reduction, weights)
    costs = losses.weighted(costs, weights)
    trained = jax.tree.leaves(without_constants(packed))
    squares = [members_sum(leaf**2) for leaf in trained if is_weight(leaf, members=1)]
    penalties = 0.5 * l2 * sum(squares)
    return (members_sum(costs) + penalties) * losses.reduction_scale(costs.shape[0], reduction, weights)


def draw_masks(
    layers: Sequence[LayerKind],
    input_shape: Shape,
    batch: Batch,
    hyper: Mapping[str, jax.Array],
    key: jax.Array | None,
) -> Masks | None:
    """Dropout masks of a step, for one member or all, on the last axis; None without a key.

    The rate is ``hyper["dropout"]``, that of one member or of all ``[members]``; members may have one key or
    one each ``[members]``.
    """
    if key is None:
        return None
    x = batch.rows[0]
    rate = jnp.asarray(hyper["dropout"])
    drops = dropout_shapes(layers, input_shape)

    def drawn(key: jax.Array, rate: jax.Array) -> Masks:
        return dropout_masks(key, rate, drops, x.shape[0], rate.dtype)

    if not jnp.shape(rate):
        return drawn(key, rate)
    drawn_by_each: Masks = jax.vmap(drawn, (0 if key.ndim else None, 0), -1)(key, rate)
    return drawn_by_each
