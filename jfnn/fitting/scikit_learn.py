"""scikit-learn's own code at work on the perceptrons of this package."""

import inspect
from typing import Any

import numpy as np
import sklearn
from sklearn import neural_network
from sklearn.base import is_classifier

from jfnn.fitting.group import GoesOn

# What scikit-learn keeps of a fit for itself.
OWN = (neural_network.MLPClassifier, neural_network.MLPRegressor)
# Parameters of which there are values, or which there are, here alone.
FURTHER = ("class_weight", "activation", "solver", "loss")
PRIVATE = ("_optimizer", "_no_improvement_count", "_best_coefs", "_best_intercepts", "_random_state")

# Rows × weights for which NumPy takes less time than the way to a device and back with blocks filled up: 0.2
# for 0.5 ms on two cores of an Intel Xeon, 2026-11-26.
FEW = 2e6


class MLPClassifier(neural_network.MLPClassifier):  # type: ignore[misc]
    """scikit-learn's, with the attribute of its constructor that no parameter gives."""

    loss = "log_loss"


class MLPRegressor(neural_network.MLPRegressor):  # type: ignore[misc]
    """scikit-learn's, with a loss also where none is a parameter."""

    loss = "squared_error"


def theirs(estimator: Any) -> Any:
    """The class of scikit-learn's own that an estimator stands for."""
    return MLPClassifier if is_classifier(estimator) else MLPRegressor


def view(estimator: Any) -> Any:
    """An estimator as scikit-learn's own: one set of attributes under both classes."""
    viewed = object.__new__(theirs(estimator))
    viewed.__dict__ = vars(estimator)
    return viewed


def predictor(estimator: Any, X: Any) -> Any:
    """scikit-learn's own estimator where it is to predict; None where the device is.

    It predicts by NumPy: all that it has trained itself, and few rows of what the engine has, unless these
    are to have the same bits whatever rows are beside them.

    Args:
        estimator: A fitted perceptron.
        X: Rows.
    """
    trained_by = getattr(estimator, "engine_", None)
    if trained_by == "scikit-learn":
        return view(estimator)
    if trained_by is None or estimator.engine == "jfnn" or unknown(estimator) is not None:
        return None
    rows = len(X) if isinstance(X, list) else (*getattr(X, "shape", ()), np.inf)[0]
    work = rows * sum(weights.size for weights in estimator.coefs_)
    return view(estimator) if work <= FEW else None


def search_view(search: Any) -> Any:
    """A search as scikit-learn's own, with one set of attributes under both classes."""
    kind = next(kind for kind in type(search).__mro__ if kind.__module__.startswith("sklearn."))
    viewed: Any = object.__new__(kind)
    viewed.__dict__ = vars(search)
    return viewed


def plain(estimator: Any) -> Any:
    """scikit-learn's own estimator with the parameters of one, not fitted."""
    kind = getattr(neural_network, theirs(estimator).__name__)
    names = set(kind._get_param_names())
    return kind(**{name: value for name, value in estimator.get_params(deep=False).items() if name in names})


def takes_weights() -> bool:
    """Whether this scikit-learn's perceptrons take weights of rows."""
    return "sample_weight" in inspect.signature(neural_network.MLPClassifier.fit).parameters


def unknown(estimator: Any) -> str | None:
    """Name of a parameter with a value that scikit-learn has not; None where it has all."""
    kind, own = theirs(estimator), vars(estimator)
    return next((name for name in FURTHER if name in own and not _has(kind, name, own[name])), None)


def _has(kind: Any, name: str, value: Any) -> bool:
    """Whether a class of scikit-learn's has a value of a parameter of `FURTHER`."""
    if name == "class_weight":
        return value is None
    if name == "loss":
        return value == kind.loss or "loss" in kind._get_param_names()
    (options,) = kind._parameter_constraints[name]
    return bool(options.is_satisfied_by(value))


def takes(estimator: Any, name: str, values: Any) -> bool:
    """Whether scikit-learn's own estimator takes all values of a parameter."""
    if name in ("engine", "class_weight"):
        return False
    if name not in FURTHER:
        return True
    kind = theirs(estimator)
    return isinstance(values, list | tuple) and all(_has(kind, name, value) for value in values)


def fit(estimator: Any, X: Any, y: Any, sample_weight: Any, goes_on: bool, incremental: bool) -> None:
    """Trains an estimator by scikit-learn's own code; its parameters have been checked."""
    if goes_on and estimator.solver != "lbfgs" and not hasattr(estimator, "_no_improvement_count"):
        _hand_over(estimator)
    vars(estimator).pop("_before", None)
    estimator.engine_ = "scikit-learn"
    viewed = view(estimator)
    weights = {} if sample_weight is None else {"sample_weight": sample_weight}
    train = viewed.partial_fit if incremental else viewed.fit
    with sklearn.config_context(skip_parameter_validation=True):
        train(X, y, **weights)


def _hand_over(estimator: Any) -> None:
    """Readies what the engine trained for scikit-learn, which writes on parameters in place."""
    before = getattr(estimator, "_before", GoesOn())
    estimator._no_improvement_count = before.waiting
    for name in ("coefs_", "intercepts_"):
        arrays = getattr(estimator, name)
        setattr(estimator, name, [np.array(array) for array in arrays])
        setattr(estimator, f"_best_{name[:-1]}", [np.array(array) for array in arrays])


def hand_back(estimator: Any) -> GoesOn:
    """What the engine goes on from after scikit-learn, whose optimizer is left behind."""
    best, best_score = estimator.best_loss_, estimator.best_validation_score_
    return GoesOn(
        best=np.inf if best is None else float(best),
        best_score=-np.inf if best_score is None else float(best_score),
        waiting=int(estimator._no_improvement_count),
        seen=int(estimator.t_),
    )


def forget(estimator: Any) -> None:
    """Drops what scikit-learn keeps for itself, once the engine has trained."""
    for name in PRIVATE:
        vars(estimator).pop(name, None)
