"""Single steps of a sweep's members, to observe them or to differentiate through them."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.signatures import check_callable
from jfnn.core.engine.epoch import gather, stand_ins
from jfnn.core.engine.minibatches import Source, step_key
from jfnn.core.engine.program import DeviceData
from jfnn.core.experiment import doubts
from jfnn.core.experiment.build import build
from jfnn.core.experiment.experiment import Experiment
from jfnn.core.experiment.options import Options
from jfnn.learners.data import Batch, Hyper
from jfnn.learners.functions import Functions
from jfnn.learners.learner import Learner
from jfnn.numerics.compiling import compiled
from jfnn.params import Params, State

# Options that only sweeps use.
SWEEP_OPTIONS = ("folds", "refit", "cells", "schedulers", "execution", "out", "resume")

# (learner, state before a step, its minibatch, state after it, the member's hyperparameters) -> arrays
Observe = Callable[[Learner, State, Batch, State, Hyper], Any]


class Seen(NamedTuple):
    """Data of a replicate's steps.

    Attributes:
        source: Source of its minibatches in all epochs, and of its keys.
        data: All rows, their weights, and stand-in rows.
    """

    source: Source | Any
    data: DeviceData | Any


@dataclasses.dataclass(frozen=True)
class Stepper:
    """One step of a member, with the rows, weights and random key that it has in a sweep.

    Attributes:
        functions: The learner's functions, as a sweep compiles them.
        padded: Whether minibatches may be padded.
    """

    functions: Functions
    padded: bool

    @property
    def learner(self) -> Learner:
        """The learner."""
        return self.functions.learner

    def batch(self, seen: Seen, number: jax.Array) -> Batch:
        """Return the minibatch of step ``number``, counted from 0 over all epochs."""
        source, data = seen
        rows, weights, of_folds = jax.tree.map(jnp.asarray, tuple(data))
        stand_in = None if of_folds is None else of_folds[source.fold]
        return gather(rows, weights, source.rows[number], self.padded, source.fold, stand_in)

    def __call__(self, seen: Seen, number: jax.Array, state: State, hyper: Hyper) -> State:
        """Return the state after step ``number``, counted from 0 over all epochs."""
        epoch, step = jnp.divmod(number, seen.source.steps_of_epoch)
        key = step_key(seen.source, epoch, step)
        return self.functions.step(state, self.batch(seen, number), hyper, key)[0]


def make_experiment(options: Options, differentiable: bool = False) -> Experiment:
    """Build an experiment from options and check it, for studies of its steps.

    Args:
        options: The options.
        differentiable: Whether steps are to be differentiated.

    Raises:
        ValueError, TypeError: As in `jfnn.sweep`; options that only sweeps have; no epochs; or, if
            differentiable, a line search or a learner that samples discrete states or prunes, and so is not
            continuous in its hyperparameters.
    """
    if not isinstance(options, Options):
        cure = "jfnn.Options(network, split, learning_rate=…) creates them"
        raise ArgumentTypeError("options", "expected jfnn.Options", got=checks.as_text(options), cure=cure)
    for name in options.non_default(SWEEP_OPTIONS):
        raise ArgumentError(name, "only jfnn.sweep takes it; leave it out")
    checks.as_count(options.epochs.stop, "epochs")
    experiment = build(options)
    doubts.warn([experiment.doubts])
    if experiment.first_epoch or experiment.replicates.differ_by_cell:
        raise ArgumentError("epochs", "expected a number, with initial parameters per seed")
    if differentiable and not experiment.learner.differentiable:
        raise ArgumentTypeError(
            "network", "it samples discrete states, prunes, or uses a line search, which has no derivative"
        )
    return experiment


def make_stepper(experiment: Experiment, number: int) -> tuple[Stepper, Seen]:
    """Return the step of an experiment's members, and the data of its replicate ``number``."""
    replicates = experiment.replicates
    sources = replicates.sources
    data = experiment.data
    steps = sources.steps[number]
    epochs = range(experiment.epochs)
    rows = np.concatenate([replicates.minibatches(number, epoch) for epoch in epochs])
    source = sources.take(np.array([number]), 0, rows[:, None], "cpu").of_group(0)._replace(steps=steps)
    stand_in = stand_ins(data.weights, sources.train)
    stepper = Stepper(experiment.functions, sources.padded)
    return stepper, Seen(source, DeviceData(data.rows, data.weights, stand_in))


def step_numbers(experiment: Experiment) -> np.ndarray:
    """Return the numbers of all steps ``[epochs * steps]``."""
    return np.arange(experiment.epochs * experiment.replicates.sources.steps[0], dtype=np.int32)


def observe_steps(experiment: Experiment, observe: Observe) -> Any:
    """Evaluate a pure function at each step of each member; return arrays ``[E, L, …, S, steps, …]``.

    Members start and step as in a sweep with the same options, each to the last epoch; diverged members
    continue with non-finite numbers.

    Args:
        experiment: From `make_experiment`.
        observe: ``(learner, before, batch, after, hyper) -> arrays``, traced by JAX for one member: the
            learner, its `jfnn.State` before a step, the rows and weights of the step, the state after it, and
            the member's hyperparameters by name.
    """
    if not isinstance(experiment, Experiment):
        cure = "make_experiment(options) makes one"
        raise ArgumentTypeError("experiment", "expected one", got=checks.as_text(experiment), cure=cure)
    check_callable(observe, (None,) * 5, "observe", "a function of a step")
    hyper = experiment.hyper()
    steps = step_numbers(experiment)
    observed = []
    for number in range(len(experiment.replicates)):
        stepper, seen = make_stepper(experiment, number)
        here = experiment.replicate_of() == number
        cells = {name: values[here] for name, values in hyper.items()}
        program = _compile_observer(stepper, observe)
        observed.append(program(cells, experiment.replicates.start(number), seen, steps))

    def shaped(*leaves: jax.Array) -> np.ndarray:
        members = np.stack(leaves, axis=1)
        return members.reshape(*experiment.shape, *members.shape[2:])

    return jax.tree.map(shaped, *observed)


@functools.lru_cache(maxsize=32)
def _compile_observer(stepper: Stepper, observe: Observe) -> Callable[..., Any]:
    """Compile ``(hyper of cells, params, seen, steps) -> observed [cells, steps, …]``."""

    def of_cell(hyper: Hyper, params: Params, seen: Seen, steps: jax.Array) -> Any:
        def step(before: State, number: jax.Array) -> tuple[State, Any]:
            after = stepper(seen, number, before, hyper)
            return after, observe(stepper.learner, before, stepper.batch(seen, number), after, hyper)

        return jax.lax.scan(step, stepper.functions.start(params, hyper), steps)[1]

    return compiled(jax.vmap(of_cell, in_axes=(0, None, None, None)))
