"""The code that both perceptrons put in the place of scikit-learn's: training by steps, and predictions.

Validation, encoding, starting weights, attributes and all that is said of them are scikit-learn's. Its `fit`
and `partial_fit` go through `_fit`, which hands checked rows to `_fit_stochastic` or `_fit_lbfgs`; its
predictions go through `_forward_pass_fast`. These four are overridden here.
"""

import itertools
import warnings
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network._multilayer_perceptron import BaseMultilayerPerceptron
from sklearn.utils.validation import validate_data

import jfnn.estimators.choice as choice
import jfnn.estimators.parameters as parameters
import jfnn.estimators.prediction as prediction
from jfnn.estimators.report import Report
from jfnn.fitting import ahead, lbfgs, training
from jfnn.fitting.fit import Before, Fit, Trained
from jfnn.fitting.structure import Rows, Structure
from jfnn.layers.dense import Layer

# Rows × weights for which NumPy takes less time than the way to a device and back with blocks filled up: 0.2
# for 0.5 ms on two cores of an Intel Xeon, 2026-11-26.
FEW = 2e6
NON_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be"
    " preprocessed."
)


class Optimizer(NamedTuple):
    """The optimizer of a fit by the engine, for a `partial_fit` that goes on; in scikit-learn's attribute.

    Attributes:
        solver: The solver whose state it is.
        rate: The learning rate.
        state: Its state, in the engine's form; None for a fresh one.
    """

    solver: str
    rate: float | None
    state: Any


class Perceptron(BaseMultilayerPerceptron):  # type: ignore[misc]
    """scikit-learn's multilayer perceptron on the engine: a base of classifier and regressor.

    ``engine`` says by which code it trains. "jfnn" is the engine of this package, with its promises of equal
    bits. "scikit-learn" is scikit-learn's own code, with its bytes. "auto" takes scikit-learn's where a fit
    is predicted to be over before the engine has compiled its program: from structure, rows, ``max_iter``,
    solver and rule of stopping (`jfnn.fitting.costs`), never from times or from what was compiled before.
    Further activations and solvers are always trained by the engine.

    A `partial_fit` goes on by the engine before it. Made to go over to the other one, it starts with a fresh
    optimizer; losses, counts and parameters go on. A warm start has a fresh one anyway, and may go over.

    Attributes:
        engine_: The engine that trained it last.
    """

    engine: str
    engine_: str
    solver: str

    def _validate_params(self) -> None:
        """Nothing: `_fit` checks parameters, also those of a `partial_fit` that goes on."""

    def _check_solver(self) -> bool:
        return self.solver != "lbfgs" or bool(super()._check_solver())

    def _fit(self, X: Any, y: Any, sample_weight: Any = None, incremental: bool = False) -> Any:
        parameters.check(self)
        parameters.hidden_sizes(self)
        if incremental:
            self._check_solver()
        self._solver = self.solver
        if self.solver not in parameters.SOLVERS:
            self.solver = "adam"  # scikit-learn trains by steps under its own names alone
        try:
            return super()._fit(X, y, sample_weight=sample_weight, incremental=incremental)
        finally:
            self._restore_solver()

    def _restore_solver(self) -> None:
        self.solver = self.__dict__.pop("_solver", self.solver)

    def _initialize(self, y: Any, layer_units: Any, dtype: Any) -> None:
        search = ahead.active()
        if search is not None and self.random_state is None:
            self._random_state = np.random.RandomState(search.seed)  # candidates are compared from one start
        super()._initialize(y, layer_units, dtype)

    def _fit_stochastic(self, X: Any, y: Any, sample_weight: Any, *buffers: Any) -> None:
        *_, layer_units, incremental = buffers
        self._restore_solver()
        if self.early_stopping and incremental:
            raise ValueError("early_stopping: partial_fit does not support early_stopping=True")
        self._check_layers(layer_units)
        weights = self._row_weights(X, y, sample_weight)
        judged = getattr(self, "validation_scores_", None) is not None
        if not hasattr(self, "loss_curve_") or judged != self.early_stopping:
            self._begin_history(y, layer_units, X.dtype)
        structure = parameters.structure_of(self, layer_units, self.out_activation_)
        if (search := ahead.active()) is not None and not incremental and not self.verbose:
            fit = self._as_fit(structure, X, y, weights, incremental)
            if search.records(self, fit):
                return
            if (trained := search.find(fit, choice.forced(self))) is not None:
                self._keep(trained, X, incremental)
                return
        chosen = choice.engine(self, structure, X, weights, incremental)
        if chosen == "jfnn":
            self._train(structure, X, y, weights, incremental)
            return
        if isinstance(getattr(self, "_optimizer", None), Optimizer):
            del self._optimizer
            self._set_layers(self._layers(), X.dtype)  # scikit-learn writes on them
        self.engine_ = chosen
        super()._fit_stochastic(X, y, weights, *buffers)

    def _fit_lbfgs(self, X: Any, y: Any, sample_weight: Any, *buffers: Any) -> None:
        weights = self._row_weights(X, y, sample_weight)
        self.engine_ = choice.forced(self, weights) or "scikit-learn"
        super()._fit_lbfgs(X, y, weights, *buffers)
        if self.engine_ == "jfnn":
            self._set_layers(self._layers(), X.dtype)

    def _loss_grad_lbfgs(self, point: Any, X: Any, y: Any, sample_weight: Any, *buffers: Any) -> Any:
        if self.engine_ != "jfnn":
            return super()._loss_grad_lbfgs(point, X, y, sample_weight, *buffers)
        self._unpack(point)
        alpha = self.alpha
        return lbfgs.value_and_grad(self._structure(), self._layers(), _rows(X, y, sample_weight), alpha)

    def _row_weights(self, X: Any, y: Any, sample_weight: Any) -> np.ndarray | None:
        """Weights of rows, checked beyond scikit-learn.

        Raises:
            ValueError: Negative weights, or none above 0.
        """
        if sample_weight is None:
            return None
        weights = np.asarray(sample_weight)
        if weights.min() < 0:
            raise ValueError(f"sample_weight: expected numbers of at least 0, got {weights.min():g}")
        if weights.max() == 0:
            raise ValueError("sample_weight: every weight is zero")
        return weights

    def _check_layers(self, layer_units: Any) -> None:
        """Raises ValueError for parameters of another shape, of a fit before or set by hand."""
        expected = list(itertools.pairwise(layer_units))
        if [weights.shape for weights in self.coefs_] != expected:
            raise ValueError(
                f"coefs_: expected shapes {expected}, of the inputs, hidden_layer_sizes and outputs,"
                f" got {[weights.shape for weights in self.coefs_]}"
            )

    def _begin_history(self, y: Any, layer_units: Any, dtype: Any) -> None:
        """Sets losses and counts to none, where parameters are set by hand or were trained otherwise."""
        layers, stream = self._layers(), self._random_state.get_state()
        self._initialize(y, layer_units, dtype)
        self._random_state.set_state(stream)
        self._set_layers(layers, dtype)

    def _as_fit(
        self, structure: Structure, X: Any, y: Any, weights: np.ndarray | None, incremental: bool
    ) -> Fit:
        """What is to be trained, as the engine takes it."""
        best, best_score = self.best_loss_, self.best_validation_score_
        before = Before(
            best=np.inf if best is None else float(best),
            best_score=-np.inf if best_score is None else float(best_score),
            waiting=int(self._no_improvement_count),
            seen=int(self.t_),
        )
        optimizer = getattr(self, "_optimizer", None)
        if incremental and isinstance(optimizer, Optimizer) and optimizer.solver == structure.solver:
            before = before._replace(rate=optimizer.rate, optimizer=optimizer.state)
        numbers = parameters.numbers_of(self) | ({"max_iter": 1.0} if incremental else {})
        stratified = is_classifier(self) and y.shape[1] == 1
        rows = _rows(X, y, weights)
        return Fit(structure, rows, self._layers(), self._random_state, numbers, stratified, before)

    def _train(
        self, structure: Structure, X: Any, y: Any, weights: np.ndarray | None, incremental: bool
    ) -> None:
        """Trains this fit alone, by the engine."""
        fit = self._as_fit(structure, X, y, weights, incremental)
        rate = fit.numbers["learning_rate"] if fit.before.rate is None else fit.before.rate
        report = Report(self, structure, rate) if self.verbose else None
        (trained,) = training.train([fit], tell=None if report is None else report.epoch)
        if report is not None and trained.converged:
            report.converged()
        self._keep(trained, X, incremental)

    def _keep(self, trained: Trained, X: Any, incremental: bool) -> None:
        """Takes over the result of a fit by the engine, into scikit-learn's attributes.

        Raises:
            ValueError: Parameters are not finite, or were not after the epoch that is now their last.
        """
        after, size, most = trained.after, self.batch_size, self.max_iter
        if size != "auto" and size > X.shape[0]:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
                stacklevel=6,
            )
        self.engine_, self._optimizer = "jfnn", Optimizer(self.solver, after.rate, after.optimizer)
        self.n_iter_, self.t_ = len(trained.losses), after.seen
        self.loss_ = trained.losses[-1] if trained.losses else np.inf
        self.loss_curve_ += trained.losses
        self._no_improvement_count = after.waiting
        self._set_layers(trained.layers, X.dtype)
        if self.early_stopping:
            self.validation_scores_ += trained.scores
            self.best_validation_score_ = after.best_score
            self._best_coefs, self._best_intercepts = self.coefs_, self.intercepts_
        else:
            self.best_loss_ = after.best
        if trained.diverged:
            raise ValueError(NON_FINITE)
        if not trained.converged and not incremental and self.n_iter_ == most:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({most}) reached and the optimization hasn't"
                " converged yet.",
                ConvergenceWarning,
                stacklevel=6,
            )

    def _structure(self) -> Structure:
        """The structure of the parameters that there are."""
        sizes = [len(self.coefs_[0]), *map(len, self.intercepts_)]
        return parameters.structure_of(self, sizes, self.out_activation_)

    def _layers(self) -> tuple[Layer, ...]:
        layers: Any = zip(self.coefs_, self.intercepts_, strict=True)
        return tuple(Layer(w, b) for w, b in layers)

    def _set_layers(self, layers: tuple[Layer, ...], dtype: Any) -> None:
        """Takes parameters over, as arrays of their own."""
        self.coefs_ = [np.array(layer.w, dtype) for layer in layers]
        self.intercepts_ = [np.array(layer.b, dtype) for layer in layers]

    def _forward_pass_fast(self, X: Any, check_input: bool = True) -> np.ndarray:
        if not self._predicts_on_device(X):
            return np.asarray(super()._forward_pass_fast(X, check_input=check_input))
        if check_input:
            dtypes = (np.float64, np.float32)
            X = validate_data(self, X, accept_sparse=["csr", "csc"], dtype=dtypes, reset=False)
        outputs = prediction.outputs(self._structure().network, self._layers(), X)
        return prediction.activated(outputs, self.out_activation_)

    def _predicts_on_device(self, X: Any) -> bool:
        """Whether a row is to have the same bits beside any others, there are many, or NumPy cannot."""
        if getattr(self, "engine_", "jfnn") == "scikit-learn":
            return False
        if self.engine == "jfnn" or parameters.is_further(self):
            return True
        rows = len(X) if isinstance(X, list) else (*getattr(X, "shape", ()), np.inf)[0]
        return bool(rows * sum(weights.size for weights in self.coefs_) > FEW)


def _rows(X: Any, y: Any, weights: np.ndarray | None) -> Rows:
    dense = X.toarray() if sparse.issparse(X) else np.asarray(X)
    return Rows(dense, np.asarray(y, X.dtype), None if weights is None else np.asarray(weights, X.dtype))
