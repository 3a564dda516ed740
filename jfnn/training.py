"""The objective, one step of gradient descent, one epoch of steps: what training a network is.

Nothing here knows of grids. The sweep engine maps these functions over members; a reader who wants to see
how one network learns reads this file.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jfnn import checks, losses
from jfnn.network import Network, check_output

REDUCTIONS = ("sum", "mean")

# XLA splits a gather from an array of half a megabyte over its threads, and to do so in every small step
# costs more than the step; from larger arrays an epoch's rows are gathered at once, unless they are too many.
SPLIT_BYTES = 500_000
GATHERED_BYTES = 8_000_000


def objective(network: Network, params, x, y, loss="cross_entropy", l2=0.0, reduction="sum", weights=None):
    """The scalar that training minimises: the data cost plus the L2 penalty.

    * ``reduction="sum"`` is the notes' objective, ``Σ_samples C_i + l2/2 Σ w²``: neither term is divided by
      the number of samples, so a larger batch pulls harder.
    * ``reduction="mean"`` is that whole objective divided by the number of samples in the batch, penalty
      included. scikit-learn's MLP minimises this one, with ``alpha = l2``.

    The penalty runs over weights, never over biases (`jfnn.losses.l2_penalty`).

    Args:
        network: The network; its ``apply`` gives the outputs that the loss compares.
        params: Its parameters.
        x: Inputs ``[n, n_in]``.
        y: Integer labels ``[n]`` or float targets ``[n, n_out]``.
        loss: A name in `jfnn.losses.LOSSES`, or a `Loss`.
        l2: λ, the strength of the penalty.
        reduction: "sum" or "mean".
        weights: Optional sample weights ``[n]``: each sample's cost counts that often, and "mean" divides by
            their sum.

    Raises:
        ValueError, TypeError: An unknown name, or shapes that do not fit.
    """
    loss = losses.get(loss)
    check_output(network.mlp and network.mlp.output, loss)
    checks.as_choice(reduction, "reduction", REDUCTIONS)
    x = checks.as_inputs(x, features=network.mlp.sizes[0] if network.mlp else None)
    outputs = network.apply(params, x)
    targets = checks.as_targets(y, outputs.shape, loss, outputs.dtype)
    return losses.reduce_costs(
        loss.cost(outputs, targets), l2 * losses.l2_penalty(params), reduction, weights
    )


class Optimizer(NamedTuple):
    """An optimizer to be made for each member: an optax factory and its fixed arguments.

    Attributes:
        factory: ``(learning_rate=…, …) -> optax.GradientTransformation``.
        fixed: Arguments that are the same for all members, as a tuple of pairs (hashable).
    """

    factory: Callable[..., optax.GradientTransformation]
    fixed: tuple[tuple[str, Any], ...] = ()

    def make(self, hyper: dict) -> optax.GradientTransformation:
        """The transformation for one member's numbers (which may be traced), ``l2`` left out."""
        varied = {name: value for name, value in hyper.items() if name != "l2"}
        return self.factory(**varied, **dict(self.fixed))


def get_optimizer(optimizer: str | Callable) -> Callable[..., optax.GradientTransformation]:
    """An optax factory by name, or one of your own; "sgd" is the notes' ``p <- p - η ∂C/∂p``.

    Raises:
        ValueError: optax has no optimizer of that name.
        TypeError: Neither a name nor a callable.
    """
    if not isinstance(optimizer, str):
        if not callable(optimizer):
            raise TypeError(f"optimizer: expected a name or an optax factory, got {type(optimizer).__name__}")
        return optimizer
    factory = getattr(optax, optimizer, None)
    if not callable(factory) or "learning_rate" not in inspect.signature(factory).parameters:
        raise ValueError(
            f"optimizer: expected the name of an optax optimizer such as sgd or adam, got {optimizer!r}"
        )
    return factory


class State(NamedTuple):
    """What the next step needs: the parameters and the optimizer's memory, both pytrees."""

    params: Any
    opt_state: Any


def autodiff(network: Network, loss: losses.Loss, reduction: str):
    """``(params, x, targets, l2=…, weights=…) -> (value, gradients)`` by `jax.value_and_grad`."""
    return jax.value_and_grad(functools.partial(_objective_of_params, network, loss, reduction))


def _objective_of_params(network, loss, reduction, params, x, targets, *, l2, weights=None):
    return objective(network, params, x, targets, loss, l2, reduction, weights)


def step(state: State, optimizer: optax.GradientTransformation, value_and_grad, x, targets, l2, weights=None):
    """One step of gradient descent on one minibatch.

    Args:
        state: Parameters and optimizer state.
        optimizer: An optax transformation; for "sgd", ``p <- p - η ∂C/∂p``.
        value_and_grad: ``(params, x, targets, l2=…, weights=…) -> (value, gradients)``, by `autodiff` or by
            hand (`jfnn.backprop.value_and_grad`).
        x: The minibatch's inputs.
        targets: Its targets.
        l2: λ.
        weights: Optional sample weights.

    Returns:
        ``(state, value)``: the state after the step, and the objective before it.
    """
    weighting = {} if weights is None else {"weights": weights}
    value, gradients = value_and_grad(state.params, x, targets, l2=l2, **weighting)
    updates, opt_state = optimizer.update(gradients, state.opt_state, state.params)
    return State(optax.apply_updates(state.params, updates), opt_state), value


def epoch(state: State, optimizer, value_and_grad, x, targets, l2, rows, padded=False):
    """One epoch: `step` over minibatches, by `jax.lax.scan`.

    Args:
        state: Parameters and optimizer state.
        optimizer: As in `step`.
        value_and_grad: As in `step`.
        x: All inputs ``[n, …]``, from which the minibatches are gathered.
        targets: All targets ``[n, n_out]``.
        l2: λ.
        rows: Row numbers ``[steps, batch]``, from `jfnn.minibatches`.
        padded: Whether negative row numbers occur, which stand for no row.

    Returns:
        ``(state, value)``: the state after the epoch, and the objective that its last step started from.
    """
    x, targets = jnp.asarray(x), jnp.asarray(targets)
    at_once = x.nbytes > SPLIT_BYTES and rows.size * (x[0].nbytes + targets[0].nbytes) <= GATHERED_BYTES
    batches = (rows, x[rows], targets[rows]) if at_once else (rows,)

    def one_step(state, batch):
        rows, *gathered = batch
        weighting = {"weights": (rows >= 0).astype(targets.dtype)} if padded else {}
        inputs, wanted = gathered or (x[rows], targets[rows])
        return step(state, optimizer, value_and_grad, inputs, wanted, l2, **weighting)

    # The last step stands alone, since its value alone is wanted: XLA computes no other step's.
    state, _ = jax.lax.scan(
        lambda state, batch: (one_step(state, batch)[0], None), state, [each[:-1] for each in batches]
    )
    return one_step(state, [each[-1] for each in batches])
