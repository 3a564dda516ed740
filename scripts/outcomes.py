"""Compare jfnn's defaults with scikit-learn's: accuracy, searches and first calls.

"accuracy" trains the default network n-50-k on five splits of nine data sets, four of them regressions: once
with Adam at a rate of 1e-3, and once with gradient descent, whose best of seven rates is chosen on held-out
rows and retrained on all rows. It prints the median test accuracy, or R², and the same for scikit-learn's
perceptrons with 100 hidden units (the default) and with 50. "searches" times searches and a fit of
`jfnn.estimators`. "first_calls" times a process's first network with a cold and a warm cache, and a second.

All options except the number of epochs have their defaults. The script exits with 1 if a target is missed:
scores at most 1.5 points (better of both optimizers) and 4 points (Adam alone) below scikit-learn's default,
and the targets of `scripts/searches.py`.
"""

import argparse
import functools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks import search_calls
from benchmarks.machine import environment
from benchmarks.report import markdown, seconds
from benchmarks.search_call import THEIRS
from console import Parser, add_sections, count, path, run
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_wine,
    make_classification,
    make_friedman1,
    make_friedman3,
    make_moons,
    make_regression,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor

import jfnn

Rows = tuple[np.ndarray, np.ndarray]

CLASSES: dict[str, Callable[[], Rows]] = {
    "digits": lambda: load_digits(return_X_y=True),
    "wine": lambda: load_wine(return_X_y=True),
    "cancer": lambda: load_breast_cancer(return_X_y=True),
    "moons": lambda: make_moons(600, noise=0.2, random_state=0),
    "four classes of 20": lambda: make_classification(
        600, 20, n_informative=8, n_redundant=2, n_classes=4, random_state=0
    ),
}
NUMBERS: dict[str, Callable[[], Rows]] = {
    "friedman1": lambda: make_friedman1(400, noise=1.0, random_state=0),
    "friedman3": lambda: make_friedman3(400, noise=0.1, random_state=0),
    "linear": lambda: make_regression(300, 20, n_informative=10, noise=20.0, random_state=0),
    "diabetes": lambda: load_diabetes(return_X_y=True),
}
DATA = CLASSES | NUMBERS
WIDTH = 50
RATES = np.logspace(-3, 0, 7)
# Allowed deficits to scikit-learn's default, in points: the better of both, and Adam alone.
BETTER_OF_BOTH, ADAM = 1.5, 4.0
SEARCHES = ("digits, 9 × 3", "wine, 9 × 5", "digits, one fit")
CALLS = ("first ever", "second process", "again")


def split_of(name: str, seed: int) -> jfnn.Split:
    """Return a split with a quarter of the rows for testing, standardized by the training rows."""
    x, y = DATA[name]()
    classes = y if name in CLASSES else None
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.25, random_state=seed, stratify=classes)
    return jfnn.datasets.standardize(jfnn.Split(x, y, x_test, y_test))


def is_regression(split: jfnn.Split) -> bool:
    """Return whether the targets are numbers instead of labels."""
    return np.asarray(split.y_train).dtype.kind == "f"


def network_of(split: jfnn.Split) -> jfnn.Network:
    """Return the default network n-50-k, with one output for regression."""
    outputs = 1 if is_regression(split) else len(np.unique(split.y_train))
    return jfnn.mlp((split.x_train.shape[1], WIDTH, outputs))


def loss_of(split: jfnn.Split) -> str:
    """Return the loss for the targets."""
    return "quadratic" if is_regression(split) else "cross_entropy"


def by_theirs(split: jfnn.Split, seed: int, epochs: int, width: int = 100) -> float:
    """Return the test score of scikit-learn's default (100 hidden units), with ``max_iter=epochs``."""
    estimator = MLPRegressor if is_regression(split) else MLPClassifier
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = estimator(hidden_layer_sizes=(width,), max_iter=epochs, random_state=seed)
        fitted.fit(split.x_train, split.y_train)
    return float(fitted.score(split.x_test, split.y_test))


def by_search(split: jfnn.Split, seed: int, epochs: int) -> float:
    """Return the test score of gradient descent at the best rate on held-out rows, retrained on all rows."""
    found = jfnn.sweep(
        network_of(split),
        split,
        loss=loss_of(split),
        learning_rate=RATES,
        epochs=epochs,
        seeds=[seed],
        validation=0.2,
        refit=True,
    )
    assert found.refit is not None
    return float(np.squeeze(found.refit.test_r2 if is_regression(split) else found.refit.test_accuracy))


def by_adam(split: jfnn.Split, seed: int, epochs: int) -> float:
    """Return the test score of Adam at the rate that its authors recommend."""
    found = jfnn.sweep(
        network_of(split),
        split,
        loss=loss_of(split),
        optimizer="adam",
        learning_rate=1e-3,
        epochs=epochs,
        seeds=[seed],
    )
    return float(np.squeeze(found.test_r2 if is_regression(split) else found.test_accuracy))


WAYS: dict[str, Callable[[jfnn.Split, int, int], float]] = {
    THEIRS: by_theirs,
    f"{THEIRS}, {WIDTH} units": functools.partial(by_theirs, width=WIDTH),
    "search": by_search,
    "Adam": by_adam,
}


def scores(splits: int, epochs: int, data: Sequence[str] = tuple(DATA)) -> dict[str, dict[str, float]]:
    """Return the median test accuracy or R² in percent: data -> way -> number."""
    found = {}
    for name in data:
        cut = [split_of(name, seed) for seed in range(splits)]
        found[name] = {
            way: statistics.median(100 * score(split, seed, epochs) for seed, split in enumerate(cut))
            for way, score in WAYS.items()
        }
    return found


def deficits(found: dict[str, float]) -> tuple[float, float]:
    """Return the deficits to scikit-learn's default in points: the better of search and Adam, and Adam."""
    return found[THEIRS] - max(found["search"], found["Adam"]), found[THEIRS] - found["Adam"]


def call(package: str) -> None:
    """Print the seconds of this process's first two networks, with defaults on the digits."""
    split = split_of("digits", 0)
    fit = functools.partial(by_theirs if package == THEIRS else by_adam, split, 0, 20)
    times = []
    for _ in range(2):
        started = time.perf_counter()
        fit()
        times.append(time.perf_counter() - started)
    print(json.dumps(times))


def first_calls(rounds: int) -> dict[str, list[float]]:
    """Return the least seconds of `CALLS` by package: scikit-learn's default, and jfnn with Adam."""
    found = {}
    for package in (THEIRS, "jfnn"):
        turns = []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                command = [sys.executable, __file__, "--call", package]
                variables = os.environ | {"JFNN_PROGRAMS": folder}
                outputs = [
                    subprocess.run(command, env=variables, check=True, capture_output=True, text=True).stdout
                    for _ in range(2)
                ]
            (ever, _), (first, again) = map(json.loads, outputs)
            turns.append((ever, first, again))
        found[package] = [min(times) for times in zip(*turns, strict=True)]
    return found


def show_accuracies(options: argparse.Namespace, figures: dict[str, Any]) -> list[str]:
    """Print the accuracies and R², and return the missed targets."""
    figures["accuracy"] = scores(options.splits, options.epochs)
    rows = [("", *WAYS)]
    rows += [(name, *(f"{found[way]:.1f}" for way in WAYS)) for name, found in figures["accuracy"].items()]
    print(markdown(rows), flush=True)
    missed = []
    for name, found in figures["accuracy"].items():
        for what, deficit, most in zip(
            ("the better of search and Adam", "Adam"),
            deficits(found),
            (BETTER_OF_BOTH, ADAM),
            strict=True,
        ):
            if deficit > most + 1e-9:
                missed.append(f"{name}: {what} is {deficit:.1f} points below scikit-learn's default")
    return missed


def show_searches(options: argparse.Namespace, figures: dict[str, Any]) -> list[str]:
    """Print the searches and return the missed targets."""
    times = {case: search_calls.measured(case, options.rounds) for case in SEARCHES}
    figures["searches"] = {
        case: {engine: found._asdict() for engine, found in by_engine.items()}
        for case, by_engine in times.items()
    }
    print(markdown(search_calls.rows(figures["searches"], dict(zip(SEARCHES, SEARCHES, strict=True)))))
    return [f"{case}: {mark}" for case, found in times.items() for mark in search_calls.below(found)]


def show_first_calls(options: argparse.Namespace, figures: dict[str, Any]) -> list[str]:
    """Print the first calls."""
    figures["first_calls"] = first_calls(options.rounds)
    rows = [("20 epochs of the digits, s", *CALLS)]
    rows += [(package, *map(seconds, times)) for package, times in figures["first_calls"].items()]
    print(markdown(rows), flush=True)
    return []


SECTIONS: dict[str, Callable[[argparse.Namespace, dict[str, Any]], list[str]]] = {
    "accuracy": show_accuracies,
    "searches": show_searches,
    "first_calls": show_first_calls,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sections; return 1 if a target is missed."""
    parser = Parser(description=__doc__)
    add_sections(parser, SECTIONS)
    parser.add_argument("--splits", type=count(1), default=5, help="splits of each data set; default: 5")
    parser.add_argument("--epochs", type=count(1), default=200, help="epochs of each network; default: 200")
    parser.add_argument("--rounds", type=count(1), default=3, help="repetitions of each timing; default: 3")
    parser.add_argument("--json", type=path, help="file of all figures")
    parser.add_argument("--call", choices=(THEIRS, "jfnn"), help="only time the first calls of one process")
    options = parser.parse_args(arguments)
    if options.call is not None:
        call(options.call)
        return 0
    figures: dict[str, Any] = {"environment": environment(["cpu"])}
    missed: list[str] = []
    for name in options.sections or SECTIONS:
        missed += SECTIONS[name](options, figures)
        print(flush=True)
    print(*missed, sep="\n")
    if options.json is not None:
        Path(options.json).write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    jfnn.use_all_cores()
    run(main)
