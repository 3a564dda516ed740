"""Searches by scikit-learn's classes, of its perceptrons where these serve.

scikit-learn sends its search's estimator, and with callbacks the search, to other processes. These need not
import this package, which would take them longer than a small search.
"""

from collections.abc import Mapping
from typing import Any

import sklearn
from sklearn import neural_network
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from jfnn.estimators.perceptron import further
from jfnn.estimators.pipelines import perceptron_in, prefix, with_perceptron

THEIRS = (neural_network.MLPClassifier, neural_network.MLPRegressor)


def fit(kind: Any, search: Any, grids: Any, X: Any, y: Any, params: Mapping[str, Any]) -> None:
    """Fits a search as scikit-learn's search, and takes over what that has learned.

    Args:
        kind: scikit-learn's class of the search.
        search: The search.
        grids: Its grid or distributions.
        X: Inputs.
        y: Targets.
        params: Further arguments of its fit.
    """
    serves = _serves(search.estimator, grids)
    parameters = search.get_params(deep=False)
    # What an earlier fit has learned stays here: it may be of this package.
    kept = {n: value for n, value in vars(search).items() if n in parameters or not n.endswith("_")}
    copied: Any = object.__new__(type(search) if _is_users(search, kind) else kind)
    vars(copied).update(kept)
    if serves:
        copied.estimator = as_plain(search.estimator)
    kind.fit(copied, X, y, **params)
    vars(search).update({name: value for name, value in vars(copied).items() if name != "estimator"})
    if serves and hasattr(search, "best_estimator_"):
        search.best_estimator_ = as_ours(search.best_estimator_, search.estimator)


def _is_users(value: Any, kind: type) -> bool:
    """Whether a user's class, whose methods take part, stands before this package's subclass of ``kind``."""
    return kind not in type(value).__bases__


def _serves(estimator: Any, grids: Any) -> bool:
    """Whether scikit-learn's perceptron can be given all parameters that a search sets."""
    last = perceptron_in(estimator)
    if last is None or last.engine == "jfnn" or further(last):
        return False
    if sklearn.get_config()["enable_metadata_routing"]:
        return False  # it is the perceptron's own requests that count
    kind = _plain_kind(last)
    if _is_users(last, kind) or last.get_params(deep=False).get("class_weight") is not None:
        return False
    if isinstance(grids, Mapping):
        grids = [grids]
    if not isinstance(grids, list) or not all(isinstance(grid, Mapping) for grid in grids):
        return False  # scikit-learn says what is wrong with it
    begin = prefix(estimator)

    def takes(name: str, values: Any) -> bool:
        """Whether scikit-learn's perceptron takes all values of a parameter."""
        if not name.startswith(begin):
            return name != begin.removesuffix("__")  # the perceptron itself
        parameter = name.removeprefix(begin)
        if parameter not in kind._get_param_names() or parameter not in ("activation", "solver", "loss"):
            return parameter in kind._get_param_names()
        (choices,) = kind._parameter_constraints[parameter]
        return isinstance(values, list | tuple) and all(map(choices.is_satisfied_by, values))

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
