"""Perceptrons as the last step of a Pipeline, and scikit-learn's own in their place and back."""

import copy
from collections.abc import Mapping
from typing import Any

from sklearn import neural_network
from sklearn.base import clone
from sklearn.pipeline import Pipeline

import jfnn.estimators.parameters as parameters
from jfnn.estimators.perceptron import Perceptron

THEIRS = (neural_network.MLPClassifier, neural_network.MLPRegressor)


def perceptron_in(estimator: Any) -> Any:
    """The perceptron that an estimator is, or that a Pipeline ends in; None for another."""
    last = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    return last if isinstance(last, Perceptron) else None


def with_perceptron(estimator: Any, perceptron: Any) -> Any:
    """An estimator with another perceptron in the place of its own; other steps of a Pipeline are shared."""
    if not isinstance(estimator, Pipeline):
        return perceptron
    copied = copy.copy(estimator)
    copied.steps = [*estimator.steps[:-1], (estimator.steps[-1][0], perceptron)]
    return copied


def prefix(estimator: Any) -> str:
    """Prefix of the perceptron's parameters among those of an estimator."""
    return f"{estimator.steps[-1][0]}__" if isinstance(estimator, Pipeline) else ""


def takes_plain(search: Any) -> bool:
    """Whether scikit-learn's own estimators can be given all parameters that a search sets."""
    last = perceptron_in(search.estimator)
    kind = _plain_kind(last)
    taken = {name: kind._parameter_constraints[name][0] for name in ("activation", "solver")}
    own = prefix(search.estimator)
    grids = getattr(search, "param_grid", getattr(search, "param_distributions", None))
    grids = [grids] if isinstance(grids, Mapping) else grids or []
    settings = [(name, values) for grid in grids for name, values in grid.items()]

    def takes(name: str, values: Any) -> bool:
        parameter = name.removeprefix(own)
        if not name.startswith(own) or parameter not in ("engine", "class_weight", *taken):
            return name != own.removesuffix("__")
        listed = parameter in taken and isinstance(values, list | tuple)
        return listed and all(map(taken[parameter].is_satisfied_by, values))

    plain = not parameters.is_further(last) and getattr(last, "class_weight", None) is None
    return plain and all(takes(name, values) for name, values in settings)


def _plain_kind(perceptron: Any) -> Any:
    """scikit-learn's class of a perceptron."""
    return next(kind for kind in THEIRS if isinstance(perceptron, kind))


def as_plain(estimator: Any) -> Any:
    """An estimator with scikit-learn's own perceptron, not fitted."""
    last = perceptron_in(estimator)
    kind = _plain_kind(last)
    plain = kind(**{name: getattr(last, name) for name in kind._get_param_names()})
    return with_perceptron(clone(estimator), plain)


def as_ours(fitted: Any, given: Any) -> Any:
    """A fitted estimator of `as_plain`'s with a perceptron of this package, with those parameters of its."""
    last = fitted.steps[-1][1] if isinstance(fitted, Pipeline) else fitted
    if type(last) not in THEIRS:
        return fitted
    ours: Any = clone(perceptron_in(given))
    vars(ours).update(vars(last), engine_="scikit-learn")
    return with_perceptron(fitted, ours)
