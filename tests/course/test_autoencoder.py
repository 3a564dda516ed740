"""Claims and exercise answers of the page on the autoencoder."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytestmark = pytest.mark.thorough


def test_hand_gradient_equals_jaxs_and_needs_both_terms(page):
    for ours, theirs in zip(page["gradients"].values(), page["by_jax"], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
    for part in (page["encoder"], page["decoder"]):
        assert np.abs(part - page["by_jax"][0]).max() > 0.01 * np.abs(page["by_jax"][0]).max()


def test_one_hidden_layer_reaches_the_floor_and_never_goes_below(page):
    linear, sigmoid = page["least"] / page["floor"]
    assert (linear > 1 - 1e-5).all() and (linear < 1.01).all()
    assert (sigmoid > 1).all() and (sigmoid < 1.15).all()
    assert page["angle"] < 10 and page["alike"].max() < 0.95


def test_deeper_networks_go_below_the_floor_even_on_test_rows(page):
    codes = len(page["deepest"])
    assert (page["deepest"] < 0.75 * page["floor"][:codes]).all()
    assert (page["on_test"] < 0.8 * page["floor_test"][:codes]).all()
    assert page["low"] > page["right"]["principal components"] + 0.1


def test_exercise_1_gradients_of_both_uses_sum_to_that_of_tied_weights(page):
    """∂C/∂w = xᵀδ₁ and ∂C/∂v = hᵀδ₂; at v = wᵀ the tied gradient is ∂C/∂w + (∂C/∂v)ᵀ."""
    w, b, c = page["params"]
    x = jnp.asarray(page["x"])

    def untied(w, v):
        return 0.5 * jnp.mean(jnp.sum((jax.nn.sigmoid(x @ w + b) @ v + c - x) ** 2, axis=1))

    by_w, by_v = jax.grad(untied, (0, 1))(jnp.asarray(w), jnp.asarray(w.T))
    np.testing.assert_allclose(by_w, page["encoder"], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(by_v.T, page["decoder"], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(by_w + by_v.T, page["by_jax"][0], rtol=1e-3, atol=1e-5)


def test_exercise_2_any_eigenvectors_are_stationary_and_larger_ones_lower_the_cost(page, x64):
    """C is half the sum of the omitted eigenvalues; it decreases when a column rotates to a larger one's."""
    x = np.float64(page["x"])
    values, vectors = np.linalg.eigh(x.T @ x / len(x))
    values, vectors = values[::-1], vectors[:, ::-1]

    def cost(w):
        return 0.5 * jnp.mean(jnp.sum((x @ w @ w.T - x) ** 2, axis=1))

    taken = [0, 2, 5]
    w = vectors[:, taken]
    assert np.abs(jax.grad(cost)(w)).max() < 1e-10
    np.testing.assert_allclose(cost(w), np.delete(values, taken).sum() / 2)
    for column, other, falls in [(1, 1, True), (2, 3, True), (1, 7, False), (0, 1, False)]:
        turned = w.copy()
        turned[:, column] = np.cos(0.01) * w[:, column] + np.sin(0.01) * vectors[:, other]
        assert (cost(turned) < cost(w)) == falls


def test_exercise_3_random_sigmoids_with_the_best_decoder_stay_above_the_floor(page):
    """Outputs have rank at most 8: least squares gives 1.5 to 3 times the floor, and never less than it."""
    x = np.float64(page["x"])
    draw = np.random.default_rng(1)
    floor = page["floor"][page["codes"].index(8)]
    ratios = []
    for _ in range(50):
        h = page["sigmoid"](x @ draw.normal(size=(64, 8)) + draw.normal(size=8))
        design = np.column_stack([h, np.ones(len(h))])
        left = x - design @ np.linalg.lstsq(design, x)[0]
        ratios.append(0.5 * np.mean(np.sum(left**2, axis=1)) / floor)
    assert min(ratios) > 1.5 and max(ratios) < 3.0
