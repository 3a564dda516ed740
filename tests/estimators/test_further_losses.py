"""Losses that scikit-learn's perceptron lacks, by the optima of its linear models and their names."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import HuberRegressor, QuantileRegressor
from sklearn.metrics import mean_absolute_error, mean_pinball_loss, r2_score

from jfnn import estimators
from jfnn.estimators import choice

RNG = np.random.default_rng(3)
X = RNG.normal(size=(80, 2))
Y = X @ [1.0, -0.5] + 0.3 + RNG.standard_t(2, size=80)
LINEAR = {"hidden_layer_sizes": (), "alpha": 0, "random_state": 0, "tol": 0, "batch_size": 80}


def fitted(**options):
    options = LINEAR | {"max_iter": 400, "n_iter_no_change": 10_000} | options
    return estimators.MLPRegressor(**options).fit(X, Y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_linear_perceptron_reaches_the_optimum_of_huber_regression():
    theirs = HuberRegressor(epsilon=1.2, alpha=0, tol=1e-10, max_iter=1000).fit(X, Y)
    ours = fitted(loss="huber", delta=1.2 * theirs.scale_, solver="lbfgs", tol=1e-10)
    assert ours.engine_ == "jfnn"
    np.testing.assert_allclose(ours.coefs_[0][:, 0], theirs.coef_, atol=1e-4)
    np.testing.assert_allclose(ours.intercepts_[0][0], theirs.intercept_, atol=1e-4)
    assert ours.score(X, Y) == r2_score(Y, ours.predict(X))


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_linear_perceptrons_reach_the_optima_of_quantile_regression():
    theirs = QuantileRegressor(quantile=0.8, alpha=0).fit(X, Y).predict(X)
    ours = fitted(loss="quantile", quantile=0.8, learning_rate_init=0.02)
    least = mean_pinball_loss(Y, theirs, alpha=0.8)
    np.testing.assert_allclose(mean_pinball_loss(Y, ours.predict(X), alpha=0.8), least, rtol=5e-3)
    np.testing.assert_allclose(ours.loss_, least, rtol=5e-3)
    median = QuantileRegressor(alpha=0).fit(X, Y).predict(X)
    ours = fitted(loss="absolute_error", learning_rate_init=0.02)
    least = mean_absolute_error(Y, median)
    np.testing.assert_allclose(mean_absolute_error(Y, ours.predict(X)), least, rtol=5e-3)


@pytest.mark.thorough
def test_they_are_parameters_that_clone_and_searches_take():
    ours = estimators.MLPRegressor("quantile", (3,), quantile=0.3, delta=2.0, max_iter=3, tol=10.0)
    copied = clone(ours)
    assert copied.get_params() == ours.get_params()
    assert (copied.loss, copied.quantile, copied.delta) == ("quantile", 0.3, 2.0)
    grid = {"loss": ["squared_error", "huber"]}
    perceptron = estimators.MLPRegressor(hidden_layer_sizes=(3,), max_iter=50, tol=1.0, n_iter_no_change=2)
    search = estimators.GridSearchCV(perceptron, grid, cv=2).fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.loss in grid["loss"]


def test_scikit_learns_perceptron_serves_a_search_over_its_losses_alone():
    for values, serves in ((["squared_error", "poisson"], True), (["squared_error", "huber"], False)):
        search = estimators.GridSearchCV(estimators.MLPRegressor(), {"loss": values})
        assert choice.choose(search, 2, X, False).plain is serves
    search = estimators.GridSearchCV(estimators.MLPRegressor("quantile"), {"alpha": [0, 1]})
    assert not choice.choose(search, 2, X, False).plain


def test_without_the_engine_they_are_refused():
    with pytest.raises(ValueError, match=r"^engine: 'scikit-learn' has no loss='huber'"):
        estimators.MLPRegressor("huber", engine="scikit-learn").fit(X, Y)
