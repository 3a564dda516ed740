"""By which code estimators train: scikit-learn's bytes where it does, chosen by what a fit is alone."""

import pickle
import sys

import numpy as np
import pytest
import sklearn
from helpers import representatives
from joblib.externals.loky import get_reusable_executor
from scipy import sparse
from sklearn import model_selection, neural_network
from sklearn.base import clone
from sklearn.datasets import load_digits, make_multilabel_classification
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.fixes import parse_version

from jfnn import estimators
from jfnn.estimators import foresight, forward, plain, training
from jfnn.estimators.choice import Prediction, Work
from jfnn.estimators.fit import Structure
from jfnn.estimators.perceptron import work_of

pytestmark = [
    pytest.mark.unoptimised,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
X, Y = (array[:150] for array in load_digits(n_class=3, return_X_y=True))
X = X / 16
OPTIONS = {"hidden_layer_sizes": (8,), "max_iter": 6, "random_state": 0}
LABELS = make_multilabel_classification(150, n_features=8, random_state=0)[1]
SMALL = Structure((64, 8, 3), "relu", "softmax", "adam", False, "constant", None, True, None)
LARGE = Work(SMALL._replace(sizes=(784, 256, 10)), 10_000, 100)


def engine_of(*works):
    """The engine predicted for fits."""
    return Prediction(works).engine


@pytest.fixture
def engine_runs(monkeypatch):
    """Counts the runs of the engine."""
    runs = []
    train = training.train
    monkeypatch.setattr(training, "train", lambda *args, **more: runs.append(1) or train(*args, **more))
    return runs


@pytest.fixture
def no_device(monkeypatch):
    """Lets no prediction go through a device."""
    monkeypatch.delattr(forward, "outputs")


def pair(name, engine, **parameters):
    """scikit-learn's estimator and ours."""
    theirs = getattr(neural_network, name)(**OPTIONS | parameters)
    return theirs, getattr(estimators, name)(**OPTIONS | parameters, engine=engine)


def assert_same_bytes(theirs, ours, x):
    """All that scikit-learn's has, ours has with the same bytes; both predict the same."""
    public = [name for name in vars(theirs) if name.endswith("_") and not name.startswith("_")]
    for name in {"coefs_", "intercepts_", "n_iter_", "n_features_in_", *public}:
        for a, b in zip(*(leaves(getattr(e, name)) for e in (theirs, ours)), strict=True):
            assert np.asarray(a).tobytes() == np.asarray(b).tobytes(), name
    methods = ["predict", *(["predict_proba", "predict_log_proba"] if hasattr(theirs, "classes_") else [])]
    for method in methods:
        np.testing.assert_array_equal(getattr(ours, method)(x), getattr(theirs, method)(x), strict=True)


def leaves(value):
    return value if isinstance(value, list) else [np.nan if value is None else value]


# Before 1.9 scikit-learn's early stopping fails on words.
WORDS = np.array(["a", "b", "c"])[Y] if parse_version(sklearn.__version__) >= parse_version("1.9") else Y
CASES = {
    "auto": ("MLPClassifier", WORDS, {"early_stopping": True, "tol": 0.5}),
    "scikit-learn": ("MLPClassifier", LABELS, {"solver": "sgd", "learning_rate": "invscaling"}),
    "": ("MLPRegressor", X[:, :2], {"solver": "lbfgs"}),
}


@pytest.mark.parametrize("engine", representatives(CASES, "auto"))
def test_a_small_fit_has_scikit_learns_bytes_also_where_it_goes_on(engine, engine_runs, no_device):
    name, y, parameters = CASES[engine]
    both = pair(name, engine or "auto", warm_start=True, **parameters)
    for fitted in both:
        fitted.fit(X, y)
    assert_same_bytes(*both, X)
    both = both[0], pickle.loads(pickle.dumps(both[1]))
    for fitted in both:
        if engine == "scikit-learn":
            fitted.partial_fit(X[::-1], y[::-1]).partial_fit(X[:140], y[:140])
        fitted.fit(X, y)
    assert_same_bytes(*both, X)
    again = [clone(fitted).set_params(warm_start=False).fit(X, y).fit(X[1:], y[1:]) for fitted in both]
    assert_same_bytes(*again, X)
    assert both[1].engine_ == "scikit-learn" and engine_runs == []


def test_partial_fits_from_the_first_have_scikit_learns_bytes(engine_runs):
    both = pair("MLPClassifier", "auto")
    for fitted in both:
        fitted.partial_fit(X[:100], Y[:100], classes=[0, 1, 2]).partial_fit(X[:103], Y[:103])
        fitted.partial_fit(X.astype(np.float32), Y, sample_weight=np.linspace(0.5, 1, 150))
    assert_same_bytes(*both, X)
    assert engine_runs == []


def test_going_over_by_force_takes_losses_and_counts_along():
    options = {"warm_start": True, "early_stopping": False, "tol": 0.0}
    for first, second in (("jfnn", "scikit-learn"), ("scikit-learn", "jfnn")):
        theirs, ours = pair("MLPClassifier", first, **options)
        theirs.fit(X, Y).fit(X, Y)
        ours.fit(X, Y)
        held = ours.coefs_[0].copy()
        before = ours.coefs_[0]
        ours.set_params(engine=second).fit(X, Y)
        assert ours.engine_ == second
        np.testing.assert_array_equal(before, held)  # arrays that somebody holds are left as they are
        assert (ours.t_, len(ours.loss_curve_)) == (theirs.t_, 12)
        np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-4)
        assert ours.best_loss_ == pytest.approx(theirs.best_loss_, rel=1e-4)
        for a, b in zip(ours.coefs_, theirs.coefs_, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-4)
        ours.partial_fit(X, Y)
        assert ours.engine_ == second and ours.t_ == 13 * 150


def test_a_partial_fit_goes_on_by_the_engine_before_it(engine_runs):
    ours = estimators.MLPClassifier(**OPTIONS, engine="jfnn").fit(X, Y).set_params(engine="auto")
    ours.partial_fit(X, Y)
    assert ours.engine_ == "jfnn" and len(engine_runs) == 2
    ours.fit(X, Y)
    assert ours.engine_ == "scikit-learn" and len(engine_runs) == 2


@pytest.mark.parametrize(
    "parameters",
    representatives(
        [{"activation": "elu"}, {"activation": "gelu"}, {"solver": "rmsprop"}], {"activation": "elu"}
    ),
    ids=str,
)
def test_further_activations_and_solvers_are_trained_by_the_engine_or_raise(parameters, engine_runs):
    ours = estimators.MLPClassifier(**OPTIONS | parameters)
    assert ours.fit(X, Y).engine_ == "jfnn" and len(engine_runs) == 1
    ours.partial_fit(X, Y)
    assert ours.solver == parameters.get("solver", "adam") and ours.t_ == 7 * 150
    (name,) = parameters
    with pytest.raises(ValueError, match=f"^engine: 'scikit-learn' has no {name}="):
        ours.set_params(engine="scikit-learn").fit(X, Y)


@pytest.mark.parametrize("engine", ["scikit-learn", "jfnn"])
def test_a_fit_goes_on_from_parameters_set_by_hand_if_they_fit(engine):
    fitted = estimators.MLPClassifier(**OPTIONS, warm_start=True, engine=engine).fit(X, Y)
    by_hand = clone(fitted)
    by_hand.coefs_ = fitted.coefs_
    by_hand.intercepts_ = fitted.intercepts_
    for a, b in zip(by_hand.fit(X, Y).coefs_, fitted.fit(X, Y).coefs_, strict=True):
        np.testing.assert_array_equal(a, b)
    assert by_hand.engine_ == engine and by_hand.n_iter_ == len(by_hand.loss_curve_)
    by_hand.set_params(hidden_layer_sizes=(9,))
    if engine == "scikit-learn":  # which does not look
        assert by_hand.fit(X, Y).coefs_[0].shape == (64, 8)
    else:
        with pytest.raises(ValueError, match=r"^coefs_: expected shapes \[\(64, 9\), \(9, 3\)\]"):
            by_hand.fit(X, Y)


def test_scikit_learns_code_takes_what_scikit_learn_takes():
    cases = [
        ({}, Y, {"sample_weight": -np.ones(150)}),
        ({"max_iter": 2**31, "tol": 100.0}, Y, {}),
        ({"solver": "lbfgs"}, Y, {"sample_weight": np.where(Y > 0, 2.0, -0.1)}),
    ]
    for parameters, y, weights in cases:
        theirs, ours = pair("MLPClassifier", "scikit-learn", **parameters)
        assert_same_bytes(theirs.fit(X, y, **weights), ours.fit(X, y, **weights), X)
    theirs, ours = pair("MLPRegressor", "scikit-learn", loss="poisson")
    for one in (theirs, ours):
        with np.errstate(invalid="ignore"):
            one.fit(X, Y - 1.0)
    assert_same_bytes(theirs, ours, X)


class _Noting:
    """Rows that note the solver of an estimator when they are read, within a fit."""

    shape = X.shape

    def __init__(self, estimator):
        self.estimator = estimator
        self.solvers = []

    def __len__(self):
        return len(X)

    def __array__(self, *args, **options):
        self.solvers.append(self.estimator.get_params()["solver"])
        return X


def test_a_fit_changes_no_parameter_also_for_a_while():
    ours = estimators.MLPClassifier(**OPTIONS, solver="lbfgs", warm_start=True).fit(X, Y)
    rows = _Noting(ours.set_params(solver="rmsprop"))
    assert ours.fit(rows, Y).engine_ == "jfnn"
    assert set(rows.solvers) == {"rmsprop"}
    assert len(ours.loss_curve_) == ours.n_iter_ == 6  # after a solver that has no losses


def test_steps_that_may_weigh_nothing_are_for_the_engine(engine_runs):
    weights = np.ones(150)
    weights[:20] = 0
    ours = estimators.MLPClassifier(**OPTIONS, shuffle=False, batch_size=20).fit(X, Y, sample_weight=weights)
    assert ours.engine_ == "jfnn" and np.isfinite(ours.loss_curve_).all()
    weights[19] = 1
    by_theirs = clone(ours).set_params(batch_size=75).fit(X, Y, sample_weight=weights)
    assert by_theirs.engine_ == "scikit-learn" and np.isfinite(by_theirs.loss_curve_).all()
    with pytest.raises(ValueError, match="sample_weight: expected numbers of at least 0"):
        estimators.MLPClassifier(**OPTIONS).fit(X, Y, sample_weight=-np.ones(150))


def test_more_work_never_turns_the_choice_back_to_scikit_learn():
    base = Work(SMALL._replace(sizes=(64, 50, 10), batch=32), 300, 10, members=5)
    factors = np.geomspace(1, 1000, 60)
    growing = {
        "epochs": [base._replace(epochs=10 * factor) for factor in factors],
        "rows": [base._replace(rows=int(300 * factor)) for factor in factors],
        "width": [
            base._replace(structure=base.structure._replace(sizes=(64, int(50 * factor), 10)))
            for factor in factors
        ],
        "members": [base._replace(members=int(5 * factor)) for factor in factors],
    }
    for name, works in growing.items():
        engines = [engine_of(work, work) for work in works]
        assert engines == sorted(engines, reverse=True) and len(set(engines)) == 2, name


def test_small_and_many_structures_are_for_scikit_learn_and_large_fits_for_the_engine():
    many = [Work(SMALL._replace(sizes=(64, width, 3)), 1000, 50, members=5) for width in range(8, 28)]
    for works in ([LARGE], [Work(SMALL, 1000, 50, members=100)]):
        assert engine_of(*works) == "jfnn"
    for works in ([Work(SMALL, 150, 200)], [], many):
        assert engine_of(*works) == "scikit-learn"


def test_a_fit_is_thought_to_stop_early_where_it_has_a_tolerance_to_do_so_by():
    def epochs(**parameters):
        perceptron = estimators.MLPClassifier(max_iter=300, **parameters)
        return work_of(perceptron, SMALL, 150).epochs

    assert epochs(tol=0.0) == epochs(n_iter_no_change=np.inf) == 300
    assert 10 < epochs() < 300


def test_the_choice_is_of_the_fit_alone(monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(Prediction, "engine", property(lambda self: asked.append(self.works) or answer))
    ours = estimators.MLPClassifier(**OPTIONS)
    answer = "scikit-learn"
    for rows in (X, X.tolist()):
        clone(ours).fit(rows, Y)
    assert asked == 2 * [[Work(SMALL, 150, 6.0)]]
    clone(ours).set_params(verbose=True).fit(X, Y)
    assert "[MLPClassifier] engine: scikit-learn; 7 small steps" in capsys.readouterr().out
    answer = "jfnn"
    assert clone(ours).fit(X, Y).engine_ == "jfnn"
    assert clone(ours).set_params(solver="lbfgs").fit(X, Y).engine_ == "scikit-learn"


def test_rows_are_predicted_by_scikit_learn_unless_they_are_to_have_the_engines_bits(monkeypatch):
    ours = estimators.MLPClassifier(**OPTIONS, engine="jfnn").fit(X, Y)
    by_device = ours.predict_proba(X)
    ours.set_params(engine="auto")
    theirs = plain.as_plain(ours)
    vars(theirs).update(vars(ours))
    rows = []
    monkeypatch.setattr(
        forward, "outputs", lambda structure, layers, x: rows.append(len(x)) or np.zeros((len(x), 3))
    )
    np.testing.assert_array_equal(ours.predict_proba(X), theirs.predict_proba(X))
    np.testing.assert_allclose(ours.predict_proba(X), by_device, atol=1e-12)
    assert rows == []
    ours.set_params(engine="jfnn").predict(X)
    assert rows == [150]


GRID = {"alpha": [0.01, 1.0], "hidden_layer_sizes": [(4,), (8,)]}


def searched(module, perceptrons, name="GridSearchCV", grid=GRID, **options):
    perceptron = perceptrons.MLPClassifier(**OPTIONS)
    grid = {f"mlpclassifier__{key}": values for key, values in grid.items()}
    search = getattr(module, name)(make_pipeline(StandardScaler(), perceptron), grid, cv=3, **options)
    return search.fit(X, Y)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("GridSearchCV", {"return_train_score": True}),
        ("RandomizedSearchCV", {"n_iter": 3, "random_state": 0}),
        ("HalvingGridSearchCV", {"factor": 2, "random_state": 0}),
    ],
)
def test_a_small_search_is_scikit_learns_own_to_the_byte(name, options, engine_runs):
    theirs = searched(model_selection, neural_network, name, **options)
    ours = searched(estimators, estimators, name, **options)
    assert engine_runs == []
    for key, values in theirs.cv_results_.items():
        if "time" not in key:
            np.testing.assert_array_equal(ours.cv_results_[key], values)
    last = ours.best_estimator_[-1]
    assert type(last) is estimators.MLPClassifier and type(ours.estimator[-1]) is estimators.MLPClassifier
    assert_same_bytes(theirs.best_estimator_[-1], last, X)
    copy = pickle.loads(pickle.dumps(ours))
    assert copy.score(X, Y) == theirs.score(X, Y)
    last.partial_fit(X, Y)
    assert last.engine_ == "scikit-learn"
    with pytest.raises(AttributeError, match="engine='jfnn'"):
        _ = ours.ensemble_


@pytest.mark.parametrize(
    ("grid", "module"), [(GRID, "sklearn"), ({"engine": ["auto", "scikit-learn"]}, "jfnn")]
)
def test_a_small_search_is_of_scikit_learns_estimators_where_these_serve(grid, module, engine_runs):
    fitted = set()

    def scorer(estimator, x, y):
        fitted.add(type(estimator[-1]).__module__.split(".")[0])
        return estimator.score(x, y)

    search = searched(estimators, estimators, grid=grid)
    assert type(search.best_estimator_[-1]) is estimators.MLPClassifier
    search.set_params(scoring=scorer, refit=False).fit(X, Y)
    assert fitted == {module} and engine_runs == []


class _Noted(estimators.GridSearchCV):
    """A search with one parameter more, which it notes when it chooses."""

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


def test_a_small_search_of_a_users_perceptron_fits_by_its_methods(engine_runs):
    search = estimators.GridSearchCV(_Fitted(**OPTIONS), {"alpha": [0.1]}, cv=2).fit(X, Y)
    assert search.best_estimator_.rows_ == 150 and engine_runs == []


def test_a_small_search_of_a_users_class_keeps_its_parameters_and_methods(engine_runs):
    search = _Noted(estimators.MLPClassifier(**OPTIONS), {"alpha": [0.1]}, note_="a", cv=2).fit(X, Y)
    assert engine_runs == []
    assert search.noted_ == "a" and type(search.best_estimator_) is estimators.MLPClassifier
    assert type(search.estimator) is estimators.MLPClassifier and search.cv == 2


class _Counter:
    """A callback that counts the tasks begun, of classes of scikit-learn's."""

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
def test_a_small_search_calls_its_callbacks():
    counter = _Counter()
    search = estimators.GridSearchCV(estimators.MLPClassifier(**OPTIONS), {"alpha": [0.1]}, cv=2)
    search.set_callbacks(counter).fit(X, Y)
    assert len(counter.begun) >= 3 and set(counter.begun) == {"sklearn"}


@pytest.mark.parametrize("begin", ["", "mlpclassifier__"])
def test_a_misspelt_parameter_is_told_those_of_this_package(begin):
    perceptron = estimators.MLPClassifier(**OPTIONS)
    estimator = make_pipeline(StandardScaler(), perceptron) if begin else perceptron
    with pytest.raises(ValueError, match=r"'alhpa'.*'class_weight', .*'engine'"):
        estimators.GridSearchCV(estimator, {f"{begin}alhpa": [0.1]}, cv=2).fit(X, Y)


@pytest.mark.thorough
def test_processes_of_a_small_search_do_not_import_this_package():
    """It would take them longer than the search; nor do they of a search that was fitted before."""

    def imported(estimator, x, y):
        return float("jfnn" in sys.modules)

    search = searched(estimators, estimators)
    get_reusable_executor().shutdown(wait=True)  # processes of other tests
    search.set_params(scoring=imported, refit=False, n_jobs=2).fit(X, Y)
    assert search.cv_results_["mean_test_score"].tolist() == [0.0] * 4


@pytest.mark.thorough
def test_an_engine_can_be_a_value_of_a_grid(engine_runs):
    search = searched(estimators, estimators, grid={"engine": ["scikit-learn", "jfnn", "auto"]}, refit=False)
    assert len(engine_runs) == 3  # the folds of one
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] == scores[2] == pytest.approx(scores[1], abs=0.02)
    both = searched(estimators, estimators, grid={"activation": ["relu", "elu"]}, refit=False)
    assert len(engine_runs) == 6 and np.isfinite(both.cv_results_["mean_test_score"]).all()


def test_a_large_search_is_foreseen_by_its_candidates_and_folds():
    perceptron = estimators.MLPClassifier((50,), max_iter=40, tol=0)
    grid = {"alpha": np.logspace(-5, 1, 40), "solver": ["adam", "sgd"]}
    search = estimators.GridSearchCV(perceptron, grid, cv=4)
    rows = np.zeros((2000, 64)), np.arange(2000) % 10
    engines, prediction = foresight.foresee(search, 4, *rows, None)
    assert engines == ("auto", "jfnn")
    assert [(w.members, w.rows, w.epochs, w.structure.solver) for w in prediction.works] == 4 * [
        (40, 1500, 40, "adam"),
        (40, 1500, 40, "sgd"),
    ]
    assert prediction.works[0].structure.sizes == (64, 50, 10)
    forced = clone(search).set_params(estimator__engine="jfnn")
    assert foresight.foresee(forced, 4, *rows, None)[0] == ("jfnn",)
    few = clone(search).set_params(param_grid={"alpha": [0.1]})
    assert foresight.foresee(few, 4, rows[0][:100], rows[1][:100], None)[0] == ()


def test_a_forced_candidate_takes_no_free_one_along():
    """But for rows of weight 0, which may be all of some fold's step."""
    weights = np.arange(150)
    search = estimators.GridSearchCV(estimators.MLPClassifier(**OPTIONS), {"engine": ["auto", "jfnn"]})
    for x in (X, sparse.csr_matrix(X), np.array(["a text"] * 150)):
        assert foresight.foresee(search, 3, x, Y, None)[0] == ("jfnn",)
        assert foresight.foresee(search, 3, x, Y, weights)[0] == ("auto", "jfnn")
    free = clone(search).set_params(param_grid={"engine": ["auto", "scikit-learn"]})
    assert foresight.foresee(free, 3, X, Y, None)[0] == ()
    assert foresight.foresee(free, 3, X, Y, weights)[0] == ("auto", "jfnn")


@pytest.mark.parametrize("x", [None, [[1.0], [2.0, 3.0]], np.zeros(3), object()])
def test_invalid_rows_raise_and_have_no_prediction(x):
    search = estimators.GridSearchCV(estimators.MLPClassifier(), {"alpha": [1.0]})
    assert foresight.foresee(search, 5, x, None, None) == ((), Prediction([]))
    for estimator in (search, search.estimator):
        with pytest.raises((ValueError, TypeError)):
            estimator.fit(x, None)
