"""Errata of the notes: for each one, the corrected version holds and the printed one is shown to be wrong."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import central_differences, compiled, float64_first, perturbed
from sklearn.datasets import load_digits

import jfnn
from jfnn import activations, losses

pytestmark = pytest.mark.unoptimized

RNG_SEED = 7


def differences(cost, z, step=1e-6):
    """Return ``∂cost/∂z`` of a scalar function of an array, by central differences."""
    moved = np.asarray(perturbed(z, step))
    return central_differences([cost(each) for each in moved], z, step)


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def categorical(p, y):
    return -np.sum(y * np.log(p))


def test_erratum_1_printed_cost_with_a_softmax_does_not_have_the_delta_p_minus_y(x64):
    z = np.random.default_rng(RNG_SEED).normal(size=(4, 5))
    y = np.eye(5)[[0, 3, 4, 3]]
    p = softmax(z)
    off_diagonal = p * np.sum((p - y) / (1 - p), axis=1, keepdims=True)
    delta = losses.get("softmax_binary_cross_entropy").derivative(z, y)
    np.testing.assert_allclose(delta, (p - y) / (1 - p) - off_diagonal, rtol=1e-10, atol=1e-12)
    assert np.abs(delta - (p - y)).max() > 0.1
    np.testing.assert_allclose(losses.get("cross_entropy").derivative(z, y), p - y, rtol=1e-12)
    np.testing.assert_allclose(
        losses.get("sigmoid_cross_entropy").derivative(z, y), sigmoid(z) - y, rtol=1e-12
    )


@float64_first
def test_erratum_2_tanh_of_half_z_equals_sigmoid_of_z_minus_sigmoid_of_minus_z(dtype):
    z = jnp.linspace(-20, 20, 81, dtype=dtype)
    f = activations.sigmoid
    atol = 4 * np.finfo(dtype).eps
    np.testing.assert_allclose(activations.tanh(z / 2), f(z) - f(-z), rtol=0, atol=atol)
    np.testing.assert_allclose(activations.tanh(z / 2), 2 * f(z) - 1, rtol=0, atol=atol)


@float64_first
@pytest.mark.parametrize("alpha", [0.3, 1.0, 1.7])
def test_erratum_3_elu_has_no_factor_in_the_exponent(alpha, dtype):
    z = np.linspace(-3, 2, 26).astype(dtype)
    expected = np.where(z > 0, z, alpha * np.expm1(z))
    slope = np.where(z > 0, 1, alpha * np.exp(z))
    rtol = 8 * np.finfo(dtype).eps
    np.testing.assert_allclose(activations.elu(z, alpha), expected, rtol=rtol)
    np.testing.assert_allclose(activations.d_elu(jnp.asarray(z), alpha), slope, rtol=rtol)
    assert float(activations.ACTIVATIONS["elu"].f(jnp.asarray(-1.0, dtype))) == pytest.approx(
        np.expm1(-1), rel=1e-6
    )


@pytest.mark.parametrize("random_state", [0, 1, None])
def test_erratum_4_split_keeps_every_input_with_its_label(random_state):
    labels = np.arange(50)
    inputs = np.stack([labels, labels**2], axis=1).astype(float)
    split = jfnn.datasets.split(inputs, labels, random_state=random_state)
    for x, y in ((split.x_train, split.y_train), (split.x_test, split.y_test)):
        np.testing.assert_array_equal(x, np.stack([y, y**2], axis=1))
    rows = np.concatenate([split.y_train, split.y_test])
    assert sorted(rows) == labels.tolist()
    assert rows.tolist() != labels.tolist()


def test_erratum_4_digits_keep_their_labels_and_none_is_lost():
    def pairs(x, y):
        return sorted((image.tobytes(), int(label)) for image, label in zip(x, y, strict=True))

    split = jfnn.datasets.digits(random_state=3)
    together = np.concatenate([split.x_train, split.x_test]), np.concatenate([split.y_train, split.y_test])
    assert pairs(*together) == pairs(*load_digits(return_X_y=True))


def test_erratum_5_one_hot_width_does_not_depend_on_the_labels_present():
    labels = np.array([2, 0, 1])
    found = jfnn.datasets.one_hot(labels, 5)
    np.testing.assert_array_equal(found, np.eye(5)[labels])
    assert found.dtype == np.float32
    assert jfnn.datasets.one_hot(np.zeros(0, int), 3).shape == (0, 3)


def test_erratum_6_the_bias_gradient_is_summed_over_samples_not_over_units(x64):
    rng = np.random.default_rng(RNG_SEED)
    x = rng.normal(size=(6, 3))
    y = rng.integers(0, 3, size=6)
    w1 = rng.normal(size=(3, 4))
    b1 = rng.normal(size=4)
    w2 = rng.normal(size=(4, 3))
    b2 = rng.normal(size=3)
    by_differences = differences(
        lambda b: categorical(softmax(sigmoid(x @ w1 + b) @ w2 + b2), np.eye(3)[y]), b1
    )
    params = (jfnn.Layer(w1, b1), jfnn.Layer(w2, b2))
    notes = functools.partial(jfnn.backprop.value_and_grad, activation="sigmoid", reduction="sum")
    gradient = compiled(notes)(params, x, y)[1][0].b
    np.testing.assert_allclose(gradient, by_differences, rtol=0, atol=1e-8)
    assert np.abs(gradient - gradient.sum()).max() > 0.1


def test_erratum_7_digits_are_8_by_8_images_with_17_gray_levels():
    split = jfnn.datasets.digits()
    images = np.concatenate([split.x_train, split.x_test])
    assert images.shape == (1797, 64)
    assert set(np.unique(images)) == set(range(17))
    assert "UCI" in jfnn.datasets.digits.__doc__


@compiled
def at_large_inputs(z, logits, target):
    """Return the sigmoid, its derivative by hand and by JAX; each cost's value, delta and probabilities."""
    f = activations.sigmoid
    of_losses = {
        name: (loss.cost(logits, target), loss.derivative(logits, target), loss.probabilities(logits))
        for name, loss in losses.LOSSES.items()
        if loss.takes_logits
    }
    return f(z), activations.d_sigmoid(z), jax.grad(lambda z: f(z).sum())(z), of_losses


def test_erratum_8_sigmoid_and_softmax_do_not_overflow(dtype):
    z = np.array([-1e4, 0, 1e4], dtype)
    largest = 1e4
    target = np.array([[0, 0, 1], [0, 0, 1]], dtype)
    value, by_hand, by_jax, of_losses = at_large_inputs(z, np.stack([z, z[::-1]]), target)
    np.testing.assert_allclose(value, [0, 0.5, 1], atol=1e-30)
    np.testing.assert_allclose(by_hand, [0, 0.25, 0], atol=1e-30)
    np.testing.assert_allclose(by_jax, [0, 0.25, 0], atol=1e-30)
    cost, delta, probabilities = of_losses["cross_entropy"]
    np.testing.assert_allclose(probabilities, [[0, 0, 1], [1, 0, 0]], atol=1e-30)
    np.testing.assert_allclose(cost, [0, 2 * largest], rtol=1e-6)
    np.testing.assert_allclose(delta, [[0, 0, 0], [1, 0, -1]], atol=1e-30)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(of_losses))
