"""The objective of a sequence of layers in column form, and its gradient, derived by hand or by JAX.

Both gradients use the same pull-backs of products, convolutions, pooling and recurrence, which `jfnn.layers`
registers with JAX; only the derivatives of losses, activations and the penalty differ. To find a wrong
pull-back, compare with central differences, plain loops or `jfnn.backprop` (in row form).

All arrays may have a last axis of members, if the layers support it (`LayerKind.takes_members`).
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp

from jfnn.layers import sequence, small
from jfnn.layers.kind import LayerKind, Shape
from jfnn.layers.sequence import Masks, dropout_masks, dropout_shapes
from jfnn.learners.data import Batch
from jfnn.losses import Objective
from jfnn.numerics.barriers import computed_once
from jfnn.params import Params, with_constants, without_constants
from jfnn.penalties import Strengths, with_penalty

# Number of images or sequences per block, if there are at least `MANY_ROWS`. Larger blocks do not fit into a
# core's cache, smaller ones take more loop iterations, and a loop does not pay off for fewer rows. Other
# values slow scoring down; benchmark with the workload cnn of scripts/bench.py.
BLOCK = 128
MANY_ROWS = 512


def gradient_by_hand(
    layers: Sequence[LayerKind],
    objective: Objective,
    packed: Params,
    x: jax.Array,
    targets: jax.Array,
    weights: jax.Array | None = None,
    masks: Masks | None = None,
) -> tuple[jax.Array, Params]:
    """Return the objective and its gradient by the delta recursion.

    Inputs ``x [batch, …]`` and targets ``[batch, n_out]`` are in row form, ``packed`` is in column form;
    dropout masks come from `draw_masks`. The objective's strengths are scalars, or ``[members]``.

    Returns:
        ``(value, gradients)``: a scalar or ``[members]``, and gradients shaped like ``packed`` without its
        constants.
    """
    members = jnp.shape(objective.strengths["l2"])
    outputs, residuals = sequence.forward(layers, packed, sequence.columns(x, members), masks)
    outputs = _without_recomputing(outputs) if members else outputs
    targets = sequence.columns(targets, members)
    value = objective.value(outputs, targets, packed, weights, axis=0)
    d_outputs = objective.loss.derivative(outputs, targets, axis=0)
    d_outputs = d_outputs if weights is None else d_outputs * weights
    gradients, _ = sequence.pull_back(layers, packed, residuals, d_outputs, masks)
    scale = jnp.broadcast_to(objective.scale(x.shape[0], weights), members)

    def add_penalty(gradients: Params, packed: Params, strengths: Strengths, scale: jax.Array) -> Params:
        added = with_penalty(gradients, packed, strengths, objective.penalized)
        return jax.tree.map(lambda gradient: scale * gradient, added)

    gradients, trained = map(without_constants, (gradients, packed))
    return value, small.each_member(members)(add_penalty)(gradients, trained, objective.strengths, scale)


def gradient_by_jax(
    layers: Sequence[LayerKind],
    objective: Objective,
    packed: Params,
    x: jax.Array,
    targets: jax.Array,
    weights: jax.Array | None = None,
    masks: Masks | None = None,
) -> tuple[jax.Array, Params]:
    """Return the same as `gradient_by_hand`, by `jax.value_and_grad`."""
    members = jnp.shape(objective.strengths["l2"])
    columns, targets = (sequence.columns(rows, members) for rows in (x, targets))

    def total(trained: Params) -> tuple[jax.Array, jax.Array]:
        outputs, _ = sequence.forward(layers, with_constants(trained, packed), columns, masks)
        outputs = _without_recomputing(outputs) if members else outputs
        values = objective.value(outputs, targets, trained, weights, axis=0)
        # No member's objective depends on another's parameters, so the sum's gradient contains all gradients.
        return jnp.sum(values), values

    (_, values), gradients = jax.value_and_grad(total, has_aux=True)(without_constants(packed))
    return values, gradients


def _without_recomputing(outputs: jax.Array) -> jax.Array:
    """Return a network's outputs behind a barrier.

    With many small networks, XLA would otherwise compute their sums again in every kernel of the loss that
    reads them (workload wine of scripts/bench.py). A barrier behind hidden layers does not pay: it costs the
    workload xor a twentieth.
    """
    return computed_once(outputs)


def draw_masks(
    layers: Sequence[LayerKind],
    input_shape: Shape,
    batch: Batch,
    hyper: Mapping[str, jax.Array],
    key: jax.Array | None,
) -> Masks | None:
    """Return a step's dropout masks for one member, or for all members on the last axis; None without a key.

    The rate ``hyper["dropout"]`` is a scalar or ``[members]``; members share a key or have one each.
    """
    if key is None:
        return None
    x = batch.rows[0]
    rate = jnp.asarray(hyper["dropout"])
    drops = dropout_shapes(layers, input_shape)

    def draw(key: jax.Array, rate: jax.Array) -> Masks:
        return dropout_masks(key, rate, drops, x.shape[0], rate.dtype)

    if not jnp.shape(rate):
        return draw(key, rate)
    masks: Masks = jax.vmap(draw, (0 if key.ndim else None, 0), -1)(key, rate)
    return masks


def outputs(layers: Sequence[LayerKind], packed: Params, x: jax.Array) -> jax.Array:
    """Return the outputs of rows in column form, ``x [n, …] -> [n_out, n]``, without residuals.

    Many images or sequences are processed in blocks: the arrays of all rows at once would not fit into a
    core's cache, and computing them would take several times as long.
    """
    n = x.shape[0]
    if x.ndim == 2 or n < MANY_ROWS or n % BLOCK:
        return sequence.forward(layers, packed, sequence.columns(x))[0]
    blocks = x.reshape(-1, BLOCK, *x.shape[1:])
    mapped = jax.lax.map(lambda block: sequence.forward(layers, packed, sequence.columns(block))[0], blocks)
    joined = jnp.moveaxis(mapped, 0, -2)
    return joined.reshape(*joined.shape[:-2], n)
