"""Searches by scikit-learn's classes, of its perceptrons where these serve.

scikit-learn sends its search's estimator, and with callbacks the search, to other processes. These need not
import this package, which would take them longer than a small search.
"""

from collections.abc import Mapping
from typing import Any

from sklearn import neural_network
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from jfnn.estimators.perceptron import further, perceptron_in, prefix, with_perceptron

THEIRS = (neural_network.MLPClassifier, neural_network.MLPRegressor)


def fit(kind: type, search: Any, grids: Any, X: Any, y: Any, params: Mapping[str, Any]) -> None:
    """Fits a search as scikit-learn's search, and takes over what that has learned.

    Args:
        kind: scikit-learn's class of the search.
        search: The search.
        grids: Its grid or distributions.
        X: Inputs.
        y: Targets.
        params: Further arguments of its fit.
    """
    parameters = search.get_params(deep=False)
    serves = _serves(search.estimator, grids)
    theirs: Any = kind(**parameters | ({"estimator": as_plain(search.estimator)} if serves else {}))
    theirs.fit(X, y, **params)
    vars(search).update({name: value for name, value in vars(theirs).items() if name not in parameters})
    if serves and hasattr(search, "best_estimator_"):
        search.best_estimator_ = as_ours(search.best_estimator_, search.estimator)


def _serves(estimator: Any, grids: Any) -> bool:
    """Whether scikit-learn's perceptron can be given all parameters that a search sets."""
    last = perceptron_in(estimator)
    if last is None or last.engine == "jfnn" or further(last):
        return False
    if last.get_params(deep=False).get("class_weight") is not None:
        return False
    if isinstance(grids, Mapping):
        grids = [grids]
    if not isinstance(grids, list) or not all(isinstance(grid, Mapping) for grid in grids):
        return False  # scikit-learn says what is wrong with it
    begin = prefix(estimator)
    constraints = _plain_kind(last)._parameter_constraints

    def takes(name: str, values: Any) -> bool:
        """Whether scikit-learn's perceptron takes all values of a parameter."""
        parameter = name.removeprefix(begin)
        if not name.startswith(begin) or parameter not in ("engine", "class_weight", "activation", "solver"):
            return name != begin.removesuffix("__")  # the perceptron itself
        if parameter not in constraints or not isinstance(values, list | tuple):
            return False
        (choices,) = constraints[parameter]
        return all(map(choices.is_satisfied_by, values))

    return all(takes(name, values) for grid in grids for name, values in grid.items())


def _plain_kind(perceptron: Any) -> Any:
    """scikit-learn's class of a perceptron."""
    return next(kind for kind in THEIRS if isinstance(perceptron, kind))


def as_plain(estimator: Any) -> Any:
    """An estimator with scikit-learn's perceptron, not fitted."""
    last: Any = perceptron_in(estimator)
    kind = _plain_kind(last)
    values = last.get_params(deep=False)
    plain = kind(**{name: values[name] for name in kind._get_param_names()})
    return with_perceptron(clone(estimator), plain)


def as_ours(fitted: Any, estimator: Any) -> Any:
    """A fitted estimator of `as_plain` with a perceptron of this package, that of ``estimator`` fitted."""
    last = fitted.steps[-1][1] if isinstance(fitted, Pipeline) else fitted
    if type(last) not in THEIRS:
        return fitted
    ours: Any = clone(perceptron_in(estimator))
    vars(ours).update(vars(last), engine_="scikit-learn")
    return with_perceptron(fitted, ours)
