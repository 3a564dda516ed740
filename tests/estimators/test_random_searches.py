"""Any search equals scikit-learn's bit for bit, whether it uses an engine run per fold or none."""

import numpy as np
import pytest
from beside import X, Y, check_alike
from examples import examples
from hypothesis import strategies
from scipy import sparse
from sklearn import model_selection, neural_network
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from jfnn import estimators

pytestmark = [
    pytest.mark.unoptimized,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
SCALER = StandardScaler(with_mean=False)
FUNCTION = FunctionTransformer(lambda x: x / 4, validate=True, accept_sparse=True)  # cannot be pickled
STEPS = [  # before the perceptron, with or without a grid of their own
    ([], {}),
    ([SCALER], {}),
    ([SCALER], {"standardscaler__with_std": [True, False]}),
    ([FUNCTION], {"functiontransformer__func": [lambda x: x / 2, lambda x: x / 8]}),
]
GRID = {"alpha": [0.01, 1.0], "learning_rate_init": [1e-3, 0.1], "max_iter": [3, 8], "momentum": [0.5]}
GRID = {f"mlpclassifier__{name}": values for name, values in GRID.items()}
CONTAINERS = [np.asarray, np.ndarray.tolist, np.asfortranarray, sparse.coo_matrix, sparse.bsr_matrix]
MASKS = [(np.arange(150) % 3 != fold, np.arange(150) % 3 == fold) for fold in range(2)]
FOLDS = [2, 3, MASKS, [tuple(map(np.flatnonzero, masks)) for masks in MASKS]]
FOLDS += [[tuple(mask.tolist() for mask in masks) for masks in MASKS]]
FURTHER = {
    "GridSearchCV": {},
    "RandomizedSearchCV": {"n_iter": 2, "random_state": 1},
}


@strategies.composite
def searches(draw):
    """Draw the name of a search, steps before the perceptron, the grid, further arguments, and the engine."""

    def one_of(*values):
        return draw(strategies.sampled_from(values))

    name = one_of(*FURTHER)
    engine = one_of("jfnn", "auto")
    most = 2 if engine == "auto" else 4  # with more fits, the engine is chosen
    names = strategies.sampled_from(list(GRID))
    chosen = draw(strategies.lists(names, unique=True, min_size=1, max_size=most))
    steps, of_steps = one_of(*STEPS)
    options = {"cv": FOLDS[one_of(*range(len(FOLDS)))], "refit": one_of(False, True)}
    options |= {"return_train_score": one_of(False, True)} | FURTHER[name]
    return name, steps, {key: GRID[key] for key in chosen} | of_steps, options, engine


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore:The total space of parameters")
@examples((6, 1), (200, 1))
def test_search_equals_separate_fits(examples, runs):
    """The engine runs once per fold and transformer, with rows in any container."""
    spread = []

    def check(search, container, weighted):
        name, steps, grid, options, engine = search
        least = 0 if engine == "jfnn" else 0.5  # only the engine accepts zero weights
        weights = {"mlpclassifier__sample_weight": np.linspace(least, 1, 150)} if weighted else {}
        common = {"hidden_layer_sizes": (8,), "solver": "sgd", "random_state": 0}
        perceptron = estimators.MLPClassifier(**common, engine=engine)
        other = perceptron if engine == "jfnn" else neural_network.MLPClassifier(**common)

        def fitted(module, last, x):
            made = getattr(module, name)(make_pipeline(*steps, last), grid, **options)
            return made.fit(x, Y, **weights)

        runs.clear()
        ours = fitted(estimators, perceptron, container(X))
        if name == "GridSearchCV":
            ways = 1 + any("mlpclassifier" not in key for key in grid)
            fits = len(model_selection.ParameterGrid(grid)) // ways
            together = ours.n_splits_ * ways * [fits] + options["refit"] * [1]
            assert runs == (together if engine == "jfnn" else [])
        theirs = fitted(model_selection, other, container(X))
        assert ours.cv_results_.keys() == theirs.cv_results_.keys()
        for key, values in theirs.cv_results_.items():
            if "time" not in key:
                np.testing.assert_array_equal(ours.cv_results_[key], values)
        assert ours.best_params_ == theirs.best_params_
        spread.append(np.ptp(theirs.cv_results_["mean_test_score"]))
        if options["refit"]:
            check_alike(theirs.best_estimator_[-1], ours.best_estimator_[-1], X)
            assert type(ours.best_estimator_[-1]) is estimators.MLPClassifier

    short = {"mlpclassifier__max_iter": [3, 8]}
    steps, of_steps = STEPS[2]
    check(("GridSearchCV", steps, short | of_steps, {"cv": 2, "refit": False}, "jfnn"), np.asarray, True)
    some = strategies.sampled_from(CONTAINERS)
    examples.check(check, search=searches(), container=some, weighted=strategies.booleans())
    assert max(spread) > 0.1  # so that the scores are informative
