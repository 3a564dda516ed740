"""The classifier: scikit-learn's names and meanings, trained by the engine."""

from typing import Any, ClassVar

import numpy as np
from sklearn import neural_network
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target, unique_labels
from sklearn.utils.validation import validate_data

import jfnn.estimators.parameters as parameters
from jfnn.checks import ArgumentError
from jfnn.estimators.perceptron import Perceptron
from jfnn.estimators.weights import as_weights
from jfnn.fitting.structure import Rows


class MLPClassifier(ClassifierMixin, Perceptron):  # type: ignore[misc]
    """Multilayer perceptron that learns classes: `sklearn.neural_network.MLPClassifier` on the engine.

    Parameters, methods and attributes are scikit-learn's, and mean the same; the package's README says what
    differs. Further here: activations "elu" and "leaky_relu", any optax optimizer as ``solver``,
    ``class_weight``, and ``engine``.

    Attributes:
        classes_: The classes, or for several labels a row their numbers.
        coefs_: Weights of each layer ``[n_in, n_out]``.
        intercepts_: Biases of each layer ``[n_out]``.
        loss_curve_: Loss of each epoch, the mean of its steps'.
        n_iter_: Epochs trained.
    """

    classes_: Any
    _parameter_constraints: ClassVar[parameters.Constraints] = {
        **parameters.counted(neural_network.MLPClassifier._parameter_constraints),
        **parameters.PERCEPTRON,
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
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
        class_weight: Any = None,
        engine: str = "auto",
    ):
        """See `sklearn.neural_network.MLPClassifier`.

        Args:
            class_weight: What rows of a class count, class -> weight, or "balanced"; None for 1.
            engine: "auto", "jfnn" or "scikit-learn": by which code it trains; see `Perceptron`.
        """
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
        self.class_weight = class_weight
        self.engine = engine

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "MLPClassifier":
        """Trains on rows.

        Args:
            X: ``[n, features]``, dense or sparse.
            y: Classes ``[n]``, or 0 and 1 for each label ``[n, labels]``.
            sample_weight: What each row counts ``[n]``.

        Raises:
            ValueError, TypeError: What cannot be, parameters by their names; or training diverged.
        """
        self._fit(X, y, sample_weight)
        return self

    @available_if(parameters.is_stochastic)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> "MLPClassifier":
        """Trains one epoch more.

        Args:
            X: As in `fit`.
            y: As in `fit`.
            sample_weight: As in `fit`.
            classes: All classes of all calls; needed in the first.

        Raises:
            ValueError, TypeError: As in `fit`; or classes that are missing or other ones.
        """
        if self.class_weight == "balanced":
            raise ArgumentError(
                "class_weight", "'balanced' is unknown to partial_fit, which sees a part of the rows"
            )
        if not hasattr(self, "classes_"):
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            labels = y if type_of_target(y).startswith("multilabel") else unique_labels(classes)
            self._label_binarizer = LabelBinarizer().fit(labels)
            self.classes_ = self._label_binarizer.classes_
        elif classes is not None and not np.array_equal(self.classes_, unique_labels(classes)):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit,"
                f" was: {self.classes_!r}"
            )
        self._fit(X, y, sample_weight, incremental=True)
        return self

    def _as_rows(self, X: Any, y: Any, sample_weight: Any, goes_on: bool, incremental: bool) -> Rows:
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            dtype=(np.float64, np.float32),
            reset=not goes_on,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        self._learn_classes(y, incremental)
        targets = np.asarray(self._label_binarizer.transform(y), X.dtype)
        weights = as_weights(sample_weight, X.shape[0], X.dtype)
        if self.class_weight is not None:
            try:
                of_classes = np.asarray(compute_sample_weight(self.class_weight, y), X.dtype)
            except (ValueError, TypeError) as error:
                raise type(error)(f"class_weight: {error}") from None
            weights = of_classes if weights is None else weights * of_classes
        return Rows(X if isinstance(X, np.ndarray) else X.toarray(), targets, weights)

    def _learn_classes(self, y: Any, incremental: bool) -> None:
        """Classes from labels; a fit that goes on must have those of the fit before.

        Raises:
            ValueError: It has others.
        """
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
            return
        classes = unique_labels(y)
        if self.warm_start and set(classes) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit."
                f" Previously got {self.classes_}, `y` has {classes}"
            )
        if len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                "`y` has classes not in `self.classes_`."
                f" `self.classes_` has {self.classes_}. 'y' has {classes}."
            )

    def _output(self) -> str:
        return "softmax" if self._label_binarizer.y_type_ == "multiclass" else "logistic"

    def _stratified(self, targets: np.ndarray) -> bool:
        return bool(targets.shape[1] == 1)

    def predict(self, X: Any) -> np.ndarray:
        """The class of each row ``[n]``, or 0 and 1 for each label ``[n, labels]``."""
        if (theirs := self._predicts_as(X)) is not None:
            return np.asarray(theirs.predict(X))
        outputs = self._outputs(X)
        return np.asarray(
            self._label_binarizer.inverse_transform(outputs.ravel() if self.n_outputs_ == 1 else outputs)
        )

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each class ``[n, classes]``, in the order of ``classes_``."""
        if (theirs := self._predicts_as(X)) is not None:
            return np.asarray(theirs.predict_proba(X))
        outputs = self._outputs(X)
        return np.hstack([1 - outputs, outputs]) if self.n_outputs_ == 1 else outputs

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithms of `predict_proba`."""
        probabilities = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(probabilities, out=probabilities))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
