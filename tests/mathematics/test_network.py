"""Networks compared with a NumPy loop; initializers; predictions."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compiled

import jfnn
from jfnn.layers import INITIALIZERS, Dense, Layer, from_key
from jfnn.network import is_custom_apply


@pytest.mark.thorough
@pytest.mark.parametrize("sizes", [(3, 2), (3, 5, 2), (3, 4, 6, 2), (3, 4, 5, 6, 1)])
def test_apply_equals_a_numpy_loop_at_any_depth(sizes, x64):
    net = jfnn.mlp(sizes, activation="tanh", output="sigmoid")
    params = compiled(net.init)(jax.random.key(1))
    a = x = np.random.default_rng(0).normal(size=(7, 3))
    for i, layer in enumerate(params):
        z = a @ np.asarray(layer.w) + np.asarray(layer.b)
        a = 1 / (1 + np.exp(-z)) if i == len(params) - 1 else np.tanh(z)
    np.testing.assert_allclose(compiled(net.apply)(params, x), a, rtol=1e-13)


def test_network_without_biases_has_the_same_initial_weights(x64):
    x = np.random.default_rng(2).normal(size=(30, 3))
    net = jfnn.mlp((3, 2), bias=False)
    params = net.init(jax.random.key(4))
    ((start,),) = params
    np.testing.assert_array_equal(start, jfnn.mlp((3, 2)).init(jax.random.key(4))[0].w)
    np.testing.assert_allclose(net.apply(params, x), x @ start, rtol=1e-12)


@pytest.mark.thorough
@pytest.mark.parametrize(("init", "variance"), [("normal", 1.0), ("pytorch", 1 / 900)])
def test_initializers_have_their_variance_and_biases(init, variance, dtype):
    (layer,) = compiled(jfnn.mlp((300, 200), init=init).init)(jax.random.key(0))
    assert layer.w.shape == (300, 200)
    assert layer.w.dtype == layer.b.dtype == dtype
    w = np.asarray(layer.w, np.float64) / np.sqrt(variance)
    # 60000 draws: the standard error is 0.004 for the mean and below 0.006 for the variance.
    assert abs(w.mean()) < 0.02
    assert abs(w.var() - 1) < 0.03
    if init == "pytorch":
        assert 0.99 * np.sqrt(3) < np.abs(w).max() <= np.sqrt(3) * (1 + 1e-6)
        b = np.asarray(layer.b) * np.sqrt(300)
        assert 0.9 < np.abs(b).max() <= 1 + 1e-6 and abs(b.mean()) < 0.15  # 200 draws: standard error 0.04
        assert len(np.unique(b)) > 100
    else:
        np.testing.assert_array_equal(layer.b, np.full(200, 0.01, dtype))


@pytest.mark.thorough
@pytest.mark.parametrize("shape", [(20, 10), (3, 2, 4, 5)])
@pytest.mark.parametrize("init", sorted(INITIALIZERS.keys() & vars(jax.nn.initializers).keys() - {"normal"}))
def test_scaled_initializers_draw_the_numbers_of_jax(init, shape, dtype):
    expected = getattr(jax.nn.initializers, init)()(jax.random.key(0), shape)
    drawn = from_key(INITIALIZERS[init].weights(shape), jax.random.key(0))
    np.testing.assert_allclose(drawn, expected, rtol=4 * np.finfo(dtype).eps)


def test_glorot_is_the_default_initialization_of_every_layer():
    for network in (jfnn.mlp((9, 5, 2)), jfnn.mlp((9, 5, 2), "tanh"), jfnn.cnn((1, 8, 8), (4,), 3)):
        layers = [layer for layer in network.layers if isinstance(layer, jfnn.Dense | jfnn.Conv)]
        assert {layer.initializer for layer in layers} == {"glorot_normal"}


def test_init_is_a_function_of_the_key_and_differs_between_layers():
    net = jfnn.mlp((4, 4, 4))
    first, again, other = (net.init(jax.random.key(seed)) for seed in (0, 0, 1))
    jax.tree.map(np.testing.assert_array_equal, first, again)
    assert not np.any(first[0].w == other[0].w)
    assert not np.any(first[0].w == first[1].w)


def test_mlp_is_a_sequence_of_dense_layers():
    layers = (Dense(3, "relu", "he_normal"), Dense(1, "identity", "he_normal"))
    net = jfnn.mlp((2, 3, 1), "relu", init="he_normal")
    assert net is jfnn.sequential(layers, 2) is jfnn.sequential(list(layers), [2])
    assert (net.layers, net.input_shape) == (layers, (2,))


def own_init(key):
    return {"w": jax.random.normal(key, (2, 1))}


def own_apply(params, x):
    return x @ params["w"]


def test_networks_of_layers_can_be_pickled():
    net = jfnn.mlp((2, 3, 1), "relu")
    assert pickle.loads(pickle.dumps(net)) is net and not is_custom_apply(net)
    for own in (jfnn.Network(own_init, own_apply), jfnn.mlp((2, 1))._replace(init=own_init)):
        again = pickle.loads(pickle.dumps(own))
        expected = (own_init, own.layers, is_custom_apply(own))
        assert (again.init, again.layers, is_custom_apply(again)) == expected


def linear(outputs):
    return jfnn.mlp((outputs, outputs)), (Layer(jnp.eye(outputs), jnp.zeros(outputs)),)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("loss", "outputs", "expected"),
    [
        ("cross_entropy", [[1.0, 3, 2], [5, 5, 0], [-3, -2, -1]], [1, 0, 2]),
        ("sigmoid_cross_entropy", [[-0.1], [0.0], [0.4], [0.6]], [0, 0, 1, 1]),
        ("quadratic", [[-0.1], [0.0], [0.4], [0.6]], [0, 0, 0, 1]),
    ],
)
def test_label_is_the_first_largest_output_or_whether_one_output_exceeds_one_half(loss, outputs, expected):
    network, params = linear(len(outputs[0]))
    assert jfnn.predict(network, params, np.array(outputs), loss, "classification").tolist() == expected
    labels = np.zeros(len(outputs), int)
    share = jfnn.accuracy(network, params, np.array(outputs), labels, loss)
    assert float(share) == pytest.approx(np.mean(np.array(expected) == labels))


@pytest.mark.thorough
def test_each_output_has_a_label_if_the_task_or_the_labels_require_it():
    network, params = linear(3)
    x = np.array([[-0.1, 0.4, 0.6], [0.0, -2.0, 0.5001]])
    for loss, expected in (
        ("sigmoid_cross_entropy", [[0, 1, 1], [0, 0, 1]]),
        ("quadratic", [[0, 0, 1], [0, 0, 1]]),
    ):
        assert jfnn.predict(network, params, x, loss, "multilabel").tolist() == expected
        assert jfnn.predict(network, params, x, loss, "classification").tolist() == [2, 2]
        with pytest.raises(ValueError, match=r"^task: "):
            jfnn.predict(network, params, x, loss)
        labels = np.array([[0, 0, 0], [0, 0, 1]])
        share = jfnn.accuracy(network, params, x, labels * 1.0, loss)
        assert float(share) == pytest.approx(np.mean(np.array(expected) == labels))
        assert jfnn.accuracy(network, params, x, [2, 0], loss) == 0.5
    for loss, task in (("cross_entropy", "multilabel"), ("huber", "multilabel"), ("quadratic", "labels")):
        with pytest.raises(ValueError, match=r"^task: "):
            jfnn.predict(network, params, x, loss, task)
    with pytest.raises(ValueError, match=r"^labels: "):
        jfnn.accuracy(network, params, x, labels * 0.3, "sigmoid_cross_entropy")


OWN_LOSS = jfnn.Loss(
    lambda a, t, axis=-1: jnp.sum(jnp.abs(a - t), axis), lambda a, t, axis=-1: jnp.sign(a - t)
)


@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("loss", ["quadratic", OWN_LOSS], ids=["quadratic", "own"])
def test_predictions_of_losses_without_probabilities_follow_the_task(loss, n_outputs):
    net = jfnn.mlp((1, n_outputs))
    x = np.linspace(-3, 3, 7)[:, None]
    slope = np.array([[2.0, -0.5]])[:, :n_outputs]
    intercept = np.array([0.25, 1.0])[:n_outputs]
    params = (Layer(slope, intercept),)
    found = jfnn.predict(net, params, x, loss, "regression")
    np.testing.assert_allclose(found, x * slope + intercept, rtol=1e-6)
    classes = [0, 0, 0, 0, 1, 1, 1] if n_outputs == 1 else [1, 1, 1, 1, 0, 0, 0]
    assert jfnn.predict(net, params, x, loss, task="classification").tolist() == classes
    with pytest.raises(ValueError, match=r"^task: "):
        jfnn.predict(net, params, x, loss)
    assert float(jfnn.accuracy(net, params, x, classes, loss)) == 1  # the labels imply classes


@pytest.mark.thorough
@pytest.mark.parametrize("function", [jfnn.predict, jfnn.predict_proba])
def test_overflowing_outputs_give_no_prediction(function):
    net, params = linear(2)
    steep = jax.tree.map(lambda leaf: leaf * 1e20, params)
    assert function(net, steep, np.full((1, 2), 1e10)).shape[0] == 1
    for x in ([[1.0, 2.0], [1e30, 1e30]], [[1.0, 2.0], [-1e30, -1e30]]):
        with pytest.raises(ValueError, match=r"^x: .* row 1$"):
            function(net, steep, np.array(x))
