"""The largest Lyapunov exponent of training: how fast its steps separate neighboring runs.

A direction in the space of the state (parameters and optimizer state) is propagated by the exact Jacobian J
of each step, ``v <- J v``, and normalized again; the exponent is the mean of ``log |J v|`` (Benettin et al.,
Meccanica 15, 9 (1980)). Two copies a small distance apart, rescaled to that distance after each step, give
the same exponent up to curvature and rounding.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.core.experiment.experiment import Experiment
from jfnn.core.experiment.options import Options
from jfnn.core.experiment.stepper import Seen, Stepper, make_experiment, make_stepper, step_numbers
from jfnn.core.search.keywords import make_options
from jfnn.layers import Params
from jfnn.learners import Hyper, Learner
from jfnn.network import Network
from jfnn.numerics.compiling import compiled
from jfnn.params import State, has_constants
from jfnn.split import Split
from jfnn.studies.derivatives import Floats, float_leaves, push_forward, with_floats

METHODS = ("tangent", "copies")
DIRECTION = 0x1A  # makes the key of the first direction differ from the key of the initial parameters


class Lyapunov(NamedTuple):
    """Growth of small differences in training.

    Attributes:
        axes: Name -> values of the hyperparameters, as in `jfnn.SweepResult`.
        growth: ``log`` of the growth factor of a small difference in each epoch, ``[E, L, …, S, epochs]``.
        steps: Steps per epoch.
    """

    axes: dict[str, np.ndarray]
    growth: np.ndarray
    steps: int

    @property
    def exponent(self) -> np.ndarray:
        """The mean growth per step, over all steps ``[E, L, …, S]``; NaN where a member diverged."""
        return self.exponent_after(0)

    def exponent_after(self, epochs: int) -> np.ndarray:
        """Return `exponent` without the first epochs, to exclude transient growth.

        Args:
            epochs: Number of epochs excluded, fewer than there are.
        """
        count = checks.as_count(epochs, "epochs", 0, self.growth.shape[-1] - 1)
        return np.asarray(self.growth[..., count:].mean(axis=-1) / self.steps)


def lyapunov(
    network: Network | Learner,
    split: Split,
    *,
    seeds: int | Sequence[int] = 1,
    method: str = "tangent",
    **options: Any,
) -> Lyapunov:
    """Return the largest Lyapunov exponent of training, for every cell and seed.

    Training lasts a finite time, so these are finite-time exponents: a run with exponent Λ multiplies a small
    difference by ``exp(Λ steps)``. If that times the rounding error approaches 1, no two machines end with
    the same network. Training steps are as in `jfnn.sweep` with the same options.

    Most networks cannot have an exponent below 0: a difference in a direction that does not affect the loss
    neither grows nor decays. Softmax outputs do not change when one number is added to all output biases,
    which are not penalized, so in the long run the largest exponent is at least 0.

    Args:
        network: As in `jfnn.sweep`, but a single network; ``batch_size`` is a single value, too.
        split: As in `jfnn.sweep`.
        seeds: Number of seeds (0, 1, …), or the seeds; each fixes initialization, minibatches and the first
            direction.
        method: "tangent", by the Jacobian of each step, or "copies", by two runs a small distance apart.
        **options: Options of `jfnn.sweep` except ``folds``, ``refit``, ``cells``, ``schedulers``,
            ``execution``, ``out`` and ``resume``.
    """
    checks.as_choice(method, "method", METHODS)
    # Without this, an interrupt while JAX starts tracing leaves the tracing context active after this call.
    with jax.core.eval_context():
        made = make_options(lyapunov, Options, network, split, seeds=seeds, **options)
        return _measure(make_experiment(made, differentiable=True), method)


def _measure(experiment: Experiment, method: str) -> Lyapunov:
    """Return the growth for every cell and seed of an experiment."""
    replicates = experiment.replicates
    if has_constants(replicates.start_shapes):
        raise ArgumentError("network", "expected a network without constants, in which differences persist")
    hyper = experiment.hyper()
    growth = []
    for number, seed in enumerate(replicates.seeds.tolist()):
        stepper, seen = make_stepper(experiment, number)
        program = _build(stepper, method, experiment.epochs)
        here = experiment.replicate_of() == number
        cells = {name: values[here] for name, values in hyper.items()}
        key = jax.random.fold_in(jax.random.key(seed), DIRECTION)
        grown = program(cells, replicates.start(number), seen, step_numbers(experiment), key)
        growth.append(np.asarray(grown))
    shaped = np.stack(growth, axis=1).reshape(*experiment.shape, experiment.epochs)
    return Lyapunov(dict(experiment.cells.values), shaped, int(replicates.sources.steps[0]))


@functools.lru_cache(maxsize=32)
def _build(stepper: Stepper, method: str, epochs: int) -> Callable[..., jax.Array]:
    """Compile ``(hyper of cells, params, seen, steps, key) -> growth [cells, epochs]``."""
    one_cell = functools.partial(growths, stepper, method, epochs)
    return compiled(jax.vmap(one_cell, in_axes=(0, None, None, None, None)))


def growths(
    stepper: Stepper,
    method: str,
    epochs: int,
    hyper: Hyper,
    params: Params,
    seen: Seen,
    steps: jax.Array,
    key: jax.Array,
) -> jax.Array:
    """Log growth of a difference in each epoch ``[epochs]``; ``key`` draws its first direction."""

    def advance(carry: tuple[State, Floats], number: jax.Array) -> tuple[tuple[State, Floats], jax.Array]:
        state, direction = carry

        def after(floats: Floats) -> tuple[Floats, State]:
            moved = stepper(seen, number, with_floats(state, floats), hyper)
            return float_leaves(moved), moved

        grow = push_forward if method == "tangent" else _apart
        _, grown, state = grow(after, float_leaves(state), direction)
        length = optax.tree.norm(grown)
        return (state, optax.tree.scale(1 / length, grown)), jnp.log(length)

    state = stepper.functions.start(params, hyper)
    floats = float_leaves(state)
    keys = jax.random.split(key, len(floats))
    drawn = [jax.random.normal(k, leaf.shape, leaf.dtype) for k, leaf in zip(keys, floats, strict=True)]
    _, logs = jax.lax.scan(advance, (state, optax.tree.scale(1 / optax.tree.norm(drawn), drawn)), steps)
    return jnp.sum(logs.reshape(epochs, -1), axis=1)


def _apart(function: Callable[..., tuple[Any, Any]], at: object, along: object) -> tuple[Any, Any, Any]:
    """Approximate `push_forward` by a finite difference."""
    rounding = np.finfo(np.dtype(jnp.result_type(*jax.tree.leaves(at)))).eps
    # The curvature error grows with the distance, the rounding error with its inverse.
    distance = jnp.sqrt(rounding) * jnp.maximum(optax.tree.norm(at), 1)
    value, rest = function(at)
    moved, _ = function(jax.tree.map(lambda p, v: p + distance * v, at, along))
    return value, jax.tree.map(lambda p, q: (p - q) / distance, moved, value), rest
