"""The regressor: scikit-learn's names and meanings, trained by the engine."""

from typing import Any, ClassVar

import numpy as np
from sklearn import neural_network
from sklearn.base import RegressorMixin
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

import jfnn.estimators.parameters as parameters
from jfnn.checks import ArgumentError
from jfnn.estimators.perceptron import Perceptron
from jfnn.estimators.weights import as_weights
from jfnn.fitting.structure import Rows

LOSSES = {"squared_error": "identity", "poisson": "exp"}


class MLPRegressor(RegressorMixin, Perceptron):  # type: ignore[misc]
    """Multilayer perceptron that learns numbers: `sklearn.neural_network.MLPRegressor` on the engine.

    Parameters, methods and attributes are scikit-learn's, and mean the same; the package's README says what
    differs. Further here: activations "elu" and "leaky_relu", any optax optimizer as ``solver``, and
    ``engine``.

    Attributes:
        coefs_: Weights of each layer ``[n_in, n_out]``.
        intercepts_: Biases of each layer ``[n_out]``.
        loss_curve_: Loss of each epoch, the mean of its steps'.
        n_iter_: Epochs trained.
    """

    _parameter_constraints: ClassVar[parameters.Constraints] = {
        **parameters.counted(neural_network.MLPRegressor._parameter_constraints),
        **parameters.PERCEPTRON,
        "loss": [StrOptions(set(LOSSES))],
    }

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        engine: str = "auto",
    ):
        """See `sklearn.neural_network.MLPRegressor`.

        Args:
            engine: "auto", "jfnn" or "scikit-learn": by which code it trains; see `Perceptron`.
        """
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.engine = engine

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "MLPRegressor":
        """Trains on rows.

        Args:
            X: ``[n, features]``, dense or sparse.
            y: Targets ``[n]`` or ``[n, outputs]``.
            sample_weight: What each row counts ``[n]``.

        Raises:
            ValueError, TypeError: What cannot be, parameters by their names; or training diverged.
        """
        self._fit(X, y, sample_weight)
        return self

    @available_if(parameters.is_stochastic)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> "MLPRegressor":
        """Trains one epoch more; arguments as in `fit`."""
        self._fit(X, y, sample_weight, incremental=True)
        return self

    def _as_rows(self, X: Any, y: Any, sample_weight: Any, goes_on: bool, incremental: bool) -> Rows:
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            y_numeric=True,
            dtype=(np.float64, np.float32),
            reset=not goes_on,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        self._refuse_targets(y)
        targets = np.asarray(y, X.dtype).reshape(X.shape[0], -1)
        weights = as_weights(sample_weight, X.shape[0], X.dtype)
        return Rows(X if isinstance(X, np.ndarray) else X.toarray(), targets, weights)

    def _refuse_targets(self, y: Any) -> None:
        if self.loss == "poisson" and np.min(y) < 0:
            raise ArgumentError("y", "expected numbers of at least 0 for the loss 'poisson'")

    def _output(self) -> str:
        return LOSSES[self.loss]

    def predict(self, X: Any) -> np.ndarray:
        """Predictions ``[n]``, or ``[n, outputs]`` where there are several."""
        if (theirs := self._predicts_as(X)) is not None:
            return np.asarray(theirs.predict(X))
        outputs = self._outputs(X)
        return outputs.ravel() if outputs.shape[1] == 1 else outputs
