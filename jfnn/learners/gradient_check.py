"""Check of the hand-written derivatives of a network's layers and loss against JAX."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from numpy.typing import ArrayLike

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.types import Tree
from jfnn.layers import sequence
from jfnn.layers.kind import LayerKind
from jfnn.learners.supervised import supervised
from jfnn.losses import Loss
from jfnn.network import Network
from jfnn.numerics.compiling import compiled
from jfnn.params import Params, with_constants, without_constants
from jfnn.split import Split

ROWS = 16


def check_gradients(
    network: Network, x: ArrayLike, y: ArrayLike, loss: str | Loss = "cross_entropy"
) -> dict[str, float]:
    """Compare the hand-written derivatives of a network's layers and of its loss with JAX's.

    To check gradients computed by your own code, such as a class in NumPy, use `jfnn.check_backprop`.

    For each layer, `LayerKind.pull_back` is compared with `jax.vjp` of its ``forward``, for a random
    ∂C/∂outputs, so a wrong ``df`` of a `jfnn.Activation` shows in its layer. For the loss,
    `Loss.derivative` is compared with `jax.grad` of its cost. Derivatives are taken at initial parameters and
    at the first 16 rows as they reach each layer, all shifted by uniform numbers from 0 to 0.1, since ones
    hide factors and kinks lie at 0. For products, convolutions, pooling and recurrence the check is void:
    jfnn registers their pull-backs with JAX, so they are compared with themselves.

    Args:
        network: A network of `jfnn.layers`.
        x: Inputs ``[n, …]``.
        y: Integer labels ``[n]`` or float targets ``[n, n_out]``.
        loss: A name in `jfnn.losses.LOSSES`, or a `Loss`.

    Returns:
        Name of each derivative, such as "layer 1 of 2 (Dense) by its inputs" or "the loss" -> the largest
        difference, relative to the largest number that JAX computes.

    Raises:
        ValueError, TypeError: Invalid arguments, or relative differences above √ε of the dtype, 3e-4 in
            float32; the message lists them all.

    Example:
        >>> import jfnn
        >>> x, y = jfnn.datasets.xor_gate()
        >>> errors = jfnn.check_gradients(jfnn.mlp((2, 8, 2), "tanh"), x, y)
        >>> max(errors.values()) < 1e-3
        True
    """
    if not isinstance(network, Network):
        cure = "for your own code, use jfnn.check_backprop with its arrays or functions"
        raise ArgumentTypeError("network", "expected a Network", got=checks.as_text(network), cure=cure)
    with checks.rename_arguments(gradient="network", x_train="x", y_train="y"):
        learner, data = supervised(network, loss, gradient="backprop").bind(Split(x, y))
    layers = network.layers or ()
    rng = np.random.default_rng(0)

    def perturb(leaf: jax.Array) -> jax.Array:
        is_float = jnp.issubdtype(leaf.dtype, jnp.floating)
        return jnp.asarray(leaf + rng.uniform(0, 0.1, leaf.shape), data.dtype) if is_float else leaf

    @compiled
    def both_ways(key: jax.Array, *rows: jax.Array) -> dict[str, Tree]:
        a, targets = map(sequence.columns, rows)
        found: dict[str, Tree] = {}
        packed = sequence.pack(layers, jax.tree.map(perturb, network.init(key)))
        for i, (layer, params) in enumerate(zip(layers, packed, strict=True)):

            def outputs(
                trained: Params, a: jax.Array, layer: LayerKind = layer, params: Params = params
            ) -> Tree:
                return layer.forward(with_constants(trained, params), a)[0]

            a = perturb(a)
            after, vjp = jax.vjp(outputs, without_constants(params), a)
            d_out = jnp.asarray(rng.normal(size=after.shape), after.dtype)
            by_hand = layer.pull_back(params, layer.forward(params, a)[1], d_out)
            pairs = zip(without_constants(by_hand), vjp(d_out), strict=True)
            for what, pair in zip(("parameters", "inputs"), pairs, strict=True):
                if what == "parameters" or jnp.issubdtype(a.dtype, jnp.floating):  # tokens have no derivative
                    found[f"{sequence.name(layers, i)} by its {what}"] = pair
            a = after
        a = perturb(a)
        by_jax = jax.grad(lambda a: jnp.sum(learner.loss.cost(a, targets, axis=0)))(a)
        return found | {"the loss": (learner.loss.derivative(a, targets, axis=0), by_jax)}

    found = both_ways(jax.random.key(0), *(rows[:ROWS] for rows in data.rows))
    shares = {name: _share(*pair) for name, pair in found.items()}
    bound = float(np.sqrt(np.finfo(data.dtype).eps))
    if wrong := [f"{share:.2g} for {name}" for name, share in shares.items() if not share <= bound]:
        argument = "network" if any("layer" in name for name in wrong) else "loss"
        reason = f"expected hand-written derivatives within {bound:.1g} of JAX's, relative to the largest"
        raise ArgumentError(argument, f"{reason}, got {', '.join(wrong)}")
    return shares


def _share(*trees: Tree) -> float:
    """Return the largest difference between two pytrees, relative to the largest number in the second."""
    by_hand, by_jax = (np.asarray(ravel_pytree(tree)[0]) for tree in trees)
    return float(np.abs(by_hand - by_jax).max(initial=0) / (np.abs(by_jax).max(initial=0) or 1))
