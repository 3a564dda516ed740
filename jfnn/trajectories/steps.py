"""The steps of a training run as a scan that JAX can differentiate: those of a sweep's member."""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jfnn import checks
from jfnn.checks import ArgumentError, ArgumentTypeError
from jfnn.datasets import Split
from jfnn.experiment.build import build
from jfnn.experiment.experiment import Experiment, Replicate
from jfnn.experiment.options import Common, Options
from jfnn.learners.boltzmann import BoltzmannLearner
from jfnn.learners.data import Batch, Hyper, Rows
from jfnn.learners.learner import Learner
from jfnn.network import Network
from jfnn.training import State

# Options that mean nothing where no sweep runs.
OF_SWEEPS = ("schedulers", "execution", "out", "resume")


@dataclasses.dataclass(frozen=True)
class TrajectoryOptions(Common):
    """What every function of this room takes.

    Attributes:
        network: From `jfnn.mlp` or `jfnn.sequential`, any ``Network(init, apply)``, or a `jfnn.Learner`.
        split: ``Split(x_train, y_train, x_test, y_test, weights)``.
    """

    network: Network | Learner
    split: Split


class Steps(NamedTuple):
    """What each step sees, on the leading axis.

    Attributes:
        numbers: Row numbers ``[steps, batch]`` (int32).
        weights: How often each row counts ``[steps, batch]``, or None for once.
        keys: Raw data of each step's random key, or None.
    """

    numbers: Any
    weights: Any
    keys: Any


def experiment_of(options: TrajectoryOptions, seeds: Any) -> Experiment:
    """The sweep whose members these options describe.

    Raises:
        ValueError, TypeError: As `jfnn.sweep`; options of sweeps alone; and a learner that samples discrete
            states, which jump as its numbers change.
    """
    for field in dataclasses.fields(Common):
        if field.name in OF_SWEEPS and getattr(options, field.name) != field.default:
            raise ArgumentError(field.name, "expected none, since this is no sweep")
    checks.as_count(options.epochs, "epochs")
    common = {field.name: getattr(options, field.name) for field in dataclasses.fields(Common)}
    experiment = build(Options(options.network, options.split, seeds=seeds, **common))
    if isinstance(experiment.learner.original, BoltzmannLearner):
        raise ArgumentTypeError(
            "network", "a Boltzmann machine samples discrete states, which have no derivative"
        )
    return experiment


def steps_of(experiment: Experiment, replicate: Replicate) -> Steps:
    """All steps of a replicate, in the order of a sweep."""
    epochs = range(experiment.epochs)
    numbers = np.concatenate([replicate.minibatches(epoch) for epoch in epochs])
    data, weights, keys = experiment.data, None, None
    if replicate.padded or data.weights is not None:
        weights = (numbers >= 0).astype(data.dtype)
        weights *= 1 if data.weights is None else data.weights[numbers]
    if replicate.key is not None:
        fold = jax.vmap(jax.random.fold_in, (None, 0))
        key = jax.random.wrap_key_data(jnp.asarray(replicate.key))
        of_epochs = fold(key, np.arange(len(epochs)))
        of_steps = jax.vmap(fold, (0, None))(of_epochs, np.arange(replicate.steps))
        keys = np.asarray(jax.random.key_data(of_steps.reshape(-1)))
    return Steps(numbers, weights, keys)


def one_step(learner: Learner, rows: Rows, state: State, step: Steps, hyper: Hyper) -> State:
    """One step of a member.

    Args:
        learner: What the member does.
        rows: All rows.
        state: Before the step.
        step: One of `Steps`.
        hyper: The member's numbers.
    """
    batch = Batch(jax.tree.map(lambda leaf: leaf[step.numbers], rows), step.weights)
    key = None if step.keys is None else jax.random.wrap_key_data(step.keys)
    return learner.step(state, batch, hyper, key)[0]
