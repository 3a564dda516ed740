"""Universal approximation of a continuous function by one hidden layer of growing width."""

import itertools

import jax
import numpy as np
import optax
import pytest

import jfnn

STARTS = 4
STEPS = 2000


def line(n):
    return np.linspace(0, 1, n)[:, None]


def square(n):
    return np.stack(np.meshgrid(line(n), line(n)), -1).reshape(-1, 2)


# Name -> (points of [0, 1]^d by resolution, to fit, to test, function).
FUNCTIONS = {
    "sin(2πx) + x": (line, 40, 501, lambda x: np.sin(2 * np.pi * x[:, 0]) + x[:, 0]),
    "sin(πx) cos(πy)": (square, 12, 41, lambda x: np.sin(np.pi * x[:, 0]) * np.cos(np.pi * x[:, 1])),
}


def largest_error(name, width, activation, train_starts):
    """Return the largest error, including between the fitted points, of the start that fits best."""
    points, fitted, tested, function = FUNCTIONS[name]
    net = jfnn.mlp((points(2).shape[1], width, 1), activation)
    x = points(fitted)
    between = points(tested).astype(np.float32)
    schedule = optax.cosine_decay_schedule(0.03, STEPS)
    params = train_starts(net, x, function(x)[:, None], optax.adam(schedule), STARTS, STEPS)
    outputs = jax.vmap(net.apply, (0, None))(params, between)[..., 0]
    error = np.abs(outputs - function(between)).max(axis=1).min()
    print(f"{name}, {activation}, width {width}: largest error {error:.4f}")
    return error


@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTIONS)
def test_largest_error_decreases_as_the_hidden_layer_widens(name, train_starts):
    errors = [largest_error(name, width, "tanh", train_starts) for width in (1, 4, 16)]
    assert all(wider < narrower for narrower, wider in itertools.pairwise(errors))
    assert errors[-1] < min(0.05, errors[0] / 10)
