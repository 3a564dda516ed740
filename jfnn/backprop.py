"""Backpropagation derived by hand (the notes, section 2), without automatic differentiation.

Forward pass, for l = 1..L with a_0 = x::

    z_l = a_{l-1} @ w_l + b_l        a_l = f_l(z_l)

Backward pass, with δ_l = ∂C/∂z_l ``[n, n_l]``::

    δ_L = ∂C/∂a_L ∘ f_L'(z_L)
    δ_l = (δ_{l+1} @ w_{l+1}ᵀ) ∘ f'(z_l)

Gradients::

    ∂C/∂w_l = a_{l-1}ᵀ @ δ_l + λ w_l + λ_1 sign(w_l)
    ∂C/∂b_l = Σ_samples δ_l

With dropout, a_l and δ_l of each hidden layer are multiplied elementwise by its mask m_l. The tests compare
these gradients with `jax.grad` of `jfnn.objective`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from numpy.typing import ArrayLike

from jfnn import activations, losses
from jfnn.activations import Activation
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.layers.dense import Layer, pre_activation
from jfnn.layers.dropout import check_dropout, dropout_masks
from jfnn.layers.sequence import Masks
from jfnn.losses import Loss
from jfnn.network import Network, as_params, check_output, mlp
from jfnn.penalties import as_penalty
from jfnn.targets import as_targets, as_weights

__all__ = [
    "deltas",
    "forward",
    "gradients",
    "value_and_grad",
]
__dir__ = __all__.copy


def forward(
    params: Sequence[Layer],
    x: jax.Array,
    activation: str | Activation = "relu",
    output: str | Activation = "identity",
    masks: Masks | None = None,
) -> tuple[list[jax.Array], list[jax.Array]]:
    """Run the forward pass and keep what the backward pass needs.

    Args:
        params: One `Layer` per layer.
        x: Inputs ``[n, n_in]``.
        activation: The hidden layers' activation.
        output: The output layer's activation.
        masks: Dropout masks, ``[n_l, n]`` or None for each layer.

    Returns:
        ``(zs, activations)``: the pre-activations ``[z_1, …, z_L]`` and the activations ``[a_0, …, a_L]``,
        with a_0 the inputs and a_L the outputs of the network.
    """
    f = activations.get(activation).f
    f_output = activations.get(output, "output").f
    zs = []
    layers_out = [x]
    for i, (layer, f_l) in enumerate(zip(params, [f] * (len(params) - 1) + [f_output], strict=True)):
        zs.append(pre_activation(layer, layers_out[-1]))
        a = f_l(zs[-1])
        mask = None if masks is None else masks[i]
        layers_out.append(a if mask is None else a * mask.T)
    return zs, layers_out


def deltas(
    params: Sequence[Layer],
    zs: Sequence[jax.Array],
    delta_output: jax.Array,
    activation: str | Activation = "relu",
    masks: Masks | None = None,
) -> list[jax.Array]:
    """Run the delta recursion from the output layer back to the first.

    Args:
        params: One `Layer` per layer.
        zs: The pre-activations ``[z_1, …, z_L]``, from `forward`.
        delta_output: ``δ_L [n, n_L]``.
        activation: The hidden layers' activation.
        masks: Dropout masks, as in `forward`.

    Returns:
        ``[δ_1, …, δ_L]``, each shaped like its pre-activation.
    """
    df = activations.get(activation).df
    all_deltas = [delta_output]
    for i in reversed(range(len(params) - 1)):
        delta = jnp.matmul(all_deltas[0], params[i + 1].w.T, precision="highest") * df(zs[i])
        mask = None if masks is None else masks[i]
        all_deltas.insert(0, delta if mask is None else delta * mask.T)
    return all_deltas


def gradients(
    params: Sequence[Layer],
    layers_out: Sequence[jax.Array],
    all_deltas: Sequence[jax.Array],
    l2: jax.Array | float = 0.0,
    l1: jax.Array | float = 0.0,
    penalized: str = "weights",
) -> list[Layer]:
    """Return ``∂C/∂w_l = a_{l-1}ᵀ @ δ_l + λ w_l + λ_1 sign(w_l)`` and ``∂C/∂b_l = Σ_samples δ_l`` for each l.

    Args:
        params: One `Layer` per layer.
        layers_out: The activations ``[a_0, …, a_L]``, from `forward`.
        all_deltas: ``[δ_1, …, δ_L]``, from `deltas`.
        l2: λ, the strength of L2.
        l1: λ_1, the strength of L1.
        penalized: "weights", or "all" to add λ b_l + λ_1 sign(b_l) to the gradients of the biases.
    """
    l2 = as_penalty(l2)
    l1 = as_penalty(l1, "l1")
    layers = []
    for layer, a, delta in zip(params, layers_out[:-1], all_deltas, strict=True):
        w = jnp.matmul(a.T, delta, precision="highest") + l2 * layer.w + l1 * jnp.sign(layer.w)
        b = jnp.sum(delta, axis=0)
        if penalized == "all":
            b = b + l2 * layer.b + l1 * jnp.sign(layer.b)
        layers.append(Layer(w, b))
    return layers


def value_and_grad(
    params: Sequence[Layer],
    x: Any,
    y: ArrayLike,
    *,
    activation: str | Activation = "relu",
    output: str | Activation = "identity",
    loss: str | Loss = "cross_entropy",
    l2: jax.Array | float = 0.0,
    reduction: str = "mean",
    weights: Any = None,
    dropout: jax.Array | float = 0.0,
    key: jax.Array | None = None,
    l1: jax.Array | float = 0.0,
    penalized: str = "weights",
) -> tuple[jax.Array, tuple[Layer, ...]]:
    """Return the objective and its gradient, by the delta recursion.

    The result equals ``jax.value_and_grad`` of `jfnn.objective` up to rounding. Works under `jax.jit` and
    `jax.vmap`.

    Args:
        params: A tuple of `Layer`.
        x: Inputs ``[n, n_in]``.
        y: Integer labels ``[n]`` or float targets ``[n, n_out]``.
        activation: The hidden layers' activation.
        output: The output layer's activation; "identity" for a cross-entropy, which takes logits.
        loss: A name in `jfnn.losses.LOSSES`, or a `Loss`.
        l2: λ, the strength of the penalty λ/2 Σ w².
        reduction: "sum" or "mean"; see `jfnn.objective`.
        weights: Optional sample weights ``[n]``: each sample's cost is multiplied by its weight.
        dropout: The probability of dropping a hidden unit for a sample, in [0, 1).
        key: A random key for dropout; None switches dropout off.
        l1: λ_1, the strength of the penalty ``λ_1 Σ |w|``.
        penalized: "weights" or "all"; see `jfnn.objective`.

    Returns:
        ``(value, gradients)``; the gradients are a tuple of `Layer` shaped like ``params``.

    Raises:
        ValueError, TypeError: An unknown name, or shapes that do not fit.
    """
    objective = losses.as_objective(loss, reduction, l2, l1, penalized)
    network, params = _as_network(params, activation, output)
    check_output(network, objective.loss)
    x = checks.as_inputs(x, shape=network.input_shape)
    weights = as_weights(weights, len(x))
    x = losses.counted_rows(x, weights)

    masks = None
    if check_dropout(dropout, key) and key is not None:
        shapes = [layer.b.shape for layer in params[:-1]]
        masks = dropout_masks(key, dropout, [*shapes, None], x.shape[0], params[0].w.dtype)
    zs, layers_out = forward(params, x, activation, output, masks)
    outputs = layers_out[-1]
    targets = losses.counted_rows(as_targets(y, outputs.shape, objective.loss, outputs.dtype), weights)
    value = objective.value(outputs, targets, params, weights)

    delta_output = objective.loss.delta(outputs, targets) * activations.get(output).df(zs[-1])
    if weights is not None:
        delta_output = weights[:, None] * delta_output
    all_deltas = deltas(params, zs, delta_output, activation, masks)
    scale = objective.scale(x.shape[0], weights)
    layers = gradients(params, layers_out, all_deltas, l2, l1, penalized)
    return value, tuple(Layer(scale * layer.w, scale * layer.b) for layer in layers)


def _as_network(
    params: Any, activation: str | Activation, output: str | Activation
) -> tuple[Network, tuple[Layer, ...]]:
    """Return the network with these parameters, and the parameters as checked arrays."""
    if not isinstance(params, Sequence) or not params or not all(isinstance(p, Layer) for p in params):
        raise ArgumentTypeError("params", "expected a sequence of jfnn.Layer(w, b), at least one")
    params = jax.tree.map(lambda leaf: checks.as_array(leaf, "params"), tuple(params))
    if any(layer.w.ndim != 2 or layer.b.ndim != 1 for layer in params):
        raise ArgumentError("params", "expected a matrix w and a vector b in each layer")
    network = mlp([params[0].w.shape[0], *(len(layer.b) for layer in params)], activation, output)
    return network, as_params(network, params)
