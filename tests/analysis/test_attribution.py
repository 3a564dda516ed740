"""Attribution compared with scikit-learn, scipy, full Hessians, and networks trained alone."""

import sys

import jax
import numpy as np
import pytest
from helpers import compiled, float64_first, noise_split, same_bits
from jax.flatten_util import ravel_pytree
from scipy import stats
from sklearn.linear_model import Lasso, LassoCV
from sklearn.model_selection import KFold

import jfnn
from jfnn import analysis

RNG = np.random.default_rng(0)
MASKS = RNG.random((60, 8)) < 0.5
OUTPUTS = MASKS @ np.where(RNG.random((8, 3)) < 0.5, RNG.normal(size=(8, 3)), 0) + 0.3 * RNG.normal(
    size=(60, 3)
)


def test_each_datamodel_equals_the_lasso_of_its_row():
    found = analysis.datamodels(OUTPUTS, MASKS)
    assert found.weights.shape == (8, 3) and len(set(found.penalty)) == 3
    for j, outputs in enumerate(OUTPUTS.T):
        largest = np.abs((MASKS - MASKS.mean(axis=0)).T @ (outputs - outputs.mean())).max() / len(MASKS)
        assert not Lasso(largest * 1.001).fit(MASKS, outputs).coef_.any()
        chosen = LassoCV(alphas=largest * np.geomspace(1, 0.01, 20), cv=KFold(5), tol=1e-8).fit(
            MASKS, outputs
        )
        assert found.penalty[j] == pytest.approx(chosen.alpha_)
        np.testing.assert_allclose(found.weights[:, j], chosen.coef_, atol=2e-3)
        assert found.bias[j] == pytest.approx(chosen.intercept_, abs=2e-3)
        np.testing.assert_array_equal(found.weights[:, j] == 0, chosen.coef_ == 0)


def test_single_penalty_is_accepted_and_networks_without_outputs_are_ignored():
    outputs = OUTPUTS.copy()
    outputs[7:20] = np.nan
    there = ~np.isnan(outputs[:, 0])
    found = analysis.datamodels(outputs, MASKS, penalties=0.1)
    for j in range(3):
        alone = Lasso(found.penalty[j], tol=1e-8).fit(MASKS[there], outputs[there, j])
        np.testing.assert_allclose(found.weights[:, j], alone.coef_, atol=2e-3)
    values = RNG.normal(size=(8, 3))
    scores = analysis.linear_datamodeling_score(values, outputs, MASKS)
    np.testing.assert_array_equal(
        scores, analysis.linear_datamodeling_score(values, outputs[there], MASKS[there])
    )


def test_constant_outputs_have_no_weights():
    found = analysis.datamodels(np.ones((60, 2)), MASKS)
    assert not found.weights.any() and found.bias.tolist() == [1, 1]


def test_score_is_spearmans_correlation_for_each_row():
    values = RNG.integers(-3, 4, (8, 3)) / 4  # sums that are exact, some of them tied
    scores = analysis.linear_datamodeling_score(values, OUTPUTS, MASKS)
    expected = [stats.spearmanr(MASKS @ values[:, j], OUTPUTS[:, j]).statistic for j in range(3)]
    np.testing.assert_allclose(scores, expected, rtol=1e-12)
    additive = np.exp(MASKS @ values)
    np.testing.assert_allclose(analysis.linear_datamodeling_score(values, additive, MASKS), 1)
    values[:, 1] = 0
    assert np.isnan(analysis.linear_datamodeling_score(values, OUTPUTS, MASKS)).tolist() == [
        False,
        True,
        False,
    ]


SPLIT = noise_split()
NET = jfnn.mlp((5, 4, 3), "tanh")
X, Y, X_TEST, Y_TEST = SPLIT.x_train[:30], SPLIT.y_train[:30], SPLIT.x_test[:6], SPLIT.y_test[:6]
FEW = jfnn.Split(X, Y, X_TEST, Y_TEST)
OPTIONS = {"learning_rate": 0.1, "epochs": 3, "batch_size": 8}


def left_out(split=FEW, network=NET, **options):
    folds = jfnn.subsets.leave_one_out(len(split.y_train))
    return jfnn.sweep(network, split, folds=folds, **OPTIONS | options)


@pytest.mark.thorough
def test_leave_one_out_values_equal_those_of_networks_trained_one_by_one():
    result = left_out(seeds=2)
    values = analysis.leave_one_out_values(result, FEW)
    assert values.shape == (1, 1, 30, 6) and values.dtype == np.float64
    losses = np.zeros((2, 30, 6))
    for seed in range(2):
        for i in (0, 17) if seed else range(30):
            rows = np.delete(np.arange(30), i)
            alone = jfnn.train(NET, X[rows], Y[rows], seed=seed, execution=result.execution, **OPTIONS)
            assert same_bits(alone.params, result.member(0, 0, seed, i))
        for i in range(30):
            outputs = NET.apply(result.member(0, 0, seed, i), X_TEST)
            losses[seed, i] = -np.asarray(jax.nn.log_softmax(outputs))[np.arange(6), Y_TEST]
    each = losses.mean(axis=1, keepdims=True) - losses
    np.testing.assert_allclose(
        analysis.leave_one_out_values(result, FEW, average=False)[0, 0], each, atol=1e-6
    )
    np.testing.assert_allclose(values[0, 0], each.mean(axis=0), atol=1e-6)


@pytest.mark.thorough
def test_diverged_members_are_ignored():
    result = left_out(seeds=2)
    whole = analysis.leave_one_out_values(result, FEW, average=False)[0, 0]
    scores = result.row_scores("loss", "test", FEW)[0, 0].astype(np.float64)
    result.diverged_at[0, 0, 1, 3] = 1
    values = analysis.leave_one_out_values(result, FEW)[0, 0]
    rest = np.delete(scores[1], 3, axis=0).mean(axis=0)
    second = np.where(np.arange(30)[:, None] == 3, np.nan, rest - scores[1])
    np.testing.assert_allclose(values, np.nanmean([whole[0], second], axis=0), atol=1e-12)


def by_inverse(network, params, x, y, x_test, y_test, damping, curvature):
    """Compute values by inverting the full matrix, for cross-entropies with l2 = 0.3."""
    flat, unravel = ravel_pytree(params)

    def cost(flat, x, y, l2=0.0):
        return jfnn.objective(network, unravel(flat), x, y, l2=l2, reduction="mean")

    matrix = compiled(jax.hessian(cost))(flat, x, y, 0.3)
    if curvature == "gauss_newton":
        jacobian = compiled(jax.jacobian(lambda flat: network.apply(unravel(flat), x)))(flat)
        p = jax.nn.softmax(network.apply(params, x))
        bends = np.stack([np.diag(one) - np.outer(one, one) for one in np.asarray(p)])
        is_weight = ravel_pytree(
            jax.tree.map(lambda leaf: np.full(leaf.shape, leaf.ndim > 1, float), params)
        )[0]
        matrix = np.einsum("nkp,nkl,nlq->pq", jacobian, bends, jacobian) + 0.3 * np.diag(is_weight)
        matrix = matrix / len(x)
    slopes = compiled(jax.vmap(jax.grad(cost), (None, 0, 0)))
    solved = np.linalg.solve(
        matrix + damping * np.eye(len(flat)), slopes(flat, x_test[:, None], y_test[:, None]).T
    )
    return -slopes(flat, x[:, None], y[:, None]) @ solved / len(x)


@pytest.mark.thorough
@float64_first
@pytest.mark.parametrize("curvature", ["hessian", "gauss_newton"])
@pytest.mark.parametrize("kind", ["mlp", pytest.param("gru", marks=pytest.mark.slow)])
def test_influence_equals_that_of_the_inverted_matrix_for_every_network(kind, dtype, curvature):
    network = NET if kind == "mlp" else jfnn.sequential([jfnn.GRU(2), jfnn.Dense(3, "identity")], (5, 1))
    params = jax.vmap(network.init)(jax.random.split(jax.random.key(3), 2))
    params = jax.tree.map(lambda leaf: np.asarray(leaf, dtype)[None], params)
    x, x_test = (rows.astype(dtype).reshape(-1, *network.input_shape) for rows in (X, X_TEST))
    arguments = [x, Y, x_test, Y_TEST]
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    options = {"damping": 1.0, "curvature": curvature, "tolerance": tolerance, "iterations": 200}
    found = analysis.influence_functions(network, params, *arguments, l2=0.3, **options)
    assert found.values.shape == (1, 2, 30, 6) and found.residuals.shape == (1, 2, 6)
    assert found.values.dtype == found.residuals.dtype == dtype
    assert found.residuals.max() <= 3 * tolerance
    for seed in range(2):
        member = jax.tree.map(lambda leaf, seed=seed: leaf[0, seed], params)
        expected = by_inverse(network, member, *arguments, damping=1.0, curvature=curvature)
        np.testing.assert_allclose(
            found.values[0, seed], expected, atol=20 * tolerance * np.abs(expected).max()
        )


@pytest.mark.thorough
def test_influence_does_not_depend_on_blocks_of_networks_and_test_rows(monkeypatch):
    params = jax.tree.map(np.asarray, jax.vmap(NET.init)(jax.random.split(jax.random.key(3), 3)))
    whole = analysis.influence_functions(NET, params, *FEW[:4], damping=1.0)
    for bytes_at_once in (1, 40_000):
        monkeypatch.setattr(sys.modules["jfnn.analysis.attribution"], "BLOCK_BYTES", bytes_at_once)
        blocks = analysis.influence_functions(NET, params, *FEW[:4], damping=1.0)
        np.testing.assert_allclose(blocks.values, whole.values, atol=1e-5 * np.abs(whole.values).max())


@pytest.mark.thorough
def test_nonfinite_network_has_nan_and_the_others_are_unaffected():
    params = jax.tree.map(np.array, jax.vmap(NET.init)(jax.random.split(jax.random.key(3), 2)))
    sound = analysis.influence_functions(NET, params, *FEW[:4], damping=1.0)
    params[1].w[0, 1, 1] = np.nan
    found = analysis.influence_functions(NET, params, *FEW[:4], damping=1.0)
    assert np.isnan(found.values[0]).all() and np.isnan(found.residuals[0]).all()
    np.testing.assert_array_equal(found.values[1], sound.values[1])
