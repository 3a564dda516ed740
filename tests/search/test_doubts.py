"""What is allowed and hardly meant is warned of before anything compiles, once a call; the usual is not."""

import re
import warnings

import numpy as np
import pytest
from helpers import noise_split
from sklearn.model_selection import LeaveOneOut

import jfnn
from jfnn.core.experiment.options import Options
from jfnn.core.search.sweep import prepare

pandas = pytest.importorskip("pandas")
SPLIT = noise_split()
NET = jfnn.mlp((5, 4, 3))
MATRIX = jfnn.mlp((5, 3))  # without hidden units


def doubts(network=NET, split=SPLIT, **options):
    """What is doubted of a sweep, which is checked and not trained."""
    options = {"learning_rate": 0.1, "batch_size": 16} | options
    return [str(doubt) for doubt in prepare(Options(network, split, **options)).experiment.doubts]


def warned(call, *args, **options):
    """The warnings of a call, each as often as it comes."""
    with warnings.catch_warnings(record=True, action="always") as said:
        call(*args, **options)
    return said


def large(column, most=1.24e6):
    """The split with a column that reaches a number, on its negative side."""
    x = SPLIT.x_train.copy()
    x[:, column] *= -most / x[:, column].max()
    x[:, column] = np.minimum(x[:, column], most / 2)
    return SPLIT._replace(x_train=x)


@pytest.mark.thorough
@pytest.mark.parametrize("loss", ["cross_entropy", "quadratic"])
def test_a_warning_says_how_large_inputs_are_and_the_cure_removes_it(loss):
    text = r"^inputs reach 1\.24e6, where .*; jfnn\.datasets\.standardise\(split\) scales them$"
    split = large(2)
    with pytest.warns(UserWarning, match=text):
        jfnn.train(NET, split.x_train, split.y_train, loss=loss, learning_rate=0.1, epochs=1, batch_size=16)
    assert len(doubts(split=split, loss=loss)) == 1
    assert doubts(split=jfnn.datasets.standardise(split), loss=loss) == []


def test_rows_to_test_on_tokens_and_rows_of_custom_functions_are_not_warned_of():
    assert len(doubts(NET, large(2))) == 1
    assert doubts(NET, SPLIT._replace(x_test=1e6 * SPLIT.x_test)) == []
    assert doubts(NET, large(2, 49.0)) == []
    (pixels,) = doubts(split=SPLIT._replace(x_train=np.arange(350, dtype=np.uint8).reshape(70, 5)))
    assert "255" in pixels and "x / 255" in pixels
    tokens = jfnn.sequential([jfnn.Embedding(5000, 2), jfnn.Flatten(), jfnn.Dense(3, "identity")], 2)
    assert doubts(tokens, jfnn.Split(np.full((40, 2), 4999), np.arange(40) % 3)) == []
    custom = jfnn.learner(lambda key: np.zeros(5, np.float32), lambda w, batch, key: (batch[0] @ w).mean())
    assert doubts(custom, large(2)) == []
    scales = jfnn.Network(NET.init, lambda params, x: NET.apply(params, x / 1e6))
    assert doubts(scales, large(2)) == []


def labelled(labels, names=None):
    """The split with other labels of its rows to train on."""
    return SPLIT._replace(y_train=np.asarray(labels), names=names)


def framed(**columns):
    """The split with names of columns, and with other values in some."""
    frame = pandas.DataFrame(SPLIT.x_train, columns=list("abcde")).assign(**columns)
    return jfnn.datasets.split(frame, SPLIT.y_train, 10)


ONES = np.r_[0, 1 + np.arange(69) % 2]  # 0 once
NAMES = {"classes": ["rare", "no", "yes"]}
# What is doubted -> options of the sweep, and words of the one line that says so.
DOUBTED = {
    "a class of one row": ({"split": labelled(ONES)}, "label 0"),
    "by its word": ({"split": labelled(ONES, NAMES)}, "label 'rare'"),
    "fewer rows than folds": ({"split": labelled(ONES, NAMES), "folds": 2}, "2 folds .*'rare'"),
    "a class without rows": ({"split": labelled(1 + np.arange(70) % 2)}, "label 0, of the 3"),
    "outputs beyond the labels": ({"network": jfnn.mlp((5, 4, 6))}, "labels 3, 4, 5, of the 6"),
    "one class": ({"split": labelled(np.full(70, 2))}, "all .*label 2"),
    "one class of a sigmoid": (
        {"split": labelled(np.ones(70, int))._replace(y_test=None, x_test=None), "network": jfnn.mlp((5, 1))}
        | {"loss": "sigmoid_cross_entropy"},
        "all .*label 1",
    ),
    "a rate twice": ({"learning_rate": [0.1, 0.25, 0.1]}, "^learning_rate: 0.1 more than once"),
    "rates that are one": ({"l2": [0.1, 0.1 + 1e-12]}, "^l2: 0.1 more than once"),
    "constants": ({"split": framed(b=0.5, d=0.0)}, "columns 'b', 'd'"),
    "constants, scaled": ({"split": jfnn.datasets.standardise(framed(b=0.5))}, "column 'b'"),
    "nothing to drop": ({"network": MATRIX, "hyper": {"dropout": [0.0, 0.5]}}, "^dropout: .*no hidden"),
}  # fmt: skip


@pytest.mark.parametrize("name", DOUBTED)
def test_what_is_hardly_meant_is_said_in_one_line(name):
    options, words = DOUBTED[name]
    (line,) = doubts(**options)
    assert re.search(words, line) and "\n" not in line


USUAL = {
    "digits have constant pixels": lambda: doubts(jfnn.mlp((64, 10)), jfnn.datasets.digits()),
    "few rows, not of all classes": lambda: doubts(split=labelled(SPLIT.y_train % 2)._replace(
        x_train=SPLIT.x_train[:16], y_train=SPLIT.y_train[:16] % 2)),
    "gates": lambda: doubts(jfnn.mlp((2, 2, 2)), jfnn.Split(*jfnn.datasets.or_gate()), batch_size=None),
    "regression": lambda: doubts(jfnn.mlp((5, 1)), labelled(np.ones(70)[:, None])._replace(
        x_test=None, y_test=None), loss="quadratic"),
    "subsets of one class": lambda: doubts(folds=jfnn.subsets.by_group(SPLIT.y_train)),
    "listed cells that share a rate": lambda: doubts(
        learning_rate=None, cells={"learning_rate": [0.1, 0.1], "l2": [0.0, 0.1]}),
    "draws": lambda: doubts(cells=9, learning_rate=[0.1, 0.2]),
    "hidden units": lambda: doubts(hyper={"dropout": 0.5}),
    "no dropout": lambda: doubts(MATRIX, hyper={"dropout": 0.0}),
    "leave one out": lambda: doubts(folds=LeaveOneOut()),
    "columns that are no description": lambda: doubts(split=labelled(SPLIT.y_train, {"columns": ["a", {}]})),
}  # fmt: skip


@pytest.mark.parametrize("name", USUAL)
def test_the_usual_is_not_doubted(name):
    assert USUAL[name]() == []


@pytest.mark.thorough
def test_a_call_of_several_programs_warns_once_at_the_line_of_the_user_and_not_again_of_the_refit():
    networks = {"a": NET, "b": MATRIX}
    options = {"learning_rate": [0.1, 0.1], "epochs": 1, "batch_size": 16, "validation": 0.2, "refit": True}
    said = warned(jfnn.sweep, networks, large(2), **options)
    assert [warning.category for warning in said] == [UserWarning] * 2
    assert {warning.filename for warning in said} == {__file__}
    texts = [str(warning.message) for warning in said]
    assert texts[0].startswith("learning_rate: ") and texts[1].startswith("inputs reach")


@pytest.mark.thorough
def test_scikit_learns_warning_of_a_class_smaller_than_the_folds_is_replaced():
    said = warned(jfnn.sweep, NET, labelled(ONES), learning_rate=0.1, epochs=0, batch_size=16, folds=3)
    (text,) = [str(warning.message) for warning in said]
    assert "label 0" in text and "3 folds" in text


@pytest.mark.thorough
def test_large_inputs_are_hardly_learned():
    """At least five of seven learning rates train the digits; at most three train inputs 16 times larger."""
    digits = jfnn.datasets.digits()
    useful = {}
    for factor in (1, 16):
        large = digits._replace(x_train=factor * digits.x_train, x_test=factor * digits.x_test)
        rates = np.logspace(-3.5, -0.5, 7)
        with warnings.catch_warnings(record=True, action="always") as said:
            grid = jfnn.sweep(jfnn.mlp((64, 50, 10)), large, learning_rate=rates, epochs=30)
        assert bool(said) == (factor == 16)
        useful[factor] = int((grid.cell_scores("test_accuracy") > 0.7).sum())
    assert useful[1] >= 5 and useful[16] <= 3
