"""Barriers compared with loops, matched units with all permutations; nothing else changes."""

import itertools
import sys

import jax
import numpy as np
import pytest
from helpers import float64_first, noise_split

import jfnn
from jfnn.analysis import barrier, matched

SPLIT = noise_split()
X = SPLIT.x_train
Y = SPLIT.y_train
NET = jfnn.mlp((5, 4, 3), "tanh")
DEEP = jfnn.mlp((5, 4, 3, 3), "relu", init="he_normal")


def random_params(network, shape, seed=0, dtype=np.float32):
    """Return parameters of random networks, including biases, with these leading axes."""
    params = jax.vmap(network.init)(jax.random.split(jax.random.key(seed), int(np.prod(shape, dtype=int))))
    rng = np.random.default_rng(seed)
    return jax.tree.map(
        lambda leaf: (np.asarray(leaf, dtype) + rng.normal(size=leaf.shape).astype(dtype)).reshape(
            *shape, *leaf.shape[1:]
        ),
        params,
    )


def member(params, *index):
    return jax.tree.map(lambda leaf: leaf[index], params)


@pytest.mark.thorough
@float64_first
def test_losses_on_the_line_equal_a_loop_and_the_barrier_is_their_height(dtype):
    a = random_params(NET, (2, 1), 1, dtype)
    b = random_params(NET, (3,), 2, dtype)
    x = X.astype(dtype)
    found = barrier(NET, a, b, x, Y, points=5)
    assert found.loss.shape == (2, 3, 5) and found.height.shape == (2, 3)
    assert found.loss.dtype == found.height.dtype == found.alpha.dtype == dtype
    np.testing.assert_array_equal(found.alpha, [0, 0.25, 0.5, 0.75, 1])
    tolerance = {"rtol": 1e-5 if dtype == np.float32 else 1e-12}
    for i, j in np.ndindex(2, 3):
        one, other = member(a, i, 0), member(b, j)
        losses = []
        for t in (0, 0.25, 0.5, 0.75, 1):
            between = jax.tree.map(lambda p, q, t=t: (1 - t) * p + t * q, one, other)
            losses.append(float(jfnn.objective(NET, between, x, Y)))
        np.testing.assert_allclose(found.loss[i, j], losses, **tolerance)
        heights = [
            loss - ((1 - t) * losses[0] + t * losses[-1])
            for t, loss in zip((0, 0.25, 0.5, 0.75, 1), losses, strict=True)
        ]
        np.testing.assert_allclose(found.height[i, j], max(heights), atol=1e-5 * max(losses))


@pytest.mark.thorough
def test_end_beyond_the_dtype_of_the_other_has_nan(x64):
    a, b = random_params(NET, (), 1, np.float32), random_params(NET, (), 2, np.float64)
    b[0].w[0, 0] = 1e39
    assert np.isnan(barrier(NET, a, b, X, Y).height)


@pytest.mark.thorough
def test_blocks_of_pairs_agree_and_nonfinite_networks_have_nan(monkeypatch):
    a, b = random_params(NET, (4,), 1), random_params(NET, (4,), 2)
    b[0].w[2, 0, 0] = np.nan
    whole = barrier(NET, a, b, X, Y)
    assert np.isnan(whole.height).tolist() == [False, False, True, False]
    monkeypatch.setattr(sys.modules["jfnn.analysis.sharpness"], "BLOCK_BYTES", 1)
    np.testing.assert_allclose(barrier(NET, a, b, X, Y).loss, whole.loss, rtol=1e-5)


def orders(units):
    return (np.array(order) for order in itertools.permutations(range(units)))


def permute(params, *order):
    layers = list(params)
    for i, units in enumerate(order):
        layers[i] = layers[i]._replace(w=layers[i].w[:, units], b=layers[i].b[units])
        layers[i + 1] = layers[i + 1]._replace(w=layers[i + 1].w[units])
    return tuple(layers)


def distance(a, b):
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return sum(((np.asarray(p, float) - q) ** 2).sum() for p, q in pairs)


@pytest.mark.thorough
def test_one_hidden_layer_is_as_close_as_the_closest_of_all_permutations():
    a, b = random_params(NET, (3, 1), 1), random_params(NET, (2,), 2)
    found = matched(NET, a, b)
    assert found[0].w.shape == (3, 2, 5, 4) and isinstance(found[0], jfnn.Layer)
    for i, j in np.ndindex(3, 2):
        closest = min(
            (permute(member(b, j), order) for order in orders(4)),
            key=lambda other, i=i: distance(member(a, i, 0), other),
        )
        jax.tree.map(np.testing.assert_array_equal, member(found, i, j), closest)


@pytest.mark.thorough
def test_two_hidden_layers_end_where_no_layer_alone_comes_closer():
    a, b = random_params(DEEP, (6,), 1), random_params(DEEP, (6,), 2)
    found = matched(DEEP, a, b)
    least = []
    for i in range(6):
        one, other = member(a, i), member(found, i)
        here = distance(one, other)
        assert here <= distance(one, member(b, i))
        rest = np.arange(3)
        alone = [permute(other, order, rest) for order in orders(4)]
        alone += [permute(other, np.arange(4), order) for order in orders(3)]
        assert here <= min(distance(one, changed) for changed in alone) * (1 + 1e-9)
        everything = (permute(member(b, i), *both) for both in itertools.product(orders(4), orders(3)))
        least.append(min(distance(one, changed) for changed in everything) / here)
    assert max(least) == pytest.approx(1)  # some are the closest of all


@pytest.mark.thorough
@pytest.mark.parametrize("network", [NET, DEEP])
def test_matched_networks_predict_as_before_and_their_order_is_recovered(network):
    a = random_params(network, (), 1)
    b = random_params(network, (), 2)
    found = matched(network, a, b)
    np.testing.assert_allclose(network.apply(found, X), network.apply(b, X), rtol=1e-4, atol=1e-5)
    rng = np.random.default_rng(0)
    shuffled = permute(a, *(rng.permutation(len(layer.b)) for layer in a[:-1]))
    jax.tree.map(np.testing.assert_array_equal, matched(network, a, shuffled), a)
    assert barrier(network, a, matched(network, a, shuffled), X, Y).height < 1e-5


def test_identical_units_end_the_search():
    zeros = jax.tree.map(np.zeros_like, random_params(DEEP, ()))
    jax.tree.map(np.testing.assert_array_equal, matched(DEEP, zeros, zeros), zeros)
