"""The coordinate check: sizes of layer outputs, step by step, and their exponents in the width."""

import jax
import numpy as np
import pytest

import jfnn
from jfnn import Dense, Scaled
from jfnn.studies.coordinates import CoordinateCheck

pytestmark = pytest.mark.unoptimized

WIDTHS = [16, 256]


def network(width):
    """The last layer starts at 0, so that initial outputs are equal at every width."""
    hidden = [Dense(width, "relu", "he_normal"), Dense(width, "relu", "he_normal")]
    return jfnn.sequential([*hidden, Scaled(Dense(3, "identity", "he_normal"), 0.0)], 5)


@pytest.mark.thorough
def test_sizes_equal_those_of_networks_trained_step_by_step(split):
    net = jfnn.mlp((5, 4, 3), "tanh", init="he_normal")
    options = dict(learning_rate=0.01, batch_size=None)
    check = jfnn.coordinate_check(lambda width: net, split, [4], steps=2, seeds=[3], rows=20, **options)
    x = np.asarray(split.x_train[:20], np.float32)

    def activations(params):
        a = np.tanh(x @ params[0].w + params[0].b)
        return a, a @ params[1].w + params[1].b

    before = activations(net.init(jax.random.key(3)))
    np.testing.assert_allclose(check.start[0, 0, 0], [np.abs(a).mean() for a in before], rtol=1e-5)
    for step in (1, 2):
        params = jfnn.train(net, split.x_train, split.y_train, seed=3, epochs=step, **options).params
        change = [np.abs(a - a_0).mean() for a, a_0 in zip(activations(params), before, strict=True)]
        for parametrization in check.change:
            np.testing.assert_allclose(parametrization[0, 0, step - 1], change, rtol=1e-4)


@pytest.mark.thorough
def test_incomplete_minibatch_is_a_shorter_last_step(split):
    net = jfnn.mlp((5, 4, 3), "tanh", init="he_normal")
    data = split._replace(weights=np.linspace(0, 2, len(split.x_train)))
    options = dict(learning_rate=0.02, batch_size=jfnn.Minibatches(32, "in_order", drop_last=False))
    check = jfnn.coordinate_check(lambda width: net, data, [4], steps=3, seeds=[3], rows=20, **options)
    start = net.init(jax.random.key(3))
    params = jfnn.train(
        *(net, split.x_train, split.y_train), seed=3, epochs=1, weights=data.weights, **options
    ).params
    x = np.asarray(split.x_train[:20], np.float32)
    change = np.abs(net.apply(params, x) - net.apply(start, x)).mean()
    np.testing.assert_allclose(check.change[0, 0, 0, 2, -1], change, rtol=1e-4)


@pytest.mark.thorough
def test_changes_are_independent_of_the_width_only_with_maximal_updates(split):
    options = dict(reduction="mean", steps=3, seeds=8, batch_size=35)
    check = jfnn.coordinate_check(network, split, WIDTHS, 0.3, **options)
    standard, maximal = check.slopes()
    assert np.abs(maximal).max() < 0.1
    assert np.abs(standard).max() > 0.3


def test_slopes_equal_the_exponents_and_the_table_has_every_number():
    width = np.array([2, 4, 16])
    exponents = np.array([[0.5, -1.0], [0.0, 2.0]])
    change = np.ones((2, 3, 2, 2, 2))
    change[:, :, :, -1] = 3 * width[:, None, None] ** exponents[:, None, None, :]
    change[:, :, 0] *= 0.5
    change[:, :, 1] *= 1.5
    start = np.arange(24.0).reshape(2, 3, 2, 2)
    check = CoordinateCheck(width, ("standard", "maximal_update"), start, change)
    np.testing.assert_allclose(check.slopes(), exponents, atol=1e-12)
    table = check.to_dict()
    assert {len(column) for column in table.values()} == {2 * 3 * 2 * 3 * 2}
    row = (table["parametrization"] == "maximal_update") & (table["width"] == 16) & (table["seed"] == 1)
    row &= (table["step"] == 2) & (table["layer"] == 2)
    assert table["change"][row].tolist() == [change[1, 2, 1, 1, 1]]
    assert table["size"][row].tolist() == [start[1, 2, 1, 1]]
    assert (table["change"][table["step"] == 0] == 0).all()
