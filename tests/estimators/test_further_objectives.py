"""Losses and the penalty that scikit-learn's perceptron lacks, compared with optima of its linear models."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn import model_selection
from sklearn.base import clone
from sklearn.linear_model import HuberRegressor, Lasso, LogisticRegression, QuantileRegressor
from sklearn.metrics import mean_absolute_error, mean_pinball_loss, r2_score

from jfnn import estimators

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
RNG = np.random.default_rng(6)
X = RNG.normal(size=(80, 5))
Y = X @ [1.5, 0.0, -1.0, 0.0, 0.0] + 0.3 + 0.5 * RNG.standard_t(2, size=80)
CLASSES = RNG.random(80) < expit(2 * Y)
WEIGHTS = RNG.uniform(0.5, 2, 80)
LINEAR = {"hidden_layer_sizes": (), "alpha": 0, "random_state": 0, "tol": 0, "batch_size": 80}
LINEAR |= {"max_iter": 500, "n_iter_no_change": 10_000}
DESCENT = LINEAR | {"solver": "sgd", "momentum": 0, "learning_rate_init": 0.3}


def test_linear_perceptron_reaches_the_optimum_of_huber_regression():
    theirs = HuberRegressor(epsilon=1.2, alpha=0, tol=1e-10, max_iter=1000).fit(X, Y)
    options = LINEAR | {"solver": "lbfgs", "tol": 1e-10}
    ours = estimators.MLPRegressor("huber", delta=1.2 * theirs.scale_, **options).fit(X, Y)
    assert ours.engine_ == "jfnn"
    np.testing.assert_allclose(ours.coefs_[0][:, 0], theirs.coef_, atol=1e-4)
    np.testing.assert_allclose(ours.intercepts_[0][0], theirs.intercept_, atol=1e-4)
    assert ours.score(X, Y) == r2_score(Y, ours.predict(X))


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("loss", "quantile", "metric"),
    [
        ("quantile", 0.8, lambda y, predicted: mean_pinball_loss(y, predicted, alpha=0.8)),
        ("absolute_error", 0.5, mean_absolute_error),
    ],
)
def test_linear_perceptrons_reach_the_optima_of_quantile_regression(loss, quantile, metric):
    least = metric(Y, QuantileRegressor(quantile=quantile, alpha=0).fit(X, Y).predict(X))
    ours = estimators.MLPRegressor(loss, quantile=quantile, learning_rate_init=0.02, **LINEAR).fit(X, Y)
    np.testing.assert_allclose(metric(Y, ours.predict(X)), least, rtol=5e-3)
    np.testing.assert_allclose(ours.loss_, least, rtol=5e-3)


@pytest.mark.thorough
def test_plain_descent_with_l1_reaches_the_optimum_of_lasso():
    theirs = Lasso(0.2, tol=1e-10).fit(X, Y)
    ours = estimators.MLPRegressor(**DESCENT, l1=0.2 * 80).fit(X, Y)
    assert ours.engine_ == "jfnn"
    np.testing.assert_allclose(ours.coefs_[0][:, 0], theirs.coef_, atol=1e-4)
    np.testing.assert_array_equal(ours.coefs_[0][:, 0] == 0, theirs.coef_ == 0)
    objective = 0.5 * np.mean((ours.predict(X) - Y) ** 2) + 0.2 * np.abs(theirs.coef_).sum()
    assert ours.loss_ == pytest.approx(objective, rel=1e-4)


@pytest.mark.thorough
def test_weighted_classes_with_l1_reach_the_optimum_of_logistic_regression():
    theirs = LogisticRegression(l1_ratio=1, C=0.2, solver="saga", tol=1e-8, max_iter=20000)
    theirs.fit(X, CLASSES, WEIGHTS)
    ours = estimators.MLPClassifier(**DESCENT | {"max_iter": 3000}, l1=5.0).fit(X, CLASSES, WEIGHTS)
    np.testing.assert_allclose(ours.coefs_[0][:, 0], theirs.coef_[0], atol=1e-4)
    np.testing.assert_array_equal(ours.coefs_[0][:, 0] == 0, theirs.coef_[0] == 0)


GRIDS = {  # some candidates with L1 take proximal steps; others, with momentum, do not
    "l1": ({"l1": [0.0, 1.0, 3.0], "momentum": [0.0, 0.9]}, 6),
    "losses": ({"loss": ["squared_error", "huber"]}, 2),
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", GRIDS)
def test_search_over_further_objectives_has_the_scores_of_separate_fits(name):
    grid, different = GRIDS[name]
    perceptron = estimators.MLPRegressor(hidden_layer_sizes=(4,), solver="sgd", max_iter=10, random_state=0)
    scores = [
        module.GridSearchCV(perceptron, grid, cv=2).fit(X, Y).cv_results_["mean_test_score"]
        for module in (estimators, model_selection)
    ]
    np.testing.assert_allclose(*scores, rtol=1e-5)
    assert len(set(scores[1])) == different


def test_further_objectives_are_cloned_and_refused_if_not_minimizable():
    ours = estimators.MLPRegressor("quantile", (3,), quantile=0.3, delta=2.0, l1=0.5)
    assert clone(ours).get_params() == ours.get_params()
    assert (ours.loss, ours.quantile, ours.delta, ours.l1) == ("quantile", 0.3, 2.0, 0.5)
    for options, argument in [
        ({"solver": "lbfgs", "l1": 1.0}, "l1"),
        ({"engine": "scikit-learn", "l1": 1.0}, "engine"),
        ({"engine": "scikit-learn", "loss": "huber"}, "engine"),
    ]:
        with pytest.raises(ValueError) as caught:
            estimators.MLPRegressor(**options).fit(X, Y)
        assert caught.value.argument == argument
