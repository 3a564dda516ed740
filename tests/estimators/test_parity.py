"""scikit-learn's own perceptrons in float64: the same start, minibatches, losses and parameters."""

import numpy as np
import pytest
from sklearn import neural_network
from sklearn.datasets import load_breast_cancer, load_digits, make_multilabel_classification

from jfnn import estimators

pytestmark = [
    pytest.mark.unoptimised,
    pytest.mark.usefixtures("x64"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
X_DIGITS, Y_DIGITS = (array[:430] for array in load_digits(return_X_y=True))
X_DIGITS = X_DIGITS / 16
X_CANCER = load_breast_cancer().data
X_CANCER = (X_CANCER - X_CANCER.mean(axis=0)) / X_CANCER.std(axis=0)
WEIGHTS = np.random.default_rng(0).random(600)


def both(name, x, y, weights=None, **parameters):
    """scikit-learn's estimator and ours, fitted alike."""
    parameters = {"hidden_layer_sizes": (9,), "max_iter": 5, "random_state": 3} | parameters
    weighted = {} if weights is None else {"sample_weight": weights[: len(x)]}
    theirs = getattr(neural_network, name)(**parameters)
    ours = getattr(estimators, name)(**parameters, engine="jfnn")
    return [estimator.fit(x, y, **weighted) for estimator in (theirs, ours)]


def assert_same(theirs, ours, x):
    """All that both say of their training, and of new rows."""
    assert (ours.n_iter_, ours.t_, ours.out_activation_) == (
        theirs.n_iter_,
        theirs.t_,
        theirs.out_activation_,
    )
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-9)
    for a, b in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-9)
        assert a.dtype == b.dtype
    if theirs.best_loss_ is not None:
        assert ours.best_loss_ == pytest.approx(theirs.best_loss_, abs=1e-9)
    if theirs.validation_scores_ is not None:
        np.testing.assert_allclose(ours.validation_scores_, theirs.validation_scores_, atol=1e-9)
    if hasattr(theirs, "predict_proba"):
        np.testing.assert_array_equal(ours.predict(x), theirs.predict(x))
        np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=1e-9)
    else:
        np.testing.assert_allclose(ours.predict(x), theirs.predict(x), atol=1e-9)


def test_a_classifier_of_ten_classes_with_a_short_last_step():
    theirs, ours = both("MLPClassifier", X_DIGITS, Y_DIGITS, WEIGHTS, alpha=0.5)
    assert_same(theirs, ours, X_DIGITS)


def test_adaptive_rates_and_the_tolerance_end_after_the_same_epoch():
    options = {"solver": "sgd", "learning_rate_init": 0.5, "tol": 0.01, "max_iter": 300}
    theirs, ours = both("MLPClassifier", X_DIGITS, Y_DIGITS, learning_rate="adaptive", **options)
    assert 20 < theirs.n_iter_ < 300
    assert_same(theirs, ours, X_DIGITS)


def test_several_labels_a_row_unshuffled_by_invscaling():
    x, y = make_multilabel_classification(300, n_features=8, random_state=0)
    options = {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.1, "batch_size": 100}
    theirs, ours = both("MLPClassifier", x, y, shuffle=False, nesterovs_momentum=False, **options)
    assert_same(theirs, ours, x)


def test_early_stopping_of_two_outputs_keeps_the_same_epoch():
    x = X_CANCER[:, 2:]
    y = X_CANCER[:, :2]
    options = {"max_iter": 100, "learning_rate_init": 0.1, "tol": 0.01}
    theirs, ours = both("MLPRegressor", x, y, WEIGHTS, early_stopping=True, **options)
    assert 10 < np.argmax(theirs.validation_scores_) + 1 < theirs.n_iter_ < 100
    assert_same(theirs, ours, x)


ADAPTIVE = {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.5, "tol": 0.1}


@pytest.mark.thorough
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("parameters", [{"tol": 0.1}, ADAPTIVE], ids=["adam", "adaptive"])
def test_verbose_fits_print_the_same_lines(parameters, early_stopping, capsys):
    printed = []
    for module in (neural_network, estimators):
        parameters = parameters | {"max_iter": 90, "n_iter_no_change": 2, "verbose": True}
        estimator = module.MLPClassifier((9,), random_state=3, early_stopping=early_stopping, **parameters)
        if module is estimators:
            estimator.set_params(engine="jfnn")
        estimator.fit(X_DIGITS, Y_DIGITS)
        if not early_stopping:
            estimator.partial_fit(X_DIGITS, Y_DIGITS)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert "Stopping" in printed[0] and ("Validation score: " in printed[0]) == early_stopping


PAIRS = [  # any value of a factor meets any of another
    (("sgd", "adam")[(i + j) % 2], activation, case, (i + j // 2) % 2 == 1)
    for i, activation in enumerate(["identity", "logistic", "tanh", "relu"])
    for j, case in enumerate(["two", "ten", "labels", "numbers", "poisson"])
]


@pytest.mark.slow
@pytest.mark.parametrize(("solver", "activation", "case", "early_stopping"), PAIRS)
def test_every_solver_activation_and_kind_of_target(solver, activation, case, early_stopping):
    x = X_DIGITS
    y = Y_DIGITS
    if case == "two":
        y = y % 2
    elif case == "labels":
        x, y = make_multilabel_classification(430, n_features=8, random_state=0)
    elif case in ("numbers", "poisson"):
        x = X_CANCER[:430, 1:]
        y = X_CANCER[:430, 0] ** 2
    options = {"loss": "poisson"} if case == "poisson" else {}
    options |= {"solver": solver, "activation": activation, "early_stopping": early_stopping}
    name = "MLPRegressor" if case in ("numbers", "poisson") else "MLPClassifier"
    theirs, ours = both(name, x, y, WEIGHTS, tol=1e-3, max_iter=40, learning_rate_init=0.01, **options)
    assert_same(theirs, ours, x)
