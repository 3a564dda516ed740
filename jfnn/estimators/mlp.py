"""The perceptrons: scikit-learn's own classes, trained by the engine where that is faster."""

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from sklearn import neural_network
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_sample_weight

import jfnn.estimators.parameters as parameters
from jfnn.arguments.checks import ArgumentError
from jfnn.estimators.perceptron import Perceptron


def _parameters_of(base: Any) -> Callable[[Any], Any]:
    """Gives a constructor the parameters of a base's, which it passes on, before its own keywords.

    scikit-learn reads an estimator's parameters from the signature of its constructor.
    """

    def decorate(constructor: Any) -> Any:
        own = inspect.signature(constructor).parameters.values()
        further = [parameter for parameter in own if parameter.kind is parameter.KEYWORD_ONLY]
        given = inspect.signature(base.__init__).parameters.values()
        constructor.__signature__ = inspect.Signature([*given, *further])
        return constructor

    return decorate


class MLPClassifier(Perceptron, neural_network.MLPClassifier):  # type: ignore[misc]
    """Multilayer perceptron that learns classes: `sklearn.neural_network.MLPClassifier` on the engine.

    Parameters, methods and attributes are scikit-learn's, and mean the same; the package's README says what
    differs. Further here: activations "elu" and "leaky_relu", any optax optimizer as ``solver``,
    ``class_weight``, and ``engine``.
    """

    _parameter_constraints: ClassVar[parameters.Constraints] = {
        **parameters.counted(neural_network.MLPClassifier._parameter_constraints),
        **parameters.PERCEPTRON,
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

    @_parameters_of(neural_network.MLPClassifier)
    def __init__(self, *args: Any, class_weight: Any = None, engine: str = "auto", **options: Any):
        """See `sklearn.neural_network.MLPClassifier`.

        Args:
            *args: scikit-learn's parameters.
            class_weight: Weight of the rows of each class, class -> weight, or "balanced"; None for 1.
            engine: "auto", "jfnn" or "scikit-learn": by which code it trains; see `Perceptron`.
            **options: scikit-learn's parameters.
        """
        super().__init__(*args, **options)
        self.class_weight = class_weight
        self.engine = engine

    def _fit(self, X: Any, y: Any, sample_weight: Any = None, incremental: bool = False) -> Any:
        if incremental and isinstance(self.class_weight, str):
            raise ArgumentError(
                "class_weight", "'balanced' is unknown to partial_fit, which sees a part of the rows"
            )
        return super()._fit(X, y, sample_weight, incremental)

    def _row_weights(self, X: Any, y: Any, sample_weight: Any) -> np.ndarray | None:
        weights = super()._row_weights(X, y, sample_weight)
        if self.class_weight is None:
            return weights
        try:
            labels = self._label_binarizer.inverse_transform(y)
            class_weights = np.asarray(compute_sample_weight(self.class_weight, labels), X.dtype)
        except (ValueError, TypeError) as error:
            raise type(error)(f"class_weight: {error}") from None
        return class_weights if weights is None else weights * class_weights


class MLPRegressor(Perceptron, neural_network.MLPRegressor):  # type: ignore[misc]
    """Multilayer perceptron that learns numbers: `sklearn.neural_network.MLPRegressor` on the engine.

    Parameters, methods and attributes are scikit-learn's, and mean the same; the package's README says what
    differs. Further here: activations "elu" and "leaky_relu", any optax optimizer as ``solver``, and
    ``engine``.
    """

    _parameter_constraints: ClassVar[parameters.Constraints] = {
        **parameters.counted(neural_network.MLPRegressor._parameter_constraints),
        **parameters.PERCEPTRON,
    }

    @_parameters_of(neural_network.MLPRegressor)
    def __init__(self, *args: Any, engine: str = "auto", **options: Any):
        """See `sklearn.neural_network.MLPRegressor`.

        Args:
            *args: scikit-learn's parameters.
            engine: "auto", "jfnn" or "scikit-learn": by which code it trains; see `Perceptron`.
            **options: scikit-learn's parameters.
        """
        super().__init__(*args, **options)
        self.engine = engine

    def _row_weights(self, X: Any, y: Any, sample_weight: Any) -> np.ndarray | None:
        if self.loss == "poisson" and np.min(y) < 0:
            raise ArgumentError("y", "expected numbers of at least 0 for the loss 'poisson'")
        return super()._row_weights(X, y, sample_weight)
