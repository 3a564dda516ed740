"""Lyapunov exponents compared with closed forms: eigenvalues of gradient descent on a quadratic loss."""

import itertools

import numpy as np
import pytest

import jfnn
from jfnn.studies.lyapunov import Lyapunov

pytestmark = pytest.mark.unoptimized

RATES = (0.05, 0.3)
PENALTIES = (0.0, 2.0)
MOMENTA = (0.0, 0.6)


def slowest(hessian, rate, l2, momentum):
    """Return the largest eigenvalue modulus of one optax step on (parameters, memory)."""
    h = hessian + l2 * np.diag([1.0, 1.0, 0.0])  # no penalty on the bias
    one = np.eye(3)
    jacobian = np.block([[one - rate * h, -rate * momentum * one], [h, momentum * one]])
    return np.abs(np.linalg.eigvals(jacobian)).max()


@pytest.mark.thorough
def test_both_methods_equal_the_largest_eigenvalue_of_gradient_descent_on_a_quadratic_loss(x64):
    x = np.random.default_rng(0).normal(size=(8, 2)) * np.array([1.0, 0.4])
    options = {
        "learning_rate": RATES,
        "l2": PENALTIES,
        "optimizer": jfnn.Optimizer("sgd", momentum=list(MOMENTA)),
        "loss": "quadratic",
        "reduction": "sum",
        "batch_size": None,
        "epochs": 200,
        "seeds": 2,
    }
    linear = jfnn.mlp((2, 1))
    split = jfnn.Split(x, x @ np.ones((2, 1)))
    design = np.column_stack([x, np.ones(8)])
    cells = itertools.product(RATES, PENALTIES, MOMENTA)
    expected = np.log([slowest(design.T @ design, *cell) for cell in cells]).reshape(2, 2, 2)
    assert (expected[0] < 0).all() and (expected[1] > 0).all()
    tangent, copies = (
        jfnn.lyapunov(linear, split, method=method, **options) for method in ("tangent", "copies")
    )
    np.testing.assert_allclose(tangent.growth, copies.growth, atol=1e-5)
    for found in (tangent, copies):
        assert found.growth.shape == (2, 2, 2, 2, 200) and found.steps == 1
        assert list(found.axes) == ["learning_rate", "l2", "momentum"]
        settled = found.exponent_after(100)  # complex pairs rotate, so that single steps vary
        np.testing.assert_allclose(settled, np.stack([expected, expected], axis=-1), atol=5e-3)
    np.testing.assert_allclose(found.exponent, found.growth.mean(axis=-1))


@pytest.mark.thorough
def test_shift_of_all_output_biases_neither_grows_nor_decays(x64):
    """One number is added to all output biases; once other differences have decayed, the exponent is 0."""
    rng = np.random.default_rng(1)
    split = jfnn.Split(rng.normal(size=(12, 2)), rng.integers(0, 3, 12))
    options = {
        "learning_rate": 0.1,
        "l2": 1.0,
        "reduction": "sum",
        "batch_size": 4,
        "epochs": 150,
        "seeds": 2,
    }
    found = jfnn.lyapunov(jfnn.mlp((2, 3)), split, **options)
    assert found.steps == 3
    assert (found.exponent < -1e-4).all()
    np.testing.assert_allclose(found.exponent_after(100), 0, atol=1e-9)
    np.testing.assert_allclose(found.exponent, found.growth.sum(axis=-1) / 450)


@pytest.mark.thorough
def test_both_methods_agree_for_a_network_with_a_hidden_layer(split, x64):
    network = jfnn.mlp((5, 4, 3), "tanh")
    options = {"learning_rate": [0.02, 0.2], "epochs": 3, "batch_size": 10}
    growth = [jfnn.lyapunov(network, split, method=name, **options).growth for name in ("tangent", "copies")]
    np.testing.assert_allclose(*growth, atol=1e-5)


def test_epochs_of_an_exponent_must_have_been_trained():
    found = Lyapunov({}, np.zeros((1, 1, 1, 5)), 2)
    for epochs in (-1, 5):
        with pytest.raises(ValueError, match=r"^epochs: expected"):
            found.exponent_after(epochs)
