"""The objective, one step of gradient descent, one epoch of steps: what training a network is.

Nothing here knows of grids. The sweep engine maps these functions over members; a reader who wants to see
how one network learns reads this file.
"""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jfnn import checks, losses
from jfnn.network import Network, check_dropout, check_output, dropout_masks, forward

# XLA splits a gather from an array of half a megabyte over its threads, and to do so in every small step
# costs more than the step; from larger arrays an epoch's rows are gathered at once, unless they are too many.
SPLIT_BYTES = 500_000
GATHERED_BYTES = 8_000_000


def objective(
    network: Network,
    params,
    x,
    y,
    loss="cross_entropy",
    l2=0.0,
    reduction="sum",
    weights=None,
    dropout=0.0,
    key=None,
):
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
        dropout: The probability to drop a hidden unit for a sample, in [0, 1) (`network.dropout_masks`).
        key: A random key for dropout; None for none. Only networks of `jfnn.mlp` have units to drop.

    Raises:
        ValueError, TypeError: An unknown name, or shapes that do not fit.
    """
    loss = losses.get(loss)
    check_output(network.mlp and network.mlp.output, loss)
    checks.as_choice(reduction, "reduction", losses.REDUCTIONS)
    x = checks.as_inputs(x, features=network.mlp.sizes[0] if network.mlp else None)
    weights = checks.as_weights(weights, len(x))
    if check_dropout(dropout, key):
        spec = network.mlp
        if spec is None:
            raise ValueError("dropout: expected a network made by jfnn.mlp, whose hidden units are known")
        masks = dropout_masks(key, dropout, spec.sizes[1:-1], x.shape[0], jax.tree.leaves(params)[0].dtype)
        outputs = forward(spec, params, x, masks)
    else:
        outputs = network.apply(params, x)
    targets = checks.as_targets(y, outputs.shape, loss, outputs.dtype)
    return losses.reduce_costs(
        loss.cost(outputs, targets), l2 * losses.l2_penalty(params), reduction, weights
    )


# The learning rate's multiplier over the part of training that is done, from 0 to 1: optax schedules of one
# "step". None leaves the rate to the optimizer as it is.
SCHEDULES: dict[str, Callable | None] = {
    "constant": None,
    "cosine": optax.cosine_decay_schedule(1.0, 1.0),
    "linear": optax.linear_schedule(1.0, 0.0, 1),
    "warmup_cosine": optax.warmup_cosine_decay_schedule(0.0, 1.0, 0.1, 1.0),
}


def get_schedule(schedule: str | Callable) -> Callable | None:
    """A schedule by name, or one of your own: ``part done, in [0, 1) -> multiplier of the learning rate``.

    Raises:
        ValueError: There is no such name.
        TypeError: Neither a name nor a function.
    """
    if callable(schedule):
        return schedule
    if not isinstance(schedule, str):
        raise TypeError(f"schedule: expected a name or a function, got {type(schedule).__name__}")
    return SCHEDULES[checks.as_choice(schedule, "schedule", SCHEDULES)]


class Optimizer(NamedTuple):
    """An optimizer to be made for each member: an optax factory and its arguments.

    Attributes:
        factory: ``(learning_rate=…, …) -> optax.GradientTransformation``.
        fixed: Arguments that are the same for all members, as a tuple of pairs (hashable).
        numbers: Names of the arguments that each member brings.
        schedule: From `get_schedule`.
    """

    factory: Callable[..., optax.GradientTransformation]
    fixed: tuple[tuple[str, Any], ...] = ()
    numbers: tuple[str, ...] = ("learning_rate",)
    schedule: Callable | None = None

    def make(self, hyper: dict) -> optax.GradientTransformation:
        """The transformation for one member's numbers, which may be traced.

        Args:
            hyper: Name -> number: those in ``numbers``, with a schedule also "schedule_steps", the steps
                that it spreads over; others are ignored.
        """
        varied = {name: hyper[name] for name in self.numbers}
        if self.schedule is not None:
            schedule, rate, steps = self.schedule, varied["learning_rate"], hyper["schedule_steps"]
            varied["learning_rate"] = lambda count: rate * schedule(count / steps)
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
    """``(params, x, targets, l2=…, …) -> (value, gradients)`` by `jax.value_and_grad` of `objective`.

    Further keywords are those of `objective`: weights, dropout, key.
    """

    def of_params(params, x, targets, **options):
        return objective(network, params, x, targets, loss, reduction=reduction, **options)

    return jax.value_and_grad(of_params)


def step(state: State, optimizer: optax.GradientTransformation, value_and_grad, x, targets, l2, **options):
    """One step of gradient descent on one minibatch.

    Args:
        state: Parameters and optimizer state.
        optimizer: An optax transformation; for "sgd", ``p <- p - η ∂C/∂p``.
        value_and_grad: ``(params, x, targets, l2=…, …) -> (value, gradients)``, by `autodiff` or by hand
            (`jfnn.backprop.value_and_grad`).
        x: The minibatch's inputs.
        targets: Its targets.
        l2: λ.
        **options: Further keywords for ``value_and_grad``: weights, dropout, key.

    Returns:
        ``(state, value)``: the state after the step, and the objective before it.
    """
    value, gradients = value_and_grad(state.params, x, targets, l2=l2, **options)
    updates, opt_state = optimizer.update(gradients, state.opt_state, state.params)
    return State(optax.apply_updates(state.params, updates), opt_state), value


def epoch(
    state: State,
    optimizer,
    value_and_grad,
    x,
    targets,
    l2,
    rows,
    padded=False,
    weights=None,
    dropout=0.0,
    key=None,
):
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
        weights: Optional sample weights of all rows ``[n]``.
        dropout: The rate of dropout.
        key: This epoch's random key for dropout, each step's is folded in; None for no dropout.

    Returns:
        ``(state, value)``: the state after the epoch, and the objective that its last step started from.
    """
    x, targets = jnp.asarray(x), jnp.asarray(targets)
    at_once = x.nbytes > SPLIT_BYTES and rows.size * (x[0].nbytes + targets[0].nbytes) <= GATHERED_BYTES
    batches = {"rows": rows} | ({"x": x[rows], "targets": targets[rows]} if at_once else {})
    if key is not None:
        batches["key"] = jax.vmap(lambda number: jax.random.fold_in(key, number))(jnp.arange(len(rows)))

    def one_step(state, batch):
        rows = batch["rows"]
        options = {} if key is None else {"dropout": dropout, "key": batch["key"]}
        counts = (rows >= 0).astype(targets.dtype) if padded else 1
        if padded or weights is not None:
            options["weights"] = counts if weights is None else counts * jnp.asarray(weights)[rows]
        inputs, wanted = (batch["x"], batch["targets"]) if at_once else (x[rows], targets[rows])
        return step(state, optimizer, value_and_grad, inputs, wanted, l2, **options)

    # The last step stands alone, since its value alone is wanted: XLA computes no other step's.
    before, last = (jax.tree.map(lambda each, at=at: each[at], batches) for at in (slice(-1), -1))
    state, _ = jax.lax.scan(lambda state, batch: (one_step(state, batch)[0], None), state, before)
    return one_step(state, last)
