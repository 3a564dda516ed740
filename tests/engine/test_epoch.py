"""The engine's epoch against the plain one: `jfnn.training.epoch`, and a Python loop of its step."""

import functools

import jax
import numpy as np
import optax
import pytest
from helpers import compiled

import jfnn
from jfnn import losses, training
from jfnn.engine import program
from jfnn.minibatches import PADDING, Minibatches

N, FEATURES, CLASSES, L2 = 23, 4, 3, 0.2
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
LOSS, OPTIMIZER = losses.get("cross_entropy"), optax.sgd(0.05, momentum=0.9)


def make_problem(dtype, n=N, features=FEATURES, reduction="sum"):
    """``(state, value_and_grad, (x, targets))``: a start, and random rows to learn."""
    rng = np.random.default_rng(2)
    net = jfnn.mlp((features, 5, CLASSES), "tanh", init="glorot_normal")
    params = jax.tree.map(lambda leaf: np.asarray(leaf, dtype), compiled(net.init)(jax.random.key(1)))
    rows = rng.normal(size=(n, features)).astype(dtype), np.eye(CLASSES, dtype=dtype)[np.arange(n) % 3]
    state = training.State(params, compiled(OPTIMIZER.init)(params))
    return state, training.autodiff(net, LOSS, reduction), rows


def engine_epoch(problem, minibatches, weights=None, key=None, dropout=0.0, last_step=None):
    """``(state, value)`` of `program.epoch`, whose step is that of `jfnn.training`."""
    state, value_and_grad, rows = problem

    def step(state, batch, key):
        options = {} if batch.weights is None else {"weights": batch.weights}
        options |= {} if key is None else {"dropout": dropout, "key": key}
        return training.step(state, OPTIMIZER, value_and_grad, *batch.rows, L2, **options)

    padded = bool((minibatches == PADDING).any())
    epoch = compiled(functools.partial(program.epoch, step, padded, last_step=last_step))
    return epoch(state, minibatches, key, (rows, weights))


def loop(problem, minibatches, weights=None, keys=None, dropout=0.0):
    """``(state, values)``: a step of `jfnn.training` for each minibatch, of the rows that there are."""
    state, value_and_grad, (x, targets) = problem
    step = compiled(
        functools.partial(training.step, optimizer=OPTIMIZER, value_and_grad=value_and_grad, l2=L2)
    )
    values = []
    for i, numbers in enumerate(minibatches):
        numbers = numbers[numbers != PADDING]
        options = {} if weights is None else {"weights": weights[numbers]}
        options |= {} if keys is None else {"key": keys[i], "dropout": dropout}
        state, value = step(state, x=x[numbers], targets=targets[numbers], **options)
        values.append(value)
    return state, values


def assert_close(result, expected, tolerance=1e-12):
    for one, other in zip(jax.tree.leaves(result), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("scheme, reduction", [("subset", "sum"), ("permutation", "mean"), ("full", "sum")])
def test_engine_epoch_is_the_plain_epoch_is_a_loop_of_steps(scheme, reduction, dtype):
    problem = make_problem(dtype, reduction=reduction)
    state, value_and_grad, rows = problem
    minibatches = Minibatches(5, scheme).epoch(N, 0, 0)
    plain = compiled(
        lambda state, numbers: training.epoch(state, OPTIMIZER, value_and_grad, *rows, L2, numbers)
    )
    after, values = plain(state, minibatches)
    by_engine, last_value = engine_epoch(problem, minibatches)
    assert values.shape == (len(minibatches),)
    assert_close((by_engine, last_value), (after, values[-1]), TOLERANCE[dtype.name])
    assert_close((after, list(values)), loop(problem, minibatches), TOLERANCE[dtype.name])
    assert np.abs(np.asarray(after.params[0].w) - state.params[0].w).max() > 1e-2


@pytest.mark.parametrize("reduction, weighted", [("sum", False), ("mean", True)])
def test_padded_places_weigh_nothing(reduction, weighted, dtype):
    """Also where they stand between others; the last row, which they gather, is as wrong as can be."""
    state, value_and_grad, (x, targets) = make_problem(dtype, reduction=reduction)
    x[-1] = 1e3
    problem = state, value_and_grad, (x, targets)
    weights = np.asarray(np.arange(N) % 4 + 0.5, dtype) if weighted else None
    minibatches = Minibatches(4, "permutation", drop_last=False).epoch(N - 1, 0, 0)
    assert (minibatches == PADDING).sum() == 2
    minibatches[1, 2] = PADDING
    state, value = engine_epoch(problem, minibatches, weights)
    expected, values = loop(problem, minibatches, weights)
    assert_close((state, value), (expected, values[-1]), TOLERANCE[dtype.name])


@pytest.mark.parametrize("last_step, weighted", [(3, False), (4, True), (5, False)])
def test_a_last_step_that_alone_is_padded_takes_fewer_places_or_all(last_step, weighted, x64):
    problem = make_problem(np.float64, reduction="mean")
    minibatches = Minibatches(5, "permutation", drop_last=False).epoch(N, 0, 0)
    assert (minibatches == PADDING).sum(axis=1).tolist() == [0, 0, 0, 0, 2]
    weights = np.arange(N) % 4 + 0.5 if weighted else None
    state, value = engine_epoch(problem, minibatches, weights, last_step=last_step)
    expected, values = loop(problem, minibatches, weights)
    assert_close((state, value), (expected, values[-1]))


@pytest.mark.parametrize("reduction", ["mean"])
def test_weights_are_those_of_the_rows_of_each_minibatch(reduction, x64):
    problem = make_problem(np.float64, reduction=reduction)
    minibatches = Minibatches(5, "permutation").epoch(N, 0, 0)
    weights = np.asarray(np.arange(N) % 3, float)
    state, value = engine_epoch(problem, minibatches, weights)
    expected, values = loop(problem, minibatches, weights)
    assert_close((state, value), (expected, values[-1]))
    assert not np.isclose(value, engine_epoch(problem, minibatches)[1])
    assert_close(engine_epoch(problem, minibatches, np.ones(N)), engine_epoch(problem, minibatches))


def test_each_step_draws_by_the_key_of_the_epoch_and_its_own_number(x64):
    problem, key = make_problem(np.float64), jax.random.key(3)
    # The same rows in each step, so that steps differ by their keys alone.
    minibatches = np.tile(np.arange(7, dtype=np.int32), (3, 1))
    result = engine_epoch(problem, minibatches, key=key, dropout=0.4)
    keys = [jax.random.fold_in(key, i) for i in range(3)]
    expected, values = loop(problem, minibatches, keys=keys, dropout=0.4)
    assert_close(result, (expected, values[-1]))
    with_one_key, _ = loop(problem, minibatches, keys=keys[:1] * 3, dropout=0.4)
    assert np.abs(np.asarray(with_one_key.params[0].w) - expected.params[0].w).max() > 1e-3


# Rows, features, steps: rows of small arrays are gathered step by step; of large ones all at once, unless
# they are too many.
SIZES = {"small": (N, FEATURES, 4), "at once": (1000, 160, 3), "too many": (1000, 160, 170)}


@pytest.mark.parametrize("size", SIZES)
def test_rows_gathered_at_once_are_those_of_each_step(size, x64):
    n, features, steps = SIZES[size]
    problem = make_problem(np.float64, n, features, "mean")
    minibatches = np.random.default_rng(0).integers(n, size=(steps, 80 if n > 80 else 5), dtype=np.int32)
    x, targets = problem[-1]
    assert (x.nbytes > program.SPLIT_BYTES) == (size != "small")
    gathered = minibatches.size * (x[0].nbytes + targets[0].nbytes)
    assert (gathered > program.GATHERED_BYTES) == (size == "too many")
    state, value = engine_epoch(problem, minibatches)
    expected, values = loop(problem, minibatches)
    assert_close((state, value), (expected, values[-1]), 1e-9)
