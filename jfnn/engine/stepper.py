"""The steps of a sweep's member one by one, so that JAX can differentiate through them."""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.engine.program import DeviceData
from jfnn.experiment import doubts
from jfnn.experiment.build import build
from jfnn.experiment.experiment import Experiment
from jfnn.experiment.options import Options
from jfnn.learners import Hyper, Learner
from jfnn.optimizers import State
from jfnn.steps.epoch import gather, stand_ins
from jfnn.steps.source import Source, step_key

# Options of sweeps that have no meaning here.
SWEEP_OPTIONS = ("folds", "refit", "cells", "schedulers", "execution", "out", "resume")


class Seen(NamedTuple):
    """Data of a replicate's steps.

    Attributes:
        source: Source of its minibatches, of all epochs, and of its keys.
        data: All rows, their weights, and rows that stand in.
    """

    source: Source | Any
    data: DeviceData | Any


@dataclasses.dataclass(frozen=True)
class Stepper:
    """One step of a member, with the rows, weights and random key that a sweep gives it.

    Attributes:
        learner: The learner.
        padded: Whether minibatches may be padded.
    """

    learner: Learner
    padded: bool

    def __call__(self, seen: Seen, number: jax.Array, state: State, hyper: Hyper) -> State:
        """The state after step ``number``, counted from 0 over all epochs."""
        source, data = seen
        epoch, step = jnp.divmod(number, source.steps)
        rows, weights, of_folds = jax.tree.map(jnp.asarray, tuple(data))
        stand_in = None if of_folds is None else of_folds[source.fold]
        batch = gather(rows, weights, source.rows[number], self.padded, source.fold, stand_in)
        return self.learner.step(state, batch, hyper, step_key(source, epoch, step))[0]


def make_experiment(options: Options) -> Experiment:
    """The sweep with these options.

    Raises:
        ValueError, TypeError: As `jfnn.sweep`; options that only sweeps have; no epochs; and a learner that
            samples discrete states or prunes, and so jumps as its numbers change.
    """
    for name in options.changed(SWEEP_OPTIONS):
        raise ArgumentError(name, "expected none, since this is no sweep")
    checks.as_count(options.epochs.stop, "epochs")
    experiment = build(options)
    doubts.say([experiment.doubts])
    if experiment.first_epoch or experiment.replicates.differ_by_cell:
        raise ArgumentError("epochs", "expected their number, from starts of each seed")
    if not experiment.learner.differentiable:
        raise ArgumentTypeError("network", "it samples discrete states or prunes, which has no derivative")
    return experiment


def make_stepper(experiment: Experiment, number: int) -> tuple[Stepper, Seen]:
    """The step of an experiment's members, and the data of its replicate ``number``."""
    replicates = experiment.replicates
    sources = replicates.sources
    data = experiment.data
    steps = sources.steps[number]
    epochs = range(experiment.epochs)
    rows = np.concatenate([replicates.minibatches(number, epoch) for epoch in epochs])
    source = sources.take(number, 0, rows)._replace(steps=steps)
    stand_in = stand_ins(data.weights, sources.train)
    stepper = Stepper(experiment.learner, sources.padded)
    return stepper, Seen(source, DeviceData(data.rows, data.weights, stand_in))


def step_numbers(experiment: Experiment) -> np.ndarray:
    """Numbers of all steps ``[epochs * steps]``."""
    return np.arange(experiment.epochs * experiment.replicates.sources.steps[0], dtype=np.int32)
