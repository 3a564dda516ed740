"""Boltzmann machines as learners, compared with scikit-learn, enumeration and smaller machines."""

import itertools
import json
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compiled
from sklearn.neural_network import BernoulliRBM

from jfnn import Batch, State, boltzmann, boltzmann_machine
from jfnn.boltzmann import Machine, columns, enumeration
from jfnn.boltzmann.machine import pack

pytestmark = pytest.mark.unoptimized

RNG = np.random.default_rng(0)
X = (RNG.random((60, 5)) < [0.2, 0.5, 0.5, 0.7, 0.9]).astype(np.float32)
X[:, 1] = X[:, 2]


def machine_of(sizes, scale=1.0):
    weights = tuple(scale * RNG.normal(size=pair) for pair in itertools.pairwise(sizes))
    return Machine(weights, tuple(scale * RNG.normal(size=n) for n in sizes))


class Stream:
    """A stand-in for a RandomState, with given numbers."""

    def __init__(self, *numbers):
        self.numbers = list(numbers)

    def uniform(self, size):
        numbers = self.numbers.pop(0)
        assert numbers.shape == size
        return numbers


def test_persistent_step_equals_scikit_learns_with_the_same_random_numbers(x64):
    learner = boltzmann_machine((5, 4), gradient="persistent", chains=12)
    machine = machine_of((5, 4))
    rows = RNG.random((12, 5))
    chains = (RNG.random((4, 12)) < 0.5).astype(float)
    hyper = {"learning_rate": 0.1, "l2": 0.0}
    key = jax.random.key(7)
    memory = learner.start(pack(machine), hyper).memory[0]
    after, _ = compiled(learner.step)(State(pack(machine), (memory, [chains])), Batch(rows), hyper, key)

    uniform_v, uniform_h = columns.uniforms(jax.random.fold_in(key, 0), (5, 4), 12, np.float64)
    model = BernoulliRBM(4, learning_rate=0.1)
    model.components_ = machine.weights[0].T.copy()
    model.intercept_visible_, model.intercept_hidden_ = (bias.copy() for bias in machine.biases)
    model.h_samples_ = chains.T
    model._fit(rows, Stream(np.asarray(uniform_v).T, np.asarray(uniform_h).T))
    np.testing.assert_allclose(after.params.weights[0], model.components_, rtol=1e-12)
    np.testing.assert_allclose(after.params.biases[0], model.intercept_visible_, rtol=1e-12)
    np.testing.assert_allclose(after.params.biases[1], model.intercept_hidden_, rtol=1e-12)
    np.testing.assert_array_equal(after.memory[1][0], model.h_samples_.T)


@pytest.mark.thorough
def test_exact_step_follows_the_gradient_of_the_likelihood_and_penalty(x64):
    learner = boltzmann_machine((4, 3, 2), gradient="exact")
    machine = machine_of((4, 3, 2))
    rows = X[:30, :4].astype(float)
    weights = RNG.random(30)

    def objective(machine):
        mean = -jnp.sum(weights * boltzmann.log_likelihood(machine, rows)) / weights.sum()
        return mean + 0.15 * sum(jnp.sum(w**2) for w in machine.weights)

    hyper = {"learning_rate": 0.1, "l2": 0.3}
    state = learner.start(pack(machine), hyper)
    (after, _), value = compiled(lambda state: learner.step(state, Batch(rows, weights), hyper, None))(state)
    expected, gradient = compiled(jax.value_and_grad(objective))(machine)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    jax.tree.map(
        lambda new, old, slope: np.testing.assert_allclose(new, old - 0.1 * slope, rtol=1e-10, atol=1e-12),
        *(pack(after), machine, gradient),
    )


@pytest.mark.thorough
def test_bias_of_contrastive_divergence_decreases_with_k():
    # With weights so large, chains forget their start slowly.
    weights = np.float32(2.5 * np.random.default_rng(2).normal(size=(5, 4)))
    machine = pack(Machine((weights,), (np.zeros(5, np.float32), np.zeros(4, np.float32))))
    learner = boltzmann_machine((5, 4), k=16, hyper=["k"])
    rows = np.tile(X, (100, 1))  # 6,000 chains, from a distribution far from the machine's

    def step(k):
        hyper = {"learning_rate": 1.0, "l2": 0.0, "k": k}
        return learner.step(learner.start(machine, hyper), Batch(rows), hyper, jax.random.key(0))[0].params

    @compiled
    def squared_errors(k):
        data = enumeration.data_statistics(machine, X.T)
        model = enumeration.model_statistics(machine)
        exact = jax.tree.map(jnp.subtract, data, model)
        stepped = jax.vmap(step)(k)
        errors = jax.tree.map(lambda new, old, slope: (new - old - slope) ** 2, stepped, machine, exact)
        return jax.tree.map(lambda leaf: leaf.sum(tuple(range(1, leaf.ndim))), errors)

    errors = jax.tree.map(np.asarray, squared_errors(np.array([1.0, 4.0, 16.0])))
    bias = np.sqrt(sum(jax.tree.leaves(errors)))
    assert bias[0] > 2 * bias[1] > 4 * bias[2]
    assert bias[2] < 0.05 < bias[0] / 10  # after 16 sweeps it is below the statistical error of 29 averages


@pytest.mark.thorough
def test_fewer_hidden_units_equal_the_smaller_machine(x64):
    small = machine_of((5, 2), 0.1)
    padding = ((0, 0), (0, 2))
    large = Machine(
        (np.pad(small.weights[0], padding, constant_values=9.0),),
        (small.biases[0], np.pad(small.biases[1], padding[1], constant_values=9.0)),
    )
    rows = X.astype(float)

    def trained(sizes, params, hyper):
        names = ["hidden"] if "hidden" in hyper else []
        learner = boltzmann_machine(
            *(sizes,), gradient="exact", optimizer="adam", metrics=["reconstruction"], hyper=names
        )
        state = learner.start(pack(params), hyper)
        state, value = learner.step(state, Batch(rows), hyper, None)
        return pack(state.params), value, learner.score(state.params, rows, {})

    @compiled
    def both(hyper):
        return trained((5, 4), large, hyper | {"hidden": 2.0}), trained((5, 2), small, hyper)

    one, two = both({"learning_rate": 0.1, "l2": 0.1})
    np.testing.assert_allclose(one[0].weights[0][:, :2], two[0].weights[0], rtol=1e-10)
    np.testing.assert_allclose(one[0].biases[1][:2], two[0].biases[1], rtol=1e-10)
    assert (one[0].weights[0][:, 2:] == 0).all() and (one[0].biases[1][2:] == 0).all()
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-10), one[1:], two[1:])
    scores = boltzmann.reconstruction_error, boltzmann.log_likelihood
    error, likelihood = compiled(lambda machine: [score(machine, rows) for score in scores])(two[0])
    np.testing.assert_allclose(one[2]["reconstruction"], error, rtol=1e-10)
    np.testing.assert_allclose(one[2]["loss"], -likelihood, rtol=1e-10)


CHAINS = boltzmann_machine(
    (5, 4), gradient="persistent", chains=8, k=2, hyper=["hidden", "k"], loss="reconstruction"
)


def test_members_of_a_tile_share_their_draws():
    hyper = {name: np.ones(3, np.float32) for name in CHAINS.hyper}
    params = jax.tree.map(lambda leaf: np.stack([leaf] * 3), pack(machine_of((5, 4))))
    state = jax.eval_shape(jax.vmap(CHAINS.start), params, hyper)
    mapped = jax.vmap(CHAINS.step, in_axes=(0, None, 0, None))
    text = str(jax.make_jaxpr(mapped)(state, Batch(X[:10]), hyper, jax.random.key(0)))
    draws = [line for line in text.splitlines() if "random_bits" in line]
    assert draws and all("[8,9] = " in line for line in draws)


def test_sampling_step_without_a_key_does_not_enumerate_states():
    params = jax.tree.map(np.float32, pack(machine_of((5, 4))))
    hyper = dict.fromkeys(CHAINS.hyper, np.float32(1))
    with pytest.raises(AssertionError):
        CHAINS.step(CHAINS.start(params, hyper), Batch(X[:10]), hyper, None)


def test_different_learners_have_different_descriptions():
    changes = {"k": 2}, {"gradient": "persistent"}, {"gradient": "exact"}, {"metrics": ["likelihood"]}
    learners = [boltzmann_machine((5, 4), **options) for options in ({}, *changes)]
    learners.append(boltzmann_machine((5, 4, 2)))
    assert len({*learners}) == len({json.dumps(learner.describe()) for learner in learners}) == 6
    assert pickle.loads(pickle.dumps(learners)) == learners
    assert all(learner.has_registered_fields for learner in learners)
    losses = [learner.describe()["metrics"]["loss"] for learner in learners]
    assert losses == [*["pseudo_likelihood"] * 3, "likelihood", "pseudo_likelihood", "reconstruction"]
