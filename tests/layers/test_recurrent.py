"""Recurrent layers compared with NumPy loops, initialization, widths; test_layers.py tests derivatives."""

import functools
import itertools

import jax
import numpy as np
import pytest
from helpers import compiled, representatives
from scipy.special import expit

from jfnn.layers import GRU, LSTM, Directions, Elman, ElmanCell, LSTMCell

pytestmark = pytest.mark.unoptimized

N = 3
TIME = 3
FEATURES = 2
UNITS = 2
LAYERS = {
    "elman, all": Elman(UNITS, "sigmoid", states="all"),
    "elman, both ways, last": Elman(UNITS, bidirectional=True),
    "gru, last": GRU(UNITS),
    "gru, both ways, last": GRU(UNITS, bidirectional=True),
    "gru, both ways, all": GRU(UNITS, bidirectional=True, states="all"),
    "lstm, last": LSTM(UNITS),
    "lstm, both ways, all": LSTM(UNITS, bidirectional=True, states="all"),
    "padded lstm, both ways, all": LSTM(UNITS, bidirectional=True, states="all", padded=True),
    "padded elman, all": Elman(UNITS, "sigmoid", states="all", padded=True),
    "padded gru, both ways, last": GRU(UNITS, bidirectional=True, padded=True),
}


def next_state(cell, x, h, activation):
    """Return the next state of one sample: ``x [features]``, ``h [units]``, a pair for an LSTM."""
    if isinstance(cell, LSTMCell):
        (h, c), z = h, x @ cell.w_x + h[0] @ cell.w_h + cell.b
        i, f, candidate, o = np.split(z, 4)
        c = expit(f) * c + expit(i) * np.tanh(candidate)
        return expit(o) * np.tanh(c), c
    if isinstance(cell, ElmanCell):
        z = x @ cell.w_x + h @ cell.w_h + cell.b
        return expit(z) if activation == "sigmoid" else np.tanh(z)
    of_x = np.split(x @ cell.w_x + cell.b_x, 3)
    of_h = np.split(h @ cell.w_h + cell.b_h, 3)
    r, u = expit(of_x[0] + of_h[0]), expit(of_x[1] + of_h[1])
    return (1 - u) * np.tanh(of_x[2] + r * of_h[2]) + u * h


def plain_layer(layer, params, x, length):
    """Compute the outputs for one sequence ``x [time, features]`` by loops over time, for each direction.

    Only the first ``length`` steps are read; the states of the others are 0.
    """
    cells = params if layer.bidirectional else (params,)
    directions = []
    for number, cell in enumerate(cells):
        zeros = np.zeros(layer.units)
        h = (zeros, zeros) if isinstance(layer, LSTM) else zeros
        states = [zeros] * len(x)
        for t in range(length) if number == 0 else reversed(range(length)):
            h = next_state(cell, x[t], h, getattr(layer, "activation", None))
            states[t] = h[0] if isinstance(layer, LSTM) else h
        last = h[0] if isinstance(layer, LSTM) else h
        directions.append(last if layer.states == "last" else np.stack(states))
    return np.concatenate(directions, axis=-1)


@pytest.mark.thorough
@pytest.mark.parametrize("name", LAYERS)
def test_outputs_equal_plain_loops(name, x64):
    layer = LAYERS[name]
    rng = np.random.default_rng(1)
    like = layer.init(jax.random.key(0), (TIME, FEATURES))
    params = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape), like)
    x = rng.normal(size=(N, TIME, FEATURES))
    x[0, 1] = x[1, 2:] = x[2, 1:] = 0  # zeros in the middle are not padding
    lengths = (TIME, 2, 1) if layer.padded else (TIME,) * N
    expected = [plain_layer(layer, params, *row) for row in zip(x, lengths, strict=True)]
    np.testing.assert_allclose(compiled(layer.apply)(params, x), np.stack(expected), rtol=0, atol=1e-12)


def test_elman_layer_can_compute_running_sums():
    layer = Elman(1, "identity", bidirectional=True, states="all")
    adds = ElmanCell(np.ones((1, 1)), np.ones((1, 1)), np.zeros(1))
    x = np.arange(1.0, 6.0).reshape(1, 5, 1)
    sums = layer.apply(Directions(adds, adds), x)
    np.testing.assert_array_equal(sums[0], [[1, 15], [3, 14], [6, 12], [10, 9], [15, 5]])
    last = Elman(1, "identity", bidirectional=True).apply(Directions(adds, adds), x)
    np.testing.assert_array_equal(last, [[15, 15]])


@pytest.mark.parametrize(
    ("kind", "name"),
    representatives(
        [(GRU, "glorot_normal"), (GRU, "pytorch"), (Elman, "pytorch"), (LSTM, "pytorch")], (GRU, "pytorch")
    ),
)
def test_gates_are_initialized_like_dense_layers_or_within_pytorchs_bound(kind, name):
    layer = kind(16, initializer=name)
    gates = kind.gates
    params = compiled(functools.partial(layer.init, shape=(7, 400)))(jax.random.key(3))
    for w, n_in in ((params.w_x, 400), (params.w_h, 16)):
        assert w.shape == (n_in, 16 * gates)
        deviation = 0.25 / np.sqrt(3) if name == "pytorch" else np.sqrt(2 / (n_in + 16))
        assert abs(np.std(w) / deviation - 1) < 4 / np.sqrt(w.size)
        assert name != "pytorch" or np.abs(w).max() <= 0.25
        parts = np.split(np.asarray(w), gates, axis=1)
        assert all((one != other).all() for one, other in itertools.combinations(parts, 2))
    biases = np.concatenate([leaf for field, leaf in params._asdict().items() if field.startswith("b")])
    largest = np.abs(biases).max()
    assert 0.2 < largest <= 0.25 if name == "pytorch" else largest == 0


def test_width_of_a_recurrent_layer_is_that_of_one_time_step():
    assert Elman(6).width((40, 1)) == Elman(6, states="all").width((7, 1)) == 6 + 6 + 1 + 1
    assert GRU(6, True).width((40, 3)) == 2 * (4 * 6 + 6 + 3 + 1)
    assert LSTM(6).width((40, 3)) == 4 * 6 + 2 * 6 + 3 + 1
