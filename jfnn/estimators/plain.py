"""Estimators of a search in place of which scikit-learn's own can stand, and back again."""

from collections.abc import Mapping
from typing import Any

from sklearn.base import clone
from sklearn.pipeline import Pipeline

from jfnn.estimators.perceptron import Perceptron, perceptron_of
from jfnn.fitting import scikit_learn


def takes_plain(search: Any) -> bool:
    """Whether scikit-learn's own estimators can be given all parameters that a search sets."""
    last = perceptron_of(search.estimator)
    grids = getattr(search, "param_grid", getattr(search, "param_distributions", None))
    for grid in [grids] if isinstance(grids, Mapping) else grids or ():
        for name, values in grid.items():
            prefix, _, parameter = name.rpartition("__")
            if name == _last_step(search.estimator):
                return False
            if prefix == (_last_step(search.estimator) or "") and not scikit_learn.takes(
                last, parameter, values
            ):
                return False
    return scikit_learn.unknown(last) is None


def as_plain(estimator: Any) -> Any:
    """A perceptron as scikit-learn's own, or a Pipeline that ends in one; not fitted."""
    if not isinstance(estimator, Pipeline):
        return scikit_learn.plain(estimator)
    copied = clone(estimator)
    copied.steps[-1] = (copied.steps[-1][0], scikit_learn.plain(copied.steps[-1][1]))
    return copied


def as_ours(fitted: Any, given: Any) -> Any:
    """What `as_plain` made, fitted since, as the estimator that was given."""
    last = perceptron_of(given)
    if isinstance(fitted, Pipeline):
        fitted.steps[-1] = (fitted.steps[-1][0], _adopted(fitted.steps[-1][1], last))
        return fitted
    return _adopted(fitted, last)


def _adopted(fitted: Any, given: Perceptron | None) -> Any:
    if type(fitted) not in scikit_learn.OWN:
        return fitted
    parameters = fitted.get_params(deep=False)
    ours = clone(given).set_params(**parameters)
    attributes = {name: value for name, value in vars(fitted).items() if name not in {*parameters, "loss"}}
    vars(ours).update(attributes, engine_="scikit-learn")
    return ours


def _last_step(estimator: Any) -> str | None:
    return estimator.steps[-1][0] if isinstance(estimator, Pipeline) else None
