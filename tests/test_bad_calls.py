"""Nonsense at every option: one line that begins with the argument's name, before anything is compiled."""

import dataclasses
import datetime
import decimal

import jax
import numpy as np
import pytest

import jfnn
from jfnn.experiment.options import Options, SearchOptions
from jfnn.search.sweep import prepare

pytestmark = pytest.mark.unoptimised

NET = jfnn.mlp((2, 3, 2))
X = np.random.default_rng(0).normal(size=(8, 2))
Y = np.arange(8) % 2
SPLIT = jfnn.Split(X, Y, X, Y)
PARAMS = NET.init(jax.random.key(0))
REQUIRED = {"learning_rate": 0.1, "epochs": 1, "batch_size": 4}
# Values that are right for no option but those that SENSE names.
NONSENSE = {
    "text": "nonsense",
    "empty text": "",
    "bytes": b"sgd",
    "fraction": -0.5,
    "negative": -3,
    "nan": float("nan"),
    "infinity": float("inf"),
    "complex": 1j,
    "decimal": decimal.Decimal("-1"),
    "list of text": ["a", "b"],
    "ragged": [[1.0, 2.0], [3.0]],
    "empty list": [],
    "dict": {"a": 1},
    "set": {1, 2},
    "object": object(),
    "function": lambda: None,
    "class": dict,
    "date": datetime.date(2026, 1, 1),
    "objects": np.array([None, object()], dtype=object),
    "matrix of text": np.array([["a"], ["b"]]),
    "generator": (i for i in ()),
    "huge": 10**30,
    "true": True,
}
# Option -> what of NONSENSE it takes after all.
SENSE = {
    "out": {"text", "bytes"},
    "resume": {"true"},
    "refit": {"true"},
    "schedulers": {"empty list"},
    "learning_rate": {"huge"},
    "epochs": {"huge"},
    "folds": {"huge"},
    "gradient": {"function", "class"},
}
# What another option's name in a message means: both are given, or one follows from the other.
ALSO_NAMED = {
    "resume": {"out", "resume"},
    "refit": {"refit"},
    "execution": {"execution", "devices"},
    "batch_size": {"batch_size", "minibatch"},
    "hyper": {"hyper", "a"},
    "x": {"x_train", "x"},
}
OPTIONS = [field.name for field in dataclasses.fields(SearchOptions)]


def refusal(call, *arguments, **options):
    """The exception that a call ends with, or None."""
    try:
        call(*arguments, **options)
    except Exception as error:
        return error
    return None


def complaint(error, names):
    """What is wrong with how a call was refused, or None."""
    if error is None:
        return "accepted"
    text = str(error)
    begins = any(text.startswith(f"{name}: ") for name in names)
    if not isinstance(error, ValueError | TypeError) or not begins or "\n" in text.strip():
        return f"{type(error).__name__}: {text:.200}"
    return None


def complaints(call, name, **others):
    """Nonsense -> what is wrong with how it is refused as an option of a call."""
    wrong = {}
    for kind, value in NONSENSE.items():
        if kind not in SENSE.get(name, ()):
            error = refusal(call, **others | {name: value})
            if why := complaint(error, ALSO_NAMED.get(name, {name})):
                wrong[kind] = why
    return wrong


@pytest.mark.parametrize("name", OPTIONS)
def test_nonsense_for_an_option_of_a_sweep_is_refused_by_name(name):
    def call(**options):
        prepare(Options(NET, SPLIT, **REQUIRED | options))

    assert complaints(call, name) == {}


FUNCTIONS = {
    "mlp": (jfnn.mlp, {"sizes": (2, 3, 2), "activation": "tanh", "output": "identity", "init": "normal"}),
    "objective": (jfnn.objective, {"network": NET, "params": PARAMS, "x": X, "y": Y, "l2": 0.1}),
    "value_and_grad": (jfnn.backprop.value_and_grad, {"params": PARAMS, "x": X, "y": Y, "l2": 0.1}),
    "predict": (jfnn.predict, {"network": NET, "params": PARAMS, "x": X}),
    "accuracy": (jfnn.accuracy, {"network": NET, "params": PARAMS, "x": X, "labels": Y}),
    "split": (jfnn.datasets.split, {"x": X, "y": Y, "test_size": 0.25, "random_state": 0}),
    "Dense": (jfnn.Dense, {"units": 3, "activation": "tanh", "initializer": "normal"}),
    "Halving": (jfnn.Halving, {"factor": 3}),
    "EarlyStopping": (jfnn.EarlyStopping, {"patience": 3}),
    "load": (jfnn.load, {"directory": "run"}),
    "cell_statistics": (jfnn.cell_statistics, {"result": None}),
    "heat_map": (jfnn.plots.heat_map, {"result": None}),
    "scatter": (jfnn.plots.scatter, {"result": None}),
    "loss_curves": (jfnn.plots.loss_curves, {"run": None}),
}
EXCEPT = {
    ("split", "random_state"): {"huge"},
    ("Halving", "factor"): {"huge"},
    ("EarlyStopping", "patience"): {"huge"},
    ("load", "directory"): {"text", "empty text", "bytes"},
    ("Dense", "units"): {"huge"},
}
CALLS = [(name, argument) for name, (_, arguments) in FUNCTIONS.items() for argument in arguments]


@pytest.mark.parametrize(("function", "argument"), CALLS)
def test_nonsense_for_an_argument_of_a_function_is_refused_by_name(function, argument):
    call, arguments = FUNCTIONS[function]
    names = {"initializer": {"init"}, "x": {"x", "y"}}.get(argument, {argument})
    wrong = {}
    for kind, value in NONSENSE.items():
        if kind not in EXCEPT.get((function, argument), ()):
            error = refusal(call, **arguments | {argument: value})
            if why := complaint(error, names):
                wrong[kind] = why
    assert wrong == {}


def test_so_many_bad_calls_were_tried():
    assert len(NONSENSE) * (len(OPTIONS) + len(CALLS)) >= 1000
