"""The perceptrons: scikit-learn's classes, trained by the engine where that is faster."""

import inspect
import numbers
from typing import Any, ClassVar

import numpy as np
from sklearn import neural_network
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.class_weight import compute_sample_weight

import jfnn.estimators.parameters as parameters
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.estimators.perceptron import FURTHER_LOSSES, Perceptron, check_weights


def _constructor(base: Any, **extra: Any) -> Any:
    """The constructor of a base with further keyword parameters, name -> default.

    Its signature has all of them, since scikit-learn reads an estimator's parameters from there.
    """

    def __init__(self: Any, *args: Any, **options: Any) -> None:
        for name, default in extra.items():
            setattr(self, name, options.pop(name, default))
        base.__init__(self, *args, **options)

    keyword = inspect.Parameter.KEYWORD_ONLY
    further = [inspect.Parameter(name, keyword, default=default) for name, default in extra.items()]
    inherited = inspect.signature(base.__init__).parameters.values()
    __init__.__signature__ = inspect.Signature([*inherited, *further])  # type: ignore[attr-defined]
    return __init__


class MLPClassifier(Perceptron, neural_network.MLPClassifier):  # type: ignore[misc]
    """Multilayer perceptron that learns classes: `sklearn.neural_network.MLPClassifier` on the engine.

    Parameters, methods and attributes are scikit-learn's, and mean the same; the page on
    scikit-learn's names says where they differ. Further here: activations "elu", "leaky_relu", "softplus",
    "gelu", "erf" and "sin", any optax optimizer as ``solver``, ``engine`` ("auto" to train a fit on jfnn
    where that is faster, "jfnn", or "scikit-learn"), and ``class_weight``: class -> weight of its rows,
    "balanced", or None for 1.
    """

    _parameter_constraints: ClassVar[parameters.Constraints] = {
        **neural_network.MLPClassifier._parameter_constraints,
        **parameters.PERCEPTRON,
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

    __init__ = _constructor(neural_network.MLPClassifier, class_weight=None, engine="auto")

    def _fit(self, X: Any, y: Any, sample_weight: Any = None, incremental: bool = False) -> Any:
        if incremental and isinstance(self.class_weight, str) and self.class_weight == "balanced":
            raise ArgumentError(
                "class_weight", "'balanced' is unknown to partial_fit, which sees a part of the rows"
            )
        return super()._fit(X, y, sample_weight, incremental)

    def _checked(self, X: Any, y: Any, sample_weight: Any) -> np.ndarray | None:
        weights = super()._checked(X, y, sample_weight)
        if self.class_weight is None:
            return weights
        try:
            class_weights = self._class_weights(y)
        except (ValueError, TypeError) as error:
            raise type(error)(f"class_weight: {error}") from None
        check_weights(class_weights, "class_weight")
        if weights is None:
            return class_weights
        both: np.ndarray = weights * class_weights
        if self.engine != "scikit-learn":
            check_weights(both, "sample_weight")
        return both

    def _class_weights(self, y: np.ndarray) -> np.ndarray:
        """The weight of each encoded row by its classes, of which a `partial_fit` may have a part."""
        if self._label_binarizer.y_type_.startswith("multilabel"):
            labels = y.astype(int)
            classes = np.repeat([[0], [1]], y.shape[1], axis=1)
        else:
            labels = self._label_binarizer.inverse_transform(y)
            classes = self.classes_
        if self.class_weight != "balanced":  # that counts rows
            labels = np.concatenate([labels, classes])
        return np.asarray(compute_sample_weight(self.class_weight, labels))[: len(y)]


class MLPRegressor(Perceptron, neural_network.MLPRegressor):  # type: ignore[misc]
    """Multilayer perceptron that learns numbers: `sklearn.neural_network.MLPRegressor` on the engine.

    Parameters, methods and attributes are scikit-learn's, and mean the same; the page on
    scikit-learn's names says where they differ. Further here: activations "elu", "leaky_relu", "softplus",
    "gelu", "erf" and "sin", any optax optimizer as ``solver``, ``engine``, as in `MLPClassifier`, and the
    losses "absolute_error" (whose least mean is at the median), "huber" (with ``delta``, the size of errors
    from which on it is linear) and "quantile" (with ``quantile``, between 0 and 1), which are those of
    `jfnn.losses`. They predict the median, a location, the quantile; scores are R².
    """

    _parameter_constraints: ClassVar[parameters.Constraints] = {
        **neural_network.MLPRegressor._parameter_constraints,
        **parameters.PERCEPTRON,
        "loss": [StrOptions({"squared_error", "poisson", *FURTHER_LOSSES})],
        "quantile": [Interval(numbers.Real, 0, 1, closed="neither")],
        "delta": [Interval(numbers.Real, 0, None, closed="neither")],
    }

    __init__ = _constructor(neural_network.MLPRegressor, quantile=0.5, delta=1.0, engine="auto")

    def _check_targets(self, y: np.ndarray) -> None:
        checks.check_numbers(y, "y")
        if self.loss == "poisson" and y.min() < 0:
            raise ArgumentError("y", "expected numbers of at least 0 for the loss 'poisson'")
