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
from jfnn.layers.dropout import dropout_masks, dropout_shapes
from jfnn.layers.kind import LayerKind, Shape
from jfnn.layers.products import members_sum
from jfnn.layers.sequence import Masks
from jfnn.learners.data import Batch
from jfnn.losses import Loss
from jfnn.params import Params, with_constants, without_constants
from jfnn.penalties import Strengths, penalty, with_penalty


def gradient_by_hand(
    layers: Sequence[LayerKind],
    loss: Loss,
    reduction: str,
    packed: Params,
    x: jax.Array,
    targets: jax.Array,
    *,
    l2: jax.Array | float,
    l1: jax.Array | float | None = None,
    penalised: str = "weights",
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
        l1: The strength of L1, likewise; None for none.
        penalised: "weights" or "all"; see `jfnn.penalties`.
        weights: Optional sample weights ``[batch]``.
        masks: Of dropout, from `draw_masks`.

    Returns:
        ``(value, gradients)``, a scalar or ``[members]``, and gradients shaped like ``packed`` without its
        constants.
    """
    members = jnp.shape(l2)
    strengths = strengths_of(l2, l1)
    outputs, residuals = sequence.forward(layers, packed, sequence.columns(x, members), masks)
    targets = sequence.columns(targets, members)
    value = objective(loss.cost(outputs, targets, axis=0), packed, strengths, penalised, reduction, weights)
    d_outputs = loss.delta(outputs, targets, axis=0)
    d_outputs = d_outputs if weights is None else d_outputs * weights
    gradients, _ = sequence.pull_back(layers, packed, residuals, d_outputs, masks)
    scale = jnp.broadcast_to(losses.reduction_scale(x.shape[0], reduction, weights), members)

    def whole(gradients: Params, packed: Params, strengths: Strengths, scale: jax.Array) -> Params:
        added = with_penalty(gradients, packed, strengths, penalised)
        return jax.tree.map(lambda gradient: scale * gradient, added)

    gradients, trained = map(without_constants, (gradients, packed))
    return value, small.each_member(members)(whole)(gradients, trained, strengths, scale)


def gradient_by_jax(
    layers: Sequence[LayerKind],
    loss: Loss,
    reduction: str,
    packed: Params,
    x: jax.Array,
    targets: jax.Array,
    *,
    l2: jax.Array | float,
    l1: jax.Array | float | None = None,
    penalised: str = "weights",
    weights: jax.Array | None = None,
    masks: Masks | None = None,
) -> tuple[jax.Array, Params]:
    """The same as `gradient_by_hand`, by `jax.value_and_grad`."""
    strengths = strengths_of(l2, l1)
    columns, targets = (sequence.columns(rows, jnp.shape(l2)) for rows in (x, targets))

    def total(trained: Params) -> tuple[jax.Array, jax.Array]:
        outputs, _ = sequence.forward(layers, with_constants(trained, packed), columns, masks)
        values = objective(
            loss.cost(outputs, targets, axis=0), trained, strengths, penalised, reduction, weights
        )
        # No member's objective depends on another's parameters, so that their sum has all gradients.
        return jnp.sum(values), values

    (_, values), gradients = jax.value_and_grad(total, has_aux=True)(without_constants(packed))
    return values, gradients


def strengths_of(l2: jax.Array | float, l1: jax.Array | float | None) -> Strengths:
    """Strengths of the penalties that there are, by name."""
    return {"l2": l2} if l1 is None else {"l2": l2, "l1": l1}


def objective(
    costs: jax.Array,
    packed: Params,
    strengths: Strengths,
    penalised: str,
    reduction: str,
    weights: jax.Array | None,
) -> jax.Array:
    """`jfnn.losses.reduce_costs` of ``costs [batch]``, or for all members of ``costs [batch, members]``."""
    members = jnp.ndim(strengths["l2"])
    penalties = penalty(packed, strengths, penalised, members)
    if not members:
        return losses.reduce_costs(costs, penalties, reduction, weights)
    costs = losses.weighted(costs, weights)
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
