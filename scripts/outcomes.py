"""What a user gets without a setting: accuracy, searches and first calls beside scikit-learn's defaults.

"accuracy" trains the default network n-50-k on five splits of five data sets, once by Adam at a rate of 1e-3
and once by gradient descent, whose best rate of seven is chosen on held-out rows and trained again on all; it
prints the median test accuracy beside that of scikit-learn's MLPClassifier. "searches" times searches and a
fit of `jfnn.estimators`, and "first_calls" the first network of a process, where no program is kept, where
another process has kept them, and again.

Nothing that has a default is named here but the number of epochs. The script exits with 1 where a mark is
missed: accuracies within 1.5 points of scikit-learn's (the better of both ways) and 4 (Adam alone), and the
marks of `scripts/searches.py`.
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
from sklearn.datasets import load_breast_cancer, load_digits, load_wine, make_classification, make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import jfnn

Rows = tuple[np.ndarray, np.ndarray]

DATA: dict[str, Callable[[], Rows]] = {
    "digits": lambda: load_digits(return_X_y=True),
    "wine": lambda: load_wine(return_X_y=True),
    "cancer": lambda: load_breast_cancer(return_X_y=True),
    "moons": lambda: make_moons(600, noise=0.2, random_state=0),
    "four classes of 20": lambda: make_classification(
        600, 20, n_informative=8, n_redundant=2, n_classes=4, random_state=0
    ),
}
WIDTH = 50
RATES = np.logspace(-3, 0, 7)
WAYS = (THEIRS, "search", "Adam")
# Points by which the better of both, and Adam alone, may be below scikit-learn's default.
BETTER_OF_BOTH, ADAM = 1.5, 4.0
SEARCHES = ("digits, 9 × 3", "wine, 9 × 5", "digits, one fit")
CALLS = ("first ever", "second process", "again")


def split_of(rows: Rows, seed: int) -> jfnn.Split:
    """Three quarters to train on, a quarter to test on, standardised by those to train on."""
    x, x_test, y, y_test = train_test_split(*rows, test_size=0.25, random_state=seed, stratify=rows[1])
    return jfnn.datasets.standardise(jfnn.Split(x, y, x_test, y_test))


def network_of(split: jfnn.Split) -> jfnn.Network:
    """The default network n-50-k."""
    return jfnn.mlp((split.x_train.shape[1], WIDTH, len(np.unique(split.y_train))))


def by_theirs(split: jfnn.Split, seed: int, epochs: int) -> float:
    """Test accuracy of scikit-learn's default, whose ``max_iter`` these epochs are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = MLPClassifier(max_iter=epochs, random_state=seed).fit(split.x_train, split.y_train)
    return float(fitted.score(split.x_test, split.y_test))


def by_search(split: jfnn.Split, seed: int, epochs: int) -> float:
    """Test accuracy of the best rate of gradient descent, on a fifth held out, trained again on all rows."""
    found = jfnn.sweep(
        network_of(split),
        split,
        learning_rate=RATES,
        epochs=epochs,
        seeds=[seed],
        validation=0.2,
        refit=True,
    )
    assert found.refit is not None
    return float(np.squeeze(found.refit.test_accuracy))


def by_adam(split: jfnn.Split, seed: int, epochs: int) -> float:
    """Test accuracy by Adam at the rate that its authors name."""
    found = jfnn.sweep(
        network_of(split),
        split,
        optimizer="adam",
        learning_rate=1e-3,
        epochs=epochs,
        seeds=[seed],
    )
    return float(np.squeeze(found.test_accuracy))


def accuracies(splits: int, epochs: int, data: Sequence[str] = tuple(DATA)) -> dict[str, dict[str, float]]:
    """Median test accuracy in percent: data -> way -> number."""
    found = {}
    for name in data:
        rows = DATA[name]()
        scores: dict[str, list[float]] = {way: [] for way in WAYS}
        for seed in range(splits):
            split = split_of(rows, seed)
            for way, score in zip(WAYS, (by_theirs, by_search, by_adam), strict=True):
                scores[way].append(100 * score(split, seed, epochs))
        found[name] = {way: statistics.median(several) for way, several in scores.items()}
    return found


def deficits(accuracy: dict[str, float]) -> tuple[float, float]:
    """Points by which the better of search and Adam, and Adam alone, are below scikit-learn's default."""
    theirs, search, adam = (accuracy[way] for way in WAYS)
    return theirs - max(search, adam), theirs - adam


def call(package: str) -> None:
    """Prints the seconds of the first two networks of this process, the default ones on the digits."""
    split = split_of(DATA["digits"](), 0)
    fit = functools.partial(by_theirs if package == THEIRS else by_adam, split, 0, 20)
    times = []
    for _ in range(2):
        started = time.perf_counter()
        fit()
        times.append(time.perf_counter() - started)
    print(json.dumps(times))


def first_calls(rounds: int) -> dict[str, list[float]]:
    """The least seconds of `CALLS`, of scikit-learn's default and of the network by Adam, by package."""
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
    """Prints the accuracies, and gives the marks that are missed."""
    figures["accuracy"] = accuracies(options.splits, options.epochs)
    rows = [("", *WAYS)]
    rows += [(name, *(f"{found[way]:.1f}" for way in WAYS)) for name, found in figures["accuracy"].items()]
    print(markdown(rows), flush=True)
    missed = []
    for name, found in figures["accuracy"].items():
        for what, deficit, most in zip(
            ("the better of search and Adam", "Adam"), deficits(found), (BETTER_OF_BOTH, ADAM), strict=True
        ):
            if deficit > most + 1e-9:
                missed.append(f"{name}: {what} is {deficit:.1f} points below scikit-learn's default")
    return missed


def show_searches(options: argparse.Namespace, figures: dict[str, Any]) -> list[str]:
    """Prints the searches, and gives the marks that are missed."""
    times = {case: search_calls.measured(case, options.rounds) for case in SEARCHES}
    figures["searches"] = {
        case: {engine: found._asdict() for engine, found in by_engine.items()}
        for case, by_engine in times.items()
    }
    print(markdown(search_calls.rows(figures["searches"], dict(zip(SEARCHES, SEARCHES, strict=True)))))
    return [f"{case}: {mark}" for case, found in times.items() for mark in search_calls.below(found)]


def show_first_calls(options: argparse.Namespace, figures: dict[str, Any]) -> list[str]:
    """Prints the first calls."""
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
    """Runs the sections; 1 where a mark is missed."""
    parser = Parser(description=__doc__)
    add_sections(parser, SECTIONS)
    parser.add_argument("--splits", type=count(1), default=5, help="splits of each data set; default: 5")
    parser.add_argument("--epochs", type=count(1), default=200, help="epochs of each network; default: 200")
    parser.add_argument("--rounds", type=count(1), default=3, help="turns of times; default: 3")
    parser.add_argument("--json", type=path, help="file of all figures")
    parser.add_argument(
        "--call", choices=(THEIRS, "jfnn"), help="times one process's first calls, and no more"
    )
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
