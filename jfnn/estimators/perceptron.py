"""scikit-learn's perceptron with other code in two places: training by steps, and predictions.

Validation, encoding, starting weights and attributes are scikit-learn's. Its `fit` and `partial_fit` go
through `_fit`, which hands checked rows to `_fit_stochastic` or `_fit_lbfgs`; its predictions go through
`_forward_pass_fast`. These four are overridden here, and for searches `_validate_input` and `_initialize`.
"""

import copy
import functools
import itertools
from typing import Any

import numpy as np
from sklearn.neural_network._base import ACTIVATIONS
from sklearn.neural_network._multilayer_perceptron import BaseMultilayerPerceptron
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import validate_data

import jfnn.estimators.attributes as attributes
import jfnn.estimators.cache as cache
import jfnn.estimators.choice as choice
import jfnn.estimators.forward as forward
import jfnn.estimators.parameters as parameters
import jfnn.estimators.training as training
from jfnn.arguments.checks import ArgumentError
from jfnn.estimators.fit import SOLVERS, Optimizer, Structure

# Rows × weights for which NumPy takes less time than the way to a device and back with blocks filled up: 0.2
# for 0.5 ms on two cores of an Intel Xeon, 2026-11-26.
FEW = 2e6


class Perceptron(BaseMultilayerPerceptron):  # type: ignore[misc]
    """scikit-learn's multilayer perceptron on the engine: a base of classifier and regressor.

    ``engine`` says by which code it trains. "jfnn" is the engine of this package, with its promises of equal
    bits. "scikit-learn" is scikit-learn's own code, with its bytes. "auto" takes scikit-learn's where a fit
    is predicted to be over before the engine has compiled its program: from structure, rows, ``max_iter``,
    solver and rule of stopping (`jfnn.estimators.choice`), never from times or from what was compiled before.
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
        self._solver = self.solver
        if self.solver not in SOLVERS:
            self.solver = "adam"  # scikit-learn trains by steps under its own names alone
        try:
            return super()._fit(X, y, sample_weight=sample_weight, incremental=incremental)
        finally:
            self._restore_solver()

    def _restore_solver(self) -> None:
        self.solver = self.__dict__.pop("_solver", self.solver)

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> Any:
        check = functools.partial(super()._validate_input, incremental=incremental, reset=reset)
        search = cache.active()
        if search is None or hasattr(self, "n_features_in_"):
            return check(X, y)
        return search.checked(self, X, y, check)

    def _initialize(self, y: Any, layer_units: Any, dtype: Any) -> None:
        search = cache.active()
        if search is not None and self.random_state is None:
            self._random_state = np.random.RandomState(search.seed)  # candidates are compared from one start
        super()._initialize(y, layer_units, dtype)

    def _fit_stochastic(self, X: Any, y: Any, sample_weight: Any, *buffers: Any) -> None:
        *_, layer_units, incremental = buffers
        self._restore_solver()
        if self.early_stopping and incremental:
            raise ArgumentError("early_stopping", "partial_fit does not support early_stopping=True")
        self._check_layers(layer_units)
        weights = self._row_weights(X, y, sample_weight)
        judged = getattr(self, "validation_scores_", None) is not None
        if not hasattr(self, "loss_curve_") or judged != self.early_stopping:
            self._begin_history(y, layer_units, X.dtype)
        structure = attributes.structure_of(self, layer_units, self.out_activation_)
        if (search := cache.active()) is not None and not incremental and not self.verbose:
            fit = attributes.as_fit(self, structure, X, y, weights, incremental)
            if search.records(self, fit):
                return
            if (trained := search.find(fit, choice.forced(self))) is not None:
                attributes.keep(self, trained, X, incremental)
                return
        engine = choice.engine(self, structure, X, weights, incremental)
        if engine == "jfnn":
            self._train(structure, X, y, weights, incremental)
            return
        if isinstance(getattr(self, "_optimizer", None), Optimizer):
            del self._optimizer
            attributes.set_layers(self, attributes.layers_of(self), X.dtype)  # scikit-learn writes on them
        self.engine_ = engine
        super()._fit_stochastic(X, y, weights, *buffers)

    def _fit_lbfgs(self, X: Any, y: Any, sample_weight: Any, *buffers: Any) -> None:
        weights = self._row_weights(X, y, sample_weight)
        self.engine_ = choice.forced(self, weights) or "scikit-learn"
        super()._fit_lbfgs(X, y, weights, *buffers)
        if self.engine_ == "jfnn":
            attributes.set_layers(self, attributes.layers_of(self), X.dtype)

    def _loss_grad_lbfgs(self, point: Any, X: Any, y: Any, sample_weight: Any, *buffers: Any) -> Any:
        if self.engine_ != "jfnn":
            return super()._loss_grad_lbfgs(point, X, y, sample_weight, *buffers)
        self._unpack(point)
        rows = attributes.as_rows(X, y, sample_weight)
        return forward.value_and_grad(self._structure(), attributes.layers_of(self), rows, self.alpha)

    def _row_weights(self, X: Any, y: Any, sample_weight: Any) -> np.ndarray | None:
        """Weights of rows, checked beyond scikit-learn.

        Raises:
            ValueError: Negative weights, or none above 0.
        """
        if sample_weight is None:
            return None
        weights = np.asarray(sample_weight)
        if weights.min() < 0:
            raise ArgumentError("sample_weight", f"expected numbers of at least 0, got {weights.min():g}")
        if weights.max() == 0:  # older versions of scikit-learn take them
            raise ArgumentError("sample_weight", "every weight is zero")
        return weights

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
        layers, stream = attributes.layers_of(self), self._random_state.get_state()
        self._initialize(y, layer_units, dtype)
        self._random_state.set_state(stream)
        attributes.set_layers(self, layers, dtype)

    def _train(
        self, structure: Structure, X: Any, y: Any, weights: np.ndarray | None, incremental: bool
    ) -> None:
        """Trains this fit alone, by the engine."""
        fit = attributes.as_fit(self, structure, X, y, weights, incremental)
        rate = fit.numbers["learning_rate"] if fit.carry.optimizer is None else fit.carry.optimizer.rate
        report = _Report(self, structure, rate) if self.verbose else None
        (trained,) = training.train([fit], tell=None if report is None else report.epoch)
        if report is not None and trained.converged:
            report.converged()
        attributes.keep(self, trained, X, incremental)

    def _structure(self) -> Structure:
        """The structure of the parameters that there are."""
        sizes = [len(self.coefs_[0]), *map(len, self.intercepts_)]
        return attributes.structure_of(self, sizes, self.out_activation_)

    def _forward_pass_fast(self, X: Any, check_input: bool = True) -> np.ndarray:
        if not self._predicts_on_device(X):
            return np.asarray(super()._forward_pass_fast(X, check_input=check_input))
        if check_input:
            dtypes = (np.float64, np.float32)
            X = validate_data(self, X, accept_sparse=["csr", "csc"], dtype=dtypes, reset=False)
        outputs = forward.outputs(self._structure(), attributes.layers_of(self), X)
        ACTIVATIONS[self.out_activation_](outputs)  # in place
        return outputs

    def _predicts_on_device(self, X: Any) -> bool:
        """Whether a row is to have the same bits beside any others, there are many, or NumPy cannot."""
        if getattr(self, "engine_", "jfnn") == "scikit-learn":
            return False
        if self.engine == "jfnn" or choice.is_further(self):
            return True
        rows = len(X) if isinstance(X, list) else (*getattr(X, "shape", ()), np.inf)[0]
        return bool(rows * sum(weights.size for weights in self.coefs_) > FEW)


class _Report:
    """Prints lines of a verbose fit, as scikit-learn does: each epoch, and why it slows down and ends."""

    def __init__(self, perceptron: Any, structure: Structure, rate: float):
        """Prints nothing yet; ``rate`` is the learning rate at the start."""
        self.epochs, self.adaptive, self.rate = 0, structure.schedule == "adaptive", rate
        judged = "Training loss" if structure.validation is None else "Validation score"
        tol, patience = perceptron.tol, perceptron.n_iter_no_change
        self.stands_still = (
            f"{judged} did not improve more than tol={tol:f} for {patience} consecutive epochs."
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


def perceptron_in(estimator: Any) -> Any:
    """The perceptron that an estimator is, or that a Pipeline ends in; None for another."""
    last = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    return last if isinstance(last, Perceptron) else None


def with_perceptron(estimator: Any, perceptron: Any) -> Any:
    """An estimator with another perceptron in the place of its own; other steps of a Pipeline are shared."""
    if not isinstance(estimator, Pipeline):
        return perceptron
    copied = copy.copy(estimator)
    copied.steps = [*estimator.steps[:-1], (estimator.steps[-1][0], perceptron)]
    return copied


def prefix(estimator: Any) -> str:
    """Prefix of the perceptron's parameters among those of an estimator."""
    return f"{estimator.steps[-1][0]}__" if isinstance(estimator, Pipeline) else ""
