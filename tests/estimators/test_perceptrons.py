"""What fits promise besides numbers: goings on, targets of every kind, rows apart, errors by name."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn import neural_network
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import InvalidParameterError

from jfnn import estimators

pytestmark = [
    pytest.mark.unoptimised,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
X, Y = (array[:150] for array in load_digits(n_class=3, return_X_y=True))
X = X / 16
OPTIONS = {"hidden_layer_sizes": (8,), "max_iter": 4, "random_state": 0}
HERE = OPTIONS | {"engine": "jfnn"}
NAMES = np.array(["cat", "dog", "eel"])


@pytest.fixture(scope="module")
def fitted():
    """A classifier of three classes."""
    with pytest.warns(match="converged"):
        return estimators.MLPClassifier(**HERE).fit(X, Y)


def same(one, other):
    """Whether two estimators have the same parameters, byte for byte."""
    pairs = zip(one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True)
    return all(a.tobytes() == b.tobytes() for a, b in pairs)


def test_a_row_is_predicted_alone_as_beside_others_and_by_a_copy(fitted):
    together = fitted.predict_proba(X)
    for rows in (slice(3, 4), slice(5, 90), slice(None, None, -1)):
        assert fitted.predict_proba(X[rows]).tobytes() == together[rows].tobytes()
    assert fitted.predict_proba(np.tile(X, (3, 1))).tobytes() == np.tile(together, (3, 1)).tobytes()
    assert pickle.loads(pickle.dumps(fitted)).predict_proba(X).tobytes() == together.tobytes()
    np.testing.assert_allclose(np.exp(fitted.predict_log_proba(X)), together)


def test_labels_are_words_and_rows_sparse_lists_or_narrow(fitted):
    narrow = X.astype(np.float32)
    for x, y in [(X, NAMES[Y]), (sparse.csr_matrix(X), Y), (X.tolist(), Y.tolist()), (narrow, Y)]:
        again = clone(fitted).fit(x, y)
        assert again.coefs_[0].dtype == again.predict_proba(x).dtype
        assert again.coefs_[0].dtype == (np.float32 if x is narrow else np.float64)
        for a, b in zip(again.coefs_, fitted.coefs_, strict=True):
            np.testing.assert_array_equal(a, b)
    words = clone(fitted).fit(X, NAMES[Y])
    np.testing.assert_array_equal(words.predict(X), NAMES[fitted.predict(X)])


def test_a_fit_goes_on_epoch_by_epoch_and_from_parameters_set_by_hand(fitted):
    """`partial_fit` and a warm start against scikit-learn's own, in float32."""
    warm = {"warm_start": True}
    ours = estimators.MLPClassifier(**HERE, **warm)
    theirs = neural_network.MLPClassifier(**OPTIONS, **warm)
    for estimator in (ours, theirs):
        estimator.fit(X, Y).partial_fit(X, Y).fit(X, Y)
    assert (ours.n_iter_, ours.t_) == (theirs.n_iter_, theirs.t_)
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-4)
    for a, b in zip(ours.coefs_, theirs.coefs_, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
    by_hand = estimators.MLPClassifier(**HERE, **warm)
    by_hand.coefs_, by_hand.intercepts_, by_hand.n_features_in_ = fitted.coefs_, fitted.intercepts_, 64
    assert same(by_hand.fit(X, Y), clone(ours).fit(X, Y).fit(X, Y))


def test_weights_of_classes_are_weights_of_rows(fitted):
    weights = np.array([3.0, 1.0, 0.5])
    by_class = clone(fitted).set_params(class_weight=dict(enumerate(weights))).fit(X, Y)
    by_row = clone(fitted).fit(X, Y, sample_weight=weights[Y])
    assert same(by_class, by_row) and not same(by_class, fitted)
    halved = np.where(np.arange(150) < 75, 0.5, 1.0)
    by_both = by_class.fit(X, Y, sample_weight=halved)
    assert same(by_both, by_row.fit(X, Y, sample_weight=halved * weights[Y])) and not same(by_both, fitted)


def test_a_stream_of_random_numbers_goes_on_where_scikit_learn_leaves_it(fitted):
    streams = [np.random.RandomState(0), np.random.RandomState(0)]
    for module, stream in zip((estimators, neural_network), streams, strict=True):
        options = HERE if module is estimators else OPTIONS
        estimator = module.MLPClassifier(**options | {"random_state": stream}).fit(X, Y)
        assert module is not estimators or same(estimator, fitted)
    assert streams[0].randint(2**31) == streams[1].randint(2**31)


def test_lbfgs_finds_what_scikit_learn_finds():
    options = {"solver": "lbfgs", "max_iter": 20}
    ours = estimators.MLPClassifier(**HERE | options).fit(X, Y)
    theirs = neural_network.MLPClassifier(**OPTIONS | options).fit(X, Y)
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-6)
    assert not hasattr(ours, "partial_fit")


WRONG = [
    {"alpha": "a"},
    {"alpha": -1},
    {"alpha": np.nan},
    {"learning_rate_init": np.inf},
    {"momentum": 1.1},
    {"beta_1": 1.0},
    {"hidden_layer_sizes": "a"},
    {"hidden_layer_sizes": 0},
    {"activation": "swish"},
    {"learning_rate": "slow"},
    {"max_iter": 0},
    {"batch_size": 2.5},
    {"n_iter_no_change": 2.5},
    {"shuffle": "yes"},
    {"early_stopping": None},
    {"verbose": -1},
    {"random_state": "a"},
    {"tol": "low"},
]


@pytest.mark.parametrize("parameters", WRONG, ids=str)
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_parameters_that_cannot_be_are_refused_as_scikit_learn_does(parameters, name, method):
    (parameter,) = parameters
    further = {"classes": [0, 1, 2]} if (name, method) == ("MLPClassifier", "partial_fit") else {}
    for module in (neural_network, estimators):
        with pytest.raises(InvalidParameterError, match=parameter):
            getattr(getattr(module, name)(**parameters), method)(X, Y, **further)


@pytest.mark.parametrize(
    "parameters",
    [{"alpha": True}, {"max_iter": True}, {"random_state": True}, {"momentum": np.float32(0.5)}],
    ids=str,
)
def test_parameters_of_odd_types_are_taken_as_scikit_learn_takes_them(parameters):
    ours = estimators.MLPClassifier(**HERE | {"solver": "sgd"} | parameters).fit(X, Y)
    theirs = neural_network.MLPClassifier(**OPTIONS | {"solver": "sgd"} | parameters).fit(X, Y)
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], atol=1e-6)


def test_other_refusals(fitted):
    with pytest.raises(NotFittedError):
        estimators.MLPRegressor().predict(X)
    with pytest.raises(ValueError, match="sample_weight: expected numbers of at least 0"):
        clone(fitted).fit(X, Y, sample_weight=-np.ones(150))
    with pytest.raises(ValueError, match="hidden_layer_sizes must be > 0"):
        clone(fitted).set_params(hidden_layer_sizes=(5, 0)).fit(X, Y)
    with pytest.raises(ValueError, match="validation_fraction"):
        clone(fitted).set_params(early_stopping=True, validation_fraction=0.001).fit(X, Y)
    with pytest.raises(InvalidParameterError, match=r"^solver"):
        clone(fitted).set_params(solver="scale_by_adam").fit(X, Y)
    with pytest.raises(InvalidParameterError, match=r"^loss"):
        estimators.MLPRegressor("huber").fit(X, Y)
    with pytest.raises(InvalidParameterError, match=r"^class_weight"):
        clone(fitted).set_params(class_weight="even").fit(X, Y)
    with pytest.raises(InvalidParameterError, match=r"^alpha"):
        clone(fitted).set_params(alpha=10**400).fit(X, Y)
    with pytest.raises(ValueError, match="at least 0 for the loss 'poisson'"):
        estimators.MLPRegressor("poisson").fit(X, Y - 1)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        estimators.MLPClassifier().partial_fit(X, Y)
    with pytest.raises(ValueError, match="same classes as in the previous call"):
        clone(fitted).set_params(warm_start=True).fit(X, Y).fit(X[Y < 2], Y[Y < 2])
    with pytest.raises(ValueError, match="non-finite"):
        clone(fitted).set_params(learning_rate_init=1e30).fit(X, Y)
