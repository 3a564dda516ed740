"""The gain of `jfnn.estimators`: searches timed beside scikit-learn's, ensembles beside the best cell.

"searches" fits the same GridSearchCV, 7 learning rates × 7 penalties × 5 folds of the digits without refit,
by scikit-learn in as many processes as cores and by jfnn in this one: first with its programs to compile,
then again. "ensembles" trains a grid (7 learning rates, 5 penalties, 2 seeds) on ten splits of four data
sets, chooses an ensemble of its members on held-out rows, and prints by how much it beats the best cell on
test rows.
"""

import functools
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from console import Parser, add_sections, count, run
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.neural_network import MLPClassifier
from verdicts import mean_interval

import jfnn
from jfnn import estimators

Rows = tuple[np.ndarray, np.ndarray]

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
RATES, PENALTIES, SEEDS = np.logspace(-4, -1, 7), np.logspace(-5, -1, 5), 2  # of the ensembles


def mnist1d() -> Rows:
    """Training and test rows together."""
    x, y, x_test, y_test, *_ = jfnn.datasets.mnist1d()
    return np.concatenate([x, x_test]), np.concatenate([y, y_test])


DATA: dict[str, Callable[[], Rows]] = {
    "digits": lambda: load_digits(return_X_y=True),
    "wine": lambda: load_wine(return_X_y=True),
    "breast cancer": lambda: load_breast_cancer(return_X_y=True),
    "MNIST-1D": mnist1d,
}


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
        cold = timed(ours, rows)
        in_turns = [(timed(theirs, rows), timed(ours, rows)) for _ in range(rounds)]
        other, warm = np.median(in_turns, axis=0)
        print(
            f"{name}: scikit-learn {other:.1f} s, jfnn {cold:.1f} s with compiling ({other / cold:.1f}×),"
            f" again {warm:.1f} s ({other / warm:.1f}×)"
        )
        for package, search in (("scikit-learn", theirs), ("jfnn", ours)):
            print(f"  {package}: {search.best_score_:.4f} at {search.best_params_}", flush=True)


def gain(rows: Rows, random_state: int, epochs: int) -> float:
    """Test accuracy of an ensemble less that of the best cell, in points, on one split."""

    quarter = functools.partial(train_test_split, test_size=0.25, random_state=random_state)
    x, x_test, y, y_test = quarter(*rows, stratify=rows[1])
    x, x_held_out, y, y_held_out = quarter(x, y, stratify=y)
    split = jfnn.datasets.standardise(jfnn.Split(x, y, x_held_out, y_held_out))
    x_held_out, x_test = split.x_test, jfnn.datasets.standardise(jfnn.Split(x, y, x_test, y_test)).x_test
    network = jfnn.mlp((x.shape[1], 50, len(np.unique(y))), "relu", init="glorot_uniform")
    result = jfnn.sweep(
        network,
        split,
        learning_rate=RATES,
        l2=PENALTIES,
        seeds=SEEDS,
        optimizer="adam",
        reduction="mean",
        epochs=epochs,
        batch_size=min(100, len(x)),
    )
    ensemble = jfnn.Ensemble.of_sweep(network, result, x_held_out, y_held_out)
    best = result.best().index
    members = [result.member(*best, seed) for seed in range(SEEDS)]
    alone = [jfnn.accuracy(network, params, x_test, y_test) for params in members]
    return 100 * float((ensemble.predict(x_test) == y_test).mean() - np.mean(alone))


def ensembles(splits: int, epochs: int) -> None:
    """Prints the mean gain over splits of each data set, with a t interval of 95%."""
    for name, load in DATA.items():
        rows = load()
        mean, half = mean_interval([gain(rows, random_state, epochs) for random_state in range(splits)])
        verdict = "more" if mean > half else "less" if mean < -half else "nil within its error"
        print(f"{name}: {mean:+.2f} ± {half:.2f} points over {splits} splits: {verdict}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the sections."""
    parser = Parser(description=__doc__)
    add_sections(parser, ("searches", "ensembles"))
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
    run(main)
