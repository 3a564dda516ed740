"""The gain of `jfnn.estimators`: searches timed beside scikit-learn's, ensembles beside the best cell.

"table" times searches and fits by scikit-learn in two processes and by jfnn, by both values of ``engine``, in
turns, each in a fresh process: the first call where no program is kept, the first call of a second process,
and a later call. It names the cases in which "auto" misses its marks: never below 0.9 of scikit-learn's speed
or 0.1 s behind, the first call ever never two seconds behind. The number that "auto" goes by
(`jfnn.estimators.choice`) is chosen so. "ensembles" trains a grid (7 learning rates, 5 penalties, 2 seeds) on
ten splits of four data sets, chooses an ensemble of its members on held-out rows, and prints by how much it
beats the best cell on test rows.
"""

import argparse
import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks import search_calls
from benchmarks.machine import environment
from benchmarks.report import markdown
from benchmarks.search_call import CASES
from console import Parser, add_sections, count, path, run
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.model_selection import train_test_split
from verdicts import mean_interval

import jfnn

Rows = tuple[np.ndarray, np.ndarray]

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


def table(rounds: int, cases: Sequence[str], path: Path | None) -> None:
    """Prints a table of the cases, and the marks that are missed; writes a file after each case."""
    figures: dict[str, Any] = {"environment": environment(["cpu"]), "searches": {}}
    missed = []
    for case in cases:
        times = search_calls.measured(case, rounds)
        figures["searches"][case] = {engine: found._asdict() for engine, found in times.items()}
        missed += [f"{case}: {mark}" for mark in search_calls.below(times)]
        if path is not None:
            path.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n")
    shown = {case: case for case in cases}
    print(markdown(search_calls.rows(figures["searches"], shown)), *missed, sep="\n", flush=True)


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
    "table": lambda options: table(options.rounds, options.cases, options.json),
    "ensembles": lambda options: ensembles(options.splits, options.epochs),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the sections."""
    parser = Parser(description=__doc__)
    add_sections(parser, SECTIONS)
    parser.add_argument("--rounds", type=count(1), default=3, help="turns of each case; default: 3")
    parser.add_argument(
        "--cases",
        nargs="+",
        choices=CASES,
        default=list(CASES),
        metavar="CASE",
        help="of the table; default: all",
    )
    parser.add_argument("--json", type=path, help="file of the table's figures")
    parser.add_argument("--splits", type=count(2), default=10, help="splits of each data set; default: 10")
    parser.add_argument("--epochs", type=count(1), default=40, help="epochs of an ensemble; default: 40")
    options = parser.parse_args(arguments)
    for name in options.sections or SECTIONS:
        SECTIONS[name](options)
    return 0


if __name__ == "__main__":
    jfnn.use_all_cores()
    run(main)
