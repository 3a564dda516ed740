"""The command line in this process: its words, the ways to call it, and data of one's own."""

import contextlib
import csv

import numpy as np
import pytest

from jfnn.cli import parser, run

COMMAND = ("jfnn", "grid")
SMALL = ["--hidden", "4", "--epochs", "2", "--init", "glorot_uniform"]
# With these, the last learning rate diverges under the last penalty only.
GRID = [*SMALL, "--learning-rate", "1e-4,1e-3,1", "--l2", "0,1e-2,1e6", "--seeds", "2"]
PROGRAMS = """--hidden 3 --hidden 4,3 --activation tanh --batch-size 50,full --epochs 2 --validation 0.2
    --learning-rate 1e-4,1e-3 --l2 0,0.1 --seeds 2"""
DIRECTORIES = {f"{name}-batch-{size}" for name in ("3-tanh", "4-3-tanh") for size in ("50", "full")}
OWN = "--target level --standardise --hidden 3 --epochs 8 --reduction mean --l2 1e-3,0.1"
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
    """Words as the values of flags."""
    return parser.parse(parser.make_parser("jfnn grid", "", ""), words)


def grid_main(*words, **options):
    """Runs the words behind ``jfnn grid``."""
    return run.main(words, **options)


def watching(function):
    """A `watch` that calls a function with the progress."""
    return lambda *_: contextlib.nullcontext(function)


# Fails the test when anything is trained.
untrained = watching(lambda now: pytest.fail("trained"))


def refused(capsys, *words, code=2):
    """The one line with which the command refuses words, behind the program's name; nothing is trained."""
    with pytest.raises(SystemExit) as stopped:
        grid_main(*words, watch=untrained)
    printed = capsys.readouterr()
    assert stopped.value.code == code and printed.out == ""
    assert printed.err.count("\n") == 1 and printed.err.startswith("jfnn grid: error: ")
    return printed.err.removeprefix("jfnn grid: error: ")


def write_csv(path, classes, rows=60):
    """Three columns of which the first tells the target, apart from some noise."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 3))
    y = x[:, 0] + 0.3 * rng.normal(size=rows)
    target = np.where(y > 0, "<b>high</b>", "low") if classes else 100 + 50 * y
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(
            [["a", "b", "c", "level"], *zip(*x.T.tolist(), target.tolist(), strict=True)]
        )
    return path
