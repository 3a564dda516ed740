"""The command line in this process: its arguments, ways to call it, and user data."""

import contextlib
import csv

import numpy as np
import pytest

from jfnn.cli import parser, run

COMMAND = ("jfnn", "grid")
SMALL = ["--hidden", "4", "--epochs", "2", "--init", "glorot_uniform"]
# With these, only the last learning rate with the last penalty diverges.
GRID = [*SMALL, "--learning-rate", "1e-4,1e-3,1", "--l2", "0,1e-2,1e6", "--seeds", "2"]
PROGRAMS = """--hidden 3 --hidden 4,3 --activation tanh --batch-size 50,full --epochs 2 --validation 0.2
    --learning-rate 1e-4,1e-3 --l2 0,0.1 --seeds 2"""
DIRECTORIES = {f"{name}-batch-{size}" for name in ("3-tanh", "4-3-tanh") for size in ("50", "full")}
OWN = "--target level --standardize --hidden 3 --epochs 8 --reduction mean --l2 1e-3,0.1"
FILES = {
    "config.json",
    "curves.png",
    "heatmap.png",
    "models.npz",
    "report.html",
    "results.csv",
    "results.npz",
}


def parse(*words):
    return parser.parse(parser.make_parser("jfnn grid", "", ""), words)


def grid_main(*words, **options):
    return run.main(words, **options)


def watching(function):
    """Return a `watch` that calls a function with the progress."""
    return lambda *_: contextlib.nullcontext(function)


# Fails the test if anything is trained.
untrained = watching(lambda now: pytest.fail("trained"))


def refused(capsys, *words, code=2):
    """Return the one-line error of a refused command, after the program's name; nothing is trained."""
    with pytest.raises(SystemExit) as stopped:
        grid_main(*words, watch=untrained)
    printed = capsys.readouterr()
    assert stopped.value.code == code and printed.out == ""
    assert printed.err.count("\n") == 1 and printed.err.startswith("jfnn grid: error: ")
    return printed.err.removeprefix("jfnn grid: error: ")


def write_csv(path, classes, rows=60):
    """Write three columns; only the first determines the target, apart from noise."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 3))
    y = x[:, 0] + 0.3 * rng.normal(size=rows)
    target = np.where(y > 0, "<b>high</b>", "low") if classes else 100 + 50 * y
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(
            [["a", "b", "c", "level"], *zip(*x.T.tolist(), target.tolist(), strict=True)]
        )
    return path
