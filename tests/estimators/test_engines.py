"""Which code trains an estimator, scikit-learn's with its bytes or the engine, depends only on the fit."""

import sys

import numpy as np
import pytest
import sklearn
from beside import OPTIONS, X, Y, check_alike, pair
from examples import examples
from helpers import representatives
from hypothesis import strategies
from joblib.externals.loky import get_reusable_executor
from scipy import sparse
from sklearn import model_selection, neural_network
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.fixes import parse_version

from jfnn import estimators
from jfnn.estimators import choice, functions

pytestmark = [
    pytest.mark.unoptimized,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


@pytest.mark.thorough
def test_forced_switch_of_engine_keeps_losses_and_counts():
    options = {"warm_start": True, "early_stopping": False, "tol": 0.0}
    for first, second in (("jfnn", "scikit-learn"), ("scikit-learn", "jfnn")):
        theirs, ours = pair("MLPClassifier", first, **options)
        theirs.fit(X, Y).fit(X, Y)
        ours.fit(X, Y)
        held = ours.coefs_[0].copy()
        before = ours.coefs_[0]
        ours.set_params(engine=second).fit(X, Y)
        assert ours.engine_ == second
        np.testing.assert_array_equal(before, held)  # arrays held elsewhere are left unchanged
        assert (ours.t_, len(ours.loss_curve_)) == (theirs.t_, 12)
        np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-4)
        assert ours.best_loss_ == pytest.approx(theirs.best_loss_, rel=1e-4)
        for a, b in zip(ours.coefs_, theirs.coefs_, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-4)
        ours.partial_fit(X, Y)
        assert ours.engine_ == second and ours.t_ == 13 * 150


@pytest.mark.thorough
def test_partial_fit_continues_with_the_same_engine(runs):
    ours = estimators.MLPClassifier(**OPTIONS, engine="jfnn").fit(X, Y).set_params(engine="auto")
    ours.partial_fit(X, Y)
    assert ours.engine_ == "jfnn" and len(runs) == 2
    ours.fit(X, Y)
    assert ours.engine_ == "scikit-learn" and len(runs) == 2


@pytest.mark.parametrize(
    "parameters",
    representatives(
        [{"activation": "elu"}, {"activation": "gelu"}, {"solver": "rmsprop"}], {"solver": "rmsprop"}
    ),
    ids=str,
)
def test_further_activations_and_solvers_are_trained_by_the_engine_or_refused(parameters, runs):
    ours = estimators.MLPClassifier(**OPTIONS | parameters)
    assert ours.fit(X, Y).engine_ == "jfnn" and len(runs) == 1
    ours.partial_fit(X, Y)
    assert ours.solver == parameters.get("solver", "adam") and ours.t_ == 7 * 150
    (name,) = parameters
    with pytest.raises(ValueError, match=f"^engine: 'scikit-learn' has no {name}="):
        ours.set_params(engine="scikit-learn").fit(X, Y)


@pytest.mark.parametrize("engine", ["scikit-learn", "jfnn"])
def test_fit_continues_from_parameters_set_by_hand_if_they_fit(engine):
    fitted = estimators.MLPClassifier(**OPTIONS, warm_start=True, engine=engine).fit(X, Y)
    by_hand = clone(fitted)
    by_hand.coefs_ = fitted.coefs_
    by_hand.intercepts_ = fitted.intercepts_
    for a, b in zip(by_hand.fit(X, Y).coefs_, fitted.fit(X, Y).coefs_, strict=True):
        np.testing.assert_array_equal(a, b)
    assert by_hand.engine_ == engine and by_hand.n_iter_ == len(by_hand.loss_curve_)
    by_hand.set_params(hidden_layer_sizes=(9,))
    if engine == "scikit-learn":  # which does not check
        assert by_hand.fit(X, Y).coefs_[0].shape == (64, 8)
    else:
        with pytest.raises(ValueError, match=r"^coefs_: expected shapes \[\(64, 9\), \(9, 3\)\]"):
            by_hand.fit(X, Y)


def test_scikit_learns_code_accepts_what_scikit_learn_accepts():
    cases = [
        ({}, Y, {"sample_weight": -np.ones(150)}),
        ({"max_iter": 2**31, "tol": 100.0}, Y, {}),
        ({"solver": "lbfgs"}, Y, {"sample_weight": np.where(Y > 0, 2.0, -0.1)}),
    ]
    for parameters, y, weights in cases:
        theirs, ours = pair("MLPClassifier", "scikit-learn", **parameters)
        check_alike(theirs.fit(X, y, **weights), ours.fit(X, y, **weights), X)
    theirs, ours = pair("MLPRegressor", "scikit-learn", loss="poisson")
    for one in (theirs, ours):
        with np.errstate(invalid="ignore"):
            one.fit(X, Y - 1.0)
    check_alike(theirs, ours, X)


@pytest.mark.thorough
def test_warm_start_by_steps_continues_after_a_solver_without_losses():
    ours = estimators.MLPClassifier(**OPTIONS, solver="lbfgs", warm_start=True).fit(X, Y)
    assert ours.set_params(solver="rmsprop").fit(X, Y).engine_ == "jfnn"
    assert len(ours.loss_curve_) == ours.n_iter_ == 6


@pytest.mark.thorough
def test_steps_that_may_have_zero_weight_use_the_engine(runs):
    weights = np.ones(150)
    weights[:20] = 0
    ours = estimators.MLPClassifier(**OPTIONS, shuffle=False, batch_size=20).fit(X, Y, sample_weight=weights)
    assert ours.engine_ == "jfnn" and np.isfinite(ours.loss_curve_).all()
    weights[19] = 1
    by_theirs = clone(ours).set_params(batch_size=75).fit(X, Y, sample_weight=weights)
    assert by_theirs.engine_ == "scikit-learn" and np.isfinite(by_theirs.loss_curve_).all()
    with pytest.raises(ValueError, match="sample_weight: expected numbers of at least 0"):
        estimators.MLPClassifier(**OPTIONS).fit(X, Y, sample_weight=-np.ones(150))


def test_predictions_use_scikit_learn_unless_the_engine_is_requested(monkeypatch):
    ours = estimators.MLPClassifier(**OPTIONS, engine="jfnn").fit(X, Y)
    by_device = ours.predict_proba(X)
    ours.set_params(engine="auto")
    theirs = neural_network.MLPClassifier(**OPTIONS)
    vars(theirs).update(vars(ours))
    rows = []
    monkeypatch.setattr(
        functions, "outputs", lambda structure, layers, x: rows.append(len(x)) or np.zeros((len(x), 3))
    )
    np.testing.assert_array_equal(ours.predict_proba(X), theirs.predict_proba(X))
    np.testing.assert_allclose(ours.predict_proba(X), by_device, atol=1e-12)
    assert rows == []
    ours.set_params(engine="jfnn").predict(X)
    assert rows == [150]


GRID = {"alpha": [0.01, 1.0], "hidden_layer_sizes": [(4,), (8,)]}


def fit_search(module, perceptrons, grid=GRID, **options):
    perceptron = perceptrons.MLPClassifier(**OPTIONS)
    grid = {f"mlpclassifier__{key}": values for key, values in grid.items()}
    search = module.GridSearchCV(make_pipeline(StandardScaler(), perceptron), grid, cv=3, **options)
    return search.fit(X, Y)


@pytest.mark.parametrize(
    ("grid", "module"), [(GRID, "sklearn"), ({"engine": ["auto", "scikit-learn"]}, "jfnn")]
)
def test_small_search_uses_scikit_learns_estimators_if_possible(grid, module, runs):
    fitted = set()

    def scorer(estimator, x, y):
        fitted.add(type(estimator[-1]).__module__.split(".")[0])
        return estimator.score(x, y)

    search = fit_search(estimators, estimators, grid=grid)
    assert type(search.best_estimator_[-1]) is estimators.MLPClassifier
    search.set_params(scoring=scorer, refit=False).fit(X, Y)
    assert fitted == {module} and runs == []


class _Noted(estimators.GridSearchCV):
    """A search with one more parameter, which it records when it chooses."""

    def __init__(self, estimator, param_grid, *, note_="", cv=None):
        super().__init__(estimator, param_grid, cv=cv)
        self.note_ = note_

    def _select_best_index(self, *args):
        self.noted_ = self.note_
        return super()._select_best_index(*args)


class _Fitted(estimators.MLPClassifier):
    def fit(self, X, y):
        self.rows_ = len(X)
        return super().fit(X, y)


def test_small_search_with_custom_classes_keeps_their_parameters_and_methods(runs):
    search = _Noted(_Fitted(**OPTIONS), {"alpha": [0.1]}, note_="a", cv=2).fit(X, Y)
    assert search.noted_ == "a" and search.best_estimator_.rows_ == 150 and runs == []
    search.set_params(estimator=estimators.MLPClassifier(**OPTIONS)).fit(X, Y)
    assert type(search.best_estimator_) is type(search.estimator) is estimators.MLPClassifier
    assert search.cv == 2 and runs == []


class _Counter:
    def __init__(self):
        self.begun = []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context, **details):
        self.begun.append(type(estimator).__module__.split(".")[0])

    def on_fit_task_end(self, estimator, context, **details):
        pass


@pytest.mark.skipif(parse_version(sklearn.__version__) < parse_version("1.9"), reason="has no callbacks")
def test_small_search_calls_its_callbacks():
    counter = _Counter()
    search = estimators.GridSearchCV(estimators.MLPClassifier(**OPTIONS), {"alpha": [0.1]}, cv=2)
    search.set_callbacks(counter).fit(X, Y)
    assert len(counter.begun) >= 3 and set(counter.begun) == {"sklearn"}


@pytest.mark.parametrize("begin", ["", "mlpclassifier__"])
def test_misspelled_parameter_is_refused_with_those_of_this_package(begin):
    perceptron = estimators.MLPClassifier(**OPTIONS)
    estimator = make_pipeline(StandardScaler(), perceptron) if begin else perceptron
    with pytest.raises(ValueError, match=r"'alhpa'.*'class_weight', .*'engine'"):
        estimators.GridSearchCV(estimator, {f"{begin}alhpa": [0.1]}, cv=2).fit(X, Y)


@pytest.mark.thorough
def test_processes_of_a_small_search_do_not_import_this_package():
    """The import would take longer than the search; this includes a search fitted before."""

    def imported_modules(estimator, x, y):
        return float("jfnn" in sys.modules)

    search = fit_search(estimators, estimators)
    get_reusable_executor().shutdown(wait=True)  # processes of other tests
    search.set_params(scoring=imported_modules, refit=False, n_jobs=2).fit(X, Y)
    assert search.cv_results_["mean_test_score"].tolist() == [0.0] * 4


@pytest.mark.thorough
def test_engine_can_be_a_value_of_a_grid(runs):
    search = fit_search(
        estimators, estimators, grid={"engine": ["scikit-learn", "jfnn", "auto"]}, refit=False
    )
    assert len(runs) == 3  # the folds of one
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] == scores[2] == pytest.approx(scores[1], abs=0.02)
    both = fit_search(estimators, estimators, grid={"activation": ["relu", "elu"]}, refit=False)
    assert len(runs) == 6 and np.isfinite(both.cv_results_["mean_test_score"]).all()


def chosen(estimator, grid, splits=3, x=X, weightless=False, kind=estimators.GridSearchCV, **options):
    return choice.choose(kind(estimator, grid, **options), splits, x, weightless)


MANY = {"alpha": np.logspace(-5, 1, 8), "momentum": [0.1, 0.9]}  # all one structure, since they are numbers
ALL = ("auto", "jfnn")
PERCEPTRON = estimators.MLPClassifier(**OPTIONS | {"max_iter": 60})
PIPELINE = make_pipeline(StandardScaler(), PERCEPTRON)
IN_PIPELINE = {"mlpclassifier__alpha": np.arange(1.0, 9)}
TEXTS = ["a text"] * 150
CHOICES = {  # estimator, grid, folds and further arguments -> the choice
    "uneven": (
        PERCEPTRON,
        [{"alpha": np.arange(200)}, {"hidden_layer_sizes": [(4,)]}],
        {"splits": 2},
        (ALL, 402, 2),
    ),
    "equal widths": (
        PERCEPTRON,
        {"hidden_layer_sizes": [8, (8,), [8]], "alpha": range(6)},
        {"splits": 3},
        (ALL, 54, 1),
    ),
    # Settings of transformers make separate structures.
    "in a pipeline": (PIPELINE, IN_PIPELINE, {"splits": 5}, (ALL, 40, 1)),
    "scalers": (
        PIPELINE,
        IN_PIPELINE | {"standardscaler__with_std": [True, False]},
        {"splits": 1},
        ((), 16, 2),
    ),
    "perceptrons": (PIPELINE, {"mlpclassifier": 16 * [PERCEPTRON]}, {"splits": 3}, (ALL, 48, 1)),
    # Fits that cannot train together are left to scikit-learn, whose processes train them in parallel.
    "lbfgs": (clone(PERCEPTRON).set_params(solver="lbfgs"), MANY, {}, ((),)),
    "also lbfgs": (PERCEPTRON, MANY | {"solver": ["sgd", "lbfgs"]}, {}, ((),)),
    "verbose": (clone(PERCEPTRON).set_params(verbose=True), MANY, {}, ((),)),
    "sparse": (PERCEPTRON, MANY, {"x": sparse.csr_matrix(X)}, ((),)),
    "texts": (PERCEPTRON, MANY, {"x": TEXTS}, ((),)),
}
# A forced candidate does not force others, except if weight-0 rows may fill a step of some fold.
for kind, x in (("array", X), ("sparse", sparse.csr_matrix(X)), ("texts", np.array(TEXTS))):
    both = PERCEPTRON, {"engine": ["auto", "jfnn"]}
    CHOICES[f"one forced, {kind}"] = (*both, {"x": x}, (("jfnn",),))
    CHOICES[f"one forced, {kind} without weight"] = (*both, {"x": x, "weightless": True}, (ALL,))
FREE = PERCEPTRON, {"engine": ["auto", "scikit-learn"]}
CHOICES |= {"none forced": (*FREE, {}, ((),)), "none, without weight": (*FREE, {"weightless": True}, (ALL,))}


@pytest.mark.parametrize("name", CHOICES)
def test_search_chooses_the_engine_or_scikit_learn_by_its_properties(name):
    estimator, grid, options, expected = CHOICES[name]
    assert chosen(estimator, grid, **options)[: len(expected)] == expected


@examples((100, 1), (1000, 1), few=(30, 1))
def test_search_uses_the_engine_if_scikit_learn_takes_long_enough_for_its_structures(examples):
    """By hand: the estimated seconds of all fits, and the structures, made by widths and solvers."""

    def check(alphas, widths, solvers, splits, epochs, rows, batch):
        all_widths = [(3,), (40,), (100, 4)][:widths]
        grid = {"alpha": np.logspace(-5, 1, alphas), "hidden_layer_sizes": all_widths}
        grid["solver"] = ["adam", "sgd"][:solvers]
        fit = estimators.MLPClassifier(max_iter=epochs, batch_size=batch)
        weights = {(3,): 20 * 3, (40,): 20 * 40, (100, 4): 20 * 100 + 100 * 4}  # of the hidden layers
        at_once = min(batch, rows)
        steps = min(epochs, 100) * -(-rows // at_once)
        a_fit = [
            steps * (choice.STEP + weights[one] * (choice.WEIGHT + choice.WEIGHT_AND_ROW * at_once))
            for one in all_widths
        ]
        seconds = sum(a_fit) * solvers * alphas * splits
        structures = widths * solvers
        found = chosen(fit, grid, splits, x=np.zeros((rows, 20)))
        assert found[1:3] == (structures * alphas * splits, structures)
        assert found.seconds == pytest.approx(seconds)
        assert found.engines == (ALL if seconds > choice.PER_STRUCTURE * structures - choice.PATIENCE else ())

    check(alphas=3, widths=1, solvers=1, splits=3, epochs=200, rows=1797, batch=200)
    check(alphas=4, widths=3, solvers=2, splits=3, epochs=200, rows=1797, batch=50)
    some = strategies.integers
    examples.check(
        check,
        alphas=some(1, 20),
        widths=some(1, 3),
        solvers=some(1, 2),
        splits=some(1, 5),
        epochs=some(1, 300),
        rows=some(10, 3000),
        batch=some(1, 400),
    )


def test_choice_of_the_engine_depends_on_the_work_and_not_on_the_number_of_fits():
    widths_and_batches = {"hidden_layer_sizes": [(20,), (50,), (100,)], "batch_size": [50, 200]}
    rates = {"learning_rate_init": [0.001, 0.003, 0.01, 0.03]}
    assert (
        chosen(estimators.MLPClassifier(), widths_and_batches | rates, x=np.zeros((1797, 64))).engines == ALL
    )
    assert chosen(estimators.MLPClassifier(), widths_and_batches | rates, x=np.zeros((150, 4))).engines == ()
    assert chosen(estimators.MLPClassifier(max_iter=1), MANY, x=np.zeros((150, 4))).engines == ()


def test_structures_of_a_random_search_are_counted_from_its_draws():
    """Counting uses a copy of the stream: neither scikit-learn's generator nor NumPy's advances."""
    widths = {"hidden_layer_sizes": [(2,), (3,), (4,)], "alpha": np.arange(100.0)}
    for random_state in (7, np.random.RandomState(7), None):
        np.random.seed(7)
        options = {"kind": estimators.RandomizedSearchCV, "n_iter": 20, "random_state": random_state}
        found = [chosen(PERCEPTRON, widths, 3, **options)[1:3] for _ in range(2)]
        drawn = list(model_selection.ParameterSampler(widths, 20, random_state=random_state))
        structures = len({candidate["hidden_layer_sizes"] for candidate in drawn})
        assert found == 2 * [(60, structures)]


@pytest.mark.parametrize("x", [None, [[1.0], [2.0, 3.0]], np.zeros(3), object()])
def test_invalid_rows_are_refused(x):
    search = estimators.GridSearchCV(estimators.MLPClassifier(), MANY)
    for estimator in (search, search.estimator):
        with pytest.raises((ValueError, TypeError)):
            estimator.fit(x, None)
