"""What `jfnn.estimators` gains: searches timed beside scikit-learn's, ensembles beside the best cell.

"searches" fits the same GridSearchCV, 7 learning rates × 7 penalties × 5 folds of the digits without refit,
by scikit-learn in as many processes as cores and by jfnn in this one: first with its programs to compile,
then again. "ensembles" trains a grid (7 learning rates, 5 penalties, 2 seeds) on ten splits of four data
sets, chooses an ensemble of its members on held-out rows, and prints by how much it beats the best cell on
test rows.
"""

import signal

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # there is nothing to stop yet but imports

import sys
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import stats
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.neural_network import MLPClassifier

import jfnn
from jfnn import estimators
from jfnn.cli import process
from jfnn.cli.parser import Parser
from jfnn.cli.values import count

# Name -> arguments of MLPClassifier.
NETWORKS: dict[str, dict[str, Any]] = {
    "64-8-10, relu, adam, steps of 32 rows": {"hidden_layer_sizes": (8,), "batch_size": 32},
    "64-50-10, logistic, sgd, steps of 100 rows, no stopping": {
        "hidden_layer_sizes": (50,),
        "activation": "logistic",
        "solver": "sgd",
        "momentum": 0.0,
        "batch_size": 100,
        "tol": 0.0,
        "n_iter_no_change": 10_000,
    },
    "64-100-10, relu, adam, steps of 200 rows (scikit-learn's defaults)": {},
}
GRID = {"learning_rate_init": np.logspace(-4, -1, 7), "alpha": np.logspace(-5, 1, 7)}
RATES, PENALTIES, SEEDS = np.logspace(-4, -1, 7), np.logspace(-5, -1, 5), 2

Rows = tuple[np.ndarray, np.ndarray]


def timed(search: Any, rows: Rows) -> float:
    """Seconds of a search."""
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        search.fit(*rows)
    return time.perf_counter() - started


def searches(rounds: int, epochs: int) -> None:
    """Times each network's search in every way, and prints the medians.

    Args:
        rounds: Searches by scikit-learn, and by jfnn after its first one.
        epochs: ``max_iter``.
    """
    x, y = load_digits(return_X_y=True)
    rows, folds = (x / 16, y), StratifiedKFold(5, shuffle=True, random_state=0)
    for name, arguments in NETWORKS.items():
        common = {"max_iter": epochs, "random_state": 0, **arguments}
        ours = estimators.GridSearchCV(estimators.MLPClassifier(**common), GRID, cv=folds, refit=False)
        theirs = GridSearchCV(MLPClassifier(**common), GRID, cv=folds, refit=False, n_jobs=-1)
        theirs.set_params(pre_dispatch="all")
        cold, warm, other = timed(ours, rows), [], []
        for _ in range(rounds):
            other.append(timed(theirs, rows))
            warm.append(timed(ours, rows))
        print(
            f"{name}: scikit-learn {np.median(other):.1f} s,"
            f" jfnn {cold:.1f} s with compiling ({np.median(other) / cold:.1f}×),"
            f" again {np.median(warm):.1f} s ({np.median(other) / np.median(warm):.1f}×)"
        )
        for of, search in (("scikit-learn", theirs), ("jfnn", ours)):
            print(f"  {of}: {search.best_score_:.4f} at {search.best_params_}", flush=True)


def data_sets() -> dict[str, Callable[[], Rows]]:
    """Name -> all rows."""

    def mnist1d() -> Rows:
        split = jfnn.datasets.mnist1d()
        x = np.concatenate([split.x_train, split.x_test])
        return x, np.concatenate([split.y_train, split.y_test])

    return {
        "digits": lambda: load_digits(return_X_y=True),
        "wine": lambda: load_wine(return_X_y=True),
        "breast cancer": lambda: load_breast_cancer(return_X_y=True),
        "MNIST-1D": mnist1d,
    }


def gain(rows: Rows, random_state: int, epochs: int) -> float:
    """Test accuracy of an ensemble less that of the best cell, in points, on one split."""
    fitted, x_test, fitted_labels, y_test = train_test_split(
        *rows, test_size=0.25, random_state=random_state, stratify=rows[1]
    )
    x, x_held_out, y, y_held_out = train_test_split(
        fitted, fitted_labels, test_size=0.25, random_state=random_state, stratify=fitted_labels
    )
    others = np.concatenate([x_held_out, x_test]), np.concatenate([y_held_out, y_test])
    split = jfnn.datasets.standardise(jfnn.Split(x, y, *others))
    x_held_out, x_test = np.split(split.x_test, [len(y_held_out)])
    network = jfnn.mlp((x.shape[1], 50, len(np.unique(y))), "relu", init="glorot_uniform")
    result = jfnn.sweep(
        network,
        split._replace(x_test=x_held_out, y_test=y_held_out),
        learning_rate=RATES,
        l2=PENALTIES,
        seeds=SEEDS,
        optimizer="adam",
        reduction="mean",
        epochs=epochs,
        batch_size=min(100, len(x)),
    )
    ensemble = jfnn.Ensemble.of_sweep(network, result, x_held_out, y_held_out)
    of_cells = np.where(np.isnan(result.test_accuracy), -np.inf, result.test_accuracy).mean(axis=2)
    rate, penalty = np.unravel_index(np.argmax(of_cells), of_cells.shape)
    alone = [
        (jfnn.predict(network, result.member(int(rate), int(penalty), seed), x_test) == y_test).mean()
        for seed in range(SEEDS)
    ]
    return 100 * float((ensemble.predict(x_test) == y_test).mean() - np.mean(alone))


def ensembles(splits: int, epochs: int) -> None:
    """Prints the mean gain over splits of each data set, with a t interval of 95%."""
    for name, load in data_sets().items():
        rows = load()
        gains = np.array([gain(rows, random_state, epochs) for random_state in range(splits)])
        half = stats.t.ppf(0.975, splits - 1) * stats.sem(gains)
        verdict = (
            "more" if gains.mean() > half else "less" if gains.mean() < -half else "nil within its error"
        )
        print(f"{name}: {gains.mean():+.2f} ± {half:.2f} points over {splits} splits: {verdict}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the sections.

    Args:
        arguments: The command line.

    Returns:
        The exit status.
    """
    parser = Parser(description=__doc__)
    parser.add_argument("--sections", nargs="+", choices=("searches", "ensembles"), help="default: both")
    parser.add_argument("--rounds", type=count(1), default=3, help="times of each search; default: 3")
    parser.add_argument("--max-iter", type=count(1), default=100, help="epochs of a fit; default: 100")
    parser.add_argument("--splits", type=count(2), default=10, help="splits of each data set; default: 10")
    parser.add_argument("--epochs", type=count(1), default=40, help="epochs of an ensemble; default: 40")
    options = parser.parse_args(arguments)
    sections = options.sections or ("searches", "ensembles")
    if "searches" in sections:
        searches(options.rounds, options.max_iter)
    if "ensembles" in sections:
        ensembles(options.splits, options.epochs)
    return 0


if __name__ == "__main__":
    jfnn.use_all_cores()
    sys.exit(process.run(main, "searches.py"))
