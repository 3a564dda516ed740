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
EPOCHS = {"grid": 1, "classifier": 200, "search": 200}

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

    from benchmarks.plain_jax import grid
    from benchmarks.workloads import NOTES

    return grid(dataclasses.replace(NOTES, epochs=epochs))


def _classes(ours: bool) -> tuple[Any, Any]:
    """The classifier and the search, imported now."""
    if ours:
        from jfnn import estimators

        return estimators.MLPClassifier, estimators.GridSearchCV
    from sklearn.model_selection import GridSearchCV
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier, GridSearchCV


def classifier(epochs: int, ours: bool) -> Call:
    """A fit of a small classifier on the irises."""
    from sklearn.datasets import load_iris

    network, _ = _classes(ours)
    rows = load_iris(return_X_y=True)
    return lambda: network((10,), max_iter=epochs, random_state=0).fit(*rows)


def search(epochs: int, ours: bool) -> Call:
    """A search of 12 cells by five folds on the standardised wines, and the fit of the best."""
    from benchmarks.data import load

    network, grid_search = _classes(ours)
    rows, options = load("wine"), {} if ours else {"n_jobs": PROCESSES}
    grid = {"learning_rate_init": RATES, "alpha": PENALTIES}

    def fit() -> Any:
        estimator = network((16,), max_iter=epochs, random_state=0)
        return grid_search(estimator, grid, cv=FOLDS, **options).fit(rows.x_train, rows.y_train)

    return fit


# Case -> contender -> ``epochs -> the call``, with its imports and data.
CASES: dict[str, dict[str, Callable[[int], Call]]] = {
    "grid": {"vmap": grid_by_vmap, "jfnn": grid_by_jfnn},
    "classifier": {
        "sklearn": lambda epochs: classifier(epochs, ours=False),
        "jfnn": lambda epochs: classifier(epochs, ours=True),
    },
    "search": {
        "sklearn": lambda epochs: search(epochs, ours=False),
        "jfnn": lambda epochs: search(epochs, ours=True),
    },
}


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


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # fits that do not converge say so
    case, contender, *epochs = sys.argv[1:]
    print(json.dumps(measure(CASES[case][contender], int(epochs[0]) if epochs else EPOCHS[case])))
