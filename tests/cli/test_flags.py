"""Flags: their defaults, how their values are read, and how they become the library's options."""

import dataclasses
import re

import numpy as np
import pytest
from command_line import grid_main, parse

import jfnn
from jfnn.cli import data, executors, networks, parser, run
from jfnn.cli.flags import DATA, EXECUTORS, NETWORKS, Flags, option
from jfnn.cli.parser import flag_name
from jfnn.core.experiment.options import Options
from jfnn.schedulers import SCHEDULERS

# The library's option -> the flags that set it, where they have other names.
FLAGS = {
    "hyper": ["l1", "dropout", "init_scale"],
    "optimizer": ["optimizer", "optimizer_arg", "schedule", "schedule_epochs"],
    "batch_size": ["batch_size", "minibatch", "keep_last"],
    "validation": ["validation", "rank_by"],
    "execution": ["devices", "tile", "eval_every"],
    "cells": ["cells", "cells_seed"],
}
NO_FLAG = {"initial_params", "batches"}  # arrays


def test_every_option_of_a_sweep_has_its_flags():
    names = {field.name for field in dataclasses.fields(Flags)}
    for name in {field.name for field in dataclasses.fields(Options) if field.kw_only} - NO_FLAG:
        assert set(FLAGS.get(name, [name])) <= names


def test_defaults_are_the_grid_of_the_notes():
    flags = parse()
    problem = data.load(flags)
    ((name, network),) = networks.networks(problem, flags).items()
    assert name == "50-sigmoid" and network is jfnn.mlp((64, 50, 10), "sigmoid", init="normal")
    taken = Options(network, problem.split, **run.keywords(problem, flags))
    for axis in (taken.learning_rate, taken.l2):
        np.testing.assert_allclose(axis, np.logspace(-5, 1, 7), rtol=1e-14)
    assert taken.batch_size == jfnn.Minibatches(100, "subset", drop_last=True)
    assert (taken.hyper, taken.optimizer) == ({}, jfnn.Optimizer("sgd"))
    assert taken.validation == jfnn.Validation()
    # All others are as in Python.
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
    assert taken.changed(names - named - unchecked) == []
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
        ("--rank-by neg_log_loss", "rank_by", "log_loss"),
        ("--early-stopping 10 --halving 3:5", "schedulers", (jfnn.Halving(3, 5), jfnn.EarlyStopping(10))),
        ("--optimizer-arg b1=0.8 --optimizer-arg b2=0.9,1", "optimizer_arg", (("b1", 0.8), ("b2", (0.9, 1)))),
        ("--optimizer-arg nesterov=true", "optimizer_arg", (("nesterov", True),)),
        ("--optimizer-arg memory=3", "optimizer_arg", (("memory", 3),)),
    ],
)
def test_values_are_read_as_the_help_says(words, name, value):
    flags = parse(*words.split())
    read = getattr(flags, name)
    numbers = isinstance(value, tuple) and all(isinstance(item, float | int) for item in value)
    assert read == (pytest.approx(value, rel=1e-12) if numbers else value)
    assert type(read) is type(value)
    assert {flag_name(name) for name in flags.present} == {w for w in words.split() if w.startswith("--")}


@pytest.mark.parametrize(("name", "meant"), [("roc_auc", "auc"), ("mean_squared_error", "mse"), ("r2", "r2")])
def test_a_metric_is_what_ranks(name, meant):
    assert parse("--metric", name) == parse("--rank-by", meant)


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


@dataclasses.dataclass(frozen=True)
class Toy(jfnn.Halving):
    """Ends 50% of the runs."""


def test_a_scheduler_in_the_registry_has_a_flag(monkeypatch, capsys):
    monkeypatch.setattr(parser, "SCHEDULERS", {**SCHEDULERS, "toy_scheduler": Toy})
    assert parse("--toy-scheduler", "3:7").schedulers == (Toy(3, 7),)
    with pytest.raises(SystemExit):
        parse("--help")
    shown = capsys.readouterr().out
    assert "--toy-scheduler FACTOR[:MIN_EPOCHS]" in shown and "ends 50% of the runs" in shown


@pytest.mark.parametrize(
    ("words", "made"),
    [
        ("--hidden 50 --hidden 50 --batch-size 50,050", (["50-sigmoid"], [50])),
        ("--hidden none --activation relu,tanh", (["none"], [100])),
        ("--hidden 5 --batch-size full,9", (["5-sigmoid"], [None, 9])),
    ],
)
def test_equal_networks_and_batch_sizes_are_one_program(words, made):
    flags = parse(*words.split())
    problem = data.load(flags)
    assert (list(networks.networks(problem, flags)), run.batch_sizes(problem, flags)) == made


def test_names_that_flags_take_are_those_that_there_are():
    assert (set(NETWORKS), set(EXECUTORS)) == (set(networks.MAKERS), set(executors.EXECUTORS))


@pytest.mark.parametrize(("name", "metavar"), [("refit", None), ("epochs", "N")])
def test_the_field_of_an_option_keeps_what_is_declared_of_it(name, metavar):
    declared = {"sets": ["other"], "needs": DATA, "group": "title"}
    assert option(name, metavar, **declared).metadata.items() >= declared.items()


def test_help_shows_every_flag_with_its_default(capsys):
    with pytest.raises(SystemExit) as stopped:
        grid_main("--help")
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    for field in dataclasses.fields(Flags):
        names = {"schedulers": SCHEDULERS, "present": ()}.get(field.name, [field.name])
        for name in names:
            _, entry = re.split(rf"\n  {flag_name(name)}[ ,]", shown, maxsplit=1)
            entry = entry.split("\n  --")[0]
            assert len(entry.split()) > 1
            if name == field.name and getattr(Flags(), name) not in (None, False, ()):
                assert "(default:" in " ".join(entry.split()), name
    assert "`" not in shown  # the marks of docstrings
    assert "examples:" in shown and max(map(len, shown.splitlines())) <= 80
