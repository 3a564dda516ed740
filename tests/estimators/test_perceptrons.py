"""Properties of fits beyond their numbers: continuation, kinds of targets, single rows, errors by name."""

import inspect
import pickle

import beside
import jax.numpy as jnp
import numpy as np
import pytest
from beside import X, Y, check_float32
from helpers import representatives
from sklearn import neural_network
from sklearn.base import clone
from sklearn.model_selection import train_test_split
from sklearn.utils.class_weight import compute_sample_weight

from jfnn import estimators
from jfnn.core.engine.trainer import Trainer
from jfnn.estimators.fit import Fit, FitRows, Structure
from jfnn.estimators.rows import gain

pytestmark = [
    pytest.mark.unoptimized,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
OPTIONS = beside.OPTIONS | {"max_iter": 4}
HERE = OPTIONS | {"engine": "jfnn"}


@pytest.fixture(scope="module")
def fitted():
    with pytest.warns(match="converged"):
        return estimators.MLPClassifier(**HERE).fit(X, Y)


def same(one, other):
    pairs = zip(one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True)
    return all(a.tobytes() == b.tobytes() for a, b in pairs)


def test_prediction_of_a_row_is_the_same_alone_among_others_and_by_a_copy(fitted):
    together = fitted.predict_proba(X)
    for rows in (slice(3, 4), slice(5, 90), slice(None, None, -1)):
        assert fitted.predict_proba(X[rows]).tobytes() == together[rows].tobytes()
    assert fitted.predict_proba(np.tile(X, (3, 1))).tobytes() == np.tile(together, (3, 1)).tobytes()
    assert pickle.loads(pickle.dumps(fitted)).predict_proba(X).tobytes() == together.tobytes()
    np.testing.assert_allclose(np.exp(fitted.predict_log_proba(X)), together)


def test_rows_in_float32_give_parameters_in_float32(fitted):
    narrow = clone(fitted).fit(X.astype(np.float32), Y)
    for one, other in zip(narrow.coefs_, fitted.coefs_, strict=True):
        assert one.dtype == np.float32
        np.testing.assert_array_equal(one, other)
    assert narrow.predict_proba(X.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("scale", [1e-300, 1e37])
@pytest.mark.parametrize("engine", ["jfnn", "auto"])
def test_scale_of_weights_only_affects_the_penalty(engine, scale):
    """Even if float32 cannot represent the weights."""
    theirs, ours = beside.pair("MLPClassifier", engine, alpha=2 * scale, max_iter=4)
    weights = scale * np.linspace(0.5, 1, 150)
    check_float32(ours.fit(X, Y, weights), theirs.fit(X, Y, weights))
    ours.set_params(class_weight={0: scale, 1: 3 * scale, 2: scale}).partial_fit(X, Y)
    theirs.partial_fit(X, Y, sample_weight=np.where(Y == 1, 3 * scale, scale))
    check_float32(ours, theirs)


@pytest.mark.thorough
def test_underflowing_weights_become_zero_unless_a_step_would_be_empty():
    weights = np.exp(-np.linspace(0, 120, 150))
    theirs, ours = beside.pair("MLPClassifier", "jfnn", max_iter=4)
    check_float32(ours.fit(X, Y, weights), theirs.fit(X, Y, weights))
    with pytest.raises(ValueError, match=r"^sample_weight: .*float32"):
        ours.set_params(batch_size=20).fit(X, Y, weights)
    ours.set_params(engine="auto")
    check_float32(ours.fit(X, Y, weights), theirs.set_params(batch_size=20).fit(X, Y, weights))


@pytest.mark.parametrize("engine", ["jfnn", "auto", "scikit-learn"])
def test_class_weights_are_checked_like_row_weights(engine):
    ours = estimators.MLPClassifier(**OPTIONS, engine=engine)
    for weight, expected in [(-1.0, "at least 0"), (np.nan, "finite"), (np.inf, "finite"), (0.0, "zero")]:
        ours.set_params(class_weight=dict.fromkeys(range(3), weight))
        with pytest.raises(ValueError, match=f"^class_weight: .*{expected}"):
            ours.fit(X, Y)
        with pytest.raises(ValueError, match=f"^class_weight: .*{expected}"):
            ours.partial_fit(X, Y, classes=[0, 1, 2])


LABELS = np.stack([Y == 0, Y > 0], axis=1).astype(int)
BY_LABEL = [{1: 3.0}, {0: 0.5, 1: 2.0}]  # a row's weight is the product
OF_BATCHES = {  # targets, weights of their classes, the same as row weights
    "classes": (Y, {2: 3.0}, np.where(Y == 2, 3.0, 1.0)),
    "labels": (LABELS, BY_LABEL, compute_sample_weight([{0: 1, 1: 3}, BY_LABEL[1]], LABELS)),
}


@pytest.mark.parametrize("name", OF_BATCHES)
@pytest.mark.parametrize("engine", representatives(["jfnn", "auto"], "auto"))
def test_batch_may_lack_a_weighted_class(engine, name):
    y, class_weight, weights = OF_BATCHES[name]
    ours = estimators.MLPClassifier(**OPTIONS, class_weight=class_weight, engine=engine)
    theirs = neural_network.MLPClassifier(**OPTIONS)
    classes = np.unique(y)
    for rows in (Y < 3, Y < 2, Y > 0):
        ours.partial_fit(X[rows], y[rows], classes=classes)
        theirs.partial_fit(X[rows], y[rows], weights[rows], classes=classes)
    check_float32(ours, theirs)
    with pytest.raises(ValueError, match=r"^class_weight: "):
        ours.set_params(class_weight={3: 3.0}).partial_fit(X, y)


def test_key_of_a_fit_distinguishes_streams():
    structure = Structure((1, 1), "relu", "logistic", "adam", False, "constant", None, True, None)
    streams = [
        np.random.RandomState(of(seed)) for of in (np.random.MT19937, np.random.PCG64) for seed in (0, 1, 1)
    ]
    rows = FitRows(np.zeros((2, 1)), np.zeros((2, 1)))
    keys = [Fit(structure, rows, (), stream, {}).key(0) for stream in streams]
    assert len(set(keys)) == 4 and keys[1] == keys[2] and keys[4] == keys[5]


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_estimator_is_scikit_learns_with_further_parameters(name):
    ours = getattr(estimators, name)
    theirs = getattr(neural_network, name)
    assert issubclass(ours, theirs)
    further = {"MLPClassifier": {"class_weight": None}, "MLPRegressor": {"quantile": 0.5, "delta": 1.0}}
    assert ours().get_params() == theirs().get_params() | {"engine": "auto", "l1": 0.0} | further[name]
    assert list(inspect.signature(ours).parameters)[:-1][: len(theirs().get_params())] == list(
        inspect.signature(theirs).parameters
    )


@pytest.mark.thorough
@pytest.mark.parametrize("output", ["softmax", "logistic", "identity", "exp"])
def test_score_of_infinite_outputs_is_nan(output):
    ones = jnp.ones((3, 2))
    assert np.isnan(gain(output, ones.at[1].set(jnp.inf), ones, ones, jnp.ones(3)))


STOPPING = OPTIONS | {"early_stopping": True, "batch_size": 140}  # 135 rows are left for training


@pytest.mark.thorough
@pytest.mark.parametrize("engine", ["jfnn", "auto"])
def test_single_class_is_always_predicted_correctly_with_early_stopping(engine):
    theirs, ours = beside.pair("MLPClassifier", engine, **STOPPING)
    clipped = []
    for one in (theirs, ours):
        with pytest.warns(UserWarning, match="larger than sample size") as caught:
            one.fit(X, np.zeros(150))
        clipped.append(len(caught))
    assert ours.validation_scores_ == [1.0] * 4 and clipped[0] == clipped[1]
    check_float32(ours, theirs)


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
def test_diverging_fit_ends_in_that_epoch_and_keeps_the_best():
    """Held-out rows keep an earlier epoch, and the curves end with the divergence."""
    x = np.random.default_rng(0).normal(size=(120, 3))
    options = {"solver": "sgd", "momentum": 0, "learning_rate_init": 3.0, "early_stopping": True}
    model = estimators.MLPRegressor(
        hidden_layer_sizes=(5,), random_state=0, engine="jfnn", max_iter=40, n_iter_no_change=30, **options
    ).fit(x, x.sum(axis=1))
    assert 2 < model.n_iter_ < 20
    assert len(model.loss_curve_) == len(model.validation_scores_) == model.n_iter_
    assert np.isfinite(model.loss_curve_[:-1]).all() and not np.isfinite(model.loss_curve_[-1])
    assert all(np.isfinite(weights).all() for weights in model.coefs_)
    assert model.best_validation_score_ == np.nanmax(model.validation_scores_)


@pytest.mark.thorough
def test_warm_start_keeps_the_best_of_all_fits():
    """In scikit-learn the optimizer overwrites the best parameters, which thus end as the last epoch's."""
    options = STOPPING | {"warm_start": True, "learning_rate_init": 0.05, "max_iter": 10}
    for kind, kept in [(estimators.MLPClassifier, True), (neural_network.MLPClassifier, False)]:
        fitted = kind(**options)
        if kept:
            fitted.set_params(engine="jfnn")
        with pytest.warns(UserWarning, match="larger than sample size"):
            best = [weights.copy() for weights in fitted.fit(X, Y).coefs_]
            fitted.set_params(learning_rate_init=10.0).fit(X, Y)
        assert max(fitted.validation_scores_[10:]) < fitted.best_validation_score_
        assert all(map(np.array_equal, fitted.coefs_, best)) is kept


@pytest.mark.parametrize("engine", ["jfnn", "auto"])
def test_early_stopping_needs_positive_weights_in_both_parts(engine):
    """Scikit-learn, depending on its version, divides by zero here or reports that there is no weight."""
    stream = np.random.RandomState(0)
    for size in ((64, 8), 8, (8, 3), 3):
        stream.uniform(size=size)  # the start
    _, held_out = train_test_split(np.arange(150), test_size=0.1, random_state=stream)
    held_out = np.isin(np.arange(150), held_out)
    theirs, ours = beside.pair("MLPClassifier", engine, early_stopping=True)
    for weighs, what in [(~held_out, "holds out"), (held_out, "trains on")]:
        with pytest.raises(ValueError, match=f"^sample_weight: the rows that early stopping {what}"):
            ours.fit(X, Y, weighs.astype(float))
        with pytest.raises((ZeroDivisionError, ValueError)):
            theirs.fit(X, Y, weighs.astype(float))


def test_interrupted_fit_keeps_its_epochs(monkeypatch):
    advance = Trainer.advance

    def interrupted(self, state, end, scored):
        if state.epoch > 0:
            raise KeyboardInterrupt
        return advance(self, state, end, scored)

    monkeypatch.setattr(Trainer, "advance", interrupted)
    ours = estimators.MLPClassifier(**HERE | {"max_iter": 400, "tol": 0.0})
    with pytest.warns(UserWarning, match="interrupted by user"):
        ours.fit(X, Y)
    assert 0 < ours.n_iter_ == len(ours.loss_curve_) < 400
    whole = clone(ours).set_params(max_iter=ours.n_iter_)
    monkeypatch.undo()
    assert same(whole.fit(X, Y), ours)


def test_batch_larger_than_the_data_is_clipped_with_a_warning(fitted):
    with pytest.warns(UserWarning, match="larger than sample size"):
        clipped = clone(fitted).set_params(batch_size=500).fit(X, Y)
    assert same(clipped, fitted)  # which uses all 150 rows per step


def test_lbfgs_finds_what_scikit_learn_finds():
    theirs, ours = (
        one.fit(X, Y) for one in beside.pair("MLPClassifier", "jfnn", solver="lbfgs", max_iter=20)
    )
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-6)
    assert not hasattr(ours, "partial_fit")


@pytest.mark.parametrize("engine", ["jfnn", "auto", "scikit-learn"])
def test_words_are_refused_as_rows_and_numbers(engine):
    for one in beside.pair("MLPClassifier", engine):
        with pytest.raises(ValueError, match="numeric"):
            one.fit(X, Y).predict(X.astype(str))
    for one in beside.pair("MLPRegressor", engine):
        with pytest.raises(TypeError):
            one.fit(X, Y.astype(str))


BEYOND = {
    "X": (X * 1e39, {}),
    "y": (X, {}),
    "alpha": (X, {"alpha": 1e39}),
    "epsilon": (X, {"epsilon": 1e-50}),
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", BEYOND)
def test_numbers_beyond_float32_are_left_to_scikit_learn_or_refused(name):
    x, options = BEYOND[name]
    y = X[:, 20] * (1e20 if name == "y" else 1.0)
    ours = estimators.MLPRegressor(**OPTIONS | options)
    theirs = neural_network.MLPRegressor(**OPTIONS | options).fit(x, y)
    np.testing.assert_array_equal(ours.fit(x, y).coefs_[0], theirs.coefs_[0])
    ours.set_params(engine="jfnn")
    for fit in (ours.fit, ours.partial_fit):
        with pytest.raises(ValueError, match=f"^{name}: .*float32.*jax_enable_x64"):
            fit(x, y)
    with pytest.raises(ValueError, match=r"non-finite.*float32.*jax_enable_x64"):
        ours.set_params(alpha=0.0, epsilon=1e-8, learning_rate_init=1e38).fit(X, Y)


INVALID = {
    "hidden_layer_sizes": (5, 0),
    "solver": "noisy_sgd",  # its state holds random keys
    "class_weight": "even",
    "alpha": 10**400,
}


def test_invalid_arguments_are_refused_by_name(fitted):
    for name, value in INVALID.items():
        invalid = clone(fitted).set_params(**{name: value})
        with pytest.raises(ValueError, match=f"^{name}: expected"):
            invalid.fit(X, Y)
        with pytest.raises(ValueError, match=f"^{name}: expected"):
            invalid.partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="zero"):
        clone(fitted).fit(X, Y, sample_weight=np.zeros(150))
    with pytest.raises(ValueError, match=r"^validation_fraction: "):
        clone(fitted).set_params(early_stopping=True, validation_fraction=0.001).fit(X, Y)
    with pytest.raises(ValueError, match="at least 0 for the loss 'poisson'"):
        estimators.MLPRegressor("poisson").fit(X, Y - 1)
    with pytest.raises(ValueError, match=r"non-finite"):
        clone(fitted).set_params(learning_rate_init=1e30).fit(X, Y)
    with pytest.raises(ValueError, match=r"^class_weight: partial_fit does not support 'balanced'"):
        clone(fitted).set_params(class_weight="balanced").partial_fit(X, Y, classes=[0, 1, 2])
