"""Backpropagation derived by hand (the notes, section 2). There is no automatic differentiation in here.

Forward, for l = 1..L with a_0 = x::

    z_l = a_{l-1} @ w_l + b_l        a_l = f_l(z_l)

Backward, with δ_l = ∂C/∂z_l ``[n, n_l]``::

    δ_L = ∂C/∂a_L ∘ f_L'(z_L)
    δ_l = (δ_{l+1} @ w_{l+1}ᵀ) ∘ f'(z_l)

Gradients::

    ∂C/∂w_l = a_{l-1}ᵀ @ δ_l + λ w_l
    ∂C/∂b_l = Σ_samples δ_l

With dropout each hidden a_l is multiplied by its mask m_l, entry by entry, and so is each δ_l of a hidden
layer. `jfnn.objective` differentiated by `jax.grad` must give the same, and the tests hold it to that.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jfnn import activations, checks, losses
from jfnn.activations import Activation
from jfnn.checks import ArgumentError, ArgumentTypeError
from jfnn.dropout import check_dropout, dropout_masks
from jfnn.layers import sequence, small
from jfnn.layers.dense import Layer, pre_activation
from jfnn.layers.kind import LayerKind, Params
from jfnn.layers.products import members_sum
from jfnn.layers.sequence import Masks
from jfnn.losses import Loss
from jfnn.network import as_params, check_output, mlp
from jfnn.targets import as_penalty, as_targets, as_weights


def forward(
    params: Sequence[Layer],
    x: jax.Array,
    activation: str | Activation = "sigmoid",
    output: str | Activation = "identity",
    masks: Masks | None = None,
) -> tuple[list[jax.Array], list[jax.Array]]:
    """The forward pass, keeping what the backward pass needs.

    Args:
        params: The layers' parameters.
        x: Inputs ``[n, n_in]``.
        activation: The hidden layers' activation.
        output: The output layer's activation.
        masks: Of dropout, one ``[n_l, n]`` or None for each layer (`jfnn.dropout.dropout_masks`).

    Returns:
        ``(zs, activations)``: the pre-activations ``[z_1, …, z_L]`` and the activations ``[a_0, …, a_L]``,
        with a_0 the inputs and a_L the outputs of the network.
    """
    f, f_output = activations.get(activation).f, activations.get(output, "output").f
    zs, layers_out = [], [x]
    for i, (layer, f_l) in enumerate(zip(params, [f] * (len(params) - 1) + [f_output], strict=True)):
        zs.append(pre_activation(layer, layers_out[-1]))
        a, mask = f_l(zs[-1]), None if masks is None else masks[i]
        layers_out.append(a if mask is None else a * mask.T)
    return zs, layers_out


def deltas(
    params: Sequence[Layer],
    zs: Sequence[jax.Array],
    delta_output: jax.Array,
    activation: str | Activation = "sigmoid",
    masks: Masks | None = None,
) -> list[jax.Array]:
    """The delta recursion, from the output layer down.

    Args:
        params: The layers' parameters.
        zs: The pre-activations ``[z_1, …, z_L]``, from `forward`.
        delta_output: ``δ_L [n, n_L]``.
        activation: The hidden layers' activation.
        masks: As in `forward`.

    Returns:
        ``[δ_1, …, δ_L]``, each shaped like its pre-activation.
    """
    df = activations.get(activation).df
    from_last = [delta_output]
    for i in reversed(range(len(params) - 1)):
        delta = jnp.matmul(from_last[0], params[i + 1].w.T, precision="highest") * df(zs[i])
        mask = None if masks is None else masks[i]
        from_last.insert(0, delta if mask is None else delta * mask.T)
    return from_last


def gradients(
    params: Sequence[Layer],
    layers_out: Sequence[jax.Array],
    all_deltas: Sequence[jax.Array],
    l2: jax.Array | float = 0.0,
) -> list[Layer]:
    """``∂C/∂w_l = a_{l-1}ᵀ @ δ_l + λ w_l`` and ``∂C/∂b_l = Σ_samples δ_l`` of every layer.

    Args:
        params: The layers' parameters.
        layers_out: The activations ``[a_0, …, a_L]``, from `forward`.
        all_deltas: ``[δ_1, …, δ_L]``, from `deltas`.
        l2: λ.
    """
    return [
        Layer(w=jnp.matmul(a.T, delta, precision="highest") + l2 * layer.w, b=jnp.sum(delta, axis=0))
        for layer, a, delta in zip(params, layers_out[:-1], all_deltas, strict=True)
    ]


def value_and_grad(
    params: Sequence[Layer],
    x: Any,
    y: Any,
    *,
    activation: str | Activation = "sigmoid",
    output: str | Activation = "identity",
    loss: str | Loss = "cross_entropy",
    l2: jax.Array | float = 0.0,
    reduction: str = "sum",
    weights: Any = None,
    dropout: jax.Array | float = 0.0,
    key: jax.Array | None = None,
) -> tuple[jax.Array, tuple[Layer, ...]]:
    """The objective and its gradient, by the delta recursion.

    Equal to ``jax.value_and_grad`` of `jfnn.objective` up to rounding. Works under `jax.jit` and `jax.vmap`.

    Args:
        params: A tuple of `Layer`.
        x: Inputs ``[n, n_in]``.
        y: Integer labels ``[n]`` or float targets ``[n, n_out]``.
        activation: The hidden layers' activation.
        output: The output layer's activation; the identity for a cross-entropy, which takes logits.
        loss: A name in `jfnn.losses.LOSSES`, or a `Loss`.
        l2: λ, the strength of the penalty λ/2 Σ w².
        reduction: "sum" or "mean"; see `jfnn.objective`.
        weights: Optional sample weights ``[n]``: each sample's cost counts that often.
        dropout: The probability to drop a hidden unit for a sample, in [0, 1).
        key: A random key for dropout; None for none.

    Returns:
        ``(value, gradients)``, the gradients a tuple of `Layer` shaped like ``params``.

    Raises:
        ValueError, TypeError: An unknown name, or shapes that do not fit.
    """
    loss = losses.get(loss)
    if not isinstance(params, Sequence) or not params or not all(isinstance(p, Layer) for p in params):
        raise ArgumentTypeError("params", "expected a sequence of jfnn.Layer(w, b), at least one")
    params = jax.tree.map(lambda leaf: checks.as_array(leaf, "params"), tuple(params))
    if any(layer.w.ndim != 2 or layer.b.ndim != 1 for layer in params):
        raise ArgumentError("params", "expected a matrix w and a vector b of each layer")
    sizes = [params[0].w.shape[0], *(len(layer.b) for layer in params)]
    network = mlp(sizes, activation, output)
    check_output(network, loss)
    checks.as_choice(reduction, "reduction", losses.REDUCTIONS)
    l2 = as_penalty(l2)
    params = as_params(network, params)
    x = checks.as_inputs(x, shape=network.input_shape)
    weights = as_weights(weights, len(x))

    masks = None
    if check_dropout(dropout, key) and key is not None:
        widths = [(size,) for size in sizes[1:-1]]
        masks = dropout_masks(key, dropout, [*widths, None], x.shape[0], params[0].w.dtype)
    zs, layers_out = forward(params, x, activation, output, masks)
    outputs = layers_out[-1]
    targets = as_targets(y, outputs.shape, loss, outputs.dtype)
    value = losses.reduce_costs(
        loss.cost(outputs, targets), l2 * losses.l2_penalty(params), reduction, weights
    )

    delta_output = loss.delta(outputs, targets) * activations.get(output).df(zs[-1])
    if weights is not None:
        delta_output = weights[:, None] * delta_output
    of_layers = gradients(params, layers_out, deltas(params, zs, delta_output, activation, masks), l2)
    scale = losses.reduction_scale(x.shape[0], reduction, weights)
    return value, tuple(Layer(scale * layer.w, scale * layer.b) for layer in of_layers)


def sequence_value_and_grad(
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
    """The objective and its gradient over any sequence of layers, by their pull-backs, in column form.

    All arrays may have a further, last axis of members, where the layers take it (`LayerKind.takes_members`).

    Args:
        layers: The layers.
        loss: The loss.
        reduction: "sum" or "mean".
        packed: The layers' parameters in column form.
        x: Inputs in rows ``[batch, …]``.
        targets: Targets in rows ``[batch, n_out]``.
        l2: λ of the network, or ``[members]``, which says that there are members.
        weights: Optional sample weights ``[batch]``.
        masks: Of dropout (`jfnn.dropout.dropout_masks`).

    Returns:
        ``(value, gradients)``, a scalar or ``[members]``, and gradients shaped like ``packed``.
    """
    of_members = jnp.shape(l2)
    each = small.each_member(of_members)
    outputs, kept = sequence.forward_columns(layers, packed, sequence.columns(x, of_members), masks)
    targets = sequence.columns(targets, of_members)
    value = sequence_objective(loss.cost(outputs, targets, axis=0), packed, l2, reduction, weights)
    d_outputs = loss.delta(outputs, targets, axis=0)
    d_outputs = d_outputs if weights is None else d_outputs * weights
    gradients = sequence.pull_back(layers, packed, kept, d_outputs, masks)
    scale = jnp.broadcast_to(losses.reduction_scale(x.shape[0], reduction, weights), of_members)

    def with_penalty(gradients: Params, packed: Params, l2: jax.Array, scale: jax.Array) -> Params:
        def of_leaf(gradient: jax.Array, leaf: jax.Array) -> jax.Array:
            return scale * (gradient + l2 * leaf if losses.is_weight(leaf) else gradient)

        return jax.tree.map(of_leaf, gradients, packed)

    return value, each(with_penalty)(gradients, packed, l2, scale)


def sequence_objective(
    costs: jax.Array, packed: Params, l2: jax.Array | float, reduction: str, weights: jax.Array | None
) -> jax.Array:
    """The objective from ``costs [batch]``, or those of all members from ``costs [batch, members]``.

    `losses.reduce_costs` says what it is; the other arguments are those of `sequence_value_and_grad`.
    """
    if not jnp.shape(l2):
        return losses.reduce_costs(costs, l2 * losses.l2_penalty(packed), reduction, weights)
    costs = costs if weights is None else weights * costs
    squares = [members_sum(leaf**2) for leaf in jax.tree.leaves(packed) if leaf.ndim > 2]
    penalties = 0.5 * l2 * sum(squares)
    return (members_sum(costs) + penalties) * losses.reduction_scale(costs.shape[0], reduction, weights)
