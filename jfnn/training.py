"""Training one network: the objective, one step of gradient descent, and one epoch of steps.

This file shows how one network learns; the sweep engine does the same for many networks at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import optax
from numpy.typing import ArrayLike

from jfnn import losses
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.unknown import suggest_names
from jfnn.layers.sequence import check_dropout, dropout_masks, dropout_shapes
from jfnn.losses import Loss
from jfnn.network import Network, as_inputs, as_params, check_applied, check_output, forward
from jfnn.params import Params, State, with_constants, without_constants
from jfnn.targets import as_targets, as_weights

__all__ = [
    "ValueAndGrad",
    "autodiff",
    "descend",
    "epoch",
    "objective",
    "step",
]
__dir__ = __all__.copy
if not TYPE_CHECKING:  # type checkers would accept every name
    __getattr__ = suggest_names(__name__, __all__)

ValueAndGrad = Callable[..., tuple[jax.Array, Params]]
#: Ways to compute the gradient: `jax.grad`, or the derivation by hand.
GRADIENT_NAMES = ("autodiff", "backprop")


def objective(
    network: Network,
    params: Params,
    x: Any,
    y: ArrayLike,
    loss: str | Loss = "cross_entropy",
    l2: jax.Array | float = 0.0,
    reduction: str = "mean",
    weights: Any = None,
    dropout: jax.Array | float = 0.0,
    key: jax.Array | None = None,
    l1: jax.Array | float = 0.0,
    penalized: str = "weights",
) -> jax.Array:
    """Return the scalar that training minimizes: the cost of the data plus the penalties.

    * ``reduction="sum"`` is the notes' objective plus L1, ``Σ_samples C_i + λ/2 Σ w² + μ Σ |w|``. No term
      is divided by the number of samples, so a larger batch gives a larger gradient.
    * ``reduction="mean"`` divides that whole objective, penalties included, by the number of samples in the
      batch, or by the sum of their weights. scikit-learn's MLP minimizes this objective, with ``alpha = l2``.

    The penalties cover the weights, and optionally the biases (`jfnn.penalties`). At a weight of 0 the
    subgradient of ``μ |w|`` is 0.

    Args:
        network: The network; the loss compares the outputs of its ``apply`` with the targets.
        params: Its parameters.
        x: Inputs ``[n, …]``.
        y: Integer labels ``[n]`` or float targets ``[n, t]``; most losses take one output per target.
        loss: A name in `jfnn.losses.LOSSES`, or a `Loss`.
        l2: λ, the strength of the penalty, at least 0.
        reduction: "sum" or "mean".
        weights: Optional sample weights ``[n]``: each sample's cost is multiplied by its weight.
        dropout: The probability of dropping a hidden unit for a sample, in [0, 1). Only networks made of
            `jfnn.layers` support it.
        key: A random key, needed for dropout above 0; a network with ``random_apply`` uses it there.
        l1: μ, the strength of L1, at least 0.
        penalized: "weights" (arrays with two or more axes) or "all".

    Raises:
        ValueError, TypeError: An unknown name, shapes that do not fit, or an ``apply`` that does not return
            ``[n, n_out]``.

    Example:
        >>> import jax
        >>> import jfnn
        >>> x, y = jfnn.datasets.xor_gate()
        >>> network = jfnn.mlp((2, 8, 2))
        >>> params = network.init(jax.random.key(0))
        >>> mean = jfnn.objective(network, params, x, y, l2=0.1)
        >>> total = jfnn.objective(network, params, x, y, l2=0.1, reduction="sum")
        >>> bool(abs(total - 4 * mean) < 1e-5)
        True
    """
    minimized = losses.as_objective(loss, reduction, l2, l1, penalized)
    check_output(network, minimized.loss)
    x = as_inputs(network, x)
    params = as_params(network, params)
    weights = as_weights(weights, len(x))
    x = losses.replace_uncounted(x, weights)
    check_dropout(dropout, key)
    # Dropout at a rate that may be above 0 needs layers, to know the number of units.
    if network.random_apply is not None and key is not None and checks.is_concrete(dropout) and dropout == 0:
        outputs = network.random_apply(params, x, key)
    elif key is not None:
        if network.layers is None or network.input_shape is None:
            expected = "expected a network of jfnn.layers with a key for dropout, since its units are known"
            raise ArgumentError("dropout", expected)
        shapes = dropout_shapes(network.layers, network.input_shape)
        masks = dropout_masks(key, dropout, shapes, x.shape[0], jax.tree.leaves(params)[0].dtype)
        outputs = forward(network.layers, params, x, masks)
    else:
        outputs = network.apply(params, x)
    check_applied(outputs, len(x))
    targets = losses.replace_uncounted(as_targets(y, outputs.shape, minimized.loss, outputs.dtype), weights)
    return minimized.value(outputs, targets, params, weights)


def autodiff(network: Network, loss: Loss, reduction: str) -> ValueAndGrad:
    """Return a function that computes `objective` and its gradient by `jax.value_and_grad`.

    The function is ``(params, x, targets, l2=…, …) -> (value, gradients)`` and also takes the keywords
    weights, dropout, key, l1 and penalized of `objective`.
    """

    def value_and_grad(
        params: Params, x: jax.Array, targets: jax.Array, **options: Any
    ) -> tuple[jax.Array, Params]:
        def value(trained: Params) -> jax.Array:
            whole = with_constants(trained, params)
            return objective(network, whole, x, targets, loss, reduction=reduction, **options)

        return jax.value_and_grad(value)(without_constants(params))

    return value_and_grad


def step(
    state: State,
    optimizer: optax.GradientTransformation,
    value_and_grad: ValueAndGrad,
    x: jax.Array,
    targets: jax.Array,
    l2: jax.Array | float,
    **options: Any,
) -> tuple[State, jax.Array]:
    """Take one step of gradient descent on one minibatch.

    Args:
        state: Parameters and optimizer state.
        optimizer: An optax optimizer; ``optax.sgd(η)`` updates ``p <- p - η ∂C/∂p``.
        value_and_grad: ``(params, x, targets, l2=…, …) -> (value, gradients)``, from `autodiff` or derived by
            hand (`jfnn.backprop.value_and_grad`).
        x: The minibatch's inputs.
        targets: Its targets.
        l2: λ, the strength of L2.
        **options: Further keywords for ``value_and_grad``: weights, dropout, key, l1, penalized.

    Returns:
        ``(state, value)``: the state after the step, and the objective before it.

    Example:
        >>> import jax
        >>> import jfnn
        >>> x, y = jfnn.datasets.xor_gate()
        >>> network = jfnn.mlp((2, 8, 2))
        >>> params = network.init(jax.random.key(0))
        >>> import optax
        >>> optimizer = optax.sgd(0.1)
        >>> state = jfnn.State(params, optimizer.init(params))
        >>> targets = jfnn.datasets.one_hot(y, 2)
        >>> gradient = jfnn.training.autodiff(network, jfnn.losses.get("cross_entropy"), "mean")
        >>> state, value = jfnn.training.step(state, optimizer, gradient, x, targets, l2=0.0)
        >>> value.shape
        ()
    """

    def objective_at(params: Params) -> tuple[jax.Array, Params]:
        return value_and_grad(params, x, targets, l2=l2, **options)

    # Line searches evaluate the objective again.
    value, gradients = objective_at(state.params)
    return descend(state, optimizer, gradients, value, lambda params: objective_at(params)[0]), value


def descend(
    state: State,
    optimizer: optax.GradientTransformation,
    gradients: Params,
    value: jax.Array | None = None,
    value_fn: Callable[[Params], jax.Array] | None = None,
) -> State:
    """Update the parameters by one step of the optimizer; constants (`jfnn.params.Constant`) stay the same.

    Args:
        state: Parameters and optimizer state.
        optimizer: The optimizer.
        gradients: The gradients, in the structure of the parameters; those of constants are ignored.
        value: The objective; only optimizers with a line search need it.
        value_fn: ``params -> objective`` on the same rows; likewise.
    """
    trained = without_constants(state.params)

    def trained_value(trained: Params) -> jax.Array:
        assert value_fn is not None
        return value_fn(with_constants(trained, state.params))

    value_fn_of_trained = None if value_fn is None else trained_value
    updates, memory = transform_gradients(
        optimizer, without_constants(gradients), state.memory, trained, value, value_fn_of_trained
    )
    return State(with_constants(optax.apply_updates(trained, updates), state.params), memory)


def transform_gradients(
    transformation: optax.GradientTransformation,
    gradients: Any,
    memory: Any,
    params: Any,
    value: jax.Array | None,
    value_fn: Callable[[Any], jax.Array] | None,
) -> tuple[Any, Any]:
    """Return the updates and the new memory of an optax transformation.

    The objective is passed on if given: ``value`` at these parameters, and ``value_fn`` on the same rows.
    """
    extra: dict[str, Any] = {}
    if value_fn is not None:
        transformation = optax.with_extra_args_support(transformation)
        extra = {"value": value, "grad": gradients, "value_fn": value_fn}
    updates, memory = transformation.update(gradients, memory, params, **extra)
    return updates, memory


def epoch(
    state: State,
    optimizer: optax.GradientTransformation,
    value_and_grad: ValueAndGrad,
    x: jax.Array,
    targets: jax.Array,
    l2: jax.Array | float,
    rows: jax.Array,
) -> tuple[State, jax.Array]:
    """Run one epoch: `jfnn.training.step` over the minibatches, by `jax.lax.scan`; no weights or dropout.

    Args:
        state: Parameters and optimizer state.
        optimizer: As in `step`.
        value_and_grad: As in `step`.
        x: Inputs of all rows ``[n, …]``; minibatches are selected from them.
        targets: Targets of all rows ``[n, t]``.
        l2: λ, the strength of L2.
        rows: Row numbers ``[steps, batch]``, such as those of `jfnn.Minibatches.epoch`.

    Returns:
        ``(state, values)``: the state after the epoch, and the objective before each step ``[steps]``.
    """
    x = jnp.asarray(x)
    targets = jnp.asarray(targets)

    def one_step(state: State, batch: jax.Array) -> tuple[State, jax.Array]:
        return step(state, optimizer, value_and_grad, x[batch], targets[batch], l2)

    return jax.lax.scan(one_step, state, rows)
