"""Sharpness: eigenvalues of the full Hessian, matrices that end the iterations early."""

import itertools
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compiled, float64_first, noise_split
from jax.flatten_util import ravel_pytree

import jfnn
from jfnn.analysis import batch_sharpness, sharpness
from jfnn.analysis.sharpness import largest

SPLIT = noise_split()
X = SPLIT.x_train
Y = SPLIT.y_train
NETWORKS = {
    "tanh": (jfnn.mlp((5, 4, 3), "tanh"), X),
    "functions": (
        jfnn.Network(lambda key: {"w": jax.random.normal(key, (5, 3))}, lambda p, x: jnp.tanh(x @ p["w"])),
        X,
    ),
}


def all_eigenvalues(network, params, x, y, **options):
    """Return the eigenvalues of the full Hessian in decreasing order."""
    flat, unravel = ravel_pytree(params)
    hessian = jax.hessian(lambda flat: jfnn.objective(network, unravel(flat), x, y, **options))
    return np.linalg.eigvalsh(np.asarray(compiled(hessian)(flat)))[::-1]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("name", "options"),
    [("tanh", {"l2": 0.3}), ("functions", {"loss": "quadratic", "reduction": "mean"})],
)
def test_largest_eigenvalues_equal_those_of_the_full_hessian(dtype, name, options):
    network, x = NETWORKS[name]
    x = x.astype(dtype)
    params = jax.vmap(network.init)(jax.random.split(jax.random.key(3), 2))
    params = jax.tree.map(lambda leaf: np.asarray(leaf, dtype), params)
    found = sharpness(network, params, x, Y, k=3, iterations=40, **options)
    assert found.eigenvalues.shape == found.residuals.shape == (2, 3)
    assert found.eigenvalues.dtype == found.residuals.dtype == dtype
    tolerance = 2e-5 if dtype == np.float32 else 1e-9
    for seed in range(2):
        member = jax.tree.map(lambda leaf, seed=seed: leaf[seed], params)
        expected = all_eigenvalues(network, member, x, Y, **options)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(found.eigenvalues[seed], expected[:3], atol=tolerance * scale, rtol=0)
        distance = np.abs(found.eigenvalues[seed][:, None] - expected).min(axis=1)
        assert (distance <= found.residuals[seed] + tolerance * scale).all()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cnn", "gru"])
def test_layers_with_hand_pull_backs_have_the_hessian_of_finite_differences(x64, kind):
    network = {"cnn": jfnn.cnn((1, 4, 4), (2,), 3), "gru": jfnn.rnn((2, 3), 2, 3)}[kind]
    x = np.random.default_rng(1).normal(size=(12, *network.input_shape))
    params = network.init(jax.random.key(3))
    flat, unravel = ravel_pytree(params)
    gradients = jax.vmap(jax.grad(lambda flat: jfnn.objective(network, unravel(flat), x, Y[:12])))
    raised, lowered = compiled(gradients)(
        flat + 1e-5 * np.concatenate([np.eye(flat.size), -np.eye(flat.size)])
    ).reshape(2, flat.size, flat.size)
    expected = np.linalg.eigvalsh((raised - lowered) / 2e-5)[::-1]
    found = sharpness(network, params, x, Y[:12], k=2, iterations=60)
    np.testing.assert_allclose(found.eigenvalues, expected[:2], rtol=1e-6)
    assert found.residuals.max() <= 1e-8 * expected[0]


@pytest.mark.thorough
def test_too_few_iterations_give_large_residuals(x64):
    network, x = NETWORKS["tanh"]
    params = network.init(jax.random.key(3))
    found = sharpness(network, params, x, Y, k=2, iterations=3)
    expected = all_eigenvalues(network, params, x, Y)
    distance = np.abs(found.eigenvalues[:, None] - expected).min(axis=1)
    assert (distance <= found.residuals).all()
    assert found.residuals.max() > 1e-3 * expected[0]


@pytest.mark.thorough
@float64_first
@pytest.mark.parametrize("matrix", [np.eye(6), np.zeros((6, 6)), np.diag([3.0, 3, 0, 0, -5, -5])], ids=str)
def test_all_eigenvalues_are_found_if_the_iteration_ends_early(dtype, matrix):
    matrix = matrix.astype(dtype)
    values, residuals = largest(lambda v: matrix @ v, jnp.zeros(6, dtype), 6, 6)
    np.testing.assert_allclose(
        values, np.sort(np.diag(matrix))[::-1], atol=1e-4 if dtype == np.float32 else 1e-12
    )
    assert np.max(residuals) <= (1e-4 if dtype == np.float32 else 1e-12)


@pytest.mark.thorough
def test_evaluations_of_a_sweep_agree_in_one_call_and_in_blocks(monkeypatch):
    network, _ = NETWORKS["tanh"]
    execution = jfnn.Execution(eval_every=2, keep_params="evaluations")
    result = jfnn.sweep(
        network, SPLIT, learning_rate=[0.01, 0.1], seeds=2, epochs=4, batch_size=16, execution=execution
    )
    whole = sharpness(network, result.params, X, Y, k=2)
    assert whole.eigenvalues.shape == (2, 1, 2, 2, 2)
    monkeypatch.setattr(sys.modules["jfnn.analysis.sharpness"], "BLOCK_BYTES", 3 * 39 * 39 * 4)
    blocks = sharpness(network, result.params, X, Y, k=2)
    np.testing.assert_allclose(blocks.eigenvalues, whole.eigenvalues, rtol=1e-4)
    alone = sharpness(network, jax.tree.map(lambda leaf: leaf[1, 0, 1, 1], result.params), X, Y, k=2)
    np.testing.assert_allclose(alone.eigenvalues, whole.eigenvalues[1, 0, 1, 1], rtol=1e-4)


@pytest.mark.thorough
@pytest.mark.parametrize("number", [np.nan, np.inf, 1e39])  # the last beyond float32
def test_nonfinite_network_has_nan_and_the_others_are_unaffected(number):
    network, _ = NETWORKS["tanh"]
    params = jax.vmap(network.init)(jax.random.split(jax.random.key(3), 2))
    params = jax.tree.map(lambda leaf: np.array(leaf, np.float64), params)
    sound = sharpness(network, params, X, Y, k=2)
    params[1].w[0, 1, 1] = number
    found = sharpness(network, params, X, Y, k=2)
    assert np.isnan(found.eigenvalues[0]).all() and np.isnan(found.residuals[0]).all()
    np.testing.assert_array_equal(found.eigenvalues[1], sound.eigenvalues[1])


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("name", "options"),
    [("tanh", {"l2": 0.3}), ("functions", {"loss": "quadratic", "reduction": "mean"})],
)
def test_batch_sharpness_over_all_batches_equals_that_of_full_hessians(dtype, name, options):
    network, x = NETWORKS[name]
    x = x[:6].astype(dtype)
    batches = np.array(list(itertools.combinations(range(6), 2)))
    params = jax.vmap(network.init)(jax.random.split(jax.random.key(3), 2))
    params = jax.tree.map(lambda leaf: np.asarray(leaf, dtype), params)
    found = batch_sharpness(network, params, x, Y[:6], batches, **options)
    assert found.shape == (2,) and found.dtype == dtype
    for seed in range(2):
        flat, unravel = ravel_pytree(jax.tree.map(lambda leaf, seed=seed: leaf[seed], params))

        def value(flat, batch, unravel=unravel):
            return jfnn.objective(
                network, unravel(flat), jnp.asarray(x)[batch], jnp.asarray(Y)[batch], **options
            )

        gradient, hessian = compiled(jax.grad(value)), compiled(jax.hessian(value))
        curvatures = []
        for batch in batches:
            g, h = (np.asarray(function(flat, batch), float) for function in (gradient, hessian))
            curvatures.append(g @ h @ g / (g @ g))
        expected = np.mean(curvatures)
        assert found[seed] == pytest.approx(expected, rel=1e-4 if dtype == np.float32 else 1e-10)
