"""scikit-learn's perceptrons with different code for training by steps and for predictions.

Validation, encoding, initial weights and attributes are scikit-learn's. The following private methods are
overridden:

* ``_fit``, which scikit-learn's ``fit`` and ``partial_fit`` call, makes the record of the parameters
  (`Settings`) and accepts solvers that scikit-learn lacks; ``_validate_params`` and ``_check_solver`` are
  therefore replaced.
* ``_initialize`` gives all candidates of a search the same initial weights, and the additional solvers empty
  loss curves.
* ``_fit_stochastic`` turns checked rows and settings into a `Fit`, trains it, and sets the attributes.
* ``_fit_lbfgs`` and ``_loss_grad_lbfgs`` minimize the engine's objective.
* ``_forward_pass_fast`` predicts.
"""

import contextvars
import functools
import inspect
import itertools
import numbers
import warnings
from collections.abc import Callable, Container
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import DTypeLike
from scipy import sparse
from scipy.special import expit, softmax
from sklearn import neural_network
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network._multilayer_perceptron import BaseMultilayerPerceptron
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import _check_sample_weight, validate_data

import jfnn.estimators.functions as functions
import jfnn.estimators.settings as settings
import jfnn.estimators.training as training
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.estimators.fit import FLOAT32, SOLVERS, Fit, FitRows, Solver, TrainedFit, in_float32, network_of
from jfnn.estimators.settings import FURTHER_LOSSES, Settings
from jfnn.layers.dense import Layer

NON_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be"
    " preprocessed."
)
OUTPUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "identity": np.asarray,
    "logistic": expit,
    "softmax": functools.partial(softmax, axis=1),
    "exp": np.exp,
}


class Search(Protocol):
    """A search that fits perceptrons and may already have their results.

    Attributes:
        engines: The engines (see `Settings.engine_for`) whose fits the search trains together.
        seed: Returns the seed of fits without a random state, which all candidates share.
    """

    engines: Container[str]
    seed: Callable[[], int]

    def find(self, perceptron: "Perceptron", fit: Fit) -> TrainedFit | None:
        """Return the result of a perceptron's fit; None if the fit has to train by itself."""


SEARCH: contextvars.ContextVar[Search | None] = contextvars.ContextVar("search", default=None)


class Substitute:
    """A class with the name and parameters of the scikit-learn class from which it inherits."""

    _doc_link_module = "jfnn"  # users' subclasses then get no link, since they have no page
    _theirs: ClassVar[Any]  # scikit-learn's class

    @classmethod
    def _is_users(cls) -> bool:
        """Whether this is a user's subclass, whose methods take precedence."""
        return cls._theirs not in cls.__bases__

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        """Return the names for scikit-learn's template of the documentation link in HTML."""
        module, _, _ = self._theirs.__module__.partition("._")
        return {"estimator_module": module, "estimator_name": self._theirs.__name__}


class Perceptron(Substitute, BaseMultilayerPerceptron):  # type: ignore[misc]
    """scikit-learn's multilayer perceptron on the engine: the base class of classifier and regressor.

    ``engine`` chooses the code that trains. "jfnn" is this package's engine, with its guarantees of equal
    bits. "scikit-learn" is scikit-learn's code, with the same bytes as scikit-learn. "auto" is scikit-learn's
    code except in a search with many fits (`jfnn.estimators.choice`). Activations, solvers and losses that
    scikit-learn lacks are always trained by this package's engine.

    `partial_fit` continues with the previous engine. If the engine has to change, the optimizer starts fresh,
    while losses, counts and parameters continue. A warm start always has a fresh optimizer, so its engine may
    change.

    Attributes:
        engine_: The engine that trained the perceptron last.
    """

    engine: str
    engine_: str
    loss_curve_: list[float]
    best_loss_: Any  # a number, or None
    validation_scores_: list[float] | None
    best_validation_score_: Any  # a number, or None
    _settings: Settings  # exists during a fit

    def _validate_params(self) -> None:
        """Check nothing here: `_fit` checks the parameters, including those of a continued `partial_fit`."""

    def _check_solver(self) -> bool:
        """Whether the solver supports `partial_fit`; all except "lbfgs" do."""
        return self.solver != "lbfgs" or bool(super()._check_solver())

    def _fit(self, X: Any, y: Any, sample_weight: Any = None, incremental: bool = False) -> "Perceptron":
        self._settings = Settings.of(self, incremental)
        try:
            if self.solver in SOLVERS:
                super()._fit(X, y, sample_weight=sample_weight, incremental=incremental)
            else:
                self._fit_by_further_solver(X, y, sample_weight, incremental)
        finally:
            del self._settings
        return self

    def _fit_by_further_solver(self, X: Any, y: Any, sample_weight: Any, incremental: bool) -> None:
        """Take the steps of scikit-learn's ``_fit``, which rejects optax solvers."""
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        X, y = self._validate_input(X, y, incremental, reset=first)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        y = y.reshape(len(y), -1)
        layer_units = [X.shape[1], *self._settings.structure.sizes, y.shape[1]]
        self._random_state = check_random_state(self.random_state)
        if first:
            self._initialize(y, layer_units, X.dtype)
        self._fit_stochastic(X, y, sample_weight, layer_units, incremental)

    def _initialize(self, y: np.ndarray, layer_units: list[int], dtype: DTypeLike) -> None:
        search = SEARCH.get()
        if search is not None and self.random_state is None:  # candidates are compared from the same start
            self._random_state = np.random.RandomState(search.seed())
        super()._initialize(y, layer_units, dtype)
        if self.solver not in SOLVERS:  # scikit-learn sets these for its own solvers only
            self.loss_curve_ = []
            self._no_improvement_count = 0
            self.best_loss_ = None if self.early_stopping else np.inf
            self.validation_scores_ = [] if self.early_stopping else None
            self.best_validation_score_ = -np.inf if self.early_stopping else None

    def _fit_stochastic(self, X: Any, y: np.ndarray, sample_weight: np.ndarray | None, *buffers: Any) -> None:
        *_, layer_units, incremental = buffers
        expected = list(itertools.pairwise(layer_units))
        shapes = [weights.shape for weights in self.coefs_]  # from an earlier fit, or set by hand
        if self.engine != "scikit-learn" and shapes != expected:
            of = "from the inputs, hidden_layer_sizes and outputs"
            raise ArgumentError("coefs_", f"expected shapes {expected}, {of}, got {shapes}")
        judged = vars(self).get("validation_scores_") is not None
        if not hasattr(self, "loss_curve_") or judged != self.early_stopping:
            self._begin_history(y, layer_units, X.dtype)
        weights = self._row_weights(y, sample_weight)
        trained = None
        if not incremental and not self.verbose:
            trained = self._found_by_search(X, y, weights)
        engine = self._engine_for(weights, incremental)
        if trained is None and engine == "jfnn":
            trained = self._train(self._as_fit(X, y, weights, incremental))
        if trained is not None:
            self._learn(trained, X, incremental)
            return
        self.engine_ = engine
        if isinstance(vars(self).get("_optimizer"), Solver):
            del self._optimizer
            self._set_layers(self._layers(), X.dtype)  # copies, since scikit-learn updates in place
        super()._fit_stochastic(X, y, weights, *buffers)

    def _fit_lbfgs(self, X: Any, y: np.ndarray, sample_weight: np.ndarray | None, *buffers: Any) -> None:
        weights = self._row_weights(y, sample_weight)
        self.engine_ = self._engine_for(weights, incremental=False)
        super()._fit_lbfgs(X, y, weights, *buffers)
        if self.engine_ == "jfnn":
            self._set_layers(self._layers(), X.dtype)

    def _loss_grad_lbfgs(
        self, point: np.ndarray, X: Any, y: np.ndarray, sample_weight: np.ndarray | None, *buffers: Any
    ) -> Any:
        if self.engine_ != "jfnn":
            return super()._loss_grad_lbfgs(point, X, y, sample_weight, *buffers)
        self._unpack(point)
        fit = self._as_fit(X, y, sample_weight, False)
        return functions.value_and_grad(fit.structure, fit.start, fit.rows, self.alpha)

    def _engine_for(self, weights: np.ndarray | None, incremental: bool) -> str:
        """Return the engine that trains a fit by itself, "jfnn" or "scikit-learn"."""
        engine = self._settings.engine_for(weights)
        if engine != "auto":
            return engine
        # `partial_fit` needs the optimizer of the previous engine.
        return self.engine_ if incremental and hasattr(self, "engine_") else "scikit-learn"

    def _found_by_search(self, X: Any, y: np.ndarray, weights: np.ndarray | None) -> TrainedFit | None:
        """Return the result of this fit if a search has trained it ahead."""
        search = SEARCH.get()
        if search is None or self._settings.engine_for(weights) not in search.engines:
            return None
        return search.find(self, self._as_fit(X, y, weights, incremental=False))

    def _row_weights(self, y: np.ndarray, sample_weight: np.ndarray | None) -> np.ndarray | None:
        """Return the weights of rows; weights and targets are checked unless scikit-learn's engine trains."""
        if self.engine != "scikit-learn" and sample_weight is not None:
            check_weights(sample_weight, "sample_weight")
        return sample_weight

    def _begin_history(self, y: np.ndarray, layer_units: list[int], dtype: DTypeLike) -> None:
        """Reset losses and counts, since the parameters were set by hand or trained with other settings."""
        layers = self._layers()
        stream = self._random_state
        self._random_state = np.random.RandomState(0)  # the weights drawn here are discarded
        self._initialize(y, layer_units, dtype)
        self._random_state = stream
        self._set_layers(layers, dtype)

    def _layers(self) -> tuple[Layer, ...]:
        layers: Any = zip(self.coefs_, self.intercepts_, strict=True)
        return tuple(Layer(w, b) for w, b in layers)

    def _set_layers(self, layers: tuple[Layer, ...], dtype: DTypeLike) -> None:
        """Set the parameters to copies of layers."""
        self.coefs_ = [np.array(layer.w, dtype) for layer in layers]
        self.intercepts_ = [np.array(layer.b, dtype) for layer in layers]

    def _sizes(self) -> tuple[int, ...]:
        return len(self.coefs_[0]), *map(len, self.intercepts_)

    def _as_fit(self, X: Any, y: np.ndarray, weights: np.ndarray | None, incremental: bool) -> Fit:
        _, structure, member_numbers, _ = self._settings
        x = X.toarray() if sparse.issparse(X) else np.asarray(X)
        with np.errstate(over="ignore"):
            rows = FitRows(x, np.asarray(y, X.dtype), weights)
        fit = Fit(
            structure=structure._replace(sizes=self._sizes(), output=self.out_activation_),
            rows=rows,
            start=self._layers(),
            random=self._random_state,
            numbers=member_numbers | {"max_iter": 1.0} if incremental else member_numbers,
        )
        if structure.solver == "lbfgs":
            return fit
        before = vars(self).get("_optimizer") if incremental else None  # may be an optimizer of scikit-learn
        return fit._replace(
            best=float(-self.best_validation_score_ if self.early_stopping else self.best_loss_),
            waiting=int(self._no_improvement_count),
            seen=int(self.t_),
            optimizer=before if isinstance(before, Solver) and before.solver == self.solver else None,
        )

    def _train(self, fit: Fit) -> TrainedFit:
        """Train a fit by the engine; if verbose, print the same lines as scikit-learn."""
        if not self.verbose:
            (trained,) = training.train([fit])
            return trained
        adaptive = fit.structure.schedule == "adaptive"
        judged = "Training loss" if fit.structure.validation is None else "Validation score"
        no_progress = (
            f"{judged} did not improve more than tol={self.tol:f}"
            f" for {self.n_iter_no_change} consecutive epochs."
        )
        rates = [fit.numbers["learning_rate_init"] if fit.optimizer is None else fit.optimizer.learning_rate]

        def tell(loss: float, score: float | None, rate: float) -> None:
            print(f"Iteration {len(rates)}, loss = {loss:.8f}")
            if score is not None:
                print(f"Validation score: {score:f}")
            if adaptive and rate < rates[-1] / 2:  # the rate falls to a fifth; anything less is rounding
                print(f"{no_progress} Setting learning rate to {rate:f}")
            rates.append(rate)

        (trained,) = training.train([fit], tell=tell)
        if trained.converged:
            print(f"{no_progress}{' Learning rate too small.' if adaptive else ''} Stopping.")
        return trained

    def _learn(self, trained: TrainedFit, X: Any, incremental: bool) -> None:
        """Set the attributes and the random state to the result of a fit by the engine.

        Raises:
            ValueError: Training diverged.
        """
        if self.batch_size != "auto" and self.batch_size > trained.rows:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
                stacklevel=6,
            )
        epochs = len(trained.losses)
        self.engine_ = "jfnn"
        self._optimizer = trained.optimizer
        self._random_state.set_state(trained.stream)
        self.n_iter_ = epochs
        self.t_ += epochs * trained.rows
        self.loss_ = trained.losses[-1] if trained.losses else np.inf
        self.loss_curve_ += trained.losses
        self._no_improvement_count = trained.waiting
        self._set_layers(trained.layers, X.dtype)
        if self.validation_scores_ is not None:
            self.validation_scores_ += trained.scores
            self.best_validation_score_ = -trained.best
            self._best_coefs = self.coefs_
            self._best_intercepts = self.intercepts_
        else:
            self.best_loss_ = trained.best
        if trained.diverged:
            raise ValueError(f"{NON_FINITE} ({FLOAT32})" if in_float32(X) else NON_FINITE)
        if not trained.converged and not incremental and epochs == self.max_iter:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization"
                " hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=6,
            )

    def _forward_pass_fast(self, X: Any, check_input: bool = True) -> np.ndarray:
        by_scikit_learn = hasattr(self, "engine_") and self.engine_ == "scikit-learn"
        if by_scikit_learn or (self.engine != "jfnn" and settings.further(vars(self)) is None):
            return np.asarray(super()._forward_pass_fast(X, check_input=check_input))
        if check_input:
            X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        logits = functions.outputs(network_of(self._sizes(), self.activation), self._layers(), X)
        return OUTPUTS[self.out_activation_](logits)


def check_weights(weights: np.ndarray, argument: str) -> None:
    """Raise ArgumentError unless the weights of rows are finite, at least 0, and not all 0."""
    checks.check_values(weights, argument, weights.dtype)
    if weights.min() < 0:
        raise ArgumentError(argument, f"expected numbers of at least 0, got {weights.min():g}")
    if weights.max() == 0:  # older versions of scikit-learn accept this
        raise ArgumentError(argument, "every row's weight is zero")


def _constructor(base: type, **extra: object) -> Callable[..., None]:
    """Return the constructor of a base class with further keyword parameters, name -> default.

    Its signature lists all of them, since scikit-learn reads an estimator's parameters from the signature.
    """

    def __init__(self: Any, *args: Any, **options: Any) -> None:
        for name, default in extra.items():
            setattr(self, name, options.pop(name, default))
        base.__init__(self, *args, **options)  # type: ignore[misc]

    keyword = inspect.Parameter.KEYWORD_ONLY
    added = [inspect.Parameter(name, keyword, default=default) for name, default in extra.items()]
    inherited = inspect.signature(base.__init__).parameters.values()  # type: ignore[misc]
    __init__.__signature__ = inspect.Signature([*inherited, *added])  # type: ignore[attr-defined]
    return __init__


class MLPClassifier(Perceptron, neural_network.MLPClassifier):  # type: ignore[misc]
    """Multilayer perceptron for classification: `sklearn.neural_network.MLPClassifier` on the engine.

    Parameters, methods and attributes have scikit-learn's names and meanings; the page on scikit-learn lists
    the differences. Additional values are the activations "elu", "leaky_relu", "softplus", "gelu", "erf" and
    "sin", and any optax optimizer as ``solver``. Additional parameters are:

    * ``engine``: "auto" to train a fit on jfnn where that is faster, "jfnn", or "scikit-learn".
    * ``class_weight``: class -> weight of its rows, "balanced", or None for 1.
    * ``l1``: the strength of the L1 penalty, in addition to ``alpha``. Each step's objective contains
      ``l1 Σ |w|``, divided by the number of rows like its other terms. With the solver "sgd" without
      momentum, weights become exactly 0 (`jfnn.penalties.proximal`).

    Example:
        >>> import jfnn
        >>> from sklearn.datasets import load_iris
        >>> x, y = load_iris(return_X_y=True)
        >>> perceptron = jfnn.estimators.MLPClassifier((8,), engine="jfnn", max_iter=500, tol=0.01)
        >>> perceptron.fit((x - x.mean(0)) / x.std(0), y).predict_proba(x[:2]).shape
        (2, 3)
    """

    _theirs = neural_network.MLPClassifier
    _parameter_constraints: ClassVar[settings.Constraints] = {
        **neural_network.MLPClassifier._parameter_constraints,
        **settings.FURTHER,
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

    __init__ = _constructor(neural_network.MLPClassifier, class_weight=None, l1=0.0, engine="auto")

    def _row_weights(self, y: np.ndarray, sample_weight: np.ndarray | None) -> np.ndarray | None:
        weights = super()._row_weights(y, sample_weight)
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
        """Return the weight of each encoded row; a `partial_fit` may contain only some of the classes."""
        codes = y.astype(int)
        if self.out_activation_ == "logistic" and y.shape[1] > 1:  # several labels
            labels = codes
            classes = np.repeat([[0], [1]], y.shape[1], axis=1)
        else:
            classes = self.classes_
            labels = classes[codes[:, 0] if y.shape[1] == 1 else codes.argmax(axis=1)]
        if self.class_weight != "balanced":  # "balanced" counts rows, so none may be added
            labels = np.concatenate([labels, classes])
        return np.asarray(compute_sample_weight(self.class_weight, labels))[: len(y)]


class MLPRegressor(Perceptron, neural_network.MLPRegressor):  # type: ignore[misc]
    """Multilayer perceptron for regression: `sklearn.neural_network.MLPRegressor` on the engine.

    Parameters, methods and attributes have scikit-learn's names and meanings; the page on scikit-learn lists
    the differences. Activations, solvers, ``engine`` and ``l1`` are as in `MLPClassifier`. Additional
    losses (see `jfnn.losses`) are: "absolute_error" predicts the median; "huber" predicts a location and is
    linear for errors above ``delta``; "quantile" predicts the ``quantile``, between 0 and 1. Scores are R².

    Example:
        >>> import jfnn
        >>> x = [[0.0], [1.0], [2.0], [3.0]]
        >>> median = jfnn.estimators.MLPRegressor(hidden_layer_sizes=(), loss="absolute_error", tol=0.1)
        >>> median.fit(x, [0.0, 1.0, 2.0, 30.0]).predict(x).shape
        (4,)
    """

    _theirs = neural_network.MLPRegressor
    _parameter_constraints: ClassVar[settings.Constraints] = {
        **neural_network.MLPRegressor._parameter_constraints,
        **settings.FURTHER,
        "loss": [StrOptions({"squared_error", "poisson", *FURTHER_LOSSES})],
        "quantile": [Interval(numbers.Real, 0, 1, closed="neither")],
        "delta": [Interval(numbers.Real, 0, None, closed="neither")],
    }

    __init__ = _constructor(neural_network.MLPRegressor, quantile=0.5, delta=1.0, l1=0.0, engine="auto")

    def _row_weights(self, y: np.ndarray, sample_weight: np.ndarray | None) -> np.ndarray | None:
        if self.engine != "scikit-learn":
            checks.check_numbers(y, "y")
            if self.loss == "poisson" and y.min() < 0:
                raise ArgumentError("y", "expected numbers of at least 0 for the loss 'poisson'")
        return super()._row_weights(y, sample_weight)
