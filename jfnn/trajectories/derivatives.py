"""The loss after training as a function of numbers, and its derivatives in two modes.

Reverse mode costs a few times the training, whatever the count of numbers. It keeps the states at the ends of
blocks of about √steps steps, and the inside of one block at a time, which is computed again (Griewank and
Walther, Evaluating Derivatives, chapter 12): memory grows with √steps, but for the list of steps itself.
Forward mode keeps one state, and takes about two further trainings a number.
"""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from jfnn.compiling import compiled
from jfnn.layers.kind import Params
from jfnn.learners.data import Hyper, Rows
from jfnn.learners.learner import Learner
from jfnn.training import State
from jfnn.trajectories.steps import Steps, one_step
from jfnn.trajectories.tangents import floats_of, push_forward, with_floats

MULTIPLIERS = "multipliers"
Numbers = Mapping[str, jax.Array]


class Inputs(NamedTuple):
    """What the loss follows from besides the numbers that it is differentiated by.

    Attributes:
        fixed: The member's other numbers.
        params: Starting parameters in the engine's form.
        steps: What each step sees.
        rows: All rows.
        scored: The rows of the loss.
    """

    fixed: Numbers
    params: Params
    steps: Steps
    rows: Rows
    scored: Rows


@functools.lru_cache(maxsize=32)
def build_program(learner: Learner, mode: str) -> Callable[[Numbers, Inputs], tuple[jax.Array, Numbers]]:
    """``(numbers, inputs) -> (loss, its derivatives by the numbers)``, compiled."""
    of_mode = {"reverse": in_reverse_mode, "forward": in_forward_mode}[mode]
    return compiled(functools.partial(of_mode, learner))


def in_reverse_mode(learner: Learner, numbers: Numbers, inputs: Inputs) -> tuple[jax.Array, Numbers]:
    """The loss and its derivatives, from the last step to the first."""

    def loss(numbers: Numbers) -> jax.Array:
        hyper = step_numbers(numbers, inputs)
        count = len(inputs.steps.numbers)
        length = math.isqrt(count)

        def step(state: State, of_step: tuple[Steps, Hyper]) -> tuple[State, None]:
            return one_step(learner, inputs.rows, state, *of_step), None

        def block(state: State, of_block: tuple[Steps, Hyper]) -> tuple[State, None]:
            return jax.lax.scan(step, state, of_block)

        state, of_steps = learner.start(inputs.params, _first(hyper)), (inputs.steps, hyper)
        if rest := count % length:
            state, _ = block(state, jax.tree.map(lambda leaf: leaf[:rest], of_steps))
        blocks = jax.tree.map(lambda leaf: leaf[rest:].reshape(-1, length, *leaf.shape[1:]), of_steps)
        state, _ = jax.lax.scan(jax.checkpoint(block), state, blocks)
        return mean_loss(learner, state.params, inputs.scored, member_numbers(numbers, inputs))

    return jax.value_and_grad(loss)(numbers)


def in_forward_mode(learner: Learner, numbers: Numbers, inputs: Inputs) -> tuple[jax.Array, Numbers]:
    """The loss and its derivatives, all pushed forward from the first step to the last."""
    flat, unravel = ravel_pytree(numbers)

    def along(direction: jax.Array) -> tuple[jax.Array, jax.Array]:
        return loss_along(learner, numbers, unravel(direction), inputs)

    value, derivatives = jax.vmap(along, out_axes=(None, 0))(jnp.eye(flat.size, dtype=flat.dtype))
    return value, unravel(derivatives)


def loss_along(
    learner: Learner, numbers: Numbers, direction: Numbers, inputs: Inputs
) -> tuple[jax.Array, jax.Array]:
    """The loss, and its derivative along a direction of the numbers."""

    def all_numbers(numbers: Numbers) -> tuple[dict[str, jax.Array], dict[str, jax.Array]]:
        return step_numbers(numbers, inputs), member_numbers(numbers, inputs)

    (hyper, last), (d_hyper, d_last) = jax.jvp(all_numbers, (numbers,), (direction,))

    def start(first: Hyper) -> tuple[Any, State]:
        state = learner.start(inputs.params, first)
        return floats_of(state), state

    def step(carry: tuple[State, Any], of_step: tuple[Steps, Hyper, Hyper]) -> tuple[tuple[State, Any], None]:
        (state, tangent), (seen, hyper, d_hyper) = carry, of_step

        def after(at: tuple[Any, Hyper]) -> tuple[Any, State]:
            moved = one_step(learner, inputs.rows, with_floats(state, at[0]), seen, at[1])
            return floats_of(moved), moved

        _, tangent, state = push_forward(after, (floats_of(state), hyper), (tangent, d_hyper))
        return (state, tangent), None

    _, tangent, state = push_forward(start, _first(hyper), _first(d_hyper))
    (state, tangent), _ = jax.lax.scan(step, (state, tangent), (inputs.steps, hyper, d_hyper))

    def end(at: tuple[Any, Hyper]) -> tuple[jax.Array, None]:
        return mean_loss(learner, with_floats(state, at[0]).params, inputs.scored, at[1]), None

    return push_forward(end, (floats_of(state), last), (tangent, d_last))[:2]


def step_numbers(numbers: Numbers, inputs: Inputs) -> dict[str, jax.Array]:
    """The member's numbers in each step, name -> ``[steps]``: the learning rate times its multiplier."""
    hyper, count = {**inputs.fixed, **numbers}, len(inputs.steps.numbers)
    multipliers = hyper.pop(MULTIPLIERS)
    of_steps = {name: jnp.broadcast_to(value, (count,)) for name, value in hyper.items()}
    rates = of_steps["learning_rate"] * jnp.repeat(multipliers, count // len(multipliers))
    return of_steps | {"learning_rate": rates}


def member_numbers(numbers: Numbers, inputs: Inputs) -> dict[str, jax.Array]:
    """The member's numbers, as its scores see them: its learning rate without multipliers."""
    return {name: value for name, value in {**inputs.fixed, **numbers}.items() if name != MULTIPLIERS}


def mean_loss(learner: Learner, params: Params, rows: Rows, hyper: Hyper) -> jax.Array:
    """The mean loss per row, without penalty."""
    return jnp.mean(learner.score(params, rows, hyper)[learner.metrics[0].name])


def _first(hyper: Hyper) -> dict[str, jax.Array]:
    return {name: values[0] for name, values in hyper.items()}
