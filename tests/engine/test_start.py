"""Initial states read from a trace equal `Learner.start` as computed by JAX."""

import jax
import numpy as np
import pytest
from helpers import compilations, compiled, noise_split, representatives, same_bits

import jfnn
from jfnn.core.engine.start import read_start
from jfnn.core.experiment.build import build
from jfnn.core.experiment.options import Options

NET = jfnn.mlp((5, 4, 3), "tanh")
IMAGES = jfnn.Split((np.arange(60.0).reshape(10, 6) % 7 > 3).astype(np.float32))


def constants(params, x):
    return x @ params["w"] * params["scale"].value


def supervised(optimizer="sgd", network=NET, split=None, **options):
    return build(
        Options(
            network, split or noise_split(), learning_rate=0.1, batch_size=10, optimizer=optimizer, **options
        )
    )


def machine(gradient):
    network = jfnn.boltzmann_machine((6, 4), gradient=gradient, loss="reconstruction")
    return build(Options(network, IMAGES, learning_rate=[0.1, 0.2], batch_size=None))


def of_constant():
    network = jfnn.Network(
        lambda key: {"w": jax.random.normal(key, (5, 3)), "scale": jfnn.Constant(np.float32(1))}, constants
    )
    return supervised(network=network, hyper={"scale": [0.5, 2.0]})


# An experiment, and whether its initial states depend on no value.
PLAIN = {
    **{
        name: lambda name=name: supervised(name)
        for name in ("sgd", "adam", "adagrad", "lbfgs", "adafactor", "sm3")
    },
    "momentum": lambda: supervised(jfnn.Optimizer("sgd", momentum=[0.5, 0.9])),
    "schedule": lambda: supervised(jfnn.Optimizer("adam", schedule="cosine")),
    "pruned": lambda: build(
        Options(jfnn.pruned(NET, every=2, rounds=2), noise_split(), learning_rate=[0.1, 0.2], batch_size=10)
    ),
    "a number of the network": of_constant,
}
COMPUTED = {
    "scaled": lambda: supervised("adam", hyper={"init_scale": [0.5, 2.0]}),
    "masked": lambda: machine("persistent"),
}
EXPERIMENTS = {**PLAIN, **COMPUTED}


@pytest.mark.parametrize("name", representatives(EXPERIMENTS, "adam", "pruned", "scaled"))
def test_states_equal_those_of_start(name):
    experiment = EXPERIMENTS[name]()
    members = 3 * experiment.members
    params = jax.tree.map(
        lambda leaf: np.random.default_rng(leaf.size).normal(size=(members, *leaf.shape)).astype(leaf.dtype),
        experiment.replicates.start_shapes,
    )
    hyper = {name: np.resize(values, members) for name, values in experiment.hyper_at_start().items()}
    numbers = {name: values[0] for name, values in hyper.items()}
    start = read_start(experiment.functions, experiment.replicates.start_shapes, numbers)
    assert (start.origins is not None) == (name in PLAIN)
    expected = compiled(jax.vmap(experiment.learner.start))(params, hyper)
    with compilations() as programs:
        states = start.states(params, hyper, members)
    assert not programs
    if start.origins is not None:
        assert same_bits(tuple(states), jax.tree.map(np.asarray, tuple(expected)))
    shapes = [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(tuple(expected))]
    assert [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(tuple(states))] == shapes


def test_arrays_of_the_states_are_distinct_and_not_hyperparameters():
    """Members are trained in place, so states must not share buffers with hyperparameters."""
    experiment = EXPERIMENTS["pruned"]()
    params = experiment.replicates.start(np.arange(experiment.members))
    hyper = experiment.hyper_at_start()
    numbers = {name: values[0] for name, values in hyper.items()}
    start = read_start(experiment.functions, experiment.replicates.start_shapes, numbers)
    leaves = jax.tree.leaves(tuple(start.states(params, hyper, experiment.members)))
    kept = [*leaves, *hyper.values()]
    assert not any(np.shares_memory(one, kept[j]) for i, one in enumerate(leaves) for j in range(i))
    assert not any(np.shares_memory(leaf, values) for leaf in leaves for values in hyper.values())
