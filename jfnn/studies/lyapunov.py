"""The largest Lyapunov exponent of training: how fast its steps drive neighbouring runs apart.

A direction in the space of the state (parameters and the optimizer's memory) is carried along with the
state, ``v <- J v``, by the exact Jacobian J of each step, and made a unit vector again; the mean of
``log |J v|`` is the exponent (Benettin et al., Meccanica 15, 9 (1980)). Two copies a small distance apart,
brought back to that distance after each step, give the same up to curvature and rounding.
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
DIRECTION = 0x1A  # sets the keys of first directions apart from those of starting parameters


class Lyapunov(NamedTuple):
    """Growth of small differences in training.

    Attributes:
        axes: Name -> values of the hyperparameters, as in `jfnn.SweepResult`.
        growth: ``log`` of the factor by which a small difference grew, in each epoch,
            ``[E, L, …, S, epochs]``.
        steps: Steps an epoch.
    """

    axes: dict[str, np.ndarray]
    growth: np.ndarray
    steps: int

    @property
    def exponent(self) -> np.ndarray:
        """The mean growth a step, over all of them ``[E, L, …, S]``; NaN where a member diverged."""
        return self.exponent_after(0)

    def exponent_after(self, epochs: int) -> np.ndarray:
        """As `exponent`, without the first epochs, in which the start's growth passes.

        Args:
            epochs: How many are left out; fewer than there are.

        Raises:
            ValueError: None would be left.
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
    """The largest Lyapunov exponent of training, for every cell and seed.

    Training lasts a finite time, so these are exponents of that time: a run with exponent Λ multiplies a
    small difference by ``exp(Λ steps)``. Where that times the rounding error nears 1, no two machines end
    with the same network. The steps are those of `jfnn.sweep` with the same options.

    An exponent near 0 is the best that most networks can have: a difference in a direction that the loss does
    not see neither grows nor dies out. Softmax outputs stay the same when one number is added to all output
    biases, which carry no penalty, so that in the long run the largest exponent is never below 0.

    Args:
        network: As in `jfnn.sweep`, but one network; ``batch_size`` is one, too.
        split: As in `jfnn.sweep`.
        seeds: How many (0, 1, …), or which; each fixes a start, minibatches and the first direction.
        method: "tangent", by the Jacobian of each step, or "copies", by two runs a small distance apart.
        **options: Those of `jfnn.sweep` but ``folds``, ``refit``, ``cells``, ``schedulers``, ``execution``,
            ``out`` and ``resume``.

    Returns:
        A `Lyapunov`.

    Raises:
        ValueError, TypeError: As in `jfnn.sweep`.
    """
    checks.as_choice(method, "method", METHODS)
    # An interrupt may come where JAX has just begun to trace, which would go on after this call.
    with jax.core.eval_context():
        made = make_options(lyapunov, Options, network, split, seeds=seeds, **options)
        return _measure(make_experiment(made, differentiable=True), method)


def _measure(experiment: Experiment, method: str) -> Lyapunov:
    """The growth of every cell and seed of an experiment."""
    replicates = experiment.replicates
    if has_constants(replicates.start_shapes):
        raise ArgumentError("network", "expected one without constants, in which a difference would stay")
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
    """``(hyper of cells, params, seen, steps, key) -> growth [cells, epochs]``, compiled."""
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
    """Logs of the growth of a difference in each epoch ``[epochs]``; ``key`` draws its first direction."""

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
    """`push_forward` by a difference instead of a derivative."""
    rounding = np.finfo(np.dtype(jnp.result_type(*jax.tree.leaves(at)))).eps
    # Errors by curvature grow with the distance, those by rounding with its inverse.
    distance = jnp.sqrt(rounding) * jnp.maximum(optax.tree.norm(at), 1)
    value, rest = function(at)
    moved, _ = function(jax.tree.map(lambda p, v: p + distance * v, at, along))
    return value, jax.tree.map(lambda p, q: (p - q) / distance, moved, value), rest
