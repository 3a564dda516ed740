"""Time one first call in its own process.

    python -m benchmarks.first_call CASE CONTENDER [EPOCHS]

imports what it needs, calls twice, and prints seconds and CPU seconds of the three steps as JSON.
"""

import dataclasses
import functools
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
NETWORKS = (1, 3, 10, 30, 100, 300, 1000)  # of the crossings
COMPILED = ("vmap", "vmap_kept", "jfnn", "jfnn_kept")  # contenders that compile a grid, or load it
POOLED = 30  # scikit-learn trains more with a process per core; fewer end before its processes start

Call = Callable[[], Any]


def grid(contender: str, epochs: int, workload: str = "NOTES", networks: int | None = None) -> Call:
    """Return a call that trains all cells of a workload, or ``networks`` learning rates."""
    from benchmarks import workloads

    chosen = dataclasses.replace(getattr(workloads, workload), epochs=epochs)
    if networks is not None:
        (rate, l2) = chosen.reference
        rates = tuple(rate * 10 ** (-2 * i / networks) for i in range(networks))
        chosen = dataclasses.replace(chosen, learning_rates=rates, l2s=(l2,), seeds=1, summary=None)
    if contender.startswith("vmap"):
        from benchmarks import plain_jax

        return plain_jax.grid(chosen)
    if contender == "sklearn":
        from benchmarks import scikit_learn

        return scikit_learn.prepare(chosen, processes=1 if chosen.members < POOLED else None)
    import jfnn
    from benchmarks.jfnn_sweep import network

    split = jfnn.Split(*chosen.rows())
    return lambda: jfnn.sweep(
        network(chosen),
        split,
        learning_rate=chosen.learning_rates,
        l2=chosen.l2s,
        epochs=epochs,
        batch_size=chosen.batch,
        reduction="sum",
    )


def _classes(contender: str) -> tuple[Any, Any]:
    """Import and return the classifier and the search."""
    if contender.startswith("jfnn"):
        from jfnn import estimators

        return estimators.MLPClassifier, estimators.GridSearchCV
    from sklearn.model_selection import GridSearchCV
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier, GridSearchCV


def classifier(contender: str, epochs: int) -> Call:
    """Return a fit of a small classifier on the irises."""
    from sklearn.datasets import load_iris

    network, _ = _classes(contender)
    rows = load_iris(return_X_y=True)
    return lambda: network((10,), max_iter=epochs, random_state=0).fit(*rows)


def search(contender: str, epochs: int) -> Call:
    """Return a search of 12 cells with five folds on the standardized wines, refit included."""
    from benchmarks.data import load

    network, grid_search = _classes(contender)
    rows = load("wine")
    options = {} if contender.startswith("jfnn") else {"n_jobs": PROCESSES}
    cells = {"learning_rate_init": RATES, "alpha": PENALTIES}

    def fit() -> Any:
        estimator = network((16,), max_iter=epochs, random_state=0)
        return grid_search(estimator, cells, cv=FOLDS, **options).fit(rows.x_train, rows.y_train)

    return fit


class ProcessCase(NamedTuple):
    """The call that processes of several contenders make."""

    title: str
    # ``(contender, epochs) -> call``, which imports and loads data.
    load: Callable[..., Call]
    contenders: tuple[str, ...]
    epochs: int
    again: bool = True  # whether each process calls twice


def crossing(title: str, workload: str) -> dict[int, ProcessCase]:
    """Return a case per number of networks of a workload (learning rates of one penalty): number -> case."""
    contenders = ("sklearn", *COMPILED)
    loads = {n: functools.partial(grid, workload=workload, networks=n) for n in NETWORKS}
    return {
        n: ProcessCase(f"{n:,} of {title}", load, contenders, 100, again=False) for n, load in loads.items()
    }


FIRST_CALLS = {
    "grid": ProcessCase("a first sweep: the notes' 49 networks 64-50-10, 1 epoch", grid, COMPILED, 1),
    "notes": ProcessCase("the notes' grid: these networks, 100 epochs", grid, COMPILED, 100),
    "classifier": ProcessCase(
        "MLPClassifier((10,)).fit on the irises", classifier, ("sklearn", "jfnn", "jfnn_kept"), 200
    ),
    "search": ProcessCase(
        "GridSearchCV of 60 fits, 13-16-3 on the wines", search, ("sklearn", "jfnn", "jfnn_kept"), 200
    ),
}
CROSSINGS = {
    "digits": crossing("64-50-10 on the digits, batch 100, 100 epochs", "NOTES"),
    "iris": crossing("4-10-3 on the irises, batch 20, 100 epochs", "IRIS"),
}
# Kind of figures -> cases by the names of their figures.
KINDS = {
    "first_calls": FIRST_CALLS,
    "crossings": {f"{name}_{n}": case for name, cases in CROSSINGS.items() for n, case in cases.items()},
}
CASES = {name: case for cases in KINDS.values() for name, case in cases.items()}


def timed(function: Callable[[], Any]) -> tuple[Any, tuple[float, float]]:
    """Return a function's result, and the seconds and CPU seconds of this process."""
    wall = time.perf_counter()
    cpu = time.process_time()
    result = function()
    return result, (time.perf_counter() - wall, time.process_time() - cpu)


def measure(load: Callable[[], Call], again: bool = True) -> dict[str, tuple[float, float]]:
    """Return times of "imports" (data included), the "first" call and, if requested, the same "again"."""
    call, imports = timed(load)
    return {"imports": imports} | {name: timed(call)[1] for name in ("first", "again")[: 1 + again]}


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # about fits that do not converge
    name, contender, *epochs = sys.argv[1:]
    case = CASES[name]
    load = functools.partial(case.load, contender, int(epochs[0]) if epochs else case.epochs)
    print(json.dumps(measure(load, case.again)))
