"""Nonsense at every argument: one line that begins with the argument's name, before anything is compiled.

Each check has a law in test_checks.py, each option a table in search/test_refusals.py; here a seeded sample
of values that no argument takes finds arguments that are not checked at all.
"""

import dataclasses
import datetime
import decimal
import random

import numpy as np
import pytest
from room_calls import CALLS, prepared
from sklearn.utils._param_validation import InvalidParameterError

from jfnn.arguments.checks import ArgumentError
from jfnn.experiment.options import SearchOptions

pytestmark = pytest.mark.unoptimised


class Hostile:
    """Fails whatever is done with it."""

    def __repr__(self):
        raise RuntimeError("no text")

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("no array")


NONSENSE = {
    "complex": 1j,
    "decimal": decimal.Decimal("-1"),
    "ragged": [[1.0, 2.0], [3.0]],
    "dict": {"a": 1},
    "set": {1, 2},
    "object": object(),
    "date": datetime.date(2026, 1, 1),
    "objects": np.array([None, object()], dtype=object),
    "matrix of text": np.array([["a"], ["b"]]),
    "generator": (i for i in ()),
    "no array": Hostile(),
    "buffer": bytearray(b"12"),
    "array without axes": np.array("2020", "M8[D]"),
    "more digits than are written": -(10**5000),
}
SAMPLE = 5  # kinds tried for each argument
# An argument -> other names under which it is refused.
ALIASES = {
    "a": {"hyper"},
    "cells": {"sample"},
    "execution": {"devices"},
    "hyper": {"a"},
    "initializer": {"init"},
    "inputs": {"layers"},
    "momentum": {"optimizer"},
    "name": {"optimizer"},
    "networks": {"network"},
    "nesterov": {"optimizer"},
    "scheme": {"minibatch"},
    "seed": {"sample"},
    "size": {"validation"},
    "x": {"y"},
}


def refusal(call, *arguments, **options):
    """The exception that a call ends with, or None."""
    try:
        call(*arguments, **options)
    except Exception as error:
        return error
    return None


def complaint(error, names):
    """Why an error is no refusal of one of these arguments, or None."""
    if error is None:
        return "accepted"
    named = isinstance(error, ArgumentError) and error.argument in names
    if isinstance(error, InvalidParameterError):  # of scikit-learn, which checks parameters of estimators
        named = any(f"{name}: " in str(error) for name in names)
    return None if named and "\n" not in str(error).strip() else f"{type(error).__name__}: {error!s:.200}"


OPTIONS = [(f"sweep-{field.name}", prepared, {}, field.name) for field in dataclasses.fields(SearchOptions)]


@pytest.mark.parametrize(
    ("name", "call", "arguments", "argument"), CALLS + OPTIONS, ids=[call[0] for call in CALLS + OPTIONS]
)
def test_nonsense_is_refused_by_the_name_of_the_argument(name, call, arguments, argument):
    names = {argument} | ALIASES.get(argument, set())
    wrong = {}
    for kind in random.Random(name).sample(sorted(NONSENSE), SAMPLE):
        if why := complaint(refusal(call, **arguments | {argument: NONSENSE[kind]}), names):
            wrong[kind] = why
    assert wrong == {}
