"""The engine's epoch compared with `jfnn.training.epoch` and with a Python loop of its step."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import compiled

import jfnn
from jfnn import losses, training
from jfnn.core.engine.epoch import gather, steps_gathered_at_once, steps_of_epoch
from jfnn.core.engine.minibatches import Source
from jfnn.minibatches import PADDING, Minibatches

N = 23
FEATURES = 4
L2 = 0.2
OPTIMIZER = optax.sgd(0.05, momentum=0.9)


def make_problem(reduction="mean"):
    """Return ``(state, value_and_grad, (x, targets))`` with random rows."""
    rng = np.random.default_rng(2)
    net = jfnn.mlp((FEATURES, 5, 3), "tanh", init="glorot_normal")
    params = jax.tree.map(lambda leaf: np.asarray(leaf, float), compiled(net.init)(jax.random.key(1)))
    state = jfnn.State(params, compiled(OPTIMIZER.init)(params))
    gradient = training.autodiff(net, losses.get("cross_entropy"), reduction)
    return state, gradient, (rng.normal(size=(N, FEATURES)), np.eye(3)[np.arange(N) % 3])


def engine_epoch(problem, minibatches, weights=None, at_once=None):
    """Return ``(state, mean objective, last objective)`` by `steps_of_epoch`.

    Its step is that of `jfnn.training`. The minibatches are given for this epoch, after those of an earlier
    one, with room for more steps.
    """
    state, value_and_grad, rows = problem
    padded = bool((minibatches == PADDING).any())
    (steps, batch) = minibatches.shape
    given = np.concatenate([minibatches[::-1], minibatches, np.zeros((3, batch), np.int32)])
    at_once = steps_gathered_at_once(rows, batch) if at_once is None else at_once

    @compiled
    def run(state, rows, weights, source, epoch):
        def one_step(number, batch, loop):
            options = {} if batch.weights is None else {"weights": batch.weights}
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

    source = Source(given, None, np.int32(0), np.int32(steps), np.int32(-1))
    state, total, last = run(state, rows, weights, source, np.int32(0))
    return state, total / steps, last


def loop(problem, minibatches, weights=None):
    """Return ``(state, values)`` by a step of `jfnn.training` for each minibatch, without padding."""
    state, value_and_grad, (x, targets) = problem

    @compiled
    def step(state, *rows, **options):
        return training.step(state, OPTIMIZER, value_and_grad, *rows, L2, **options)

    values = []
    for numbers in minibatches:
        numbers = numbers[numbers != PADDING]
        options = {} if weights is None else {"weights": weights[numbers]}
        state, value = step(state, x[numbers], targets[numbers], **options)
        values.append(value)
    return state, values


def assert_close(result, expected):
    for one, other in zip(jax.tree.leaves(result), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "scheme, reduction",
    [("subset", "sum"), ("permutation", "mean"), ("full", "sum")],
)
def test_engine_epoch_equals_the_plain_epoch_and_a_loop_of_steps(scheme, reduction, x64):
    state, value_and_grad, rows = problem = make_problem(reduction=reduction)
    minibatches = Minibatches(5, scheme).epoch(N, 0, 0)
    plain = compiled(
        lambda state, numbers: training.epoch(state, OPTIMIZER, value_and_grad, *rows, L2, numbers)
    )
    after, values = plain(state, minibatches)
    assert values.shape == (len(minibatches),)
    assert_close(engine_epoch(problem, minibatches), (after, np.mean(values), values[-1]))
    assert_close((after, list(values)), loop(problem, minibatches))
    assert np.abs(np.asarray(after.params[0].w) - state.params[0].w).max() > 1e-2


@pytest.mark.thorough
@pytest.mark.parametrize(
    "at_once, weighted",
    [(0, True), (1, True), (2, False), (5, True), (7, False)],
)
def test_gathering_rows_of_several_steps_at_once_does_not_change_them(at_once, weighted, x64):
    """The number gathered at once divides the five steps, is one, all or more; the last step is padded."""
    problem = make_problem()
    minibatches = Minibatches(5, "permutation", drop_last=False).epoch(N, 0, 0)
    assert (minibatches == PADDING).sum(axis=1).tolist() == [0, 0, 0, 0, 2]
    weights = np.arange(N) % 4 + 0.5 if weighted else None
    expected, values = loop(problem, minibatches, weights)
    result = engine_epoch(problem, minibatches, weights, at_once=at_once)
    assert_close(result, (expected, np.mean(values), values[-1]))


def test_few_steps_gather_at_once_if_rows_are_large():
    """At most eight million bytes of rows, and 16 steps."""
    large = np.zeros((1000, 1000))
    assert [steps_gathered_at_once(large, batch) for batch in (1, 100, 400, 5000)] == [16, 10, 2, 1]
    assert steps_gathered_at_once(np.zeros((9, 1000)), 1) == 0
