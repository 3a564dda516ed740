"""The penalty L1 of perceptrons, beside scikit-learn's linear models and its searches."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn import model_selection
from sklearn.linear_model import Lasso, LogisticRegression

from jfnn import estimators

RNG = np.random.default_rng(6)
X = RNG.normal(size=(80, 5))
COEFFICIENTS = np.array([1.5, 0.0, -1.0, 0.0, 0.0])
Y = X @ COEFFICIENTS + 0.3 + 0.5 * RNG.normal(size=80)
CLASSES = RNG.random(80) < expit(2 * Y)
LINEAR = {"hidden_layer_sizes": (), "solver": "sgd", "momentum": 0, "alpha": 0, "random_state": 0, "tol": 0}
LINEAR |= {"batch_size": 80, "n_iter_no_change": 10_000, "max_iter": 500, "learning_rate_init": 0.3}


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_plain_descent_reaches_the_optimum_of_lasso():
    theirs = Lasso(0.2, tol=1e-10).fit(X, Y)
    ours = estimators.MLPRegressor(**LINEAR, l1=0.2 * 80).fit(X, Y)
    assert ours.engine_ == "jfnn"
    np.testing.assert_allclose(ours.coefs_[0][:, 0], theirs.coef_, atol=1e-4)
    np.testing.assert_array_equal(ours.coefs_[0][:, 0] == 0, theirs.coef_ == 0)
    objective = 0.5 * np.mean((ours.predict(X) - Y) ** 2) + 0.2 * np.abs(theirs.coef_).sum()
    assert ours.loss_ == pytest.approx(objective, rel=1e-4)


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_weighted_classes_reach_the_optimum_of_logistic_regression():
    weights = RNG.uniform(0.5, 2, 80)
    theirs = LogisticRegression(l1_ratio=1, C=0.2, solver="saga", tol=1e-8, max_iter=20000)
    theirs.fit(X, CLASSES, weights)
    ours = estimators.MLPClassifier(**LINEAR | {"max_iter": 3000}, l1=5.0).fit(X, CLASSES, weights)
    np.testing.assert_allclose(ours.coefs_[0][:, 0], theirs.coef_[0], atol=1e-4)
    np.testing.assert_array_equal(ours.coefs_[0][:, 0] == 0, theirs.coef_[0] == 0)


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_search_over_strengths_has_the_scores_of_fits_one_by_one():
    """Also where some candidates take proximal steps and others, with momentum, do not."""
    perceptron = estimators.MLPRegressor(hidden_layer_sizes=(4,), solver="sgd", max_iter=10, random_state=0)
    grid = {"l1": [0.0, 1.0, 3.0], "momentum": [0.0, 0.9]}
    ours = estimators.GridSearchCV(perceptron, grid, cv=2).fit(X, Y)
    theirs = model_selection.GridSearchCV(perceptron, grid, cv=2).fit(X, Y)
    np.testing.assert_allclose(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], rtol=1e-5
    )
    assert len(set(theirs.cv_results_["mean_test_score"])) == 6


def test_a_solver_that_needs_derivatives_everywhere_is_refused():
    with pytest.raises(ValueError) as caught:
        estimators.MLPRegressor(solver="lbfgs", l1=1.0).fit(X, Y)
    assert caught.value.argument == "l1"
    with pytest.raises(ValueError) as caught:
        estimators.MLPRegressor(engine="scikit-learn", l1=1.0).fit(X, Y)
    assert caught.value.argument == "engine"
