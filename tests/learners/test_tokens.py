"""Custom networks on integers, such as tokens, which stay integers; compared with a loop in plain JAX."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import compiled, float64_first

import jfnn
from jfnn.core.experiment.options import Options
from jfnn.core.search.prepare import prepare

pytestmark = pytest.mark.unoptimized

RNG = np.random.default_rng(0)
TOKENS = 7
CLASSES = 3
X, X_TEST = (RNG.integers(TOKENS, size=(n, 4)) for n in (30, 10))
Y = X.sum(axis=1) % CLASSES
Y_TEST = X_TEST.sum(axis=1) % CLASSES
SPLIT = jfnn.Split(X, Y, X_TEST, Y_TEST)
BATCHES = RNG.integers(30, size=(3, 4, 6))  # epochs, steps, rows


def init(key):
    table, out = jax.random.split(key)
    return {"table": jax.random.normal(table, (TOKENS, 5)), "out": jax.random.normal(out, (5, CLASSES))}


def apply(params, tokens):
    return jnp.tanh(params["table"][tokens].mean(axis=1)) @ params["out"]


NETWORK = jfnn.Network(init, apply)
REMAINDERS = jfnn.Network(init, lambda params, x: apply(params, x % TOKENS))


def objective(params, x, y, l2):
    costs = optax.softmax_cross_entropy_with_integer_labels(apply(params, x), y)
    return jnp.sum(costs) + l2 / 2 * sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(params))


@compiled
def one_step(params, x, y, rate, l2):
    slopes = jax.grad(objective)(params, x, y, l2)
    return jax.tree.map(lambda leaf, slope: leaf - rate * slope, params, slopes)


def by_a_loop(seed, rate, l2):
    params = jax.jit(init)(jax.random.key(seed))
    for batch in BATCHES.reshape(-1, 6):
        params = one_step(params, X[batch], Y[batch], rate, l2)
    return params


@pytest.mark.thorough
@float64_first
def test_sweep_over_tokens_equals_a_loop_in_plain_jax(dtype):
    split = SPLIT._replace(x_train=X.astype("uint8"), x_test=X_TEST.astype("uint8"))
    rates = [0.02, 0.1]
    penalties = [0.0, 0.3]
    tolerance = 1e-4 if dtype == np.float32 else 1e-10
    result = jfnn.sweep(
        NETWORK,
        split,
        learning_rate=rates,
        l2=penalties,
        reduction="sum",
        epochs=3,
        batches=BATCHES,
        seeds=2,
    )
    for (i, rate), (j, l2), seed in itertools.product(enumerate(rates), enumerate(penalties), range(2)):
        expected = by_a_loop(seed, rate, l2)
        for name, leaf in result.member(i, j, seed).items():
            assert leaf.dtype == dtype
            np.testing.assert_allclose(leaf, expected[name], rtol=tolerance, atol=tolerance)
        outputs = np.asarray(apply(expected, X_TEST))
        right = np.mean(outputs.argmax(axis=1) == Y_TEST)
        assert result.test_accuracy[i, j, seed] == pytest.approx(right, abs=1e-12)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["bool", "uint16"])
def test_custom_network_gets_the_dtype_of_its_inputs_and_layers_get_floats(kind):
    seen = []

    def looked_at(params, x):
        seen.append(x.dtype)
        return x.astype(float) @ params["w"]

    x = (X % 2).astype(kind)
    own = jfnn.Network(lambda key: {"w": jnp.ones((4, CLASSES))}, looked_at)
    for network, expected in ((own, kind), (jfnn.mlp((4, CLASSES)), "float32")):
        options = Options(network, jfnn.Split(x, Y), learning_rate=0.1, epochs=1, batch_size=10)
        rows, targets = prepare(options).experiment.data.rows
        assert (rows.dtype, targets.dtype) == (expected, "float32")
        jfnn.predict(network, network.init(jax.random.key(0)), x)
    assert {*map(str, seen)} == {kind}


@pytest.mark.thorough
def test_targets_have_the_precision_of_the_networks_outputs(dtype):
    """Even if two sweeps in a row have different precision settings."""
    targets = SPLIT._replace(y_train=np.eye(CLASSES)[Y] / 3, y_test=np.eye(CLASSES)[Y_TEST] / 3)
    result = jfnn.sweep(NETWORK, targets, loss="quadratic", learning_rate=0.1, epochs=0, batch_size=10)
    start = result.member(0, 0, 0)
    assert {leaf.dtype for leaf in start.values()} == {dtype}
    expected = 0.5 * np.sum((apply(start, X_TEST) - targets.y_test.astype(dtype)) ** 2, axis=1).mean()
    assert result.test_loss.item() == pytest.approx(float(expected), rel=10 * float(np.finfo(dtype).eps))


FAR = 7 * 2**40


def test_numbers_beyond_32_bits_are_refused_by_name():
    params = init(jax.random.key(0))
    options = dict(learning_rate=0.1, epochs=1, batch_size=10)
    far = X + FAR
    for argument, call in {
        "x_train": lambda: jfnn.sweep(REMAINDERS, SPLIT._replace(x_train=far), **options),
        "x_test": lambda: jfnn.sweep(REMAINDERS, SPLIT._replace(x_test=far), **options),
        "x": lambda: jfnn.predict(REMAINDERS, params, far),
    }.items():
        with pytest.raises(ValueError, match=rf"^{argument}: "):
            call()
    for call in (jfnn.objective, jfnn.accuracy):
        with pytest.raises(ValueError, match=r"^x: "):
            call(REMAINDERS, params, far, Y)


@pytest.mark.parametrize("x_test", [X_TEST + 0.5, X_TEST * 1e30, X_TEST * np.nan])
def test_fractional_test_rows_are_refused_with_tokens(x_test):
    with pytest.raises(ValueError, match=r"^x_test: "):
        jfnn.sweep(NETWORK, SPLIT._replace(x_test=x_test), learning_rate=0.1, epochs=1, batch_size=10)
