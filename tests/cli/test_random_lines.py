"""Any command line trains what the library trains with the same options, and writes and prints it."""

import contextlib
import io
import pathlib
import tempfile

import jax
import numpy as np
import pytest
from command_line import FILES, grid_main, write_csv
from examples import examples
from helpers import same_bits
from hypothesis import strategies
from scipy import stats

import jfnn
from jfnn.arguments.texts import describe
from jfnn.datasets import read_csv, split_table, standardize

pytestmark = pytest.mark.unoptimized

DIGITS = jfnn.datasets.digits()
NOTES = {"reduction": "sum", "batch_size": 100}  # for dense networks without --data


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """Map names of data to the words that read them and their split."""
    place = tmp_path_factory.mktemp("learned")
    classes = write_csv(place / "classes.csv", classes=True)
    numbers = write_csv(place / "numbers.csv", classes=False)
    return {
        "digits": ("", DIGITS),
        "squares": ("", shaped(DIGITS, 8, 8)),
        "classes": (f"--data {classes} --target level", split_table(read_csv(classes, "level"))),
        "scaled": (
            f"--target level --data {numbers} --standardize",
            standardize(split_table(read_csv(numbers, "level"))),
        ),
        "series": (
            f"--data {classes} --target level --standardize",
            shaped(standardize(split_table(read_csv(classes, "level"))), 1, 3),
        ),
    }


def shaped(split, *shape):
    x_train, x_test = (x.reshape(-1, *shape) for x in (split.x_train, split.x_test))
    return split._replace(x_train=x_train, x_test=x_test)


ADAM = {"optimizer": "adam", "gradient": "backprop"}
COSINE = jfnn.Optimizer("sgd", momentum=[0.5, 0.9], schedule="cosine")
DROPPED = NOTES | {"hyper": {"dropout": [0.0, 0.5]}, "optimizer": COSINE}
SIZES = {"batch_size": [jfnn.Minibatches(size, "permutation") for size in (7, None)]}
SQUARES = {"loss": "quadratic", "batch_size": None}
TWO = {"3-2-tanh": jfnn.mlp((3, 3, 2, 2), "tanh"), "none": jfnn.mlp((3, 2))}
PROGRAMS = {  # words -> data, networks, options that are compiled
    "--hidden 4": ("digits", jfnn.mlp((64, 4, 10), "sigmoid", init="normal"), NOTES),
    "--hidden 3": ("scaled", jfnn.mlp((3, 3, 1)), {"loss": "quadratic"}),
    "--hidden 3,2 --hidden none --activation tanh --minibatch permutation --batch-size 7,full": (
        *("classes", TWO, SIZES),
    ),
    "--network cnn --channels 2 --optimizer adam --gradient backprop": (
        *("series", jfnn.cnn((1, 3), (2,), 2), ADAM),
    ),
    "--hidden 4 --init glorot_uniform --dropout 0,0.5 --optimizer-arg momentum=0.5,0.9 --schedule cosine": (
        *("digits", jfnn.mlp((64, 4, 10), "sigmoid", init="glorot_uniform"), DROPPED),
    ),
    "--network rnn --units 3 --cell elman --reduction sum": (
        *("squares", jfnn.rnn((8, 8), 3, 10, "elman"), NOTES),
    ),
    "--hidden 2 --loss quadratic --batch-size full": ("classes", jfnn.mlp((3, 2, 2)), SQUARES),
}
DRAWN = {
    "learning_rate": stats.loguniform(1e-4, 1e-1),
    "l2": stats.uniform(0, 0.5),
    "cells": 5,
}
FURTHER = [  # words -> options; each line draws one
    {
        "--learning-rate 1e-3 --l2 0": {"learning_rate": [1e-3], "l2": [0.0]},
        "--learning-rate 1e-3,0.1,1 --l2 0,1e6": {"learning_rate": [1e-3, 0.1, 1.0], "l2": [0.0, 1e6]},
        "--learning-rate 1e-3:0.1:3 --l2 0.1": {"learning_rate": np.geomspace(1e-3, 0.1, 3), "l2": [0.1]},
        "--learning-rate 1e-4:1e-1 --l2 uniform:0:0.5 --cells 5": DRAWN,
    },
    {
        "": {},
        "--validation 0.25": {"validation": 0.25},
        "--validation 9 --early-stopping 1": {"validation": 9, "schedulers": [jfnn.EarlyStopping(1)]},
        "--folds 2 --refit": {"folds": 2, "refit": True},
        "--folds 2 --refit all": {"folds": 2, "refit": "all"},
        "--folds 3 --rank-by loss": {"folds": 3, "validation": jfnn.Validation(rank_by="loss")},
        "--halving 2": {"schedulers": [jfnn.Halving(2)]},
    },
    {"": {}, "--seeds 2": {"seeds": 2}, "--seeds 0,7": {"seeds": [0, 7]}},
]


def check_same(saved, expected):
    assert saved.axes.keys() == expected.axes.keys() and saved.crossed == expected.crossed
    assert saved.ranked_by == expected.ranked_by
    names = ["seeds", "diverged_at", "stopped_at", "pruned", "epochs", "evaluations"]
    arrays, others = (
        [*one.axes.values(), *(getattr(one, name) for name in names)] for one in (saved, expected)
    )
    for one, other in zip(arrays, others, strict=True):
        np.testing.assert_array_equal(one, other)
    for held in ("scores", "history"):
        for name, values in getattr(expected, held).items():
            assert same_bits(getattr(saved, held)[name], values), name
    if len(expected.runs) == 1:
        assert same_bits(saved.params, expected.params)
    assert (saved.refit is None) == (expected.refit is None)
    if expected.refit is not None:
        check_same(saved.refit, expected.refit)


def check_printed(printed, result, keeps_tests):
    """Check the best cell; unless test rows rank or are trained on, they are scored once."""
    best = result.best_or_none()
    said = "No best cell" if best is None else f"best cell: {describe(best.axes)}\n"
    assert said in printed
    metric = "accuracy" if "test_accuracy" in result.scores else "loss"
    if best is not None and result.ranked_by == f"validation_{metric}":
        # a refit may train on all rows
        results = [result] if result.refit is None else [result, result.refit]
        assert printed.count(f"test {metric}") == any(
            np.isfinite(each.scores[f"test_{metric}"]).any() for each in results
        )
    assert ("these are scores on training rows" in printed) == (result.refit is not None and not keeps_tests)


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore:network. rows are read as sequences")  # intended with --network cnn
@examples((5, len(PROGRAMS)), (200, len(PROGRAMS)))
def test_command_line_trains_what_the_library_trains(examples, learned):
    def check(words, further, epochs, x64):
        data, network, options = PROGRAMS[words]
        said, split = learned[data]
        line = [said, words, *further, f"--epochs {epochs}", "--dtype float64" * x64]
        for given, known in zip(further, FURTHER, strict=True):
            options = options | known[given]
        execution = jfnn.Execution(eval_every=1)
        printed = io.StringIO()
        with tempfile.TemporaryDirectory() as folder:
            out, out_of_library = (pathlib.Path(folder) / name for name in ("run", "library"))
            with contextlib.redirect_stdout(printed):
                assert grid_main(*" ".join(line).split(), "--out", str(out)) == 0
            assert not jax.config.jax_enable_x64  # as before
            options = options | {"epochs": epochs, "execution": execution, "out": out_of_library}
            with jax.enable_x64(x64):
                expected = jfnn.sweep(network, split, **options)
            check_same(jfnn.load(out), expected)
            assert (out / "results.csv").read_text() == (out_of_library / "results.csv").read_text()
            files = FILES if len(expected.runs) == 1 else FILES - {"models.npz", "results.npz"}
            files = files if expected.crossed else files - {"heatmap.png"} | {"scatter.png"}
            assert {path.name for path in out.iterdir() if path.is_file()} == files
        keeps_tests = split.x_test is not None and options.get("refit") != "all"
        check_printed(printed.getvalue(), expected, keeps_tests)

    further = ("--learning-rate 1e-3,0.1,1 --l2 0,1e6", "--folds 2 --refit", "--seeds 0,7")
    check("--hidden 3", further, 3, True)
    one_of = strategies.sampled_from
    examples.check(
        check,
        words=one_of([*PROGRAMS][: examples.structures]),
        further=strategies.tuples(*(one_of([*known]) for known in FURTHER)),
        epochs=strategies.integers(2, 5),
        x64=one_of([False, False, True]),
    )
