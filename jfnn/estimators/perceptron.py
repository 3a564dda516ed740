"""scikit-learn's perceptron with other code for two things: training by steps, and predictions.

Validation, encoding, starting weights and attributes are scikit-learn's. Its `fit` and `partial_fit` go
through `_fit`, which hands checked rows to `_fit_stochastic` or `_fit_lbfgs`; its predictions go through
`_forward_pass_fast`. These four are overridden here, and `_initialize`.
"""

import itertools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network._base import ACTIVATIONS
from sklearn.neural_network._multilayer_perceptron import BaseMultilayerPerceptron
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, validate_data

import jfnn.estimators.ahead as ahead
import jfnn.estimators.bounds as bounds
import jfnn.estimators.forward as forward
import jfnn.estimators.lbfgs as lbfgs
import jfnn.estimators.parameters as parameters
import jfnn.estimators.training as training
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.estimators.choice import Prediction, Work, expected_epochs
from jfnn.estimators.documentation import Documented
from jfnn.estimators.fit import (
    NUMBERS,
    SOLVERS,
    THEIR_ACTIVATIONS,
    Carry,
    Fit,
    Optimizer,
    Rows,
    Structure,
    Trained,
)
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


class Perceptron(Documented, BaseMultilayerPerceptron):  # type: ignore[misc]
    """scikit-learn's multilayer perceptron on the engine: a base of classifier and regressor.

    ``engine`` says by which code it trains. "jfnn" is the engine of this package, with its promises of equal
    bits. "scikit-learn" is scikit-learn's code, with its bytes. "auto" takes scikit-learn's where a fit
    is predicted to be over before the engine has compiled its program: from structure, rows, ``max_iter``,
    solver and rule of stopping (`jfnn.estimators.choice`), never from times or from what was compiled before.
    Further activations, solvers and losses are always trained by the engine.

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

    def _validate_params(self) -> None:
        """Checks nothing: `_fit` checks parameters, also those of a `partial_fit` that goes on."""

    def _check_solver(self) -> bool:
        """Whether there is a `partial_fit`, which all solvers but "lbfgs" have."""
        return self.solver != "lbfgs" or bool(super()._check_solver())

    def _fit(self, X: Any, y: Any, sample_weight: Any = None, incremental: bool = False) -> Any:
        parameters.check(self)
        forced_engine(self)  # raises where scikit-learn lacks what it is asked for
        if self.engine != "scikit-learn":
            parameters.hidden_sizes(self)
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

    def _initialize(self, y: Any, layer_units: Any, dtype: Any) -> None:
        search = ahead.active()
        if search is not None and self.random_state is None:
            self._random_state = np.random.RandomState(search.seed)  # candidates are compared from one start
        super()._initialize(y, layer_units, dtype)
        if self.solver not in SOLVERS:  # scikit-learn sets these for its own
            self.__dict__.update(
                loss_curve_=[],
                _no_improvement_count=0,
                best_loss_=None if self.early_stopping else np.inf,
                validation_scores_=[] if self.early_stopping else None,
                best_validation_score_=-np.inf if self.early_stopping else None,
            )

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
        search = ahead.active()
        if search is not None and not incremental and not self.verbose:
            fit = self._as_fit(X, y, weights, incremental)
            trained = search.find(self, fit, forced_engine(self))
            if trained is not None:
                self._keep(trained, X, incremental)
                return
        self.engine_ = self._choose(X, weights, incremental)
        if self.engine_ == "jfnn":
            self._train(X, y, weights, incremental)
            return
        if self._engine_optimizer() is not None:
            del self._optimizer
            set_layers(self, self._layers(), X.dtype)  # scikit-learn writes on them
        super()._fit_stochastic(X, y, weights, *buffers)

    def _fit_lbfgs(self, X: Any, y: Any, sample_weight: Any, *buffers: Any) -> None:
        weights = self._checked(X, y, sample_weight)
        self.engine_ = forced_engine(self, weights) or "scikit-learn"
        super()._fit_lbfgs(X, y, weights, *buffers)
        if self.engine_ == "jfnn":
            set_layers(self, self._layers(), X.dtype)

    def _loss_grad_lbfgs(self, point: Any, X: Any, y: Any, sample_weight: Any, *buffers: Any) -> Any:
        if self.engine_ != "jfnn":
            return super()._loss_grad_lbfgs(point, X, y, sample_weight, *buffers)
        self._unpack(point)
        rows = _as_rows(X, y, sample_weight)
        return lbfgs.value_and_grad(self._structure(), self._layers(), rows, self.alpha)

    def _checked(self, X: Any, y: Any, sample_weight: Any) -> np.ndarray | None:
        """Weights of rows; they and targets are checked beyond scikit-learn, unless its code is asked for.

        Raises:
            ValueError: Negative weights, or none above 0; targets that a loss does not take.
        """
        if self.engine != "scikit-learn":
            self._check_targets(y)
            if sample_weight is not None:
                check_weights(sample_weight, "sample_weight")
        return sample_weight  # type: ignore[no-any-return]

    def _check_targets(self, y: np.ndarray) -> None:
        """Checks targets beyond scikit-learn; classes need none."""

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
        layers = self._layers()
        stream = self._random_state.get_state(legacy=False)
        self._initialize(y, layer_units, dtype)
        self._random_state.set_state(stream)
        set_layers(self, layers, dtype)

    def _choose(self, X: Any, sample_weight: np.ndarray | None, incremental: bool) -> str:
        """The engine of a fit by steps.

        A `partial_fit` goes on by the engine before it, whose optimizer it needs. A warm start has a fresh
        one, and is chosen for like any fit.
        """
        forced = forced_engine(self, sample_weight)
        if forced is not None:
            return forced
        if incremental and hasattr(self, "engine_"):
            return self.engine_
        if sparse.issparse(X):
            return "scikit-learn"  # the engine has no products of them
        work = work_of(self, self._structure(), X.shape[0])
        if incremental:
            work = work._replace(epochs=1)
        prediction = Prediction([work])
        if self.verbose:
            print(f"[{type(self).__name__}] {prediction}")
        return prediction.engine

    def _structure(self) -> Structure:
        """The structure of the parameters that there are."""
        sizes = [len(self.coefs_[0]), *map(len, self.intercepts_)]
        return structure_of(self, sizes, self.out_activation_)

    def _engine_optimizer(self) -> Optimizer | None:
        """The optimizer of a fit by the engine before this one, where scikit-learn keeps one."""
        if hasattr(self, "_optimizer") and isinstance(self._optimizer, Optimizer):
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
        carry = Carry(
            best=float(-self.best_validation_score_ if self.early_stopping else self.best_loss_),
            waiting=int(self._no_improvement_count),
            seen=int(self.t_),
            optimizer=optimizer,
        )
        numbers = numbers_of(self)
        if incremental:
            numbers["max_iter"] = 1.0
        rows = _as_rows(X, y, weights)
        return Fit(self._structure(), rows, self._layers(), self._random_state, numbers, carry)

    def _train(self, X: Any, y: Any, weights: np.ndarray | None, incremental: bool) -> None:
        """Trains this fit, by the engine."""
        fit = self._as_fit(X, y, weights, incremental)
        rate = (
            fit.numbers["learning_rate_init"]
            if fit.carry.optimizer is None
            else fit.carry.optimizer.learning_rate
        )
        report = _Report(self, fit.structure, rate) if self.verbose else None
        (trained,) = training.train([fit], tell=None if report is None else report.epoch)
        if report is not None and trained.converged:
            report.converged()
        self._keep(trained, X, incremental)

    def _keep(self, trained: Trained, X: Any, incremental: bool) -> None:
        """Sets attributes to the result of a fit by the engine.

        Raises:
            ValueError: Parameters are not finite, or were not after the epoch that is now their last.
        """
        if self.batch_size != "auto" and self.batch_size > trained.rows:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
                stacklevel=6,
            )
        self.engine_ = "jfnn"
        self._optimizer = trained.carry.optimizer
        self.n_iter_ = len(trained.losses)
        self.t_ = trained.carry.seen
        self.loss_ = trained.losses[-1] if trained.losses else np.inf
        self.loss_curve_ += trained.losses
        self._no_improvement_count = trained.carry.waiting
        set_layers(self, trained.layers, X.dtype)
        if self.early_stopping:
            self.validation_scores_ += trained.scores
            self.best_validation_score_ = -trained.carry.best
            self._best_coefs = self.coefs_
            self._best_intercepts = self.intercepts_
        else:
            self.best_loss_ = trained.carry.best
        if trained.diverged:
            raise ValueError(f"{NON_FINITE} ({bounds.FLOAT32})" if bounds.in_float32(X) else NON_FINITE)
        if not trained.converged and not incremental and self.n_iter_ == self.max_iter:
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
        outputs = forward.outputs(self._structure(), self._layers(), X)
        ACTIVATIONS[self.out_activation_](outputs)  # in place
        return outputs


class _Report:
    """Prints lines of a verbose fit, as scikit-learn does: each epoch, and why it slows down and ends."""

    def __init__(self, perceptron: Perceptron, structure: Structure, rate: float):
        """Prints nothing yet; ``rate`` is the learning rate at the start."""
        self.epochs = 0
        self.adaptive = structure.schedule == "adaptive"
        self.rate = rate
        judged = "Training loss" if structure.validation is None else "Validation score"
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


def _as_rows(X: Any, y: Any, weights: np.ndarray | None) -> Rows:
    """Checked rows as the engine takes them, dense."""
    dense = X.toarray() if sparse.issparse(X) else np.asarray(X)
    with np.errstate(over="ignore"):
        return Rows(dense, np.asarray(y, X.dtype), weights)


def forced_engine(perceptron: Perceptron, sample_weight: Any = None) -> str | None:
    """The engine that a fit must have; None where the choice is free.

    Raises:
        ValueError: ``engine`` is "scikit-learn", which lacks the activation, the solver or the loss.
    """
    lacking = further(perceptron)
    if lacking is not None and perceptron.engine == "scikit-learn":
        name, value = lacking
        raise ArgumentError("engine", f"'scikit-learn' has no {name}={value!r}; expected 'auto' or 'jfnn'")
    if lacking is not None:
        return "jfnn"
    if perceptron.engine != "auto":
        return perceptron.engine
    return "jfnn" if _step_may_weigh_nothing(perceptron, sample_weight) else None


def further(perceptron: Perceptron) -> tuple[str, str] | None:
    """Name and value of a parameter that scikit-learn lacks; None where it has them."""
    if perceptron.solver not in SOLVERS:
        return "solver", perceptron.solver
    if perceptron.activation not in THEIR_ACTIVATIONS:
        return "activation", perceptron.activation
    if perceptron.loss in FURTHER_LOSSES:
        return "loss", perceptron.loss
    return None


def _step_may_weigh_nothing(perceptron: Perceptron, sample_weight: Any) -> bool:
    """Whether all rows of some step may weigh 0, by which scikit-learn divides."""
    count = weightless_rows(sample_weight)
    if not count or perceptron.early_stopping:  # which rows are held out is not known yet
        return count > 0
    rows = np.size(sample_weight)
    batch = min(200 if perceptron.batch_size == "auto" else int(perceptron.batch_size), rows)
    return count >= (rows % batch or batch)


def work_of(perceptron: Perceptron, structure: Structure, rows: int) -> Work:
    """A fit of this perceptron to a number of rows, as far as it can be predicted."""
    epochs = expected_epochs(perceptron.max_iter, perceptron.tol, perceptron.n_iter_no_change)
    return Work(structure, rows, epochs)


def numbers_of(perceptron: Perceptron) -> dict[str, float]:
    """The numbers of a fit, by scikit-learn's names."""
    values = perceptron.get_params(deep=False)
    return {name: float(values[name]) for name in NUMBERS}


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
