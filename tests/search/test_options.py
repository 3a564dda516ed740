"""Each option is documented, and either identifies a run or does not affect it."""

import concurrent.futures
import dataclasses
import inspect
import json
import pathlib
import re

import jax
import numpy as np
import pytest
from helpers import noise_split

import jfnn
from jfnn.core.experiment.options import Options, TrainOptions
from jfnn.core.search.prepare import prepare
from jfnn.minibatches import Minibatches

pytestmark = pytest.mark.unoptimized

SPLIT = noise_split()
NET = jfnn.mlp((5, 6, 3))
BASE = dict(network=NET, split=SPLIT, learning_rate=0.1, epochs=4, batch_size=16)
DOORS = {jfnn.sweep: Options, jfnn.train: TrainOptions}
NAMES = [field.name for field in dataclasses.fields(Options)]


def options(**changes):
    return Options(**BASE | changes)


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_every_option_is_in_the_signature_and_docstring(door):
    fields = {field.name: field for field in dataclasses.fields(DOORS[door])}
    signature = inspect.signature(door)
    assert signature.parameters.keys() == fields.keys()
    arguments = inspect.getdoc(door).partition("Args:")[2].partition("Returns:")[0]
    texts = dict(re.findall(r"^ {4}(\w+): (.*?)(?=^ {4}\w|\Z)", arguments, re.MULTILINE | re.DOTALL))
    assert list(texts) == list(signature.parameters)
    for name, field in fields.items():
        parameter = signature.parameters[name]
        assert parameter.annotation is not inspect.Parameter.empty
        has_default = field.default is not dataclasses.MISSING
        assert parameter.default == (field.default if has_default else inspect.Parameter.empty)
        assert len(" ".join(texts[name].split())) > 15


def test_every_keyword_has_a_help_text():
    for field in dataclasses.fields(Options):
        assert not field.kw_only or field.metadata["help"].endswith("."), field.name


def test_options_hold_converted_immutable_values():
    made = options(seeds=2, execution=1, validation=0.2, out="a directory")
    assert (made.seeds, made.execution, made.cells) == ([0, 1], jfnn.Execution(devices=1), None)
    assert (made.batch_size, made.validation) == (Minibatches(16), jfnn.Validation(0.2))
    assert (made.out, made.optimizer, made.hyper) == (pathlib.Path("a directory"), jfnn.Optimizer("sgd"), {})
    assert dataclasses.replace(made, epochs=3).seeds == made.seeds
    with pytest.raises(ValueError, match=r"^epochs: "):
        dataclasses.replace(made, epochs=-1)
    for valid in (made, made.execution):
        with pytest.raises(dataclasses.FrozenInstanceError):
            valid.execution = jfnn.Execution()


PARAMS = NET.init(jax.random.key(7))
ROWS = np.zeros((4, 2, 16), int)
# Option -> other values, each of which makes another run.
DECIDING = {
    "network": [jfnn.mlp((5, 7, 3)), jfnn.supervised(NET, reduction="sum"), jfnn.mlp((5, 6, 3), "tanh")],
    "split": [
        SPLIT._replace(x_train=SPLIT.x_train + 1),
        SPLIT._replace(weights=np.arange(70)),
        (*SPLIT[:2], None, None),
    ],
    "learning_rate": [0.2, [0.1, 0.2]],
    "l2": [0.5],
    "hyper": [{"dropout": 0.2}, {"init_scale": 2.0}],
    "loss": ["softmax_binary_cross_entropy"],
    "reduction": ["sum"],
    "optimizer": [
        *["adam", jfnn.Optimizer(momentum=0.9), jfnn.Optimizer(nesterov=True)],
        jfnn.Optimizer(schedule="linear"),
    ],
    "gradient": ["backprop"],
    "epochs": [5],
    "batch_size": [8, None, Minibatches(16, "permutation"), Minibatches(16, "permutation", drop_last=False)],
    "batches": [ROWS, ROWS + 1],  # for functions in a directory, see tests/store/test_checkpoint.py
    "initial_params": [PARAMS],
    "validation": [0.2, 20, jfnn.Validation(0.2, "loss"), jfnn.Validation(None, "loss")],
    "schedulers": [
        *[[jfnn.Halving(2)], [jfnn.Halving(3)], [jfnn.Halving(2), jfnn.Converged(2)]],
    ],
    "execution": [jfnn.Execution(tile=2), jfnn.Execution(eval_every=2), jfnn.Execution(keep_params="best")],
    "seeds": [2, [1]],
    "folds": [2],
    "cells": [3, jfnn.Sample(3, seed=1), 4],
}  # fmt: skip
# Option -> values that do not affect the identity of a run.
CHANGES_NOTHING = {
    "execution": [
        *[1, 2, jfnn.Execution(devices=1, progress=print)],
        jfnn.Workers(lambda: concurrent.futures.ThreadPoolExecutor(1)),
    ],
    "out": ["a directory"],
    "resume": [True],
    "refit": [True, jfnn.Simplest({"l2": "most"})],
}
WITH = {
    "cells": {"l2": [0.1, 0.2]},
    "schedulers": {"l2": [0.0, 0.1], "learning_rate": [0.1, 0.2]},
    "resume": {"out": "a directory"},
    "refit": {"validation": 0.2},
}


def of_run(**changes):
    description = prepare(options(**changes)).description
    data = {name: value for name, value in description["data"].items() if name != "custom_code"}
    return description["settings"], data


def test_every_option_identifies_a_run_or_not():
    assert {*DECIDING, *CHANGES_NOTHING} == set(NAMES)


@pytest.mark.thorough
@pytest.mark.parametrize("name", DECIDING)
def test_changed_option_makes_another_run(name):
    shared = WITH.get(name, {})
    runs = [of_run(**shared), *(of_run(**shared | {name: value}) for value in DECIDING[name])]
    for i, run in enumerate(runs):
        assert json.loads(json.dumps(run, allow_nan=False)) == [*run]
        assert run == of_run(**shared | ({name: DECIDING[name][i - 1]} if i else {}))
        assert all(run != other for other in runs[:i])


@pytest.mark.parametrize("name", CHANGES_NOTHING)
def test_execution_options_do_not_change_the_identity_of_a_run(name):
    shared = WITH.get(name, {})
    for value in CHANGES_NOTHING[name]:
        assert of_run(**shared | {name: value}) == of_run(**shared)
