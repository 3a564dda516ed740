"""One first call in a process of its own: ``python -m benchmarks.first_call CASE CONTENDER [EPOCHS]``.

It imports what it needs, calls twice, and prints seconds and CPU seconds of each of the three as JSON.
"""

import dataclasses
import json
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

# A search of 60 fits.
RATES = [1e-3, 3e-3, 1e-2]
PENALTIES = [1e-4, 1e-3, 1e-2, 1e-1]
FOLDS = 5
PROCESSES = 2  # of scikit-learn's search

Call = Callable[[], Any]


def grid(contender: str, epochs: int) -> Call:
    """The notes' 49 cells, by a sweep or by ``jit(vmap(train))``."""
    if contender == "vmap":
        from benchmarks import plain_jax, workloads

        return plain_jax.grid(dataclasses.replace(workloads.NOTES, epochs=epochs))
    import jfnn

    axis = [10.0**exponent for exponent in range(-5, 2)]
    network = jfnn.mlp((64, 50, 10))
    split = jfnn.datasets.digits()
    return lambda: jfnn.sweep(network, split, learning_rate=axis, l2=axis, epochs=epochs)


def _classes(contender: str) -> tuple[Any, Any]:
    """The classifier and the search, imported now."""
    if contender.startswith("jfnn"):
        from jfnn import estimators

        return estimators.MLPClassifier, estimators.GridSearchCV
    from sklearn.model_selection import GridSearchCV
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier, GridSearchCV


def classifier(contender: str, epochs: int) -> Call:
    """A fit of a small classifier on the irises."""
    from sklearn.datasets import load_iris

    network, _ = _classes(contender)
    rows = load_iris(return_X_y=True)
    return lambda: network((10,), max_iter=epochs, random_state=0).fit(*rows)


def search(contender: str, epochs: int) -> Call:
    """A search of 12 cells by five folds on the standardised wines, and the fit of the best."""
    from benchmarks.data import load

    network, grid_search = _classes(contender)
    rows = load("wine")
    options = {} if contender.startswith("jfnn") else {"n_jobs": PROCESSES}
    cells = {"learning_rate_init": RATES, "alpha": PENALTIES}

    def fit() -> Any:
        estimator = network((16,), max_iter=epochs, random_state=0)
        return grid_search(estimator, cells, cv=FOLDS, **options).fit(rows.x_train, rows.y_train)

    return fit


class Case(NamedTuple):
    """What processes of several contenders call."""

    load: Callable[[str, int], Call]  # ``(contender, epochs) -> call``, which imports and loads data
    contenders: tuple[str, ...]
    epochs: int


CASES = {
    "grid": Case(grid, ("vmap", "jfnn", "jfnn_kept"), 1),
    "notes": Case(grid, ("vmap", "jfnn", "jfnn_kept"), 100),
    "classifier": Case(classifier, ("sklearn", "jfnn", "jfnn_kept"), 200),
    "search": Case(search, ("sklearn", "jfnn", "jfnn_kept"), 200),
}


def timed(function: Callable[[], Any]) -> tuple[Any, tuple[float, float]]:
    """The function's result; and seconds, and CPU seconds of this process."""
    wall = time.perf_counter()
    cpu = time.process_time()
    result = function()
    return result, (time.perf_counter() - wall, time.process_time() - cpu)


def measure(load: Callable[[], Call]) -> dict[str, tuple[float, float]]:
    """Times of "imports" (data included), the "first" call and the same "again"."""
    call, imports = timed(load)
    return {"imports": imports, "first": timed(call)[1], "again": timed(call)[1]}


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # fits that do not converge say so
    case, contender, *epochs = sys.argv[1:]
    chosen = CASES[case]
    print(json.dumps(measure(lambda: chosen.load(contender, int(epochs[0]) if epochs else chosen.epochs))))
