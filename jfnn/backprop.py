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

import jax.numpy as jnp

from jfnn import activations, checks, losses
from jfnn.network import Layer, Params, check_dropout, check_output, dropout_masks, pre_activation


def forward(params: Params, x, activation="sigmoid", output="identity", masks: Sequence | None = None):
    """The forward pass, keeping what the backward pass needs.

    Args:
        params: The layers.
        x: Inputs ``[n, n_in]``.
        activation: The hidden layers' activation.
        output: The output layer's activation.
        masks: Of dropout, one ``[n_l, n]`` for each hidden layer (`jfnn.network.dropout_masks`).

    Returns:
        ``(zs, activations)``: the pre-activations ``[z_1, …, z_L]`` and the activations ``[a_0, …, a_L]``,
        with a_0 the inputs and a_L the outputs of the network.
    """
    f, f_output = activations.get(activation).f, activations.get(output, "output").f
    zs, layers_out = [], [x]
    for i, (layer, f_l) in enumerate(zip(params, [f] * (len(params) - 1) + [f_output], strict=True)):
        zs.append(pre_activation(layer, layers_out[-1]))
        a = f_l(zs[-1])
        layers_out.append(a * masks[i].T if masks is not None and i < len(masks) else a)
    return zs, layers_out


def deltas(params: Params, zs, delta_output, activation="sigmoid", masks: Sequence | None = None):
    """The delta recursion, from the output layer down.

    Args:
        params: The layers.
        zs: The pre-activations ``[z_1, …, z_L]``, from `forward`.
        delta_output: ``δ_L [n, n_L]``.
        activation: The hidden layers' activation.
        masks: As in `forward`.

    Returns:
        ``[δ_1, …, δ_L]``, each shaped like its pre-activation.
    """
    df = activations.get(activation).df
    found = [delta_output]
    for i in reversed(range(len(params) - 1)):
        delta = jnp.matmul(found[0], params[i + 1].w.T, precision="highest") * df(zs[i])
        found.insert(0, delta if masks is None else delta * masks[i].T)
    return found


def value_and_grad(
    params: Params,
    x,
    y,
    *,
    activation="sigmoid",
    output="identity",
    loss="cross_entropy",
    l2=0.0,
    reduction="sum",
    weights=None,
    dropout=0.0,
    key=None,
):
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
    activation, output = activations.get(activation), activations.get(output, "output")
    check_output(output, loss)
    checks.as_choice(reduction, "reduction", losses.REDUCTIONS)
    x = checks.as_inputs(x, features=params[0].w.shape[0])
    weights = checks.as_weights(weights, len(x))

    masks = None
    if check_dropout(dropout, key):
        widths = [layer.b.shape[-1] for layer in params[:-1]]
        masks = dropout_masks(key, dropout, widths, x.shape[0], params[0].w.dtype)
    zs, layers_out = forward(params, x, activation, output, masks)
    outputs = layers_out[-1]
    targets = checks.as_targets(y, outputs.shape, loss, outputs.dtype)
    value = losses.reduce_costs(
        loss.cost(outputs, targets), l2 * losses.l2_penalty(params), reduction, weights
    )

    delta_output = loss.delta(outputs, targets) * output.df(zs[-1])
    if weights is not None:
        delta_output = weights[:, None] * delta_output
    scale = losses.reduction_scale(x.shape[0], reduction, weights)
    gradients = tuple(
        Layer(
            w=scale * (jnp.matmul(a.T, delta, precision="highest") + l2 * layer.w),
            b=scale * jnp.sum(delta, axis=0),
        )
        for layer, a, delta in zip(
            params, layers_out[:-1], deltas(params, zs, delta_output, activation, masks), strict=True
        )
    )
    return value, gradients
