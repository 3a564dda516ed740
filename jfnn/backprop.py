"""Backpropagation derived by hand, as in the lecture notes, without automatic differentiation.

Forward pass, for l = 1..L with a_0 = x::

    z_l = a_{l-1} @ w_l + b_l        a_l = f_l(z_l)

Backward pass, with the cost C, a sum over samples, and δ_l = ∂C/∂z_l ``[n, n_l]``::

    δ_L = ∂C/∂a_L ∘ f_L'(z_L)
    δ_l = (δ_{l+1} @ w_{l+1}ᵀ) ∘ f_l'(z_l)

Gradients of the cost plus the penalties, of strengths λ (L2) and μ (L1)::

    a_{l-1}ᵀ @ δ_l + λ w_l + μ sign(w_l)    for w_l
    Σ_samples δ_l                           for b_l

A mean over n samples multiplies all of them by 1/n; sample weights multiply the rows of δ_L. With dropout,
a_l and δ_l of each hidden layer are multiplied elementwise by its mask m_l. The tests compare these gradients
with `jax.grad` of `jfnn.objective`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from numpy.typing import ArrayLike

from jfnn import activations, losses
from jfnn.activations import Activation
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.unknown import suggest_names
from jfnn.layers.dense import Layer, pre_activation
from jfnn.layers.sequence import Masks, check_dropout, dropout_masks
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
if not TYPE_CHECKING:  # type checkers would accept every name
    __getattr__ = suggest_names(__name__, __all__)


def forward(
    params: Sequence[Layer],
    x: jax.Array,
    activation: str | Activation = "relu",
    output: str | Activation = "identity",
    masks: Masks | None = None,
) -> tuple[list[jax.Array], list[jax.Array]]:
    """Run the forward pass and keep what the backward pass needs.

    Args:
        params: The parameters ``Layer(w_l, b_l)`` of each layer.
        x: Inputs ``[n, n_in]``.
        activation: The hidden layers' activation.
        output: The output layer's activation.
        masks: Dropout masks ``[n_l, n]``, with samples last as they are drawn; None for a layer without one.

    Returns:
        ``(all_z, all_a)``: the pre-activations ``[z_1, …, z_L]`` and the activations ``[a_0, …, a_L]``,
        with a_0 the inputs and a_L the outputs of the network.

    Example:
        >>> import jax
        >>> import jfnn
        >>> x, y = jfnn.datasets.xor_gate()
        >>> params = jfnn.mlp((2, 8, 2)).init(jax.random.key(0))
        >>> all_z, all_a = jfnn.backprop.forward(params, x)
        >>> [z.shape for z in all_z], [a.shape for a in all_a]
        ([(4, 8), (4, 2)], [(4, 2), (4, 8), (4, 2)])

    Example:
        >>> import jax
        >>> import jfnn
        >>> x, y = jfnn.datasets.xor_gate()
        >>> params = jfnn.mlp((2, 8, 2)).init(jax.random.key(0))
        >>> all_z, all_a = jfnn.backprop.forward(params, x)
        >>> delta = jfnn.losses.d_cross_entropy(all_a[-1], jfnn.datasets.one_hot(y, 2))
        >>> [delta.shape for delta in jfnn.backprop.deltas(params, all_z, delta)]
        [(4, 8), (4, 2)]
    """
    hidden = activations.get(activation).f
    functions = [hidden] * (len(params) - 1) + [activations.get(output, "output").f]
    all_z = []
    all_a = [x]
    for i, (layer, f) in enumerate(zip(params, functions, strict=True)):
        all_z.append(pre_activation(layer, all_a[-1]))
        a = f(all_z[-1])
        mask = None if masks is None else masks[i]
        all_a.append(a if mask is None else a * mask.T)
    return all_z, all_a


def deltas(
    params: Sequence[Layer],
    all_z: Sequence[jax.Array],
    delta_output: jax.Array,
    activation: str | Activation = "relu",
    masks: Masks | None = None,
) -> list[jax.Array]:
    """Run the delta recursion from the output layer back to the first.

    Args:
        params: The parameters ``Layer(w_l, b_l)`` of each layer.
        all_z: The pre-activations ``[z_1, …, z_L]``, from `forward`.
        delta_output: ``δ_L [n, n_L]``.
        activation: The hidden layers' activation.
        masks: Dropout masks, as in `forward`.

    Returns:
        ``[δ_1, …, δ_L]``, each shaped like its pre-activation.

    Example:
        >>> import jax
        >>> import jfnn
        >>> x, y = jfnn.datasets.xor_gate()
        >>> params = jfnn.mlp((2, 8, 2)).init(jax.random.key(0))
        >>> all_z, all_a = jfnn.backprop.forward(params, x)
        >>> delta = jfnn.losses.d_cross_entropy(all_a[-1], jfnn.datasets.one_hot(y, 2))
        >>> gradients = jfnn.backprop.gradients(params, all_a, jfnn.backprop.deltas(params, all_z, delta))
        >>> [(layer.w.shape, layer.b.shape) for layer in gradients]
        [((2, 8), (8,)), ((8, 2), (2,))]
    """
    df = activations.get(activation).df
    all_delta = [delta_output]
    for i in reversed(range(len(params) - 1)):  # l = i + 1, since lists count from 0
        delta = jnp.matmul(all_delta[0], params[i + 1].w.T, precision="highest") * df(all_z[i])
        mask = None if masks is None else masks[i]
        all_delta.insert(0, delta if mask is None else delta * mask.T)
    return all_delta


def gradients(
    params: Sequence[Layer],
    all_a: Sequence[jax.Array],
    all_delta: Sequence[jax.Array],
    l2: jax.Array | float = 0.0,
    l1: jax.Array | float = 0.0,
    penalized: str = "weights",
) -> list[Layer]:
    """Return the gradients ``a_{l-1}ᵀ @ δ_l + λ w_l + μ sign(w_l)`` and ``Σ_samples δ_l`` of each layer.

    Args:
        params: The parameters ``Layer(w_l, b_l)`` of each layer.
        all_a: The activations ``[a_0, …, a_L]``, from `forward`.
        all_delta: ``[δ_1, …, δ_L]``, from `deltas`.
        l2: λ, the strength of L2.
        l1: μ, the strength of L1.
        penalized: "weights", or "all" to add λ b_l + μ sign(b_l) to the gradients of the biases.
    """
    l2 = as_penalty(l2)
    l1 = as_penalty(l1, "l1")
    all_gradients = []
    for layer, a, delta in zip(params, all_a[:-1], all_delta, strict=True):
        d_w = jnp.matmul(a.T, delta, precision="highest") + l2 * layer.w + l1 * jnp.sign(layer.w)
        d_b = jnp.sum(delta, axis=0)
        if penalized == "all":
            d_b = d_b + l2 * layer.b + l1 * jnp.sign(layer.b)
        all_gradients.append(Layer(d_w, d_b))
    return all_gradients


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
        y: Integer labels ``[n]`` or float targets ``[n, t]``; most losses take one output per target.
        activation: The hidden layers' activation.
        output: The output layer's activation; "identity" for a cross-entropy, which takes logits.
        loss: A name in `jfnn.losses.LOSSES`, or a `Loss`.
        l2: λ, the strength of the penalty ``λ/2 Σ w²``.
        reduction: "sum" or "mean"; see `jfnn.objective`.
        weights: Optional sample weights ``[n]``: each sample's cost is multiplied by its weight, and "mean"
            divides by the sum of the weights.
        dropout: The probability of dropping a hidden unit for a sample, in [0, 1).
        key: A random key, needed for dropout above 0.
        l1: μ, the strength of the penalty ``μ Σ |w|``.
        penalized: "weights" or "all"; see `jfnn.objective`.

    Returns:
        ``(value, gradients)``; the gradients are a tuple of `Layer` shaped like ``params``.

    Raises:
        ValueError, TypeError: An unknown name, or shapes that do not fit.

    Example:
        >>> import jax, jfnn
        >>> network = jfnn.mlp((2, 3, 2), activation="sigmoid")
        >>> params = network.init(jax.random.key(0))
        >>> x, targets = jax.numpy.ones((4, 2)), jfnn.datasets.one_hot([0, 1, 1, 0], 2)
        >>> _, by_hand = jfnn.backprop.value_and_grad(params, x, targets, activation="sigmoid", l2=0.1)
        >>> by_jax = jax.grad(lambda p: jfnn.objective(network, p, x, targets, l2=0.1))(params)
        >>> all(jax.numpy.allclose(a.w, b.w, atol=1e-6) for a, b in zip(by_hand, by_jax))
        True
    """
    objective = losses.as_objective(loss, reduction, l2, l1, penalized)
    network, params = _as_network(params, activation, output)  # also checks its arguments
    check_output(network, objective.loss)
    x = checks.as_inputs(x, shape=network.input_shape)
    weights = as_weights(weights, len(x))
    x = losses.replace_uncounted(x, weights)

    masks = None
    check_dropout(dropout, key)
    if key is not None:
        shapes = [*(layer.b.shape for layer in params[:-1]), None]  # no mask for the outputs
        masks = dropout_masks(key, dropout, shapes, x.shape[0], params[0].w.dtype)
    all_z, all_a = forward(params, x, activation, output, masks)
    outputs = all_a[-1]
    targets = losses.replace_uncounted(as_targets(y, outputs.shape, objective.loss, outputs.dtype), weights)
    value = objective.value(outputs, targets, params, weights)

    delta_output = objective.loss.derivative(outputs, targets) * activations.get(output).df(all_z[-1])
    if weights is not None:
        delta_output = weights[:, None] * delta_output
    all_delta = deltas(params, all_z, delta_output, activation, masks)
    scale = objective.scale(x.shape[0], weights)
    all_gradients = gradients(params, all_a, all_delta, l2, l1, penalized)
    return value, tuple(Layer(scale * d_w, scale * d_b) for d_w, d_b in all_gradients)


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
