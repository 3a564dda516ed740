"""scikit-learn's perceptrons with other code for two things: training by steps, and predictions.

Validation, encoding, starting weights and attributes are scikit-learn's. Its private methods that are
overridden:

* ``_fit``, by which its ``fit`` and ``partial_fit`` train, checks parameters, and takes solvers that
  scikit-learn lacks; ``_validate_params`` and ``_check_solver`` leave that to it.
* ``_initialize`` gives the candidates of a search one start, and these solvers their empty loss curves.
* ``_fit_stochastic`` trains checked rows by steps: a fit becomes a value (`jfnn.estimators.fit`), and what is
  learned is copied to attributes at the end, by `Perceptron._learn`.
* ``_fit_lbfgs`` and ``_loss_grad_lbfgs`` minimise the engine's objective.
* ``_forward_pass_fast`` predicts.
"""

import copy
import inspect
import itertools
import numbers
import warnings
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike
from scipy import sparse
from sklearn import neural_network
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network._base import ACTIVATIONS
from sklearn.neural_network._multilayer_perceptron import BaseMultilayerPerceptron
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import _check_sample_weight, validate_data

import jfnn.estimators.ahead as ahead
import jfnn.estimators.functions as functions
import jfnn.estimators.parameters as parameters
import jfnn.estimators.training as training
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.estimators.fit import (
    FLOAT32,
    NUMBERS,
    SOLVERS,
    THEIR_ACTIVATIONS,
    Fit,
    FitRows,
    Solver,
    Structure,
    TrainedFit,
    in_float32,
)
from jfnn.estimators.parameters import Substitute
from jfnn.layers.dense import Layer
from jfnn.losses import LOSSES, Loss, huber, pinball

# Losses that scikit-learn's perceptron lacks, by the names of its other regressors.
FURTHER_LOSSES: dict[str, Callable[[Any], Loss]] = {
    "absolute_error": lambda regressor: LOSSES["absolute"],
    "huber": lambda regressor: huber(regressor.delta),
    "quantile": lambda regressor: pinball(regressor.quantile),
}
NON_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be"
    " preprocessed."
)


class Perceptron(Substitute, BaseMultilayerPerceptron):  # type: ignore[misc]
    """scikit-learn's multilayer perceptron on the engine: a base of classifier and regressor.

    ``engine`` says by which code it trains. "jfnn" is the engine of this package, with its promises of equal
    bits. "scikit-learn" is scikit-learn's code, with its bytes; so is "auto", but in a search of many fits
    (`jfnn.estimators.choice`). Further activations, solvers and losses are always trained by the engine.

    A `partial_fit` goes on by the engine before it. Made to go over to the other one, it starts with a fresh
    optimizer; losses, counts and parameters go on. A warm start has a fresh one anyway, and may go over.

    Attributes:
        engine_: The engine that trained it last.
    """

    engine: str
    engine_: str
    solver: str
    activation: str
    loss: str
    l1: float
    loss_curve_: list[float]
    best_loss_: Any
    validation_scores_: Any
    best_validation_score_: Any

    def _validate_params(self) -> None:
        """Checks nothing: `_fit` checks parameters, also those of a `partial_fit` that goes on."""

    def _check_solver(self) -> bool:
        """Whether there is a `partial_fit`, which all solvers but "lbfgs" have."""
        return self.solver != "lbfgs" or bool(super()._check_solver())

    def _fit(self, X: Any, y: Any, sample_weight: Any = None, incremental: bool = False) -> Any:
        self._check_parameters(incremental)
        if self.solver in SOLVERS:
            return super()._fit(X, y, sample_weight=sample_weight, incremental=incremental)
        # scikit-learn's would train by no other solver; these are its steps before that.
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        X, y = self._validate_input(X, y, incremental, reset=first)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        y = y.reshape(len(y), -1)
        layer_units = [X.shape[1], *parameters.hidden_sizes(self), y.shape[1]]
        self._random_state = check_random_state(self.random_state)
        if first:
            self._initialize(y, layer_units, X.dtype)
        self._fit_stochastic(X, y, sample_weight, layer_units, incremental)
        return self

    def _check_parameters(self, incremental: bool) -> None:
        """Raises ValueError or TypeError for parameters that are none, or that its engine does not take."""
        parameters.check(self)
        if self.l1 and self.solver == "lbfgs":
            cure = "solver='sgd' with momentum=0 gives exact zeros, 'adam' small weights"
            raise ArgumentError(
                "l1", "expected 0 with the solver 'lbfgs', which needs a derivative everywhere", cure=cure
            )
        engine_of(self)  # raises where scikit-learn lacks what it is asked for
        if self.engine != "scikit-learn":
            parameters.hidden_sizes(self)

    def _initialize(self, y: Any, layer_units: Any, dtype: Any) -> None:
        search = ahead.active()
        if search is not None and self.random_state is None:
            self._random_state = np.random.RandomState(search.seed)  # candidates are compared from one start
        super()._initialize(y, layer_units, dtype)
        if self.solver not in SOLVERS:  # scikit-learn sets these for its own
            self.loss_curve_ = []
            self._no_improvement_count = 0
            self.best_loss_ = None if self.early_stopping else np.inf
            self.validation_scores_ = [] if self.early_stopping else None
            self.best_validation_score_ = -np.inf if self.early_stopping else None

    def _fit_stochastic(self, X: Any, y: Any, sample_weight: Any, *buffers: Any) -> None:
        *_, layer_units, incremental = buffers
        weights = self._checked(X, y, sample_weight)
        if self.engine != "scikit-learn":
            if self.early_stopping and incremental:
                raise ArgumentError("early_stopping", "partial_fit does not support early_stopping=True")
            self._check_layers(layer_units)
        judged = hasattr(self, "validation_scores_") and self.validation_scores_ is not None
        if not hasattr(self, "loss_curve_") or judged != self.early_stopping:
            self._begin_history(y, layer_units, X.dtype)
        engine = engine_of(self, weights)
        search = ahead.active()
        if search is not None and engine in search.engines and not incremental and not self.verbose:
            trained = search.find(self, self._as_fit(X, y, weights, incremental))
            if trained is not None:
                self._learn(trained, X, incremental)
                return
        if engine == "auto":  # a `partial_fit` needs the optimizer of the engine before it
            engine = self.engine_ if incremental and hasattr(self, "engine_") else "scikit-learn"
        if engine == "jfnn":
            self._learn(self._trained(self._as_fit(X, y, weights, incremental)), X, incremental)
            return
        self.engine_ = engine
        if self._engine_optimizer() is not None:
            del self._optimizer
            set_layers(self, self._layers(), X.dtype)  # scikit-learn writes on them
        super()._fit_stochastic(X, y, weights, *buffers)

    def _fit_lbfgs(self, X: Any, y: Any, sample_weight: Any, *buffers: Any) -> None:
        weights = self._checked(X, y, sample_weight)
        self.engine_ = "jfnn" if engine_of(self, weights) == "jfnn" else "scikit-learn"
        super()._fit_lbfgs(X, y, weights, *buffers)
        if self.engine_ == "jfnn":
            set_layers(self, self._layers(), X.dtype)

    def _loss_grad_lbfgs(self, point: Any, X: Any, y: Any, sample_weight: Any, *buffers: Any) -> Any:
        if self.engine_ != "jfnn":
            return super()._loss_grad_lbfgs(point, X, y, sample_weight, *buffers)
        self._unpack(point)
        rows = _as_rows(X, y, sample_weight)
        return functions.value_and_grad(self._structure(), self._layers(), rows, self.alpha)

    def _checked(self, X: Any, y: Any, sample_weight: Any) -> np.ndarray | None:
        """Weights of rows; they and targets are checked beyond scikit-learn, unless its code is asked for.

        Raises:
            ValueError: Negative weights, or none above 0; targets that a loss does not take.
        """
        if self.engine != "scikit-learn" and sample_weight is not None:
            check_weights(sample_weight, "sample_weight")
        return sample_weight  # type: ignore[no-any-return]

    def _check_layers(self, layer_units: Any) -> None:
        """Raises ValueError for parameters of another shape, of a fit before or set by hand."""
        expected = list(itertools.pairwise(layer_units))
        if [weights.shape for weights in self.coefs_] != expected:
            raise ArgumentError(
                "coefs_",
                f"expected shapes {expected}, of the inputs, hidden_layer_sizes and outputs,"
                f" got {[weights.shape for weights in self.coefs_]}",
            )

    def _begin_history(self, y: Any, layer_units: Any, dtype: Any) -> None:
        """Sets losses and counts to none, where parameters are set by hand or were trained otherwise."""
        fresh = copy.copy(self)
        fresh._random_state = np.random.RandomState(0)  # draws a start that is not used
        fresh._initialize(y, layer_units, dtype)
        kept = ("coefs_", "intercepts_", "_random_state")
        self.__dict__.update({name: value for name, value in vars(fresh).items() if name not in kept})
        set_layers(self, self._layers(), dtype)

    def _structure(self) -> Structure:
        """The structure of the parameters that there are."""
        sizes = [len(self.coefs_[0]), *map(len, self.intercepts_)]
        return structure_of(self, sizes, self.out_activation_)

    def _engine_optimizer(self) -> Solver | None:
        """The optimizer of a fit by the engine before this one, where scikit-learn keeps one."""
        if hasattr(self, "_optimizer") and isinstance(self._optimizer, Solver):
            return self._optimizer
        return None

    def _layers(self) -> tuple[Layer, ...]:
        """Parameters in rows."""
        return tuple(Layer(w, b) for w, b in zip(self.coefs_, self.intercepts_, strict=True))

    def _as_fit(self, X: Any, y: Any, weights: np.ndarray | None, incremental: bool) -> Fit:
        """The fit that is to be trained, of checked rows."""
        optimizer = self._engine_optimizer() if incremental else None
        if optimizer is not None and optimizer.solver != self.solver:
            optimizer = None
        numbers = numbers_of(self)
        if incremental:
            numbers["max_iter"] = 1.0
        return Fit(
            structure=self._structure(),
            rows=_as_rows(X, y, weights),
            start=self._layers(),
            random=self._random_state,
            numbers=numbers,
            best=float(-self.best_validation_score_ if self.early_stopping else self.best_loss_),
            waiting=int(self._no_improvement_count),
            seen=int(self.t_),
            optimizer=optimizer,
        )

    def _trained(self, fit: Fit) -> TrainedFit:
        """The result of a fit, by the engine; a verbose one reports."""
        if not self.verbose:
            (trained,) = training.train([fit])
            return trained
        report = _Report(self, fit)
        (trained,) = training.train([fit], tell=report.epoch)
        if trained.converged:
            report.converged()
        return trained

    def _learn(self, trained: TrainedFit, X: Any, incremental: bool) -> None:
        """Sets attributes to the result of a fit by the engine: all that it learns, and its stream.

        Raises:
            ValueError: Parameters are not finite, or were not after the epoch that is now their last.
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
        set_layers(self, trained.layers, X.dtype)
        if self.early_stopping:
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
        if by_scikit_learn or (self.engine != "jfnn" and further(self) is None):
            return np.asarray(super()._forward_pass_fast(X, check_input=check_input))
        if check_input:
            X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        outputs = functions.outputs(self._structure(), self._layers(), X)
        ACTIVATIONS[self.out_activation_](outputs)  # in place
        return outputs


class _Report:
    """Prints lines of a verbose fit, as scikit-learn does: each epoch, and why it slows down and ends."""

    def __init__(self, perceptron: Perceptron, fit: Fit):
        """Prints nothing yet."""
        self.epochs = 0
        self.adaptive = fit.structure.schedule == "adaptive"
        self.rate = (
            fit.numbers["learning_rate_init"] if fit.optimizer is None else fit.optimizer.learning_rate
        )
        judged = "Training loss" if fit.structure.validation is None else "Validation score"
        self.stands_still = (
            f"{judged} did not improve more than tol={perceptron.tol:f}"
            f" for {perceptron.n_iter_no_change} consecutive epochs."
        )

    def epoch(self, loss: float, score: float | None, rate: float) -> None:
        """Prints an epoch: its loss, the score of held-out rows, and a learning rate that was lowered."""
        self.epochs += 1
        print(f"Iteration {self.epochs}, loss = {loss:.8f}")
        if score is not None:
            print(f"Validation score: {score:f}")
        if self.adaptive and rate < self.rate / 2:  # by a fifth, if not by rounding
            print(f"{self.stands_still} Setting learning rate to {rate:f}")
        self.rate = rate

    def converged(self) -> None:
        """Prints why the fit ended before its last epoch."""
        print(f"{self.stands_still}{' Learning rate too small.' if self.adaptive else ''} Stopping.")


def _as_rows(X: Any, y: Any, weights: np.ndarray | None) -> FitRows:
    """Checked rows as the engine takes them, dense."""
    dense = X.toarray() if sparse.issparse(X) else np.asarray(X)
    with np.errstate(over="ignore"):
        return FitRows(dense, np.asarray(y, X.dtype), weights)


def engine_of(perceptron: Perceptron, sample_weight: Any = None) -> str:
    """The engine that a fit must have; "auto" where the choice is free.

    Raises:
        ValueError: ``engine`` is "scikit-learn", which lacks the activation, the solver or the loss.
    """
    lacking = further(perceptron)
    if lacking is not None and perceptron.engine == "scikit-learn":
        name, value = lacking
        raise ArgumentError("engine", f"'scikit-learn' has no {name}={value!r}; expected 'auto' or 'jfnn'")
    if lacking is not None or (
        perceptron.engine == "auto" and _step_may_weigh_nothing(perceptron, sample_weight)
    ):
        return "jfnn"
    return perceptron.engine


def further(perceptron: Perceptron) -> tuple[str, object] | None:
    """Name and value of a parameter that scikit-learn lacks; None where it has them."""
    if perceptron.solver not in SOLVERS:
        return "solver", perceptron.solver
    if perceptron.activation not in THEIR_ACTIVATIONS:
        return "activation", perceptron.activation
    if perceptron.loss in FURTHER_LOSSES:
        return "loss", perceptron.loss
    if perceptron.l1:
        return "l1", perceptron.l1
    return None


def _step_may_weigh_nothing(perceptron: Perceptron, sample_weight: Any) -> bool:
    """Whether all rows of some step may weigh 0, by which scikit-learn divides."""
    count = weightless_rows(sample_weight)
    if not count or perceptron.early_stopping:  # which rows are held out is not known yet
        return count > 0
    rows = np.size(sample_weight)
    batch = min(200 if perceptron.batch_size == "auto" else int(perceptron.batch_size), rows)
    return count >= (rows % batch or batch)


def numbers_of(perceptron: Perceptron) -> dict[str, float]:
    """The numbers of a fit, by scikit-learn's names, and L1's strength."""
    values = perceptron.get_params(deep=False)
    names = NUMBERS if l1_of(perceptron) is None else (*NUMBERS, "l1")
    return {name: float(values[name]) for name in names}


def l1_of(perceptron: Perceptron) -> str | None:
    """How L1 is minimised; see `Structure`."""
    if not perceptron.l1:
        return None
    return "proximal" if perceptron.solver == "sgd" and perceptron.momentum == 0 else "subgradient"


def structure_of(perceptron: Perceptron, sizes: Sequence[int], output: str) -> Structure:
    """The structure of a fit, for widths from input to output and an output activation."""
    sgd = perceptron.solver == "sgd"
    make_loss = FURTHER_LOSSES.get(perceptron.loss)
    return Structure(
        sizes=tuple(int(size) for size in sizes),
        activation=perceptron.activation,
        output=output,
        solver=perceptron.solver,
        nesterov=bool(sgd and perceptron.nesterovs_momentum),
        schedule=perceptron.learning_rate if sgd else "constant",
        batch=None if perceptron.batch_size == "auto" else int(perceptron.batch_size),
        shuffle=bool(perceptron.shuffle),
        validation=float(perceptron.validation_fraction) if perceptron.early_stopping else None,
        further_loss=None if make_loss is None else make_loss(perceptron),
        l1=l1_of(perceptron),
    )


def set_layers(perceptron: Perceptron, layers: Sequence[Layer], dtype: DTypeLike) -> None:
    """Sets a perceptron's parameters to copies of layers."""
    perceptron.coefs_ = [np.array(layer.w, dtype) for layer in layers]
    perceptron.intercepts_ = [np.array(layer.b, dtype) for layer in layers]


def check_weights(weights: np.ndarray, argument: str) -> None:
    """Raises ArgumentError unless weights of rows are finite, at least 0, and not all 0."""
    checks.check_values(weights, argument, weights.dtype)
    if weights.min() < 0:
        raise ArgumentError(argument, f"expected numbers of at least 0, got {weights.min():g}")
    if weights.max() == 0:  # older versions of scikit-learn take them
        raise ArgumentError(argument, "every row's weight is zero")


def weightless_rows(sample_weight: Any) -> int:
    """Number of rows of weight 0."""
    return 0 if sample_weight is None else int(np.count_nonzero(np.asarray(sample_weight) == 0))


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
    "balanced", or None for 1; and ``l1``, the strength of the penalty L1 beside ``alpha``: the objective of
    a step has ``l1 Σ |w|``, divided by its rows as all else, and the solver "sgd" without momentum gives
    weights that are exactly 0 (`jfnn.penalties.proximal`).
    """

    _parameter_constraints: ClassVar[parameters.Constraints] = {
        **neural_network.MLPClassifier._parameter_constraints,
        **parameters.FURTHER,
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

    __init__ = _constructor(neural_network.MLPClassifier, class_weight=None, l1=0.0, engine="auto")

    def _check_parameters(self, incremental: bool) -> None:
        super()._check_parameters(incremental)
        if incremental and isinstance(self.class_weight, str):
            raise ArgumentError(
                "class_weight", "'balanced' is unknown to partial_fit, which sees a part of the rows"
            )

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
    `jfnn.losses`. They predict the median, a location, the quantile; scores are R². ``l1`` is as in
    `MLPClassifier`.
    """

    _parameter_constraints: ClassVar[parameters.Constraints] = {
        **neural_network.MLPRegressor._parameter_constraints,
        **parameters.FURTHER,
        "loss": [StrOptions({"squared_error", "poisson", *FURTHER_LOSSES})],
        "quantile": [Interval(numbers.Real, 0, 1, closed="neither")],
        "delta": [Interval(numbers.Real, 0, None, closed="neither")],
    }

    __init__ = _constructor(neural_network.MLPRegressor, quantile=0.5, delta=1.0, l1=0.0, engine="auto")

    def _checked(self, X: Any, y: Any, sample_weight: Any) -> np.ndarray | None:
        if self.engine != "scikit-learn":
            checks.check_numbers(y, "y")
            if self.loss == "poisson" and y.min() < 0:
                raise ArgumentError("y", "expected numbers of at least 0 for the loss 'poisson'")
        return super()._checked(X, y, sample_weight)
