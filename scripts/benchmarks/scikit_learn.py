"""Train the same networks with scikit-learn: `GridSearchCV` over `MLPClassifier`, a process per core."""

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
    """Return a search to fit on the training rows that fill whole batches, followed by the test rows.

    scikit-learn minimizes the mean over the batch, penalty included: learning rates are multiplied by the
    batch size, and alpha is l2. Remaining training rows are left out, since they would make one more step.

    Args:
        workload: The workload.
        processes: Training processes; by default one per core.
    """
    network = MLPClassifier(
        hidden_layer_sizes=workload.sizes[1:-1],
        activation="logistic" if workload.activation == "sigmoid" else workload.activation,
        solver="sgd",
        momentum=0.0,
        nesterovs_momentum=False,
        batch_size=workload.batch,
        max_iter=workload.epochs,
        n_iter_no_change=workload.epochs + 1,  # no early stopping
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
    """End joblib's workers with this process, and make them ignore warnings: no network "converges".

    They idle for minutes after a search, and this process would wait for them at exit.
    """
    from joblib.externals.loky import get_reusable_executor

    os.environ["PYTHONWARNINGS"] = "ignore"
    pool = functools.partial(get_reusable_executor, reuse=True)
    multiprocessing.util.Finalize(None, lambda: pool().shutdown(kill_workers=True), exitpriority=1)


def prepare(workload: Workload, processes: int | None = None) -> Runner:
    """Return a run in float64 with its own initial weights and minibatches; by default a process per core."""
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
