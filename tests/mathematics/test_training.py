"""The objective, steps and epochs compared with NumPy and optax; what `jfnn.train` reports."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import compiled
from scipy.special import expit, softmax

import jfnn
from jfnn import losses, training
from jfnn.layers import Layer
from jfnn.minibatches import Minibatches

pytestmark = pytest.mark.unoptimized

CROSS_ENTROPY = losses.LOSSES["cross_entropy"]
N = 23
FEATURES = 4
CLASSES = 3


def make_data(seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(N, FEATURES)), rng.integers(CLASSES, size=N)


def make_network(activation="sigmoid"):
    return jfnn.mlp((FEATURES, 5, CLASSES), activation)


def numpy_params(net, seed=0):
    return jax.tree.map(np.asarray, jax.jit(net.init)(jax.random.key(seed)))


@functools.partial(compiled, static_argnames=("net", "loss", "reduction"))
def objective(net, params, x, y, loss="cross_entropy", l2=0.0, reduction="sum", weights=None):
    return jfnn.objective(net, params, x, y, loss, l2, reduction, weights)


def numpy_gradients(params, x, targets, l2):
    """Compute the notes' equations for a sigmoid layer and a softmax in NumPy, with summed costs."""
    (w1, b1), (w2, b2) = params
    a = expit(x @ w1 + b1)
    delta2 = softmax(a @ w2 + b2, axis=1) - targets
    delta1 = delta2 @ w2.T * a * (1 - a)
    return (
        Layer(x.T @ delta1 + l2 * w1, delta1.sum(0)),
        Layer(a.T @ delta2 + l2 * w2, delta2.sum(0)),
    )


def numpy_sgd(params, x, targets, rows, learning_rate, l2, reduction="sum"):
    for batch in rows:
        scale = learning_rate / (len(batch) if reduction == "mean" else 1)
        gradients = numpy_gradients(params, x[batch], targets[batch], l2)
        params = jax.tree.map(lambda p, g: p - scale * g, params, gradients)  # noqa: B023
    return params


def assert_close(found, expected, rtol=1e-10, atol=1e-12):
    jax.tree.map(lambda f, e: np.testing.assert_allclose(f, e, rtol=rtol, atol=atol), found, expected)


@pytest.mark.thorough
def test_objective_is_costs_plus_penalty_and_mean_divides_both(x64):
    x, labels = make_data()
    net = make_network("tanh")
    (w1, b1), (w2, b2) = params = numpy_params(net)
    probabilities = softmax(np.tanh(x @ w1 + b1) @ w2 + b2, axis=1)
    costs = -np.log(probabilities[np.arange(N), labels])
    penalty = 0.3 / 2 * ((w1**2).sum() + (w2**2).sum())
    whole = costs.sum() + penalty
    np.testing.assert_allclose(objective(net, params, x, labels, l2=0.3), whole)
    np.testing.assert_allclose(objective(net, params, x, labels, l2=0.3, reduction="mean"), whole / N)
    weights = np.arange(N) % 3
    weighted = (weights * costs).sum() + penalty
    np.testing.assert_allclose(objective(net, params, x, labels, l2=0.3, weights=weights), weighted)
    np.testing.assert_allclose(
        objective(net, params, x, labels, l2=0.3, reduction="mean", weights=weights),
        weighted / weights.sum(),
    )


def test_traced_dropout_rate_is_a_single_number():
    x, labels = make_data()
    net = make_network()
    key = jax.random.key(0)
    dropped = functools.partial(jfnn.objective, net, net.init(key), np.float32(x), labels, key=key)
    with pytest.raises(ValueError, match=r"^dropout: expected one number, got shape"):
        jax.eval_shape(lambda rate: dropped(dropout=rate), np.array([0.1, 0.2]))


def test_objective_and_hand_gradient_compile_with_captured_data():
    """Data captured in a closure keep their values while the parameters are traced, and are still checked."""
    x, labels = make_data()
    net = make_network()
    params = net.init(jax.random.key(0))
    for y in (labels, np.eye(CLASSES)[labels]):
        x_given = jnp.asarray(x, jnp.float32)
        y_given = np.asarray(y)
        plain = objective(net, params, x_given, y_given, reduction="mean")

        @compiled
        def around_data(params):
            by_hand, _ = jfnn.backprop.value_and_grad(params, x_given, y_given, activation="sigmoid")  # noqa: B023
            return jfnn.objective(net, params, x_given, y_given), by_hand  # noqa: B023

        np.testing.assert_allclose(around_data(params), (plain, plain), rtol=1e-6)


@pytest.mark.thorough
@pytest.mark.parametrize("reduction", losses.REDUCTIONS)
@pytest.mark.parametrize("source", ["autodiff", "backprop"])
def test_scanned_epochs_equal_a_numpy_loop(source, reduction, x64):
    x, labels = make_data()
    targets = np.eye(CLASSES)[labels]
    net = make_network()
    start = numpy_params(net)
    value_and_grad = (
        training.autodiff(net, CROSS_ENTROPY, reduction)
        if source == "autodiff"
        else functools.partial(jfnn.backprop.value_and_grad, activation="sigmoid", reduction=reduction)
    )
    optimizer = optax.sgd(0.1)
    one_epoch = compiled(
        lambda state, rows: training.epoch(state, optimizer, value_and_grad, x, targets, 0.2, rows)
    )
    state = jfnn.State(start, optimizer.init(start))
    expected = start
    for epoch in range(4):
        rows = Minibatches(5, "permutation").epoch(N, 0, epoch)
        state, values = one_epoch(state, rows)
        assert values.shape == (4,)
        for batch, value in zip(rows, values, strict=True):
            before = objective(net, expected, x[batch], labels[batch], l2=0.2, reduction=reduction)
            np.testing.assert_allclose(value, before, rtol=1e-10)
            expected = numpy_sgd(expected, x, targets, [batch], 0.1, 0.2, reduction)
    assert_close(state.params, expected)


@pytest.mark.filterwarnings("ignore:inputs reach")
def test_divergence_is_reported_as_data_with_the_last_finite_parameters(x64):
    """A steep linear fit grows by a constant factor per step, so NumPy can predict when float64 overflows."""
    x = np.array([[1e20]])
    t = np.array([[0.0]])
    net = jfnn.mlp((1, 1))
    start = (Layer(np.array([[1.0]]), np.array([0.0])),)
    trained = [start]
    w = np.float64(1)
    b = np.float64(0)
    diverged_at = None
    with np.errstate(over="ignore", invalid="ignore"):
        for epoch in range(10):
            error = x[0, 0] * w + b
            w = w - x[0, 0] * error
            b = b - error
            if not np.isfinite([w, b, error**2]).all():  # the step started from an error of that size
                diverged_at = epoch
                break
            trained.append((Layer(np.array([[w]]), np.array([b])),))
    assert 1 < diverged_at < 9

    events = []
    result = jfnn.train(
        net,
        x,
        t,
        learning_rate=1.0,
        loss="quadratic",
        epochs=10,
        batch_size=None,
        initial_params=start,
        execution=jfnn.Execution(progress=events.append),
    )
    assert int(result.diverged_at) == diverged_at
    assert_close(result.params, trained[diverged_at])
    # The loss of the kept parameters overflowed, not the parameters.
    assert np.isfinite(result.history["train_loss"][: diverged_at - 1]).all()
    assert np.isnan(result.history["train_loss"][diverged_at - 1 :]).all()
    # The run is over when no member trains any more.
    assert [progress.training for progress in events] == [1] * diverged_at + [0]
