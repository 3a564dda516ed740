"""What both estimators share: from scikit-learn's fit to the engine's, and back to its attributes."""

import copy
import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state
from sklearn.utils.validation import _num_samples, check_is_fitted, validate_data

import jfnn.estimators.choice as choice
import jfnn.estimators.encoded as encoded
import jfnn.estimators.parameters as parameters
import jfnn.estimators.prediction as prediction
from jfnn.checks import ArgumentError
from jfnn.estimators.report import Report
from jfnn.estimators.weights import as_weights
from jfnn.fitting import draws, lbfgs, scikit_learn, training
from jfnn.fitting.group import GoesOn, Trained, draw_group, replay
from jfnn.fitting.store import trained_ahead
from jfnn.fitting.structure import Rows, Structure
from jfnn.layers.dense import Layer


class Perceptron(BaseEstimator):  # type: ignore[misc]
    """A multilayer perceptron with scikit-learn's parameters: what classifier and regressor share.

    ``engine`` says by which code it trains. "jfnn" is the engine of this package, with its promises of equal
    bits. "scikit-learn" is scikit-learn's own code, with its bytes. "auto" takes scikit-learn's where a fit
    is predicted to be over before the engine has compiled its program: from structure, rows, ``max_iter``,
    solver and rule of stopping (`jfnn.fitting.costs`), never from times or from what was compiled before.
    What scikit-learn has not (``class_weight``, further activations and solvers) the engine trains.

    A `partial_fit` goes on by the engine before it. Made to go over to the other one, it starts with a fresh
    optimizer; losses, counts and parameters go on. A warm start has a fresh one anyway, and may go over.

    Attributes:
        engine_: The engine that trained it last.
    """

    coefs_: list[np.ndarray]
    intercepts_: list[np.ndarray]
    engine_: str

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
        # In a search this may have been trained already, which says by which engine.
        known, looks = None, not goes_on and self._looks_ahead(incremental)
        if not looks and self._fit_by_scikit_learn(X, y, sample_weight, goes_on, incremental):
            return self
        if looks:
            known = encoded.find(self, (X, y, sample_weight))
        if known is None:
            rows = self._as_rows(X, y, sample_weight, goes_on, incremental)
        else:
            rows = known.rows
            for name, value in copy.deepcopy(known.learned).items():
                setattr(self, name, value)
        structure, own = self._structure(rows), parameters.numbers_of(self)
        ahead = None
        if looks:
            ahead = trained_ahead(rows, known and known.digest, structure, own, self.random_state)
            if ahead is None and self._fit_by_scikit_learn(X, y, sample_weight, goes_on, incremental):
                return self
        self._fit_here(structure, rows, ahead, goes_on, incremental)
        return self

    def _looks_ahead(self, incremental: bool) -> bool:
        """Whether a fit looks for what a search has trained for it."""
        alone = incremental or self.verbose or self.solver == "lbfgs"
        return not alone and encoded.is_holding(choice.forced(self) or "auto")

    def _fit_by_scikit_learn(
        self, X: Any, y: Any, sample_weight: Any, goes_on: bool, incremental: bool
    ) -> bool:
        """Trains by scikit-learn's own code, if that is chosen; whether it was."""
        if choice.engine(self, X, y, sample_weight, goes_on, incremental) != "scikit-learn":
            return False
        self._refuse_targets(y)
        if sample_weight is not None:
            as_weights(sample_weight, _num_samples(X), np.float64)
        scikit_learn.fit(self, X, y, sample_weight, goes_on, incremental)
        return True

    def _refuse_targets(self, y: Any) -> None:
        """Refuses targets that the loss is not for.

        Raises:
            ValueError: There are some.
        """

    def _fit_here(
        self, structure: Structure, rows: Rows, ahead: Trained | None, goes_on: bool, incremental: bool
    ) -> None:
        """Trains by the engine, or takes over what it has trained ahead."""
        if incremental and structure.validation is not None:
            raise ArgumentError("early_stopping", "partial_fit does not support early_stopping=True")
        if goes_on and hasattr(self, "_no_improvement_count"):
            self._before = scikit_learn.hand_back(self)
        if not goes_on or not (hasattr(self, "_before") and hasattr(self, "loss_curve_")):  # set by hand
            self._start_afresh(structure)
        self.n_iter_, self.engine_ = 0, "jfnn"
        scikit_learn.forget(self)
        if structure.solver == "lbfgs":
            self._minimise(structure, rows, goes_on)
            return
        if structure.batch is not None and structure.batch > len(rows.x):
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
                stacklevel=4,
            )
        trained = ahead or self._train(structure, rows, goes_on, incremental)
        self._keep(trained, structure, rows, incremental)

    def _structure(self, rows: Rows) -> Structure:
        return self._shaped(rows.x.shape[1], rows.targets.shape[1], self._output())

    def _shaped(self, features: int, outputs: int, output: str) -> Structure:
        """What is compiled for rows of so many features and outputs."""
        return parameters.structure_of(self, features, outputs, output)

    def _start_afresh(self, structure: Structure) -> None:
        self.out_activation_, self.n_layers_ = structure.output, len(structure.sizes)
        self.n_outputs_, self.t_, self._before = structure.sizes[-1], 0, GoesOn()
        if structure.solver != "lbfgs":
            self.loss_curve_: list[float] = []
            self.validation_scores_: list[float] | None = [] if self.early_stopping else None
            self.best_validation_score_ = -np.inf if self.early_stopping else None
            self.best_loss_ = None if self.early_stopping else np.inf

    def _train(self, structure: Structure, rows: Rows, goes_on: bool, incremental: bool) -> Trained:
        """Trains this fit alone: a group of one."""
        before = self._before if incremental else self._before._replace(rate=None, optimizer=None)
        own = parameters.numbers_of(self) | ({"max_iter": 1.0} if incremental else {})
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
                stacklevel=5,
            )

    def _predicts_as(self, X: Any) -> Any:
        """scikit-learn's own estimator with these parameters, where it is to predict; else None."""
        check_is_fitted(self)
        return scikit_learn.predictor(self, X)

    def _outputs(self, X: Any) -> np.ndarray:
        """What the network says of rows ``[n, n_out]``."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=["csr", "csc"], dtype=(np.float64, np.float32), reset=False)
        layers = self._layers()
        sizes = (layers[0].w.shape[0], *(layer.w.shape[1] for layer in layers))
        structure = self._shaped(1, 1, self.out_activation_)._replace(sizes=sizes)
        return prediction.activated(prediction.outputs(structure.network, layers, X), self.out_activation_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def perceptron_of(estimator: Any) -> Perceptron | None:
    """The perceptron that an estimator is, or that a Pipeline ends in; None for another."""
    last = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    return last if isinstance(last, Perceptron) else None
