"""Laws of fits besides their numbers: goings on, targets of every kind, rows apart, errors by name."""

import inspect
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import representatives
from scipy import sparse
from sklearn import neural_network
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from sklearn.utils import shuffle
from sklearn.utils.class_weight import compute_sample_weight

from jfnn import estimators
from jfnn.core.engine.trainer import Trainer
from jfnn.estimators import training
from jfnn.estimators.fit import NUMBERS, Fit, FitRows, Structure
from jfnn.estimators.rows import Scoring
from jfnn.estimators.rows import gain as gain_of
from jfnn.layers.dense import Layer

pytestmark = [
    pytest.mark.unoptimised,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
X, Y = (array[:150] for array in load_digits(n_class=3, return_X_y=True))
X = X / 16
OPTIONS = {"hidden_layer_sizes": (8,), "max_iter": 4, "random_state": 0}
HERE = OPTIONS | {"engine": "jfnn"}
NAMES_OF_BOTH = ("MLPClassifier", "MLPRegressor")
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


def test_a_fit_goes_on_epoch_by_epoch():
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


@pytest.mark.parametrize("engine", representatives(["jfnn", "scikit-learn"], "jfnn"))
def test_weights_of_classes_are_weights_of_rows(engine):
    fitted = estimators.MLPClassifier(**OPTIONS, engine=engine).fit(X, Y)
    weights = np.array([3.0, 1.0, 0.5])
    by_class = clone(fitted).set_params(class_weight=dict(enumerate(weights))).fit(X, Y)
    by_row = clone(fitted).fit(X, Y, sample_weight=weights[Y])
    assert same(by_class, by_row) and not same(by_class, fitted)
    halved = np.where(np.arange(150) < 75, 0.5, 1.0)
    by_both = by_class.fit(X, Y, sample_weight=halved)
    assert same(by_both, by_row.fit(X, Y, sample_weight=halved * weights[Y])) and not same(by_both, fitted)


def assert_as_scikit_learn(ours, theirs):
    """The same losses, scores and parameters, in float32."""
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-4)
    if theirs.validation_scores_ is not None:
        np.testing.assert_allclose(ours.validation_scores_, theirs.validation_scores_)
    for a, b in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


@pytest.mark.parametrize("scale", [1e-300, 1e37])
@pytest.mark.parametrize("engine", ["jfnn", "auto"])
def test_the_scale_of_weights_is_that_of_the_penalty_alone(engine, scale):
    """Also where float32 has no such numbers."""
    options = OPTIONS | {"alpha": 2 * scale}
    theirs = neural_network.MLPClassifier(**options)
    ours = estimators.MLPClassifier(**options, engine=engine)
    weights = scale * np.linspace(0.5, 1, 150)
    assert_as_scikit_learn(ours.fit(X, Y, sample_weight=weights), theirs.fit(X, Y, sample_weight=weights))
    ours.set_params(class_weight={0: scale, 1: 3 * scale, 2: scale}).partial_fit(X, Y)
    theirs.partial_fit(X, Y, sample_weight=np.where(Y == 1, 3 * scale, scale))
    assert_as_scikit_learn(ours, theirs)


@pytest.mark.thorough
def test_weights_too_small_for_float32_count_as_0_or_are_refused_where_a_step_may_have_no_others():
    weights = np.exp(-np.linspace(0, 120, 150))
    ours, theirs = (
        one.fit(X, Y, sample_weight=weights)
        for one in (estimators.MLPClassifier(**HERE), neural_network.MLPClassifier(**OPTIONS))
    )
    assert_as_scikit_learn(ours, theirs)
    ours.set_params(batch_size=20)
    with pytest.raises(ValueError, match=r"^sample_weight: .*float32"):
        ours.fit(X, Y, sample_weight=weights)
    ours.set_params(engine="auto")
    theirs.set_params(batch_size=20).fit(X, Y, sample_weight=weights)
    assert_as_scikit_learn(ours.fit(X, Y, sample_weight=weights), theirs)


@pytest.mark.parametrize("engine", ["jfnn", "auto", "scikit-learn"])
def test_weights_of_classes_are_checked_as_those_of_rows_are(engine):
    ours = estimators.MLPClassifier(**OPTIONS, engine=engine)
    for weight, expected in [(-1.0, "at least 0"), (np.nan, "finite"), (np.inf, "finite"), (0.0, "zero")]:
        ours.set_params(class_weight=dict.fromkeys(range(3), weight))
        with pytest.raises(ValueError, match=f"^class_weight: .*{expected}"):
            ours.fit(X, Y)
        with pytest.raises(ValueError, match=f"^class_weight: .*{expected}"):
            ours.partial_fit(X, Y, classes=[0, 1, 2])


@pytest.mark.parametrize("engine", ["jfnn", "auto"])
def test_a_batch_may_lack_a_class_that_has_a_weight(engine):
    ours = estimators.MLPClassifier(**OPTIONS, class_weight={2: 3.0}, engine=engine)
    theirs = neural_network.MLPClassifier(**OPTIONS)
    for rows in (Y < 3, Y < 2, Y > 0):
        weights = np.where(Y == 2, 3.0, 1.0)[rows]
        ours.partial_fit(X[rows], Y[rows], classes=[0, 1, 2])
        theirs.partial_fit(X[rows], Y[rows], sample_weight=weights, classes=[0, 1, 2])
    assert_as_scikit_learn(ours, theirs)
    with pytest.raises(ValueError, match=r"^class_weight: .*not in class_weight"):
        ours.set_params(class_weight={3: 3.0}).partial_fit(X, Y)


def test_of_several_labels_a_row_weighs_the_product():
    labels = np.stack([Y == 0, Y > 0], axis=1).astype(int)
    by_label = [{1: 3.0}, {0: 0.5, 1: 2.0}]
    ours = estimators.MLPClassifier(**OPTIONS, class_weight=by_label)
    theirs = neural_network.MLPClassifier(**OPTIONS)
    for rows in (Y < 3, Y > 0):  # the second lacks what the first label weighs
        weights = compute_sample_weight([{0: 1, 1: 3}, by_label[1]], np.concatenate([labels[rows], labels]))
        ours.partial_fit(X[rows], labels[rows], classes=[0, 1])
        theirs.partial_fit(X[rows], labels[rows], weights[: rows.sum()], classes=[0, 1])
    assert_as_scikit_learn(ours, theirs)


@pytest.mark.parametrize(
    "options",
    representatives([{}, {"batch_size": 20, "early_stopping": True}, {"shuffle": False}], {}),
    ids=str,
)
def test_a_stream_of_random_numbers_goes_on_where_scikit_learn_leaves_it(options):
    fits = {
        "scikit-learn": neural_network.MLPClassifier(**OPTIONS),
        "auto": estimators.MLPClassifier(**OPTIONS),
        "jfnn": estimators.MLPClassifier(**HERE),
    }
    following = []
    for estimator in fits.values():
        stream = np.random.RandomState(0)
        estimator.set_params(random_state=stream, **options).fit(X, Y)
        following.append(stream.randint(2**31))
    assert len(set(following)) == 1
    assert same(fits["jfnn"], clone(fits["jfnn"]).set_params(random_state=0).fit(X, Y))


@pytest.mark.parametrize("engine", ["jfnn", "auto"])
def test_a_stream_may_be_of_any_bit_generator(engine):
    def fitted(perceptron):
        return perceptron.set_params(random_state=np.random.RandomState(np.random.PCG64(3))).fit(X, Y)

    ours = fitted(estimators.MLPClassifier(**OPTIONS, engine=engine))
    assert_as_scikit_learn(ours, fitted(neural_network.MLPClassifier(**OPTIONS)))


def test_the_key_of_a_fit_tells_streams_apart():
    structure = Structure((1, 1), "relu", "logistic", "adam", False, "constant", None, True, None)
    streams = [
        np.random.RandomState(of(seed)) for of in (np.random.MT19937, np.random.PCG64) for seed in (0, 1, 1)
    ]
    rows = FitRows(np.zeros((2, 1)), np.zeros((2, 1)))
    keys = [Fit(structure, rows, (), stream, {}).key(0) for stream in streams]
    assert len(set(keys)) == 4 and keys[1] == keys[2] and keys[4] == keys[5]


@pytest.mark.parametrize("validation", [None, 0.2])
def test_a_fit_is_a_value(validation):
    """Training changes nothing of it, and says where scikit-learn would leave the stream."""
    structure = Structure((64, 5, 3), "relu", "softmax", "adam", False, "constant", 40, True, validation)
    layers = tuple(Layer(np.ones(shape) / 9, np.zeros(shape[1])) for shape in ((64, 5), (5, 3)))
    numbers = {
        name: float(value)
        for name, value in estimators.MLPClassifier().get_params().items()
        if name in NUMBERS
    }
    fit = Fit(
        structure, FitRows(X, np.eye(3)[Y]), layers, np.random.RandomState(3), numbers | {"max_iter": 4.0}
    )
    before = fit.key(0)
    one, other = (training.train([fit])[0] for _ in range(2))
    assert fit.key(0) == before
    for a, b in zip(*map(jax.tree.leaves, (one, other)), strict=True):
        np.testing.assert_array_equal(a, b)
    stream = np.random.RandomState(3)
    rows = np.arange(150)
    if validation is not None:
        rows, _ = train_test_split(rows, test_size=validation, random_state=stream)
    for _ in range(len(one.losses)):
        shuffle(rows, random_state=stream)
    after = np.random.RandomState()
    after.set_state(one.stream)
    assert len(one.losses) == 4 and after.randint(2**31) == stream.randint(2**31)


@pytest.mark.parametrize("name", NAMES_OF_BOTH)
def test_an_estimator_is_scikit_learns_with_further_parameters(name):
    ours = getattr(estimators, name)
    theirs = getattr(neural_network, name)
    assert issubclass(ours, theirs)
    further = {
        "MLPClassifier": {"class_weight": None},
        "MLPRegressor": {"quantile": 0.5, "delta": 1.0},
    }
    assert ours().get_params() == theirs().get_params() | {"engine": "auto"} | further[name]
    assert list(inspect.signature(ours).parameters)[:-1][: len(theirs().get_params())] == list(
        inspect.signature(theirs).parameters
    )


OUTPUTS = {"softmax": 3, "logistic": 2, "identity": 2, "exp": 1}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("output", OUTPUTS)
def test_gains_of_held_out_rows_are_scikit_learns_scores(output, weighted):
    rng = np.random.default_rng(0)
    outputs = rng.normal(size=(60, OUTPUTS[output]))
    kinds = {"softmax": np.eye(3)[rng.integers(3, size=60)], "logistic": rng.integers(2, size=(60, 2))}
    targets = np.asarray(kinds.get(output, np.exp(outputs + rng.normal(size=outputs.shape))), float)
    if output == "identity":
        targets[:, 0] = 7.0  # its R² is 0
    weights = rng.random(60) if weighted else np.ones(60)
    first = np.arange(4)
    everyone = np.r_[0:4, 0:60]
    rows = FitRows(outputs[everyone], targets[everyone], weights[everyone] if weighted else None)
    scoring = Scoring.for_rows(rows, 60, output)
    judged = [jnp.asarray(array, jnp.float32) for array in (outputs, targets, scoring.scales[4:], weights)]
    gain = float(gain_of(output, *judged))
    assert np.flatnonzero(~scoring.held_out).tolist() == first.tolist()
    assert scoring.gain(scoring.score(gain)) == pytest.approx(gain)
    if output == "softmax":
        expected = accuracy_score(targets.argmax(axis=1), outputs.argmax(axis=1), sample_weight=weights)
    elif output == "logistic":
        expected = accuracy_score(targets > 0.5, outputs > 0, sample_weight=weights)
    else:
        predictions = np.exp(outputs) if output == "exp" else outputs
        expected = r2_score(targets, predictions, sample_weight=weights)
    assert scoring.score(gain) == pytest.approx(expected, rel=1e-5)
    assert np.isnan(gain_of(output, judged[0].at[3].set(jnp.inf), *judged[1:]))


def test_held_out_rows_judge_in_the_program(monkeypatch):
    calls = []
    advance = Trainer.advance
    monkeypatch.setattr(Trainer, "advance", lambda *args: calls.append(args[2]) or advance(*args))
    options = {"early_stopping": True, "max_iter": 40, "batch_size": 10, "n_iter_no_change": 30}
    fitted = estimators.MLPClassifier(**HERE | options).fit(X, Y)
    assert fitted.n_iter_ == len(fitted.validation_scores_) == 40 and len(calls) <= 8
    assert fitted.best_validation_score_ == max(fitted.validation_scores_)


STOPPING = OPTIONS | {"early_stopping": True, "batch_size": 140}  # of which 135 rows are left to train on


@pytest.mark.parametrize("engine", ["jfnn", "auto"])
def test_a_single_class_is_always_right_in_steps_of_the_rows_that_are_left(engine):
    fits = []
    for one in (
        estimators.MLPClassifier(**STOPPING, engine=engine),
        neural_network.MLPClassifier(**STOPPING),
    ):
        with pytest.warns(UserWarning, match="larger than sample size") as clipped:
            fits.append((one.fit(X, np.zeros(150)), len(clipped)))
    (ours, ours_clipped), (theirs, theirs_clipped) = fits
    assert ours.validation_scores_ == [1.0] * 4 and ours_clipped == theirs_clipped
    assert_as_scikit_learn(ours, theirs)


@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
def test_a_fit_that_diverges_ends_in_that_epoch_and_keeps_the_best():
    """Held-out rows keep an epoch before it, and the curves end with it."""
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
def test_a_warm_start_keeps_the_best_of_all_fits():
    """In scikit-learn the optimizer writes on the best, so that it ends with the last epoch."""
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
def test_rows_on_both_sides_of_early_stopping_weigh_something(engine):
    """Where scikit-learn divides by zero, or says that there is no weight, by the version."""
    stream = np.random.RandomState(0)
    for size in ((64, 8), 8, (8, 3), 3):
        stream.uniform(size=size)  # the start
    _, held_out = train_test_split(np.arange(150), test_size=0.1, random_state=stream)
    held_out = np.isin(np.arange(150), held_out)
    for weighs, what in [(~held_out, "holds out"), (held_out, "trains on")]:
        ours = estimators.MLPClassifier(**OPTIONS, early_stopping=True, engine=engine)
        with pytest.raises(ValueError, match=f"^sample_weight: the rows that early stopping {what}"):
            ours.fit(X, Y, sample_weight=weighs.astype(float))
        with pytest.raises((ZeroDivisionError, ValueError)):
            theirs = neural_network.MLPClassifier(**OPTIONS, early_stopping=True)
            theirs.fit(X, Y, sample_weight=weighs.astype(float))


def test_an_interrupted_fit_keeps_its_epochs(monkeypatch):
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


def test_a_batch_larger_than_the_rows_is_clipped_with_a_warning(fitted):
    with pytest.warns(UserWarning, match="larger than sample size"):
        clipped = clone(fitted).set_params(batch_size=500).fit(X, Y)
    assert same(clipped, fitted)  # which takes all 150 rows a step


def test_lbfgs_finds_what_scikit_learn_finds():
    options = {"solver": "lbfgs", "max_iter": 20}
    ours = estimators.MLPClassifier(**HERE | options).fit(X, Y)
    theirs = neural_network.MLPClassifier(**OPTIONS | options).fit(X, Y)
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-6)
    assert not hasattr(ours, "partial_fit")


def test_parameters_of_odd_types_are_taken_as_scikit_learn_takes_them():
    parameters = {"alpha": True, "max_iter": True, "random_state": True, "momentum": np.float32(0.5)}
    ours = estimators.MLPClassifier(**HERE | {"solver": "sgd"} | parameters).fit(X, Y)
    theirs = neural_network.MLPClassifier(**OPTIONS | {"solver": "sgd"} | parameters).fit(X, Y)
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], atol=1e-6)


@pytest.mark.parametrize("engine", ["jfnn", "auto", "scikit-learn"])
def test_rows_and_targets_are_taken_as_scikit_learn_takes_them(engine):
    ours = estimators.MLPClassifier(**OPTIONS, engine=engine).fit(X, Y)
    theirs = neural_network.MLPClassifier(**OPTIONS).fit(X, Y)
    for dtype in (np.longdouble, np.float16, np.int8, ">f8", object):
        rows = X.astype(dtype)
        by_ours, by_theirs = ours.predict_proba(rows), theirs.predict_proba(rows)
        assert by_ours.dtype == by_theirs.dtype
        np.testing.assert_allclose(by_ours, by_theirs, atol=1e-4)
    for one in (ours, theirs):
        with pytest.raises(ValueError, match="numeric"):
            one.predict(X.astype(str))
    for one in (estimators.MLPRegressor(**OPTIONS, engine=engine), neural_network.MLPRegressor(**OPTIONS)):
        with pytest.raises(TypeError):
            one.fit(X, Y.astype(str))


BEYOND = {
    "X": (X * 1e39, {}),
    "y": (X, {}),
    "alpha": (X, {"alpha": 1e39}),
    "epsilon": (X, {"epsilon": 1e-50}),
}


@pytest.mark.parametrize("name", BEYOND)
def test_numbers_beyond_float32_are_for_scikit_learn_or_refused(name):
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
    "solver": "noisy_sgd",  # whose state holds random keys
    "class_weight": "even",
    "alpha": 10**400,
}


def test_invalid_arguments_raise_by_name(fitted):
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
    with pytest.raises(ValueError, match=r"^class_weight: 'balanced' is unknown to partial_fit"):
        clone(fitted).set_params(class_weight="balanced").partial_fit(X, Y, classes=[0, 1, 2])
