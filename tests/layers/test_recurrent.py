"""Recurrent layers: forward = loops in NumPy, by hand = jax.grad of plain loops, invalid arguments."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compiled, representatives

from jfnn.layers import GRU, LSTM, Directions, Elman, ElmanCell, LSTMCell

pytestmark = pytest.mark.unoptimised

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


def sigmoid(z, xp=np):
    return 1 / (1 + xp.exp(-z))


def next_state(cell, x, h, activation, xp=np):
    """The next state of one sample: ``x [features]``, ``h [units]``, of an LSTM a pair."""
    if isinstance(cell, LSTMCell):
        (h, c), z = h, x @ cell.w_x + h[0] @ cell.w_h + cell.b
        i, f, candidate, o = (z[gate * UNITS : (gate + 1) * UNITS] for gate in range(4))
        c = sigmoid(f, xp) * c + sigmoid(i, xp) * xp.tanh(candidate)
        return sigmoid(o, xp) * xp.tanh(c), c
    if isinstance(cell, ElmanCell):
        z = x @ cell.w_x + h @ cell.w_h + cell.b
        return sigmoid(z, xp) if activation == "sigmoid" else xp.tanh(z)
    parts = [slice(gate * UNITS, (gate + 1) * UNITS) for gate in range(3)]
    reset, update, candidate = parts
    r, u = (
        sigmoid(x @ cell.w_x[:, part] + cell.b_x[part] + h @ cell.w_h[:, part] + cell.b_h[part], xp)
        for part in (reset, update)
    )
    inner = h @ cell.w_h[:, candidate] + cell.b_h[candidate]
    return (1 - u) * xp.tanh(x @ cell.w_x[:, candidate] + cell.b_x[candidate] + r * inner) + u * h


def plain_layer(layer, params, x, xp=np, length=None):
    """The outputs for one sequence ``x [time, features]``: loops over times, for each direction.

    With a length, only so many times are read, and the states of the others are 0.
    """
    cells = params if layer.bidirectional else (params,)
    directions = []
    for number, cell in enumerate(cells):
        zeros = xp.zeros(layer.units)
        h = (zeros, zeros) if isinstance(layer, LSTM) else zeros
        states = [zeros] * len(x)
        times = range(len(x) if length is None else length)
        for t in times if number == 0 else reversed(times):
            h = next_state(cell, x[t], h, getattr(layer, "activation", None), xp)
            states[t] = h[0] if isinstance(layer, LSTM) else h
        last = h[0] if isinstance(layer, LSTM) else h
        directions.append(last if layer.states == "last" else xp.stack(states))
    return xp.concatenate(directions, axis=-1)


def lengths(layer):
    """Times of each of `N` sequences."""
    return (TIME, 2, 1) if layer.padded else (TIME,) * N


def random_params(layer, rng):
    params = layer.init(jax.random.key(0), (TIME, FEATURES))
    return jax.tree.map(lambda leaf: rng.normal(size=leaf.shape), params)


def by_hand_and_by_loops(layer):
    """A problem of a layer, and its results by hand and by jax.grad of loops, in float64."""
    rng = np.random.default_rng(1)
    shape = layer.output_shape((TIME, FEATURES))
    x = rng.normal(size=(N, TIME, FEATURES))
    d_out = rng.normal(size=(N, *shape))
    if layer.padded:  # a time of zeros amid the others is none of padding
        x[0, 1] = x[1, 2:] = x[2, 1:] = 0
    problem = random_params(layer, rng), x, d_out

    @compiled
    def results(params, x, d_out):
        packed = layer.pack(params)
        outputs, kept = layer.forward(packed, jnp.moveaxis(x, 0, -1))
        d_packed, d_in = layer.pull_back(packed, kept, jnp.moveaxis(d_out, 0, -1))

        def plain(params, x):
            if not layer.padded:
                return jnp.sum(jax.vmap(lambda row: plain_layer(layer, params, row, jnp))(x) * d_out)
            rows = [plain_layer(layer, params, x[i], jnp, length) for i, length in enumerate(lengths(layer))]
            return jnp.sum(jnp.stack(rows) * d_out)

        by_hand = layer.unpack(d_packed), jnp.moveaxis(d_in, -1, 0)
        return jnp.moveaxis(outputs, -1, 0), by_hand, jax.grad(plain, (0, 1))(params, x)

    return problem, jax.tree.map(np.asarray, results(*problem))


@pytest.mark.thorough
@pytest.mark.parametrize("name", LAYERS)
def test_outputs_and_backpropagation_through_time_are_those_of_plain_loops(name, x64):
    layer = LAYERS[name]
    (params, x, _), (outputs, by_hand, by_loops) = by_hand_and_by_loops(layer)
    expected = np.stack([plain_layer(layer, params, x[i], np, n) for i, n in enumerate(lengths(layer))])
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-12)
    assert jax.tree.structure(by_hand) == jax.tree.structure(by_loops)
    for one, other in zip(jax.tree.leaves(by_hand), jax.tree.leaves(by_loops), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12 * np.abs(other).max())


def test_an_elman_layer_that_adds_gives_running_sums():
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
def test_gates_start_as_dense_layers_do_and_pytorchs_within_the_bound_of_the_units(kind, name):
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


def test_the_width_of_a_recurrent_layer_is_that_of_one_time():
    assert Elman(6).width((40, 1)) == Elman(6, states="all").width((7, 1)) == 6 + 6 + 1 + 1
    assert GRU(6, True).width((40, 3)) == 2 * (4 * 6 + 6 + 3 + 1)
    assert LSTM(6).width((40, 3)) == 4 * 6 + 2 * 6 + 3 + 1
