"""Searches equal scikit-learn's own with the same estimator, bit for bit, and train once."""

import os
import re
import signal
import threading
import time
import warnings

import numpy as np
import pytest
import sklearn
from sklearn import model_selection, neural_network
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_digits
from sklearn.decomposition import KernelPCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.random_projection import GaussianRandomProjection
from sklearn.tree import DecisionTreeClassifier

from jfnn import estimators
from jfnn.estimators.ahead import TrainedAhead

pytestmark = [
    pytest.mark.unoptimized,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
X, Y = (array[:150] for array in load_digits(n_class=3, return_X_y=True))
GRID = {"alpha": [0.01, 1.0], "learning_rate_init": [1e-4, 1e-2], "max_iter": [3, 8]}
PERCEPTRON = estimators.MLPClassifier((8,), solver="sgd", random_state=0, engine="jfnn")


FOLDS = [np.arange(100), np.arange(50, 150)]


def warnings_of(search, *args, **params):
    """Return the warnings of a search, without those of both packages about the fit itself."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search.fit(*args, **params)
    return sorted(f"{warning.category.__name__}: {warning.message}" for warning in caught)


class _Calm(estimators.MLPClassifier):
    def fit(self, X, y):
        try:
            super().fit(X, y)
        except Exception:
            self.failed_ = True
        self.least_ = min(self.loss_curve_)
        return self


@pytest.mark.parametrize("kind", [estimators.MLPClassifier, _Calm])
def test_all_fits_are_recorded_and_share_inputs_within_a_fold(kind):
    perceptron = kind((8,), solver="sgd", random_state=0, engine="jfnn")
    candidates = [{"hidden_layer_sizes": (2,)}, {"hidden_layer_sizes": (3,)}, {"max_iter": 3}]
    ahead = TrainedAhead(("jfnn",), lambda one, rows: one.fit(X[rows], Y[rows]), lambda: 0)
    assert not ahead.record(perceptron, candidates, FOLDS)
    assert len(ahead.fits) == len(candidates) * len(FOLDS)
    assert len({id(one.rows.x) for one in ahead.fits.values()}) == len(FOLDS)


def test_fits_find_the_results_of_equal_rows_bit_by_bit(runs):
    negative_zero = X.copy()
    negative_zero[-1, -1] = -0.0
    assert np.array_equal(negative_zero, X)
    ahead = TrainedAhead(("jfnn",), lambda one, rows: one.fit(X[rows], Y[rows]), lambda: 0)
    ahead.record(PERCEPTRON, [{"max_iter": 2}], [np.arange(150)])
    ahead.train()
    perceptron = clone(PERCEPTRON).set_params(max_iter=2)
    with ahead.active():
        for x, trained in ((X, 1), (np.asfortranarray(X), 1), (X[1:], 2), (negative_zero, 3)):
            perceptron.fit(x, Y[: len(x)])
            assert len(runs) == trained


@pytest.mark.thorough
def test_candidate_beyond_float32_is_left_to_scikit_learn_unless_the_engine_is_requested():
    weights = np.arange(150.0)  # one is 0, so that the engine trains a search that may choose
    perceptron = clone(PERCEPTRON).set_params(engine="auto", solver="adam", max_iter=4)
    scores = []
    for module in (model_selection, estimators):
        search = module.GridSearchCV(perceptron, {"alpha": [0.1, 1e39]}, cv=2, refit=False)
        if module is estimators:
            with pytest.warns(UserWarning, match=r"one by one: 2 because .*alpha.*float32"):
                search.fit(X, Y, sample_weight=weights)
        else:
            search.fit(X, Y, sample_weight=weights)
        scores.append(search.cv_results_["mean_test_score"])
    np.testing.assert_allclose(*scores, atol=0.01)
    assert np.isfinite(scores).all()


FAILURES = {  # of the second candidate -> the grid, and the warning
    "diverges": ({"learning_rate_init": [1e-3, 1e30]}, ["3 fits failed"]),
    "held-out rows are too few": (
        {"early_stopping": [False, True]},
        ["3 fits failed", "one by one: 3 because they failed when trained together: Arg.*fraction"],
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_failing_candidate_gets_the_error_score(name):
    grid, expected = FAILURES[name]
    perceptron = clone(PERCEPTRON).set_params(validation_fraction=0.01, max_iter=8)
    search = estimators.GridSearchCV(perceptron, grid, cv=3)
    lines = warnings_of(search, X, Y)
    for one in [*expected, "non-finite"]:
        assert any(re.search(one, line, re.DOTALL) for line in lines)
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [False, True]
    assert search.best_index_ == 0


@pytest.mark.thorough
def test_fits_that_train_alone_are_named_once(runs):
    with pytest.warns(UserWarning, match="6 because the solver 'lbfgs' minimizes one fit at a time"):
        grid = {"solver": ["lbfgs", "sgd"], "alpha": [0, 1], "max_iter": [8]}
        search = estimators.GridSearchCV(PERCEPTRON, grid, cv=3)
        search.fit(X, Y)
    assert runs[:3] == [2, 2, 2]
    regressor = estimators.MLPRegressor(hidden_layer_sizes=(8,), max_iter=3, engine="jfnn")
    with pytest.warns(UserWarning, match="its estimator is neither from jfnn.estimators"):
        grid = {"regressor__alpha": [0.1]}
        inside = TransformedTargetRegressor(regressor)
        estimators.GridSearchCV(inside, grid, cv=2, refit=False).fit(X, Y.astype(float))


def test_search_without_a_perceptron_is_left_to_scikit_learn():
    grid = {"max_depth": np.arange(1, 3), "splitter": ["best"]}
    ours, theirs = (
        module.GridSearchCV(DecisionTreeClassifier(random_state=0), grid, cv=2).fit(X, Y)
        for module in (estimators, model_selection)
    )
    np.testing.assert_array_equal(*(s.cv_results_["mean_test_score"] for s in (ours, theirs)))
    assert vars(ours).keys() == vars(theirs).keys()


def halved_in_place(x):
    x *= 0.5
    return x


def pipeline(first, grid):
    return make_pipeline(first, PERCEPTRON), grid


SHORT = {"mlpclassifier__max_iter": [3, 8]}
HALVED = {"functiontransformer__func": [halved_in_place, lambda x: x / 2], "mlpclassifier__max_iter": [3]}
DRAWN_ANEW = model_selection.ShuffleSplit(2, train_size=100)  # new splits on each call
TOGETHER = {  # estimator and grid, splits, rows -> runs of the engine
    "random splits": ((PERCEPTRON, GRID), DRAWN_ANEW, X, [8, 8]),
    "texts": (
        pipeline(CountVectorizer(token_pattern="."), SHORT),
        2,
        ["a b", "b c", "c a", "a b c"] * 10,
        [2, 2],
    ),
    "kernel": (pipeline(KernelPCA(3, kernel="precomputed"), SHORT), 2, X @ X.T, [2, 2]),
    "in place": (pipeline(FunctionTransformer(halved_in_place), HALVED), 2, X, [1, 1]),  # equal rows and fits
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", TOGETHER)
def test_fits_of_a_fold_train_together_for_any_rows(name, runs):
    (estimator, grid), splits, x, expected = TOGETHER[name]
    y = np.arange(len(x)) % 3 if name == "texts" else Y
    scores = []
    for module in (estimators, model_selection):
        search = module.GridSearchCV(estimator, grid, cv=splits, refit=False).fit(x, y)
        scores.append(search.cv_results_["mean_test_score"])
        if module is estimators:
            assert runs == expected
    if splits is not DRAWN_ANEW:
        np.testing.assert_array_equal(*scores)


@pytest.mark.thorough
def test_transformers_that_differ_at_each_fit_are_named_and_not_trained_twice(runs):
    pipeline = make_pipeline(GaussianRandomProjection(9), PERCEPTRON)
    grid = {"mlpclassifier__max_iter": [3, 8], "gaussianrandomprojection__random_state": [None, 0]}
    with pytest.warns(UserWarning, match="4 because their transformers"):
        estimators.GridSearchCV(pipeline, grid, cv=2, refit=False).fit(X, Y)
    assert runs == 2 * [2] + 4 * [1]


@pytest.mark.parametrize(
    ("first", "later", "reason"),
    [(ArithmeticError, 1, "ArithmeticError"), (None, 2, "2 because their rows changed")],
)
def test_fits_that_differ_from_those_ahead_of_time_are_named(first, later, reason):
    calls = []

    def rule(x):
        calls.append(1)
        if len(calls) == 1 and first is not None:
            raise first
        return x * (later if len(calls) > 3 else 1)  # ahead of time there are three fits, of two folds

    pipeline = make_pipeline(FunctionTransformer(rule), PERCEPTRON)
    search = estimators.GridSearchCV(pipeline, {"mlpclassifier__max_iter": [3]}, cv=2, refit=False)
    with pytest.warns(UserWarning, match=reason):
        search.fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.thorough
def test_fits_without_a_random_state_share_one_in_a_search(runs, capsys):
    estimator = estimators.MLPClassifier((8,), solver="sgd", engine="jfnn")
    grid = GRID | {"alpha": [0.5, 0.5]}
    search = estimators.GridSearchCV(estimator, grid, cv=3, refit=False, verbose=1).fit(X, Y)
    assert runs == [4, 4, 4]  # equal fits are one
    assert "12 of 12 networks trained, 0 s left" in capsys.readouterr().out
    scores = search.cv_results_["mean_test_score"].reshape(2, -1)
    np.testing.assert_array_equal(scores[0], scores[1])


def test_each_fit_warns_if_its_epochs_did_not_suffice():
    with pytest.warns(ConvergenceWarning, match="Maximum iterations") as caught:
        estimators.GridSearchCV(PERCEPTRON, {"max_iter": [3]}, cv=3, refit=False).fit(X, Y)
    assert len(caught) == 3


def test_search_draws_from_numpys_global_stream_as_scikit_learns_does():
    """It draws nothing if every random_state is a number, and otherwise the same candidates and splits."""
    drawn = []
    for module in (estimators, model_selection):
        np.random.seed(0)
        module.GridSearchCV(PERCEPTRON, {"max_iter": [2]}, cv=2, refit=False).fit(X, Y)
        splits = model_selection.KFold(2, shuffle=True)
        options = {"n_iter": 3, "cv": splits, "refit": False}
        search = module.RandomizedSearchCV(PERCEPTRON, GRID | {"max_iter": [2]}, **options).fit(X, Y)
        scores = search.cv_results_["mean_test_score"].tolist()
        drawn.append((search.cv_results_["params"], scores, np.random.randint(10**6)))
    assert drawn[0] == drawn[1]


@pytest.mark.thorough
@pytest.mark.parametrize("widths", [[(8,)], [(8,), (9,)]])
def test_ctrl_c_ends_a_search_soon_and_scores_no_interrupted_fit(widths):
    """One structure trains on the caller's thread, several on others."""
    grid = {"hidden_layer_sizes": widths, "alpha": [0.1, 1.0]}
    endless = clone(PERCEPTRON).set_params(max_iter=10**7, tol=0.0, n_iter_no_change=10**8)
    timer = threading.Timer(
        2.5, lambda: pressed.append(time.perf_counter()) or os.kill(os.getpid(), signal.SIGINT)
    )
    pressed = []
    handler = signal.getsignal(signal.SIGINT)
    search = estimators.GridSearchCV(endless, grid, cv=2)
    timer.start()
    with pytest.raises(KeyboardInterrupt):  # the warning about an interrupted fit is an error here
        search.fit(X, Y)
    assert time.perf_counter() - pressed[0] < 120  # mostly compiling; the fits would take hours
    assert not hasattr(search, "cv_results_") and signal.getsignal(signal.SIGINT) is handler


def nested(networks, searches):
    """Return searches that use scikit-learn's code because of their size or deeply nested perceptrons."""
    perceptron = networks.MLPClassifier((4,), max_iter=2, random_state=0)
    inner = searches.GridSearchCV(perceptron, {"alpha": [0.1]}, cv=2)
    pipeline = Pipeline([("outer", make_pipeline(StandardScaler(), perceptron))])
    return [
        searches.GridSearchCV(inner, {"estimator__max_iter": [2]}, cv=2),
        searches.GridSearchCV(pipeline, {"outer__mlpclassifier__alpha": [0.1]}, cv=2),
        searches.GridSearchCV(Pipeline([("last", DecisionTreeClassifier())]), {"last": [perceptron]}, cv=2),
        searches.RandomizedSearchCV(perceptron, {"alpha": [0.1, 1.0]}, n_iter=9, cv=2, random_state=0),
    ]


def test_searches_left_to_scikit_learn_warn_like_its_own():
    pairs = zip(nested(estimators, estimators), nested(neural_network, model_selection), strict=True)
    for ours, theirs in pairs:
        assert warnings_of(ours, X, Y) == warnings_of(theirs, X, Y)
    assert sum("total space" in line for line in warnings_of(nested(estimators, estimators)[-1], X, Y)) == 1


@pytest.mark.parametrize("engine", ["auto", "jfnn"])
@pytest.mark.thorough
def test_fits_with_metadata_routing_train_together_without_warnings(engine, runs):
    weights = np.linspace(1, 2, 150)
    groups = np.arange(150) % 3
    scores = []
    with sklearn.config_context(enable_metadata_routing=True):
        for module in (estimators, model_selection):
            perceptron = clone(PERCEPTRON).set_params(engine=engine, max_iter=3)
            scaler = StandardScaler().set_fit_request(sample_weight=False)
            pipeline = make_pipeline(scaler, perceptron.set_fit_request(sample_weight=True))
            grid = {"mlpclassifier__alpha": [0.1, 1.0]}
            options = {"cv": model_selection.GroupKFold(3), "refit": False, "error_score": "raise"}
            search = module.GridSearchCV(pipeline, grid, **options)
            perceptron.set_score_request(sample_weight=True)
            lines = warnings_of(search, X, Y, sample_weight=weights, groups=groups)
            assert all("ConvergenceWarning" in line for line in lines)
            scores.append([search.cv_results_[f"split{fold}_test_score"].tolist() for fold in range(3)])
    assert scores[0] == scores[1]
    assert runs == ([] if engine == "auto" else [2, 2, 2, *6 * [1]])


@pytest.mark.parametrize(
    "options",
    [{"param_grid": 3}, {"param_grid": "alpha"}, {"param_grid": [3]}, {"cv": 1}, {"cv": "x"}],
    ids=str,
)
def test_invalid_parameters_of_a_search_are_refused_in_scikit_learns_words(options):
    messages = []
    for module in (estimators, model_selection):
        with pytest.raises((ValueError, TypeError)) as caught:
            module.GridSearchCV(PERCEPTRON, **{"param_grid": GRID} | options).fit(X, Y)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


@pytest.mark.parametrize("engine", ["auto", "jfnn"])
def test_search_does_not_change_the_users_object_before_its_end(engine):
    """The splits may be an iterator, which is read once."""
    perceptron = clone(PERCEPTRON).set_params(engine=engine)
    seen = []
    splits = model_selection.KFold(2).split(X)

    def scorer(estimator, x, y):
        seen.append(dict(vars(search)))
        return estimator.score(x, y)

    search = estimators.GridSearchCV(perceptron, {"max_iter": [2, 3]}, cv=iter(splits), scoring=scorer)
    before = dict(vars(search))
    search.fit(X, Y)
    assert len(seen) == 4 and all(one == before for one in seen)
    learned = vars(search).keys() - before.keys()
    assert {name for name in learned if not name.endswith("_")} <= {"_checked_cv_orig"}
    assert vars(search).items() >= before.items()


def test_failed_search_has_learned_nothing():
    search = estimators.GridSearchCV(PERCEPTRON, {"max_iter": [2]}, cv=2, refit=lambda results: 1 / 0)
    before = dict(vars(search))
    with pytest.raises(ZeroDivisionError):
        search.fit(X, Y)
    assert vars(search) == before


def test_fit_in_a_search_advances_its_stream_as_it_does_alone():
    following = []
    for module in (estimators, model_selection):

        def scorer(estimator, x, y):
            following.append(estimator._random_state.randint(2**31))
            return 0.0

        perceptron = clone(PERCEPTRON).set_params(random_state=np.random.RandomState(5))
        module.GridSearchCV(perceptron, {"max_iter": [2, 5]}, cv=2, scoring=scorer, refit=False).fit(X, Y)
    assert following[:4] == following[4:] and len(set(following)) == 2
