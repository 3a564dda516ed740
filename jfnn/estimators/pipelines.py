"""Estimators that are a perceptron of this package, or a Pipeline that ends in one."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from jfnn.arguments import checks
from jfnn.estimators.perceptron import Perceptron


def perceptron_in(estimator: Any) -> Perceptron | None:
    """The perceptron that an estimator is, or that a Pipeline ends in; None for another."""
    last = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    return last if isinstance(last, Perceptron) else None


def with_perceptron(estimator: Any, perceptron: Any) -> Any:
    """An estimator with another perceptron at its end; other steps of a Pipeline are shared."""
    if not isinstance(estimator, Pipeline):
        return perceptron
    copied = copy.copy(estimator)
    copied.steps = [*estimator.steps[:-1], (estimator.steps[-1][0], perceptron)]
    return copied


def prefix(estimator: Any) -> str:
    """Prefix of the perceptron's parameters among those of an estimator."""
    return f"{estimator.steps[-1][0]}__" if isinstance(estimator, Pipeline) else ""


def perceptrons_in(value: Any) -> Iterator[Perceptron]:
    """The perceptrons of this package in an estimator or a grid, however deep."""
    if isinstance(value, Perceptron):
        yield value
        return
    if isinstance(value, BaseEstimator):
        value = value.get_params(deep=False)
    if isinstance(value, Mapping):
        value = list(value.values())
    numeric = isinstance(value, np.ndarray) and not value.dtype.hasobject
    if not numeric and checks.is_several(value):
        for one in value:
            yield from perceptrons_in(one)
