"""One first call in a process of its own: ``python -m benchmarks.first_call CASE CONTENDER [EPOCHS]``.

It imports what it needs, calls twice, and prints seconds and CPU seconds of each of the three as JSON.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

RATES, PENALTIES, FOLDS = [1e-3, 3e-3, 1e-2], [1e-4, 1e-3, 1e-2, 1e-1], 5  # of 60 fits
PROCESSES = 2  # of scikit-learn's search

Call = Callable[[], Any]


def grid_by_jfnn(epochs: int) -> Call:
    """A sweep of the notes' 49 cells."""
    import jfnn

    axis = [10.0**exponent for exponent in range(-5, 2)]
    network, split = jfnn.mlp((64, 50, 10)), jfnn.datasets.digits()
    return lambda: jfnn.sweep(network, split, learning_rate=axis, l2=axis, epochs=epochs)


def grid_by_vmap(epochs: int) -> Call:
    """The same cells by ``jit(vmap(train))``."""
    import dataclasses

    from benchmarks.jax_vmap import prepare
    from benchmarks.workloads import NOTES

    return prepare(dataclasses.replace(NOTES, epochs=epochs))


def classifier(estimators: Any, epochs: int) -> Call:
    """A fit of a small classifier on the irises."""
    from sklearn.datasets import load_iris

    rows = load_iris(return_X_y=True)
    return lambda: estimators.MLPClassifier((10,), max_iter=epochs, random_state=0).fit(*rows)


def search(estimators: Any, epochs: int, **options: Any) -> Call:
    """A search of 12 cells by five folds on the standardised wines, and the fit of the best."""
    from benchmarks.data import wine

    rows = wine()
    grid = {"learning_rate_init": RATES, "alpha": PENALTIES}

    def fit() -> Any:
        network = estimators.MLPClassifier((16,), max_iter=epochs, random_state=0)
        return estimators.GridSearchCV(network, grid, cv=FOLDS, **options).fit(rows.x_train, rows.y_train)

    return fit


class _ByScikitLearn:
    """scikit-learn's classes by the names that they have in `jfnn.estimators`."""

    def __init__(self) -> None:
        from sklearn.model_selection import GridSearchCV
        from sklearn.neural_network import MLPClassifier

        self.GridSearchCV, self.MLPClassifier = GridSearchCV, MLPClassifier


def _ours() -> Any:
    import jfnn.estimators

    _ = jfnn.estimators.MLPClassifier, jfnn.estimators.GridSearchCV  # imported when they are first named
    return jfnn.estimators


# Case -> contender -> what imports and loads: ``epochs -> the call``.
CASES: dict[str, dict[str, Callable[[int], Call]]] = {
    "grid": {"vmap": grid_by_vmap, "jfnn": grid_by_jfnn},
    "classifier": {
        "sklearn": lambda epochs: classifier(_ByScikitLearn(), epochs),
        "jfnn": lambda epochs: classifier(_ours(), epochs),
    },
    "search": {
        "sklearn": lambda epochs: search(_ByScikitLearn(), epochs, n_jobs=PROCESSES),
        "jfnn": lambda epochs: search(_ours(), epochs),
    },
}
EPOCHS = {"grid": 1, "classifier": 200, "search": 200}


def measure(load: Callable[[int], Call], epochs: int) -> dict[str, list[float]]:
    """``[seconds, CPU seconds of this process]`` of "imports" (data included), "first" call and "again"."""
    figures = {}
    for name in ("imports", "first", "again"):
        wall, cpu = time.perf_counter(), time.process_time()
        if name == "imports":
            call = load(epochs)
        else:
            call()
        figures[name] = [time.perf_counter() - wall, time.process_time() - cpu]
    return figures


def main(case: str, contender: str, epochs: str | None = None) -> int:
    """Measures and prints; the exit status."""
    warnings.simplefilter("ignore")  # fits that do not converge say so
    chosen = EPOCHS[case] if epochs is None else int(epochs)
    print(json.dumps(measure(CASES[case][contender], chosen)))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
