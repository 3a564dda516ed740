"""The same networks by scikit-learn: `GridSearchCV` over `MLPClassifier`, a process a core, equal work."""

import functools
import multiprocessing.util
import os
import warnings
from typing import Any

import numpy as np
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.neural_network import MLPClassifier

from benchmarks.machine import cores
from benchmarks.workload import Outcome, Runner, Workload


def grid_search(workload: Workload, processes: int | None = None) -> GridSearchCV:
    """The search, to be fitted to the training rows that fill batches, then the test rows.

    scikit-learn minimises the mean over the batch, penalty included: learning rates are multiplied by the
    batch, alpha is l2. Other training rows are left out, as it would take them as one more step.

    Args:
        workload: The workload.
        processes: That train; by default one a core.
    """
    network = MLPClassifier(
        hidden_layer_sizes=workload.sizes[1:-1],
        activation="logistic" if workload.activation == "sigmoid" else workload.activation,
        solver="sgd",
        momentum=0.0,
        nesterovs_momentum=False,
        batch_size=workload.batch,
        max_iter=workload.epochs,
        n_iter_no_change=workload.epochs + 1,  # it never stops early
    )
    grid: dict[str, list[Any]] = {
        "learning_rate_init": [rate * workload.batch for rate in workload.learning_rates],
        "alpha": list(workload.l2s),
        "random_state": list(range(workload.seeds)),
    }
    folds = np.repeat([-1, 0], [workload.steps() * workload.batch, len(workload.rows().x_test)])
    split = PredefinedSplit(folds)
    return GridSearchCV(
        network, grid, cv=split, n_jobs=processes or cores(), refit=False, return_train_score=True
    )


def end_workers_at_exit() -> None:
    """Ends joblib's worker processes with this one, and has them ignore warnings: no network "converges".

    They idle for minutes after a search, and this process would wait for them when it ends.
    """
    from joblib.externals.loky import get_reusable_executor

    os.environ["PYTHONWARNINGS"] = "ignore"
    pool = functools.partial(get_reusable_executor, reuse=True)
    multiprocessing.util.Finalize(None, lambda: pool().shutdown(kill_workers=True), exitpriority=1)


def prepare(workload: Workload, processes: int | None = None) -> Runner:
    """Its own starting weights and minibatches, in float64; by default a process a core."""
    rows = workload.rows()
    n = workload.steps() * workload.batch
    x = np.concatenate([rows.x_train[:n], rows.x_test])
    y = np.concatenate([rows.y_train[:n], rows.y_test])
    search = grid_search(workload, processes)
    end_workers_at_exit()

    def run() -> Outcome:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = search.fit(x, y).cv_results_
        scores = np.full(workload.shape, np.nan)
        for setting, score in zip(results["params"], results["mean_test_score"], strict=True):
            scores[tuple(values.index(setting[name]) for name, values in search.param_grid.items())] = score
        return Outcome(scores)

    return run
