"""The loss after training as a function of hyperparameters, with reverse- and forward-mode derivatives.

Reverse mode costs a few times the training, for any number of derivatives. It keeps the states at the ends of
blocks of about √steps steps and recomputes one block at a time (Griewank and Walther, Evaluating Derivatives,
chapter 12), so memory grows with √steps. Forward mode keeps one state, and costs about two further trainings
per derivative.
"""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from jfnn.core.experiment.stepper import Seen, Stepper
from jfnn.layers import Params
from jfnn.learners import Hyper, Rows
from jfnn.numerics.compiling import compiled
from jfnn.params import State

MULTIPLIERS = "multipliers"
Floats = list[jax.Array]  # differentiable leaves of a state
Numbers = Mapping[str, jax.Array]


class LossInputs(NamedTuple):
    """Arguments of the loss with respect to which it is not differentiated."""

    fixed: Numbers  # the member's other hyperparameters
    params: Params  # initial parameters, in the engine's form
    seen: Seen
    steps: Any  # step numbers ``[steps]``
    scored: Rows


Program = Callable[[Numbers, LossInputs], tuple[jax.Array, Numbers]]


@functools.lru_cache(maxsize=32)
def build_program(stepper: Stepper, mode: str) -> Program:
    """Compile ``(numbers, inputs) -> (loss, its derivatives with respect to numbers)``."""
    differentiate = {"reverse": reverse_mode, "forward": forward_mode}[mode]
    return compiled(functools.partial(differentiate, stepper))


def reverse_mode(stepper: Stepper, numbers: Numbers, inputs: LossInputs) -> tuple[jax.Array, Numbers]:
    """Return the loss and its derivatives, propagated from the last step to the first."""

    def loss(numbers: Numbers) -> jax.Array:
        def step(state: State, at: tuple[jax.Array, Hyper]) -> tuple[State, None]:
            return stepper(inputs.seen, at[0], state, at[1]), None

        def block(state: State, steps: tuple[jax.Array, Hyper]) -> tuple[State, None]:
            return jax.lax.scan(step, state, steps)

        count = len(inputs.steps)
        length = math.isqrt(count)
        state = stepper.functions.start(inputs.params, step_hyper(numbers, inputs, 0))
        steps = (inputs.steps, jax.vmap(lambda i: step_hyper(numbers, inputs, i))(jnp.arange(count)))
        if rest := count % length:
            state, _ = block(state, jax.tree.map(lambda leaf: leaf[:rest], steps))
        blocks = jax.tree.map(lambda leaf: leaf[rest:].reshape(-1, length, *leaf.shape[1:]), steps)
        state, _ = jax.lax.scan(jax.checkpoint(block), state, blocks)
        return mean_loss(stepper, state.params, numbers, inputs)

    return jax.value_and_grad(loss)(numbers)


def forward_mode(stepper: Stepper, numbers: Numbers, inputs: LossInputs) -> tuple[jax.Array, Numbers]:
    """Return the loss and its derivatives, propagated together from the first step to the last."""
    flat, unravel = ravel_pytree(numbers)

    def along(direction: jax.Array) -> tuple[jax.Array, jax.Array]:
        return loss_along(stepper, numbers, unravel(direction), inputs)

    value, derivatives = jax.vmap(along, out_axes=(None, 0))(jnp.eye(flat.size, dtype=flat.dtype))
    return value, unravel(derivatives)


def loss_along(
    stepper: Stepper, numbers: Numbers, direction: Numbers, inputs: LossInputs
) -> tuple[jax.Array, jax.Array]:
    """Return the loss and its derivative along a direction of the numbers."""

    def start(numbers: Numbers) -> tuple[Floats, State]:
        state = stepper.functions.start(inputs.params, step_hyper(numbers, inputs, 0))
        return float_leaves(state), state

    def step(
        carry: tuple[State, Floats], at: tuple[jax.Array, jax.Array]
    ) -> tuple[tuple[State, Floats], None]:
        state, tangent = carry
        number, i = at

        def after(point: tuple[Floats, Numbers]) -> tuple[Floats, State]:
            hyper = step_hyper(point[1], inputs, i)
            moved = stepper(inputs.seen, number, with_floats(state, point[0]), hyper)
            return float_leaves(moved), moved

        _, tangent, state = push_forward(after, (float_leaves(state), numbers), (tangent, direction))
        return (state, tangent), None

    _, tangent, state = push_forward(start, numbers, direction)
    steps = (inputs.steps, jnp.arange(len(inputs.steps)))
    (state, tangent), _ = jax.lax.scan(step, (state, tangent), steps)

    def end(point: tuple[Floats, Numbers]) -> tuple[jax.Array, None]:
        return mean_loss(stepper, with_floats(state, point[0]).params, point[1], inputs), None

    return push_forward(end, (float_leaves(state), numbers), (tangent, direction))[:2]


def step_hyper(numbers: Numbers, inputs: LossInputs, i: Any) -> dict[str, jax.Array]:
    """Return the member's numbers in the i-th step, with the learning rate times its multiplier."""
    hyper = {**inputs.fixed, **numbers}
    multipliers = hyper.pop(MULTIPLIERS)
    place = i // (len(inputs.steps) // len(multipliers))
    return hyper | {"learning_rate": hyper["learning_rate"] * jnp.asarray(multipliers)[place]}


def mean_loss(stepper: Stepper, params: Params, numbers: Numbers, inputs: LossInputs) -> jax.Array:
    """Return the mean loss per row without penalty, at the learning rate without multipliers."""
    functions = stepper.functions
    hyper = {name: value for name, value in {**inputs.fixed, **numbers}.items() if name != MULTIPLIERS}
    return jnp.mean(functions.score(params, inputs.scored, hyper)[functions.learner.metrics[0].name])


def push_forward(function: Callable[..., tuple[Any, Any]], at: object, along: object) -> tuple[Any, Any, Any]:
    """Return ``(value, derivative, rest)`` of a function, with the derivative along a direction, ``J v``.

    JAX's forward mode cannot differentiate layers, which define their own pull-back of errors. A pull-back is
    linear in the error, so ``J v`` is its transpose, obtained by pulling back once more.

    Args:
        function: ``point -> (value, rest)``; the rest is not differentiated.
        at: The point, a pytree of floats.
        along: The direction, shaped like the point.
    """
    value, pull_back, rest = jax.vjp(function, at, has_aux=True)
    _, push = jax.vjp(lambda error: pull_back(error)[0], jax.tree.map(jnp.zeros_like, value))
    return value, push(along)[0], rest


def float_leaves(tree: object) -> Floats:
    """Return a tree's float leaves; others, such as an optimizer's step count, have no derivative."""
    return [leaf for leaf in jax.tree.leaves(tree) if _is_float(leaf)]


def with_floats(tree: object, floats: Floats) -> Any:
    """Return the tree with its float leaves replaced."""
    others = iter(floats)
    return jax.tree.map(lambda leaf: next(others) if _is_float(leaf) else leaf, tree)


def _is_float(leaf: jax.Array) -> bool:
    return bool(jnp.issubdtype(jnp.result_type(leaf), jnp.floating))
