"""The engine's epoch against the plain one: `jfnn.training.epoch`, and a Python loop of its step."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import compiled, float64_first

import jfnn
from jfnn import losses, training
from jfnn.core.steps import epoch as engine
from jfnn.core.steps.epoch import gather, gathered_at_once, steps_of_epoch
from jfnn.core.steps.source import Source, step_key
from jfnn.minibatches import PADDING, Minibatches

N = 23
FEATURES = 4
CLASSES = 3
L2 = 0.2
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
LOSS = losses.get("cross_entropy")
OPTIMIZER = optax.sgd(0.05, momentum=0.9)


def make_problem(dtype, n=N, features=FEATURES, reduction="sum"):
    """``(state, value_and_grad, (x, targets))``: a start, and random rows to learn."""
    rng = np.random.default_rng(2)
    net = jfnn.mlp((features, 5, CLASSES), "tanh", init="glorot_normal")
    params = jax.tree.map(lambda leaf: np.asarray(leaf, dtype), compiled(net.init)(jax.random.key(1)))
    rows = rng.normal(size=(n, features)).astype(dtype), np.eye(CLASSES, dtype=dtype)[np.arange(n) % 3]
    state = jfnn.State(params, compiled(OPTIMIZER.init)(params))
    return state, training.autodiff(net, LOSS, reduction), rows


def engine_epoch(problem, minibatches, weights=None, key=None, dropout=0.0, epoch=0, at_once=None):
    """``(state, mean objective, last objective)`` by `steps_of_epoch`, whose step is that of `jfnn.training`.

    The minibatches are given for this epoch, behind those of an epoch before, with room for more steps.
    """
    state, value_and_grad, rows = problem
    padded = bool((minibatches == PADDING).any())
    (steps, batch) = minibatches.shape
    given = np.concatenate([minibatches[::-1], minibatches, np.zeros((3, batch), np.int32)])
    raw = None if key is None else jax.random.key_data(key)
    at_once = gathered_at_once(rows, batch) if at_once is None else at_once

    @compiled
    def run(state, rows, weights, source, epoch):
        def one_step(number, batch, loop):
            options = {} if batch.weights is None else {"weights": batch.weights}
            options |= {} if key is None else {"dropout": dropout, "key": step_key(source, epoch, number)}
            after, value = training.step(loop[0], OPTIMIZER, value_and_grad, *batch.rows, L2, **options)
            return after, loop[1] + value, value

        zero = jnp.zeros((), rows[0].dtype)
        return steps_of_epoch(
            one_step,
            lambda numbers: gather(rows, weights, numbers, padded),
            source,
            epoch,
            at_once,
            (state, zero, zero),
        )

    source = Source(given, raw, np.int32(0), np.int32(steps), np.int32(epoch - 1))
    state, total, last = run(state, rows, weights, source, np.int32(epoch))
    return state, total / steps, last


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


@pytest.mark.thorough
@float64_first
@pytest.mark.parametrize(
    "scheme, reduction",
    [("subset", "sum"), ("permutation", "mean"), ("full", "sum")],
)
def test_engine_epoch_is_the_plain_epoch_is_a_loop_of_steps(scheme, reduction, dtype):
    problem = make_problem(dtype, reduction=reduction)
    state, value_and_grad, rows = problem
    minibatches = Minibatches(5, scheme).epoch(N, 0, 0)
    plain = compiled(
        lambda state, numbers: training.epoch(state, OPTIMIZER, value_and_grad, *rows, L2, numbers)
    )
    after, values = plain(state, minibatches)
    assert values.shape == (len(minibatches),)
    expected = after, np.mean(values), values[-1]
    assert_close(engine_epoch(problem, minibatches), expected, TOLERANCE[dtype.name])
    assert_close((after, list(values)), loop(problem, minibatches), TOLERANCE[dtype.name])
    assert np.abs(np.asarray(after.params[0].w) - state.params[0].w).max() > 1e-2


@pytest.mark.thorough
@float64_first
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
    expected, values = loop(problem, minibatches, weights)
    result = engine_epoch(problem, minibatches, weights)
    assert_close(result, (expected, np.mean(values), values[-1]), TOLERANCE[dtype.name])


@pytest.mark.thorough
@pytest.mark.parametrize(
    "at_once, weighted",
    [(0, True), (1, True), (2, False), (5, True), (7, False)],
)
def test_steps_whose_rows_are_gathered_at_once_are_the_same_steps(at_once, weighted, x64):
    """Whether their number divides the five steps, is one, all of them or more; the last step is padded."""
    problem = make_problem(np.float64, reduction="mean")
    minibatches = Minibatches(5, "permutation", drop_last=False).epoch(N, 0, 0)
    assert (minibatches == PADDING).sum(axis=1).tolist() == [0, 0, 0, 0, 2]
    weights = np.arange(N) % 4 + 0.5 if weighted else None
    expected, values = loop(problem, minibatches, weights)
    result = engine_epoch(problem, minibatches, weights, at_once=at_once)
    assert_close(result, (expected, np.mean(values), values[-1]))


@pytest.mark.thorough
@pytest.mark.parametrize("steps", [None, 3])
def test_rows_of_one_step_are_those_of_all(steps, x64):
    """Of an epoch that is one step, and of one with several."""
    state, value_and_grad, rows = problem = make_problem(np.float64, reduction="mean")

    @compiled
    def run(state, source, epoch):
        def one_step(number, batch, values):
            before, after = values
            state, value = training.step(before, OPTIMIZER, value_and_grad, *batch.rows, L2)
            return state, after + value

        start = state, jnp.zeros(())
        arrays = jax.tree.map(jnp.asarray, rows)
        return steps_of_epoch(one_step, lambda at: gather(arrays, None, at, False), source, epoch, 0, start)

    everything = np.arange(N, dtype=np.int32)[None]
    of_epoch = None if steps is None else np.int32(steps)
    result = run(state, Source(everything, None, np.int32(0), of_epoch, np.int32(4)), np.int32(7))
    expected, values = loop(problem, everything.repeat(steps or 1, axis=0))
    assert_close(result, (expected, np.sum(values)))


@pytest.mark.thorough
def test_each_step_draws_by_the_key_of_the_epoch_and_its_own_number(x64):
    problem = make_problem(np.float64)
    key = jax.random.key(3)
    # The same rows in each step, so that steps differ by their keys alone.
    minibatches = np.tile(np.arange(7, dtype=np.int32), (3, 1))
    result = engine_epoch(problem, minibatches, key=key, dropout=0.4, epoch=6)
    keys = [jax.random.fold_in(jax.random.fold_in(key, 6), i) for i in range(3)]
    expected, values = loop(problem, minibatches, keys=keys, dropout=0.4)
    assert_close(result, (expected, np.mean(values), values[-1]))
    with_one_key, _ = loop(problem, minibatches, keys=keys[:1] * 3, dropout=0.4)
    assert np.abs(np.asarray(with_one_key.params[0].w) - expected.params[0].w).max() > 1e-3


# Rows, features, steps: rows of small arrays are gathered step by step; of large ones several steps' at once,
# as many as there is room for.
SIZES = {"small": (N, FEATURES, 4), "too many": (1000, 160, 170)}


@pytest.mark.thorough
@pytest.mark.parametrize("size", SIZES)
def test_rows_gathered_at_once_are_those_of_each_step(size, x64):
    n, features, steps = SIZES[size]
    problem = make_problem(np.float64, n, features, "mean")
    minibatches = np.random.default_rng(0).integers(n, size=(steps, 80 if n > 80 else 5), dtype=np.int32)
    x, _ = rows = problem[-1]
    assert (x.nbytes > engine.SPLIT_BYTES) == (size != "small")
    assert (gathered_at_once(rows, minibatches.shape[1]) > 0) == (size != "small")
    result = engine_epoch(problem, minibatches)
    expected, values = loop(problem, minibatches)
    assert_close(result, (expected, np.mean(values), values[-1]), 1e-9)


def test_few_steps_gather_at_once_where_rows_are_large():
    """Rows of eight million bytes at most, and 16 steps."""
    large = np.zeros((1000, 1000))
    assert [gathered_at_once(large, batch) for batch in (1, 100, 400, 5000)] == [16, 10, 2, 1]
    assert gathered_at_once(np.zeros((9, 1000)), 1) == 0
