"""Valid but suspicious input triggers one warning per call, before compilation; usual input does not."""

import re
import warnings

import numpy as np
import pytest
from helpers import noise_split
from sklearn.model_selection import LeaveOneOut

import jfnn
from jfnn.core.experiment.options import Options
from jfnn.core.search.prepare import prepare

pandas = pytest.importorskip("pandas")
SPLIT = noise_split()
NET = jfnn.mlp((5, 4, 3))
MATRIX = jfnn.mlp((5, 3))  # without hidden units


def doubts(network=NET, split=SPLIT, **options):
    options = {"learning_rate": 0.1, "batch_size": 16} | options
    return [str(doubt) for doubt in prepare(Options(network, split, **options)).experiment.doubts]


def warnings_of(call, *args, **options):
    with warnings.catch_warnings(record=True, action="always") as said:
        call(*args, **options)
    return said


def with_large_column(column, most=1.24e6):
    """Return the split with one column whose largest magnitude is ``most``, on its negative side."""
    x = SPLIT.x_train.copy()
    x[:, column] *= -most / x[:, column].max()
    x[:, column] = np.minimum(x[:, column], most / 2)
    return SPLIT._replace(x_train=x)


@pytest.mark.thorough
@pytest.mark.parametrize("loss", ["cross_entropy", "quadratic"])
def test_warning_shows_how_large_inputs_are_and_the_remedy_removes_it(loss):
    text = r"^inputs reach 1\.24e6, where .*; jfnn\.datasets\.standardize\(split\) scales them$"
    split = with_large_column(2)
    with pytest.warns(UserWarning, match=text):
        jfnn.train(NET, split.x_train, split.y_train, loss=loss, learning_rate=0.1, epochs=1, batch_size=16)
    assert len(doubts(split=split, loss=loss)) == 1
    assert doubts(split=jfnn.datasets.standardize(split), loss=loss) == []


def test_large_test_rows_tokens_and_rows_of_custom_functions_trigger_no_warning():
    assert len(doubts(NET, with_large_column(2))) == 1
    assert doubts(NET, SPLIT._replace(x_test=1e6 * SPLIT.x_test)) == []
    assert doubts(NET, with_large_column(2, 49.0)) == []
    (pixels,) = doubts(split=SPLIT._replace(x_train=np.arange(350, dtype=np.uint8).reshape(70, 5)))
    assert "255" in pixels and "x / 255" in pixels
    tokens = jfnn.sequential([jfnn.Embedding(5000, 2), jfnn.Flatten(), jfnn.Dense(3, "identity")], 2)
    assert doubts(tokens, jfnn.Split(np.full((40, 2), 4999), np.arange(40) % 3)) == []
    custom = jfnn.learner(lambda key: np.zeros(5, np.float32), lambda w, batch, key: (batch[0] @ w).mean())
    assert doubts(custom, with_large_column(2)) == []
    scales = jfnn.Network(NET.init, lambda params, x: NET.apply(params, x / 1e6))
    assert doubts(scales, with_large_column(2)) == []


def relabel(labels, names=None):
    return SPLIT._replace(y_train=np.asarray(labels), names=names)


def with_names(**columns):
    frame = pandas.DataFrame(SPLIT.x_train, columns=list("abcde")).assign(**columns)
    return jfnn.datasets.split(frame, SPLIT.y_train, 10)


ONES = np.r_[0, 1 + np.arange(69) % 2]  # 0 once
NAMES = {"classes": ["rare", "no", "yes"]}
# Name -> options of the sweep, and words of the one-line warning.
DOUBTED = {
    "a class of one row": ({"split": relabel(ONES)}, "label 0"),
    "by its word": ({"split": relabel(ONES, NAMES)}, "label 'rare'"),
    "fewer rows than folds": ({"split": relabel(ONES, NAMES), "folds": 2}, "2 folds .*'rare'"),
    "a class without rows": ({"split": relabel(1 + np.arange(70) % 2)}, "label 0, of the 3"),
    "outputs beyond the labels": ({"network": jfnn.mlp((5, 4, 6))}, "labels 3, 4, 5, of the 6"),
    "one class": ({"split": relabel(np.full(70, 2))}, "all .*label 2"),
    "one class of a sigmoid": (
        {"split": relabel(np.ones(70, int))._replace(y_test=None, x_test=None), "network": jfnn.mlp((5, 1))}
        | {"loss": "sigmoid_cross_entropy"},
        "all .*label 1",
    ),
    "a rate twice": ({"learning_rate": [0.1, 0.25, 0.1]}, "^learning_rate: 0.1 more than once"),
    "rates that are one": ({"l2": [0.1, 0.1 + 1e-12]}, "^l2: 0.1 more than once"),
    "constants": ({"split": with_names(b=0.5, d=0.0)}, "columns 'b', 'd'"),
    "constants, scaled": ({"split": jfnn.datasets.standardize(with_names(b=0.5))}, "column 'b'"),
    "nothing to drop": ({"network": MATRIX, "hyper": {"dropout": [0.0, 0.5]}}, "^dropout: .*no hidden"),
}  # fmt: skip


@pytest.mark.parametrize("name", DOUBTED)
def test_suspicious_input_triggers_a_one_line_warning(name):
    options, words = DOUBTED[name]
    (line,) = doubts(**options)
    assert re.search(words, line) and "\n" not in line


USUAL = {
    "digits have constant pixels": lambda: doubts(jfnn.mlp((64, 10)), jfnn.datasets.digits()),
    "few rows, not of all classes": lambda: doubts(split=relabel(SPLIT.y_train % 2)._replace(
        x_train=SPLIT.x_train[:16], y_train=SPLIT.y_train[:16] % 2)),
    "gates": lambda: doubts(jfnn.mlp((2, 2, 2)), jfnn.Split(*jfnn.datasets.or_gate()), batch_size=None),
    "regression": lambda: doubts(jfnn.mlp((5, 1)), relabel(np.ones(70)[:, None])._replace(
        x_test=None, y_test=None), loss="quadratic"),
    "subsets of one class": lambda: doubts(folds=jfnn.subsets.by_group(SPLIT.y_train)),
    "listed cells that share a rate": lambda: doubts(
        learning_rate=None, cells={"learning_rate": [0.1, 0.1], "l2": [0.0, 0.1]}),
    "draws": lambda: doubts(cells=9, learning_rate=[0.1, 0.2]),
    "hidden units": lambda: doubts(hyper={"dropout": 0.5}),
    "no dropout": lambda: doubts(MATRIX, hyper={"dropout": 0.0}),
    "leave one out": lambda: doubts(folds=LeaveOneOut()),
    "columns that are no description": lambda: doubts(split=relabel(SPLIT.y_train, {"columns": ["a", {}]})),
}  # fmt: skip


@pytest.mark.parametrize("name", USUAL)
def test_usual_input_triggers_no_warning(name):
    assert USUAL[name]() == []


@pytest.mark.thorough
def test_several_programs_and_a_refit_warn_once_at_the_line_of_the_user():
    networks = {"a": NET, "b": MATRIX}
    options = {"learning_rate": [0.1, 0.1], "epochs": 1, "batch_size": 16, "validation": 0.2, "refit": True}
    said = warnings_of(jfnn.sweep, networks, with_large_column(2), **options)
    assert [warning.category for warning in said] == [UserWarning] * 2
    assert {warning.filename for warning in said} == {__file__}
    texts = [str(warning.message) for warning in said]
    assert texts[0].startswith("learning_rate: ") and texts[1].startswith("inputs reach")


@pytest.mark.thorough
def test_scikit_learns_warning_about_small_classes_is_replaced():
    said = warnings_of(jfnn.sweep, NET, relabel(ONES), learning_rate=0.1, epochs=0, batch_size=16, folds=3)
    (text,) = [str(warning.message) for warning in said]
    assert "label 0" in text and "3 folds" in text


@pytest.mark.thorough
def test_large_inputs_prevent_learning():
    """At least five of seven learning rates learn the digits; at most three learn inputs 16 times larger."""
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
