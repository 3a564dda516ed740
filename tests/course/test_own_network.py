"""Claims and exercise answers of the page on writing a network yourself."""

import jax
import numpy as np
import pytest
from scipy.special import softmax

import jfnn

pytestmark = pytest.mark.thorough


def test_three_checks_agree_and_name_the_planted_mistake(page):
    assert abs(page["difference"] - page["pairs"][2][0][4, 0]) < 1e-7
    assert page["relative"] < 1e-5
    assert page["right"].right
    assert page["found"].mistakes == ("derivative_of_a",)
    (finding,) = page["found"].findings
    assert (finding.array, finding.layers) == ("delta", (1, 2)) and page["found"].explains_all


def test_training_hides_the_mistake(page):
    right, mistaken = (page["curves"][name] for name in ("right", "mistaken"))
    for curve in (right, mistaken):
        assert curve[-1] < 0.3 * np.var(page["targets"])
    assert abs(mistaken[-1] - right[-1]) < 0.3 * right[-1]


def test_class_trains_to_the_weights_of_the_library(page):
    assert max(page["differences"]) < 1e-3 < page["largest"]
    start = page["start"].weights
    moved = [np.abs(a - b).max() for a, b in zip(start, page["trained"]["right"].weights, strict=True)]
    assert min(moved) > 0.1


def test_exercise_1_a_softmax_mixes_all_outputs_in_the_quadratic_costs_delta():
    """With g = P - y: δ = P ∘ (g - Σ_c g_c P_c), since ∂P_c/∂z_k = P_c (1[c = k] - P_k)."""
    draw = np.random.default_rng(0)
    z, y = draw.normal(size=(5, 4)), np.eye(4)[[0, 1, 2, 3, 0]]
    by_jax = jax.grad(lambda z: 0.5 * ((jax.nn.softmax(z, axis=1) - y) ** 2).sum())(z)
    p = softmax(z, axis=1)
    g = p - y
    np.testing.assert_allclose(by_jax, p * (g - (g * p).sum(axis=1, keepdims=True)), atol=1e-6)
    assert np.abs(by_jax - g).max() > 0.1


def test_exercise_2_wrong_axis_fits_if_there_are_as_many_rows_as_units(page):
    """δ.sum(axis=1) is [n], and fits a bias [n_l] only for n = n_l (or for n = 1, by broadcasting)."""
    x, t = page["x"][:8], page["t"][:8]
    network = page["Network"]([1, 8, 1])
    pairs = network.gradients(x, t)
    pairs[0] = (pairs[0][0], network.deltas[0].sum(axis=1))
    assert pairs[0][1].shape == network.biases[0].shape
    checked = jfnn.check_backprop(
        list(zip(network.weights, network.biases, strict=True)),
        x,
        t,
        pairs,
        activations=network.a[1:],
        deltas=network.deltas,
        activation="sigmoid",
        loss="quadratic",
    )
    (wrong,) = [one for one in checked.arrays if one.verdict != "right"]
    assert (wrong.array, wrong.layer) == ("biases", 1)
    (finding,) = checked.findings
    assert finding.mistake == "biases_over_wrong_axis"


def test_exercise_3_full_penalty_with_a_mean_is_n_times_lambda(page):
    """l2 = n λ."""
    x, t, strength = page["x"], page["t"], 0.02
    network = page["Network"]([1, 8, 1])
    pairs = [
        (dw + strength * w, db) for (dw, db), w in zip(network.gradients(x, t), network.weights, strict=True)
    ]
    params = list(zip(network.weights, network.biases, strict=True))
    options = {"activation": "sigmoid", "loss": "quadratic"}
    assert jfnn.check_backprop(params, x, t, pairs, l2=len(x) * strength, **options).right
    assert not jfnn.check_backprop(params, x, t, pairs, l2=strength, **options).right
