"""Maximal-update parametrization: the table's exponents, and its other form with explicit multipliers."""

import itertools
import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import compiled

import jfnn
from jfnn import Dense, Residual, Scaled
from jfnn.identity import naming
from jfnn.layers.scaled import at_learning_rates, learning_rates
from jfnn.learners import Batch

pytestmark = pytest.mark.unoptimized

BASE = 4
WIDTHS = [8, 32]
# Exponents of the width in Table 3 of Yang & Hu (arXiv 2203.03466) for the first, hidden and last layer:
# initial variance relative to 1/fan_in, learning rate of weights, learning rate of biases.
VARIANCE = [0, 0, -1]
RATES = {"sgd": ([1, 0, -1], [1, 1, 0]), "adam": ([0, -1, -1], [0, 0, 0])}


def dense(width):
    return jfnn.mlp((3, width, width, 2), "tanh", init="lecun_normal")


def convolutional(width):
    return jfnn.cnn((2, 8), (width, width), 3, kernel=2, pool=2, init="he_normal")


def residual(width):
    block = Residual([Dense(width, "tanh", "he_uniform")])
    return jfnn.sequential([Dense(width, "elu", "he_uniform"), block, Dense(2, "identity", "he_uniform")], 3)


def scaled(width):
    layers = dense(width).layers
    return jfnn.sequential([*layers[:2], Scaled(layers[2], 0.5, 3.0, 2.0)], 3)


@pytest.mark.thorough
@pytest.mark.parametrize("network", [dense, convolutional, residual, scaled])
def test_starts_and_rates_follow_the_powers_of_the_width_in_table_3(network):
    def kinds(tree):
        leaves = jax.tree.leaves(tree)
        return leaves[::2], leaves[1::2]

    def rates(made):
        return kinds([*map(learning_rates, made.layers, jax.eval_shape(made.init, jax.random.key(0)))])

    for width, optimizer in itertools.product(WIDTHS, RATES):
        made = jfnn.maximal_update(network(width), network(BASE), optimizer)
        for ours, at_base, exponents in zip(rates(made), rates(network(BASE)), RATES[optimizer], strict=True):
            np.testing.assert_allclose(ours, at_base * (width / BASE) ** np.array(exponents, float))
    assert jfnn.maximal_update(network(BASE), network(BASE), optimizer) is network(BASE)
    starts = compiled(lambda key: (made.init(key), network(width).init(key)))(jax.random.key(3))
    (ours, biases), (as_usual, _) = map(kinds, starts)
    assert all((bias == 0).all() for bias in biases)
    for w, standard, exponent in zip(ours, as_usual, VARIANCE, strict=True):
        np.testing.assert_allclose(w, standard * (width / BASE) ** (exponent / 2), rtol=1e-6)


MULTIPLIER = 3.0
RATIO = 4
STEPS = 3
RATE = 0.05
# Optimizer -> the same twice, and the learning rates in Table 8 of weights and biases, layer by layer.
TABLE_8 = {
    "sgd": (
        jfnn.Optimizer("sgd", momentum=0.9),
        lambda rate: optax.sgd(rate, momentum=0.9),
        [4, 4, 1, 4, 4, 1],
    ),
    "adam": (
        jfnn.Optimizer("adam", eps=1e-30),
        lambda rate: optax.adam(rate, eps=1e-30),
        [1, 1, 1 / 4, 1, 1, 1],
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("optimizer", TABLE_8)
def test_steps_equal_table_8_with_explicit_multipliers(optimizer, x64):
    """In Table 8 the outputs are ``α/r w a + b``, and w starts alike at every width, r times the base's."""
    rule, plain, rates = TABLE_8[optimizer]
    usual = dense(RATIO * BASE)
    factor = MULTIPLIER / RATIO
    net = jfnn.maximal_update(usual, dense(BASE), optimizer, MULTIPLIER)
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(7, 3)))
    targets = jax.nn.one_hot(rng.integers(0, 2, 7), 2)
    learner = jfnn.supervised(net, reduction="mean", optimizer=rule, gradient="backprop")
    hyper = {"learning_rate": RATE, "l2": 0.0, **rule.numbers}
    rules = [plain(RATE * rate) for rate in rates]

    def cost(leaves):
        a = x
        for w, b in zip(leaves[:4:2], leaves[1:4:2], strict=True):
            a = jnp.tanh(a @ w + b)
        return jnp.mean(optax.softmax_cross_entropy(factor * (a @ leaves[4]) + leaves[5], targets))

    @compiled
    def both(key):
        starts = (jax.tree.map(lambda leaf: leaf.astype(float), made.init(key)) for made in (net, usual))
        params = next(starts)
        leaves = jax.tree.leaves(next(starts))
        state = learner.start(learner.pack(params), hyper)
        leaves[4] = leaves[4] * RATIO**0.5  # from a variance of 1/fan_in to the base's
        memories = [of_leaf.init(leaf) for of_leaf, leaf in zip(rules, leaves, strict=True)]
        for _ in range(STEPS):
            state, _ = learner.step(state, Batch((x, targets)), hyper, None)
            gradients = jax.grad(cost)(leaves)
            for i, of_leaf in enumerate(rules):
                updates, memories[i] = of_leaf.update(gradients[i], memories[i])
                leaves[i] = leaves[i] + updates
        leaves[4] = factor * leaves[4]
        return jax.tree.leaves(params), jax.tree.leaves(learner.unpack(state.params)), leaves

    for start, ours, expected in zip(*both(jax.random.key(0)), strict=True):
        assert np.abs(ours - start).max() > 1e-3
        np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-12)


def test_unit_rates_change_no_program():
    rule = optax.adam(0.1)
    params = jax.eval_shape(dense(3).init, jax.random.key(0))
    assert at_learning_rates(rule, dense(3).layers, params) is rule
    assert at_learning_rates(rule, scaled(3).layers, params) is not rule


@pytest.mark.parametrize("network", [dense, convolutional, residual, scaled])
def test_network_is_restored_from_its_description(network):
    net = jfnn.maximal_update(network(8), network(4))
    described = json.loads(json.dumps(naming.describe_network(net)))
    assert naming.network_from(described) is net
    assert naming.is_registered_network(net)
    own = Scaled(Dense(2, jfnn.Activation(jnp.sin, jnp.cos)), 2.0)
    assert not naming.is_registered_network(jfnn.sequential([Residual([own])], 2))
    assert not naming.is_registered_network(jfnn.sequential([Scaled(Residual([own.layer]))], 2))


@pytest.mark.parametrize(
    ("optimizer", "rule"),
    [
        ("adamw", "adam"),
        (jfnn.Optimizer("lion", b1=0.8), "adam"),
        (optax.rmsprop, "adam"),
        (jfnn.Optimizer(momentum=0.9), "sgd"),
        (optax.sgd, "sgd"),
    ],
)
def test_optimizer_is_scaled_by_its_rule(optimizer, rule):
    made = jfnn.maximal_update(dense(8), dense(BASE), optimizer, MULTIPLIER)
    assert made is jfnn.maximal_update(dense(8), dense(BASE), rule, MULTIPLIER)
