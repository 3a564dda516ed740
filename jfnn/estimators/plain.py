"""scikit-learn's own perceptrons in the place of those of this package, and back."""

from collections.abc import Mapping
from typing import Any

from sklearn import neural_network
from sklearn.base import clone
from sklearn.pipeline import Pipeline

import jfnn.estimators.choice as choice
from jfnn.estimators.perceptron import perceptron_in, prefix, with_perceptron

THEIRS = (neural_network.MLPClassifier, neural_network.MLPRegressor)


def takes_plain(search: Any) -> bool:
    """Whether scikit-learn's own estimators can be given all parameters that a search sets."""
    last = perceptron_in(search.estimator)
    kind = _plain_kind(last)
    choices = {name: kind._parameter_constraints[name][0] for name in ("activation", "solver")}
    own = prefix(search.estimator)
    grids = getattr(search, "param_grid", getattr(search, "param_distributions", None))
    grids = [grids] if isinstance(grids, Mapping) else grids
    if not isinstance(grids, list) or not all(isinstance(grid, Mapping) for grid in grids):
        return False  # scikit-learn says what is wrong with it
    settings = [(name, values) for grid in grids for name, values in grid.items()]

    def takes(name: str, values: Any) -> bool:
        parameter = name.removeprefix(own)
        if not name.startswith(own) or parameter not in ("engine", "class_weight", *choices):
            return name != own.removesuffix("__")
        listed = parameter in choices and isinstance(values, list | tuple)
        return listed and all(map(choices[parameter].is_satisfied_by, values))

    plain = not choice.is_further(last) and getattr(last, "class_weight", None) is None
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


def as_ours(fitted: Any, estimator: Any) -> Any:
    """A fitted estimator of `as_plain` with a perceptron of this package, that of ``estimator`` fitted."""
    last = fitted.steps[-1][1] if isinstance(fitted, Pipeline) else fitted
    if type(last) not in THEIRS:
        return fitted
    ours: Any = clone(perceptron_in(estimator))
    vars(ours).update(vars(last), engine_="scikit-learn")
    return with_perceptron(fitted, ours)
