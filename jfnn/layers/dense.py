"""How a network's parameters and activations lie in memory while the engine trains it.

In public, samples are rows and weights are ``[n_in, n_out]``. Under `jax.vmap` that order makes XLA transpose
activations in every step, so multilayer perceptrons are trained features first instead: activations
``[units, batch]``, weights ``[n_out, n_in]``, the textbook's column form of the same equations. Parameters
are turned once at entry and once at exit. Networks of other kinds keep their own order.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jfnn import losses, training
from jfnn.network import MLP, Layer, Network, dropout_masks


class Layout(NamedTuple):
    """What the compiled program needs to know of a network.

    Attributes:
        store: Public parameters -> parameters as trained; leading axes are kept.
        restore: The inverse of ``store``.
        value_and_grad: ``(stored, x [batch, n_in], targets [batch, n_out], l2=…, …)`` -> the objective and
            its gradient, shaped like ``stored``; further keywords are weights, dropout and key, as in
            `jfnn.objective`.
        outputs: ``(stored, x)`` -> the network's outputs.
        axis: Where the outputs of one sample lie in what ``outputs`` gives: -1 for rows, 0 features first.
    """

    store: Callable[[Any], Any]
    restore: Callable[[Any], Any]
    value_and_grad: Callable[..., tuple[jax.Array, Any]]
    outputs: Callable[..., jax.Array]
    axis: int


def rows(network: Network, value_and_grad: Callable) -> Layout:
    """The network's own order, whatever it is; used for networks and gradient sources that users bring."""
    return Layout(lambda params: params, lambda params: params, value_and_grad, network.apply, axis=-1)


def features_first(spec: MLP, loss: losses.Loss, reduction: str, by_hand: bool) -> Layout:
    """The fast order for multilayer perceptrons, with either gradient source."""

    def objective(stored, x, targets, *, l2, weights=None, dropout=0.0, key=None):
        outputs = _forward(spec, stored, x, _masks(spec, x, dropout, key))[1][-1]
        penalty = l2 * losses.l2_penalty(stored)
        return losses.reduce_costs(loss.cost(outputs, targets.T, axis=0), penalty, reduction, weights)

    def value_and_grad_by_hand(stored, x, targets, *, l2, weights=None, dropout=0.0, key=None):
        masks = _masks(spec, x, dropout, key)
        return _backprop(spec, loss, reduction, stored, x, targets, l2, weights, masks)

    return Layout(
        store=_transpose_weights,
        restore=_transpose_weights,
        value_and_grad=value_and_grad_by_hand if by_hand else jax.value_and_grad(objective),
        outputs=lambda stored, x: _forward(spec, stored, x)[1][-1],
        axis=0,
    )


def of(network: Network, loss: losses.Loss, reduction: str, gradient) -> Layout:
    """The layout for a network and a gradient source.

    Args:
        network: The network to be trained.
        loss: The loss.
        reduction: "sum" or "mean".
        gradient: "autodiff", "backprop", or a callable with the signature of `Layout.value_and_grad` on the
            network's public parameters.
    """
    if callable(gradient):
        return rows(network, gradient)
    if network.mlp is None:
        return rows(network, training.autodiff(network, loss, reduction))
    return features_first(network.mlp, loss, reduction, by_hand=gradient == "backprop")


def _transpose_weights(params) -> Any:
    return tuple(layer._replace(w=np.ascontiguousarray(np.swapaxes(layer.w, -1, -2))) for layer in params)


@jax.custom_vjp
def product(w, a):
    """``w @ a`` for one layer, ``w [n_out, n_in]`` and ``a [n_in, batch]``."""
    return jnp.matmul(w, a, precision="highest")


def pull_back(w, delta):
    """``wᵀ @ δ``: how errors at the outputs of `product` reach its inputs.

    The transposed weights are laid out anew first (the barrier keeps XLA from undoing that): a small matrix
    is quickly turned, and the CPU's product of a matrix read against its order runs at half speed.
    """
    return jnp.matmul(jax.lax.optimization_barrier(w.T), delta, precision="highest")


def weight_gradient(delta, a):
    """``δ @ aᵀ``: the gradient of the weights in `product`."""
    return jnp.matmul(delta, a.T, precision="highest")


# jax.grad of a layer takes the same two products that the hand derivation does.
product.defvjp(
    lambda w, a: (product(w, a), (w, a)),
    lambda kept, delta: (weight_gradient(delta, kept[1]), pull_back(kept[0], delta)),
)


def _masks(spec: MLP, x, dropout, key):
    return None if key is None else dropout_masks(key, dropout, spec.sizes[1:-1], x.shape[0], x.dtype)


def _forward(spec: MLP, stored, x, masks=None):
    """`jfnn.backprop.forward` features first: ``z_l = w_l @ a_{l-1} + b_l`` with ``a_0 = xᵀ``."""
    zs, layers_out = [], [x.T]
    functions = [spec.activation.f] * (len(stored) - 1) + [spec.output.f]
    for i, (layer, f) in enumerate(zip(stored, functions, strict=True)):
        zs.append(product(layer.w, layers_out[-1]) + layer.b[:, None])
        a = f(zs[-1])
        layers_out.append(a * masks[i] if masks is not None and i < len(masks) else a)
    return zs, layers_out


def _backprop(spec: MLP, loss, reduction, stored, x, targets, l2, weights, masks):
    """`jfnn.backprop.value_and_grad` features first: the same recursion, each matrix transposed.

    ``δ_l = (w_{l+1}ᵀ @ δ_{l+1}) ∘ f'(z_l)``, ``∂C/∂w_l = δ_l @ a_{l-1}ᵀ + λ w_l`` and
    ``∂C/∂b_l = Σ_samples δ_l``.
    """
    zs, layers_out = _forward(spec, stored, x, masks)
    outputs, targets = layers_out[-1], targets.T
    value = losses.reduce_costs(
        loss.cost(outputs, targets, axis=0), l2 * losses.l2_penalty(stored), reduction, weights
    )
    delta = loss.delta(outputs, targets, axis=0) * spec.output.df(zs[-1])
    delta = delta if weights is None else delta * weights
    scale = losses.reduction_scale(x.shape[0], reduction, weights)
    gradients: list[Layer] = []
    for i in reversed(range(len(stored))):  # a_{l-1} of layer l is layers_out[i]
        w = weight_gradient(delta, layers_out[i]) + l2 * stored[i].w
        gradients.insert(0, Layer(scale * w, scale * jnp.sum(delta, axis=1)))
        if i > 0:
            delta = pull_back(stored[i].w, delta) * spec.activation.df(zs[i - 1])
            delta = delta if masks is None else delta * masks[i - 1]
    return value, tuple(gradients)
