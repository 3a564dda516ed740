"""Nonsense at every option: one line that begins with the argument's name, before anything is compiled."""

import dataclasses
import datetime
import decimal

import jax
import numpy as np
import pytest
import room_calls

import jfnn
from jfnn.datasets import ising
from jfnn.experiment.options import Options, SearchOptions
from jfnn.search.sweep import prepare

pytestmark = pytest.mark.unoptimised

NET = jfnn.mlp((2, 3, 2))
X = np.random.default_rng(0).normal(size=(8, 2))
Y = np.arange(8) % 2
SPLIT = jfnn.Split(X, Y, X, Y)
PARAMS = NET.init(jax.random.key(0))
REQUIRED = {"learning_rate": 0.1, "epochs": 1, "batch_size": 4}


class Hostile:
    """What fails whatever is done with it."""

    def __repr__(self):
        raise RuntimeError("no text")

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("no array")


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
    "no array": Hostile(),
    "buffer": bytearray(b"12"),
    "array without axes": np.array("2020", "M8[D]"),
    "more digits than are written": -(10**5000),
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


def prepared(**options):
    """All that a sweep does before it trains."""
    return prepare(Options(**{"network": NET, "split": SPLIT} | REQUIRED | options))


FUNCTIONS = {
    "mlp": (jfnn.mlp, {"sizes": (2, 3, 2), "activation": "tanh", "output": "identity", "init": "normal"}),
    "objective": (jfnn.objective, {"network": NET, "params": PARAMS, "x": X, "y": Y, "l2": 0.1}),
    "value_and_grad": (jfnn.backprop.value_and_grad, {"params": PARAMS, "x": X, "y": Y, "l2": 0.1}),
    "predict": (jfnn.predict, {"network": NET, "params": PARAMS, "x": X, "task": "classification"}),
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
    "Conv": (jfnn.Conv, {"channels": 3, "kernel": 3, "stride": 1, "padding": 0, "activation": "relu"}),
    "Elman": (jfnn.Elman, {"units": 3, "activation": "tanh", "bidirectional": False, "states": "last"}),
    "GRU": (jfnn.GRU, {"units": 3, "bidirectional": False, "states": "last", "initializer": "normal"}),
    "MaxPool": (jfnn.MaxPool, {"size": 2, "stride": 2, "padding": 0}),
    "MeanPool": (jfnn.MeanPool, {"size": 2, "stride": 2, "padding": 0}),
    "Residual": (jfnn.Residual, {"layers": [jfnn.Dense(2)]}),
    "sequential": (jfnn.sequential, {"layers": [jfnn.Dense(2)], "inputs": 2}),
    "cnn": (
        jfnn.cnn,
        {"inputs": (1, 8, 8), "channels": (2,), "outputs": 3, "kernel": 3, "stride": 1, "padding": 0}
        | {"hidden": (3,), "activation": "relu", "output": "identity", "init": "normal", "pool": 2},
    ),
    "optimizer's arguments": (
        lambda **arguments: prepared(optimizer=jfnn.Optimizer("sgd", **arguments)),
        {"momentum": 0.9, "nesterov": True},
    ),
    "rnn": (
        jfnn.rnn,
        {"inputs": (5, 1), "units": 2, "outputs": 3, "kind": "gru", "bidirectional": False, "states": "last"}
        | {"hidden": (3,), "activation": "tanh", "output": "identity", "init": "normal"},
    ),
    "boltzmann_machine": (
        jfnn.boltzmann_machine,
        {"sizes": (4, 2), "gradient": "contrastive", "k": 1, "chains": 5, "sweeps": 3, "scale": 0.1}
        | {"metrics": (), "hyper": ()},
    ),
    "supervised": (
        jfnn.supervised,
        {"network": NET, "loss": "cross_entropy", "reduction": "sum", "optimizer": "sgd"}
        | {"gradient": "autodiff", "hyper": (), "metrics": None},
    ),
    "learner": (
        jfnn.learner,
        {"init": NET.init, "loss": len, "optimizer": "sgd", "hyper": (), "random": False, "score": None}
        | {"metrics": ()},
    ),
    "objective, dropped": (
        jfnn.objective,
        {"network": NET, "params": PARAMS, "x": X, "y": Y, "loss": "cross_entropy", "reduction": "sum"}
        | {"weights": None, "dropout": 0.0, "key": None},
    ),
    "backprop, dropped": (
        jfnn.backprop.value_and_grad,
        {"params": PARAMS, "x": X, "y": Y, "activation": "sigmoid", "loss": "cross_entropy"}
        | {"reduction": "sum", "weights": None, "dropout": 0.0, "key": None},
    ),
    "predict_proba": (
        jfnn.predict_proba,
        {"network": NET, "params": PARAMS, "x": X, "loss": "cross_entropy"},
    ),
    "one_hot": (jfnn.datasets.one_hot, {"labels": Y, "n_classes": 2}),
    "mnist1d": (jfnn.datasets.mnist1d, {"shuffled": False}),
    "digits": (jfnn.datasets.digits, {"test_size": 0.2, "random_state": 0}),
    "split_table": (
        jfnn.datasets.split_table,
        {"table": jfnn.datasets.Table(X, Y, (), None), "test_size": 0.25, "random_state": 0},
    ),
    "standardise": (jfnn.datasets.standardise, {"split": SPLIT}),
    "scalers": (jfnn.datasets.scalers, {"split": SPLIT}),
    "read_csv": (jfnn.datasets.read_csv, {"path": __file__, "target": "y", "task": None}),
    "read_npz": (jfnn.datasets.read_npz, {"path": "no.npz"}),
    "configurations": (
        ising.configurations,
        {"length": 4, "temperature": 2.0, "n": 4, "chains": 2, "update": "all"},
    ),
    "PopulationTraining": (jfnn.PopulationTraining, {"every": 2, "share": 0.25, "factor": 1.25, "seed": 0}),
    "Halving, from an epoch on": (jfnn.Halving, {"factor": 3, "min_epochs": None}),
    "Optimizer": (jfnn.Optimizer, {"name": "sgd", "schedule": "cosine", "schedule_epochs": 2}),
    "load_groups": (jfnn.load_groups, {"directory": "run"}),
    "loss": (jfnn.losses.get, {"loss": "quadratic"}),
    "Minibatches": (
        lambda **fields: prepared(batch_size=jfnn.Minibatches(**fields)),
        {"batch_size": 4, "scheme": "permutation", "drop_last": True},
    ),
    "Execution": (
        lambda **fields: prepared(execution=jfnn.Execution(**fields)),
        {"devices": 1, "tile": 2, "eval_every": 1, "keep_params": "all", "progress": None},
    ),
    "Validation": (
        lambda **fields: prepared(validation=jfnn.Validation(**fields)),
        {"size": 0.25, "rank_by": None},
    ),
    "Sample": (
        lambda **fields: prepared(sample=jfnn.Sample(**fields), learning_rate=[0.1, 0.2]),
        {"cells": 2},
    ),
    "Split": (
        lambda **fields: prepared(split=jfnn.Split(**fields)),
        {"x_train": X, "y_train": Y, "x_test": X, "y_test": Y, "weights": np.ones(8)},
    ),
}
# Other names of arguments.
ALIASES = {
    "initializer": {"init"},
    "x": {"x", "y"},
    "size": {"size", "validation"},
    "cells": {"cells", "sample"},
    "inputs": {"inputs", "layers"},
    "name": {"name", "optimizer"},
    "scheme": {"scheme", "minibatch"},
    "momentum": {"momentum", "optimizer"},
    "networks": {"networks", "network"},
    "batch_sizes": {"batch_sizes", "batch_size"},
    "nesterov": {"optimizer"},
}
EXCEPT = {
    ("load", "directory"): {"text", "empty text", "bytes"},
}
# Kinds of nonsense -> function -> its arguments that take these after all.
TAKEN = {
    "huge": {
        "PopulationTraining": "seed",
    },
    "true": {
        "Elman": "bidirectional",
        "GRU": "bidirectional",
        "rnn": "bidirectional",
        "learner": "random",
        "mnist1d": "shuffled",
        "Minibatches": "drop_last",
        "optimizer's arguments": "nesterov",
    },
    "fraction": {"optimizer's arguments": "momentum"},
    "negative": {"optimizer's arguments": "momentum"},
    "empty list": {
        "cnn": "channels hidden",
        "rnn": "hidden",
        "boltzmann_machine": "metrics hyper",
        "supervised": "metrics hyper",
        "learner": "metrics hyper",
    },
    "function": {"supervised": "optimizer gradient", "learner": "optimizer init loss score"}
    | {"Optimizer": "name schedule", "Execution": "progress"},
    "class": {"supervised": "gradient", "learner": "init loss score", "Optimizer": "schedule"}
    | {"Execution": "progress"},
    "list of text": {"learner": "hyper"},
    "text": {"read_csv": "path", "read_npz": "path", "load_groups": "directory"},
    "empty text": {"load_groups": "directory"},
}
for kind, functions in [*TAKEN.items(), *room_calls.TAKEN.items()]:
    for function, arguments in functions.items():
        for argument in arguments.split():
            EXCEPT.setdefault((function, argument), set()).add(kind)
FUNCTIONS |= room_calls.CALLS
CALLS = [(name, argument) for name, (_, arguments) in FUNCTIONS.items() for argument in arguments]


@pytest.mark.parametrize(("function", "argument"), CALLS)
def test_nonsense_for_an_argument_of_a_function_is_refused_by_name(function, argument):
    call, arguments = FUNCTIONS[function]
    names = ALIASES.get(argument, {argument})
    wrong = {}
    for kind, value in NONSENSE.items():
        if kind not in EXCEPT.get((function, argument), ()):
            error = refusal(call, **arguments | {argument: value})
            if why := complaint(error, names):
                wrong[kind] = why
    assert wrong == {}


def test_so_many_bad_calls_were_tried():
    count = len(NONSENSE) * (len(OPTIONS) + len(CALLS)) - sum(map(len, [*SENSE.values(), *EXCEPT.values()]))
    print(f"{count} bad calls")
    assert count >= 11500
