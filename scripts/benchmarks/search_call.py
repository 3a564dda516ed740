"""Run one process of `benchmarks.search_calls`: a search or fit with scikit-learn or `jfnn.estimators`.

    python -m benchmarks.search_call CASE ENGINE

prints as JSON the seconds of the first call and of the fastest later one, without imports, and the engine.
"""

import json
import math
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
    make_classification,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

Rows = tuple[Any, np.ndarray]
THEIRS = "scikit-learn"
PROCESSES = 2  # of scikit-learn's searches
LATER = 3  # calls after the first one


def standardized(load: Callable[..., Rows]) -> Callable[[], Rows]:
    """Return the standardized rows of a scikit-learn data set."""

    def rows() -> Rows:
        x, y = load(return_X_y=True)
        return StandardScaler().fit_transform(x), y

    return rows


def random_rows(rows: int, features: int, classes: int) -> Callable[[], Rows]:
    """Return synthetic rows."""
    return lambda: make_classification(
        rows, features, n_informative=min(features, 10), n_classes=classes, random_state=0
    )


def texts() -> Rows:
    """Return 1,000 texts of 40 words out of 3,000, in four classes that prefer different words."""
    rng = np.random.default_rng(0)
    kinds = rng.integers(4, size=1000)
    words = np.where(
        rng.random((1000, 40)) < 0.2,
        kinds[:, None] * 100 + rng.integers(100, size=(1000, 40)),
        rng.integers(3000, size=(1000, 40)),
    )
    return [" ".join(f"w{word}" for word in row) for row in words], kinds


def sparse_texts() -> Rows:
    """Return the same texts as sparse rows."""
    rows, kinds = texts()
    return TfidfVectorizer().fit_transform(rows), kinds


class Case(NamedTuple):
    """An estimator or search to fit.

    Attributes:
        load: Returns the rows.
        perceptron: Arguments of the perceptron.
        grid: Grid of the perceptron's parameters; None for a single fit.
        folds: Folds of the search.
        transformer: Makes the transformer before the perceptron in a Pipeline; None for none.
        regression: Whether targets are numbers.
        balanced: Whether classes have equal weight: ``class_weight`` in jfnn, row weights in scikit-learn.
        batches: Calls of ``partial_fit`` with 200 rows each instead of a fit; 0 for none.
    """

    load: Callable[[], Rows]
    perceptron: dict[str, Any]
    grid: dict[str, list[Any]] | None = None
    folds: int = 3
    transformer: Callable[[], Any] | None = None
    regression: bool = False
    balanced: bool = False
    batches: int = 0

    @property
    def fits_a_structure(self) -> int:
        """Return the fits per structure in the search."""
        if self.grid is None:
            return 1
        candidates = math.prod(map(len, self.grid.values()))
        of_structure = ("hidden_layer_sizes", "batch_size")
        structures = math.prod(len(self.grid.get(name, [()])) for name in of_structure)
        return candidates * self.folds // structures


NINE = {"learning_rate_init": [1e-3, 3e-3, 1e-2], "alpha": [1e-4, 1e-2, 1.0]}
DIGITS = standardized(load_digits)
WINE = standardized(load_wine)
IRIS = standardized(load_iris)
CANCER = standardized(load_breast_cancer)
DIABETES = standardized(load_diabetes)
FIFTY: dict[str, Any] = {"hidden_layer_sizes": (50,), "max_iter": 40}
TEN: dict[str, Any] = {"hidden_layer_sizes": (10,), "max_iter": 100}


def structures(number: int, candidates: int) -> dict[str, list[Any]]:
    """Return a grid of networks of different widths."""
    return {
        "hidden_layer_sizes": [(10 + 2 * n,) for n in range(number)],
        "alpha": [float(alpha) for alpha in np.logspace(-5, 0, candidates)],
    }


WIDTHS_AND_BATCHES: dict[str, list[Any]] = {
    "hidden_layer_sizes": [(20,), (50,), (100,)],
    "batch_size": [50, 200],
    "learning_rate_init": [1e-3, 3e-3, 1e-2, 3e-2],
}
LARGE = random_rows(20_000, 50, 10)
CASES = {
    "digits, 9 × 3": Case(DIGITS, FIFTY, NINE),
    "digits, 9 × 3, early stopping": Case(DIGITS, FIFTY | {"early_stopping": True}, NINE),
    "digits, 9 × 3, early stopping, in a Pipeline": Case(
        DIGITS, FIFTY | {"early_stopping": True}, NINE, transformer=StandardScaler
    ),
    "wine, 9 × 5": Case(WINE, TEN, NINE, 5),
    "iris, 9 × 5": Case(IRIS, TEN, NINE, 5),
    "diabetes, regression, 9 × 5": Case(DIABETES, FIFTY | {"max_iter": 100}, NINE, 5, regression=True),
    "cancer, balanced classes, 9 × 3": Case(CANCER, TEN, NINE, balanced=True),
    "3,000 rows, 100 units, 9 × 3": Case(
        random_rows(3000, 30, 4), {"hidden_layer_sizes": (100,), "max_iter": 40}, NINE
    ),
    "texts, 9 × 3": Case(texts, FIFTY, NINE, transformer=TfidfVectorizer),
    "sparse rows, 9 × 3": Case(sparse_texts, FIFTY, NINE),
    "wine, 4 × 4": Case(WINE, TEN, structures(1, 4), 4),
    "wine, 3 × 5": Case(WINE, TEN, structures(1, 3), 5),
    **{
        f"{name}, 4 structures × {candidates} × {folds}": Case(
            load, arguments, structures(4, candidates), folds
        )
        for name, load, arguments in (("digits", DIGITS, FIFTY), ("wine", WINE, TEN))
        for candidates, folds in ((4, 3), (4, 4), (8, 3))
    },
    "cancer, 6 structures × 2 × 3, early stopping": Case(
        CANCER, TEN | {"early_stopping": True}, structures(6, 2)
    ),
    "digits, 3 widths × 2 batch sizes × 4 × 3": Case(DIGITS, {}, WIDTHS_AND_BATCHES),
    "digits, 30 structures × 3": Case(DIGITS, FIFTY, structures(30, 1)),
    "digits, one fit": Case(DIGITS, {"hidden_layer_sizes": (50,)}),
    "iris, one fit": Case(IRIS, TEN),
    "20,000 rows, 100 units, one fit": Case(LARGE, {"hidden_layer_sizes": (100,), "max_iter": 30}),
    "20,000 rows, 100 units, partial_fit of 100 × 200": Case(
        LARGE, {"hidden_layer_sizes": (100,)}, batches=100
    ),
}


def fitting(case: Case, engine: str) -> tuple[Any, Callable[[], Any]]:
    """Return an estimator or search, and a call that fits it."""
    if engine == THEIRS:
        from sklearn import model_selection as searches
        from sklearn import neural_network as networks

        options = {}
    else:
        import jfnn
        from jfnn import estimators as networks

        jfnn.use_all_cores()
        searches = networks
        options = {"engine": engine}
    x, y = case.load()
    weights = {}
    if case.balanced and engine == THEIRS:
        weights = {"sample_weight": compute_sample_weight("balanced", y)}
    elif case.balanced:
        options["class_weight"] = "balanced"
    kind = networks.MLPRegressor if case.regression else networks.MLPClassifier
    estimator = kind(random_state=0, **case.perceptron, **options)
    begin = ""
    if case.transformer is not None:
        begin = f"{kind.__name__.lower()}__"
        estimator = make_pipeline(case.transformer(), estimator)
    if case.batches:
        classes = np.unique(y)
        batches = [slice(200 * i % len(x), 200 * i % len(x) + 200) for i in range(case.batches)]

        def stream() -> None:
            vars(estimator).pop("coefs_", None)
            for rows in batches:
                estimator.partial_fit(x[rows], y[rows], classes=classes)

        return estimator, stream
    if case.grid is not None:
        grid = {f"{begin}{parameter}": values for parameter, values in case.grid.items()}
        estimator = searches.GridSearchCV(estimator, grid, cv=case.folds, n_jobs=PROCESSES)
    return estimator, lambda: estimator.fit(x, y, **weights)


def trained_by(case: Case, estimator: Any, engine: str) -> str:
    """Return the engine that trained a fitted estimator, or the fits of a search."""
    if engine == THEIRS:
        return THEIRS
    if not hasattr(estimator, "cv_results_"):
        return str(estimator.engine_)
    from jfnn.estimators.choice import choose

    x, _ = case.load()
    return "jfnn" if choose(estimator, estimator.n_splits_, x, weightless=False).engines else THEIRS


def main(name: str, engine: str) -> None:
    """Print seconds and engine of a case."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    estimator, fit = fitting(CASES[name], engine)
    seconds = []
    for _ in range(1 + LATER):
        started = time.perf_counter()
        fit()
        seconds.append(time.perf_counter() - started)
    best = getattr(estimator, "best_score_", None)
    trained = trained_by(CASES[name], estimator, engine)
    found = {"first": seconds[0], "again": min(seconds[1:]), "engine": trained}
    print(json.dumps(found | {"best_score": best}))


if __name__ == "__main__":
    main(*sys.argv[1:])
