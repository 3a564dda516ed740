"""The gain of `jfnn.estimators`: searches timed beside scikit-learn's, ensembles beside the best cell.

"searches" fits the same GridSearchCV, 7 learning rates × 7 penalties × 5 folds of the digits without refit,
by scikit-learn in as many processes as cores and by jfnn in this one: first with its programs to compile,
then again. "first" times the first call of 24 fits and searches, each in a process of its own, with the code
that ``engine="auto"`` chooses. "constants" measures what that choice goes by (`jfnn.estimators.choice`) on
this machine. "ensembles" trains a grid (7 learning rates, 5 penalties, 2 seeds) on ten splits of four data
sets, chooses an ensemble of its members on held-out rows, and prints by how much it beats the best cell on
test rows.
"""

import argparse
import functools
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
from console import Parser, add_sections, count, run
from sklearn import model_selection, neural_network
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits
from verdicts import mean_interval

import jfnn
from jfnn import estimators
from jfnn.estimators import choice

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
RATES = np.logspace(-4, -1, 7)
PENALTIES = np.logspace(-5, -1, 5)
SEEDS = 2  # of the ensembles


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
    rows = (x / 16, y)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
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


# Of the first calls: name -> rows, and units of the hidden layer.
ROWS: dict[str, tuple[Callable[[], Rows], int]] = {
    "iris": (lambda: load_iris(return_X_y=True), 10),
    "wine": (lambda: load_wine(return_X_y=True), 16),
    "digits": (lambda: load_digits(return_X_y=True), 50),
    "3,000 rows": (lambda: make_classification(3000, 30, n_informative=10, n_classes=4, random_state=0), 100),
}
CANDIDATES = {"learning_rate_init": [1e-3, 3e-3, 1e-2], "alpha": [1e-4, 1e-3, 1e-2, 1e-1]}
# Name -> search and its grid, if any, and arguments of MLPClassifier.
KINDS: dict[str, tuple[str | None, dict[str, Any], dict[str, Any]]] = {
    "fit": (None, {}, {}),
    "fit to the end": (None, {}, {"tol": 0.0, "n_iter_no_change": 10_000, "max_iter": 1000}),
    "early stopping": (None, {}, {"early_stopping": True}),
    "12 candidates": ("GridSearchCV", CANDIDATES, {"max_iter": 100}),
    "4 structures": (
        "GridSearchCV",
        {"hidden_layer_sizes": [(8,), (16,), (24,), (32,)], "alpha": [1e-4, 1e-2]},
        {"max_iter": 100},
    ),
    "halving": ("HalvingGridSearchCV", CANDIDATES, {"max_iter": 100}),
}
PACKAGES = ("scikit-learn", "jfnn")
# Seconds of scikit-learn's work that pay for one second of compiling: the first call may lose by it, later
# ones compile nothing.
PAYS = 1.25


def first_call(data: str, kind: str, package: str) -> None:
    """Prints the seconds of one first call by a package, and the engine."""
    load, units = ROWS[data]
    name, grid, arguments = KINDS[kind]
    x, y = load()
    rows = ((x - x.mean(axis=0)) / (x.std(axis=0) + 1e-9), y)
    networks = estimators if package == "jfnn" else neural_network
    searchers = estimators if package == "jfnn" else model_selection
    perceptron = networks.MLPClassifier(**{"hidden_layer_sizes": (units,), "random_state": 0} | arguments)
    options = {"random_state": 0} if name == "HalvingGridSearchCV" else {}
    fitted = perceptron if name is None else vars(searchers)[name](perceptron, grid, cv=3, **options)
    seconds = timed(fitted, rows)
    best = fitted if name is None else fitted.best_estimator_
    print(seconds, vars(best).get("engine_", package))


def first() -> None:
    """Prints seconds of the first call of every case by both packages, and what choice did."""
    ratios = []
    for data in ROWS:
        for kind in KINDS:
            found = []
            for package in PACKAGES:
                command = [sys.executable, __file__, "--case", data, kind, package]
                line = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
                found.append((float(line[0]), line[1]))
            (theirs, _), (ours, engine) = found
            ratios.append(theirs / ours)
            print(
                f"{data}, {kind}: scikit-learn {theirs:.2f} s, jfnn {ours:.2f} s by {engine}:"
                f" {theirs / ours:.2f}×",
                flush=True,
            )
    print(f"least {min(ratios):.2f}×, {sum(ratio < 0.85 for ratio in ratios)} of {len(ratios)} below 0.85×")


def seconds_of(perceptron: Any, rows: Rows, repeats: int = 5) -> float:
    """Least seconds of a core of a fit."""
    spent = []
    for _ in range(repeats):
        started = time.process_time()
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore", ConvergenceWarning)
            clone(perceptron).fit(*rows)
        spent.append(time.process_time() - started)
    return min(spent)


def constants() -> None:
    """Prints the constants of `jfnn.estimators.choice` as they are on this machine, and as they stand."""
    x, y = load_digits(return_X_y=True)
    epochs = {"max_iter": 20, "tol": 0.0, "n_iter_no_change": 100, "random_state": 0}
    small_rows = (x[:1600, 20:24], y[:1600] % 3)
    large_rows = (x[:1600] / 16, y[:1600])
    small = seconds_of(MLPClassifier((3,), batch_size=4, **epochs), small_rows) / (20 * 400)
    large = seconds_of(MLPClassifier((100,), batch_size=200, **epochs), large_rows) / (20 * 8)
    step = 200 * (64 * 100 + 100 * 10) * small / (large - small)
    compiling = []
    for units in (17, 41, 93):
        perceptron = estimators.MLPClassifier((units,), engine="jfnn", **epochs | {"max_iter": 1})
        compiling.append(seconds_of(perceptron, large_rows, 1) - seconds_of(perceptron, large_rows))
    program = PAYS * float(np.median(compiling)) / small
    print(f"a small step takes scikit-learn {1e6 * small:.0f} µs, a program {np.median(compiling):.2f} s")
    print(f"STEP = {step:,.0f}, which stands as {choice.STEP:,}")
    print(f"PROGRAM = {program:,.0f}, which stands as {choice.PROGRAM:,}")


def gain(rows: Rows, random_state: int, epochs: int) -> float:
    """Test accuracy of an ensemble less that of the best cell, in points, on one split."""
    quarter = functools.partial(train_test_split, test_size=0.25, random_state=random_state)
    x, x_test, y, y_test = quarter(*rows, stratify=rows[1])
    x, x_held_out, y, y_held_out = quarter(x, y, stratify=y)
    split = jfnn.datasets.standardise(jfnn.Split(x, y, x_held_out, y_held_out))
    x_held_out = split.x_test
    x_test = jfnn.datasets.standardise(jfnn.Split(x, y, x_test, y_test)).x_test
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


SECTIONS: dict[str, Callable[[argparse.Namespace], None]] = {
    "searches": lambda options: searches(options.rounds, options.max_iter),
    "first": lambda options: first(),
    "constants": lambda options: constants(),
    "ensembles": lambda options: ensembles(options.splits, options.epochs),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the sections."""
    parser = Parser(description=__doc__)
    add_sections(parser, SECTIONS)
    parser.add_argument("--rounds", type=count(1), default=3, help="times of each search; default: 3")
    parser.add_argument("--max-iter", type=count(1), default=100, help="epochs of a fit; default: 100")
    parser.add_argument("--splits", type=count(2), default=10, help="splits of each data set; default: 10")
    parser.add_argument("--epochs", type=count(1), default=40, help="epochs of an ensemble; default: 40")
    parser.add_argument(
        "--case",
        nargs=3,
        metavar=("DATA", "KIND", "PACKAGE"),
        help='one first call, such as "digits" "halving" "jfnn", and nothing else',
    )
    options = parser.parse_args(arguments)
    if options.case is not None:
        words: tuple[Collection[str], ...] = (ROWS, KINDS, PACKAGES)
        for word, known in zip(options.case, words, strict=True):
            if word not in known:
                parser.error(f"--case: expected one of {', '.join(known)}, got {word!r}")
        first_call(*options.case)
        return 0
    for name in options.sections or SECTIONS:
        SECTIONS[name](options)
    return 0


if __name__ == "__main__":
    jfnn.use_all_cores()
    run(main)
