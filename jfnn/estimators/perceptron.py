"""What both estimators share: from scikit-learn's fit to the engine's, and back to its attributes."""

import copy
import numbers
import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

import jfnn.estimators.encoded as encoded
import jfnn.estimators.parameters as parameters
import jfnn.estimators.prediction as prediction
from jfnn.estimators.report import Report
from jfnn.fitting import draws, lbfgs, training
from jfnn.fitting.group import GoesOn, Trained, draw_group, replay
from jfnn.fitting.store import trained_ahead
from jfnn.fitting.structure import Rows, Structure
from jfnn.layers.dense import Layer


class Perceptron(BaseEstimator):  # type: ignore[misc]
    """A multilayer perceptron with scikit-learn's parameters: what classifier and regressor share."""

    coefs_: list[np.ndarray]
    intercepts_: list[np.ndarray]

    def _output(self) -> str:
        """What outputs become: "softmax", "logistic", "identity" or "exp"."""
        raise NotImplementedError

    def _as_rows(self, X: Any, y: Any, sample_weight: Any, goes_on: bool, incremental: bool) -> Rows:
        """Rows checked and targets encoded; the estimator learns its features, and its classes."""
        raise NotImplementedError

    def _goes_on(self, incremental: bool) -> bool:
        """Whether a fit starts from the one before it."""
        return hasattr(self, "coefs_") and (self.warm_start or incremental)

    def _fit(self, X: Any, y: Any, sample_weight: Any, incremental: bool = False) -> "Perceptron":
        parameters.check(self)
        goes_on = self._goes_on(incremental)
        known = None if goes_on or incremental else encoded.find(self, (X, y, sample_weight))
        if known is None:
            rows = self._as_rows(X, y, sample_weight, goes_on, incremental)
        else:
            rows = known.rows
            for name, value in copy.deepcopy(known.learned).items():
                setattr(self, name, value)
        structure = self._structure(rows)
        if incremental and structure.validation is not None:
            raise ValueError("early_stopping: partial_fit does not support early_stopping=True")
        own = parameters.numbers_of(self)
        if not goes_on or not hasattr(self, "_before"):  # parameters may be set by hand
            self._start_afresh(structure)
        self.n_iter_ = 0
        if structure.solver == "lbfgs":
            self._minimise(structure, rows, goes_on)
            return self
        if structure.batch is not None and structure.batch > len(rows.x):
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
                stacklevel=3,
            )
        ahead = None
        if not (goes_on or incremental or self.verbose):
            ahead = trained_ahead(rows, known and known.digest, structure, own, self.random_state)
        trained = ahead or self._train(structure, rows, own, goes_on, incremental)
        self._keep(trained, structure, rows, incremental)
        return self

    def _structure(self, rows: Rows) -> Structure:
        return parameters.structure_of(self, rows.x.shape[1], rows.targets.shape[1], self._output())

    def _start_afresh(self, structure: Structure) -> None:
        self.out_activation_, self.n_layers_ = structure.output, len(structure.sizes)
        self.n_outputs_, self.t_, self._before = structure.sizes[-1], 0, GoesOn()
        if structure.solver != "lbfgs":
            self.loss_curve_: list[float] = []
            self.validation_scores_: list[float] | None = [] if self.early_stopping else None
            self.best_validation_score_ = -np.inf if self.early_stopping else None
            self.best_loss_ = None if self.early_stopping else np.inf

    def _train(
        self, structure: Structure, rows: Rows, own: dict[str, float], goes_on: bool, incremental: bool
    ) -> Trained:
        """Trains this fit alone: a group of one."""
        before = self._before if incremental else self._before._replace(rate=None, optimizer=None)
        own = own | ({"max_iter": 1.0} if incremental else {})
        given = check_random_state(self.random_state)
        start = self._layers() if goes_on else None
        group = draw_group(
            structure, rows, [own], copy.deepcopy(given), start, before, self._stratified(rows.targets)
        )
        rate = own["learning_rate"] if before.rate is None else before.rate
        report = Report(self, structure, rate) if self.verbose else None
        (trained,) = training.train(group, tell=None if report is None else report.epoch)
        if report is not None and trained.converged:
            report.converged()
        if given is self.random_state or self.random_state is None:  # whose stream goes on
            replay(structure, rows, given, start is None, len(trained.losses), self._stratified(rows.targets))
        return trained

    def _stratified(self, targets: np.ndarray) -> bool:
        """Whether rows held out keep the shares of classes."""
        return False

    def _layers(self) -> tuple[Layer, ...]:
        of_layers: Any = zip(self.coefs_, self.intercepts_, strict=True)
        return tuple(Layer(w, b) for w, b in of_layers)

    def _minimise(self, structure: Structure, rows: Rows, goes_on: bool) -> None:
        random = check_random_state(self.random_state)
        start = self._layers() if goes_on else draws.start(structure, random, rows.x.dtype)
        trained, self.n_iter_ = lbfgs.minimise(
            structure, rows, start, self.alpha, self.tol, self.max_iter, self.max_fun
        )
        self._take(trained, rows)
        self.loss_ = trained.losses[-1]

    def _take(self, trained: Trained, rows: Rows) -> None:
        """Takes parameters over.

        Raises:
            ValueError: They are not finite, or were not after the epoch that is now their last.
        """
        self.coefs_ = [np.asarray(layer.w, rows.x.dtype) for layer in trained.layers]
        self.intercepts_ = [np.asarray(layer.b, rows.x.dtype) for layer in trained.layers]
        if trained.diverged:
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large values and"
                " need to be preprocessed."
            )

    def _keep(self, trained: Trained, structure: Structure, rows: Rows, incremental: bool) -> None:
        losses = trained.losses
        self._take(trained, rows)
        self._before, self.n_iter_ = trained.goes_on, len(losses)
        self.loss_curve_ += losses
        self.loss_ = losses[-1] if losses else np.inf
        self.t_ = trained.goes_on.seen
        if structure.validation is None:
            self.best_loss_ = trained.goes_on.best
        elif self.validation_scores_ is not None:
            self.validation_scores_ += trained.scores
            self.best_validation_score_ = trained.goes_on.best_score
        if not trained.converged and not incremental and self.n_iter_ == self.max_iter:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization"
                " hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _outputs(self, X: Any) -> np.ndarray:
        """What the network says of rows ``[n, n_out]``."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=["csr", "csc"], dtype=(np.float64, np.float32), reset=False)
        layers = self._layers()
        sizes = (layers[0].w.shape[0], *(layer.w.shape[1] for layer in layers))
        structure = parameters.structure_of(self, 1, 1, self.out_activation_)._replace(sizes=sizes)
        return prediction.activated(prediction.outputs(structure.network, layers, X), self.out_activation_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def as_weights(sample_weight: Any, n: int, dtype: Any) -> np.ndarray | None:
    """Weights of rows ``[n]``, or None.

    Raises:
        ValueError: Another shape, or numbers that no weights can be.
    """
    if sample_weight is None:
        return None
    if isinstance(sample_weight, numbers.Number):
        return np.full(n, sample_weight, dtype)
    weights = np.asarray(check_array(sample_weight, ensure_2d=False, dtype=dtype, input_name="sample_weight"))
    if weights.shape != (n,):
        raise ValueError(f"sample_weight: expected one for each of {n} rows, got shape {weights.shape}")
    if weights.min() < 0:
        raise ValueError(f"sample_weight: expected numbers of at least 0, got {weights.min():g}")
    if weights.max() == 0:
        raise ValueError("sample_weight: every weight is zero")
    return weights


def is_stochastic(estimator: Perceptron) -> bool:
    """Whether an estimator trains by steps, so that it has `partial_fit`.

    Raises:
        AttributeError: It does not.
    """
    if estimator.solver == "lbfgs":
        raise AttributeError(
            f"partial_fit is only available for stochastic optimizers. {estimator.solver} is not stochastic."
        )
    return True
