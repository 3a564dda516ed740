"""Flags: their defaults, how their values are parsed, and how they become the library's options."""

import dataclasses

import numpy as np
import pytest
from command_line import parse

import jfnn
from jfnn.cli import data, run
from jfnn.cli.parser import flag_name
from jfnn.core.experiment.options import Options


def test_defaults_are_the_grid_of_the_notes():
    flags = parse()
    problem = data.load(flags)
    ((name, network),) = run.networks(problem, flags).items()
    assert name == "50-sigmoid" and network is jfnn.mlp((64, 50, 10), "sigmoid", init="normal")
    taken = Options(network, problem.split, **run.keywords(problem, flags))
    for axis in (taken.learning_rate, taken.l2):
        np.testing.assert_allclose(axis, np.logspace(-5, 1, 7), rtol=1e-14)
    assert taken.batch_size == jfnn.Minibatches("auto", "subset", drop_last=True)
    assert (taken.hyper, taken.optimizer) == ({}, jfnn.Optimizer("sgd"))
    assert taken.validation == jfnn.Validation()
    # All others have the library's defaults.
    names = {field.name for field in dataclasses.fields(Options) if field.kw_only}
    assert taken.reduction == "sum"
    named = {
        "learning_rate",
        "l2",
        "reduction",
        "batch_size",
        "hyper",
        "optimizer",
        "validation",
        "execution",
        "out",
    }
    unchecked = {"batches", "initial_params", "folds"}
    assert taken.non_default(names - named - unchecked) == []
    assert [getattr(taken, name) for name in unchecked] == [None, None, None]
    assert (flags.dtype, flags.test_size, flags.split_seed, flags.present) == ("float32", 0.2, 0, frozenset())


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        ("--learning-rate -1e-3", "learning_rate", (-1e-3,)),
        ("--l2 0,1e-2:1:3", "l2", (0, 1e-2, 1e-1, 1)),
        ("--hidden none", "hidden", ((),)),
        ("--hidden 50 --hidden 100,50", "hidden", ((50,), (100, 50))),
        ("--activation relu,tanh,relu", "activation", ("relu", "tanh")),
        ("--dropout 0.5", "dropout", 0.5),
        ("--l1 0,1e-2", "l1", (0, 1e-2)),
        ("--seeds 0,7", "seeds", (0, 7)),
        ("--seeds 7,", "seeds", (7,)),
        ("--batch-size 50,full,050", "batch_size", (50, "full")),
        ("--validation 200", "validation", 200),
        ("--rank-by auc", "rank_by", "auc"),
        ("--optimizer-arg b1=0.8 --optimizer-arg b2=0.9,1", "optimizer_arg", (("b1", 0.8), ("b2", (0.9, 1)))),
        ("--optimizer-arg nesterov=true", "optimizer_arg", (("nesterov", True),)),
        ("--optimizer-arg memory=3", "optimizer_arg", (("memory", 3),)),
    ],
)
def test_values_are_parsed_as_documented_in_the_help(words, name, value):
    flags = parse(*words.split())
    read = getattr(flags, name)
    numbers = isinstance(value, tuple) and all(isinstance(item, float | int) for item in value)
    assert read == (pytest.approx(value, rel=1e-12) if numbers else value)
    assert type(read) is type(value)
    assert {flag_name(name) for name in flags.present} == {w for w in words.split() if w.startswith("--")}


@pytest.mark.parametrize(
    ("words", "name", "ends", "middle"),
    [
        ("--learning-rate 1e-4:1", "learning_rate", (1e-4, 1), 1e-2),
        ("--optimizer-arg momentum=uniform:-1:0.9", "momentum", (-1, 0.9), -0.05),
    ],
)
def test_ranges_are_drawn_from_log_uniformly_or_uniformly(words, name, ends, middle):
    flags = parse(*words.split())
    read = dict(flags.optimizer_arg)[name] if "=" in words else getattr(flags, name)
    np.testing.assert_allclose(read.ppf([0, 0.5, 1]), [ends[0], middle, ends[1]], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("words", "made"),
    [
        ("--hidden 50 --hidden 50 --batch-size 50,050", (["50-sigmoid"], [50])),
        ("--hidden none --activation relu,tanh", (["none"], ["auto"])),
        ("--hidden 5 --batch-size full,9", (["5-sigmoid"], [None, 9])),
    ],
)
def test_equal_networks_and_batch_sizes_are_one_program(words, made):
    flags = parse(*words.split())
    problem = data.load(flags)
    assert (list(run.networks(problem, flags)), run.batch_sizes(flags)) == made
