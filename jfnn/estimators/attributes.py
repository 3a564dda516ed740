"""Parameters and attributes of a perceptron as the engine's data, and back."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from jfnn.estimators.fit import NUMBERS, Carry, Fit, Optimizer, Rows, Structure, Trained
from jfnn.layers.dense import Layer

NON_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be"
    " preprocessed."
)


def structure_of(estimator: Any, sizes: Sequence[int], output: str) -> Structure:
    """The structure of an estimator's fit, for widths from input to output and an output activation."""
    sgd = estimator.solver == "sgd"
    return Structure(
        sizes=tuple(int(size) for size in sizes),
        activation=estimator.activation,
        output=output,
        solver=estimator.solver,
        nesterov=bool(sgd and estimator.nesterovs_momentum),
        schedule=estimator.learning_rate if sgd else "constant",
        batch=None if estimator.batch_size == "auto" else int(estimator.batch_size),
        shuffle=bool(estimator.shuffle),
        validation=float(estimator.validation_fraction) if estimator.early_stopping else None,
    )


def numbers_of(estimator: Any) -> dict[str, float]:
    """The numbers of a fit, name in the engine -> value."""
    return {name: float(getattr(estimator, parameter)) for name, parameter in NUMBERS.items()}


def layers_of(estimator: Any) -> tuple[Layer, ...]:
    """Parameters in rows."""
    layers: Any = zip(estimator.coefs_, estimator.intercepts_, strict=True)
    return tuple(Layer(w, b) for w, b in layers)


def set_layers(estimator: Any, layers: tuple[Layer, ...], dtype: Any) -> None:
    """Sets parameters to copies of layers."""
    estimator.coefs_ = [np.array(layer.w, dtype) for layer in layers]
    estimator.intercepts_ = [np.array(layer.b, dtype) for layer in layers]


def as_rows(X: Any, y: Any, weights: np.ndarray | None) -> Rows:
    """Checked rows as the engine takes them, dense."""
    dense = X.toarray() if sparse.issparse(X) else np.asarray(X)
    return Rows(dense, np.asarray(y, X.dtype), None if weights is None else np.asarray(weights, X.dtype))


def as_fit(
    estimator: Any, structure: Structure, X: Any, y: Any, weights: np.ndarray | None, incremental: bool
) -> Fit:
    """The fit of an estimator that has checked its rows."""
    best = -estimator.best_validation_score_ if estimator.early_stopping else estimator.best_loss_
    optimizer = getattr(estimator, "_optimizer", None)
    goes_on = incremental and isinstance(optimizer, Optimizer) and optimizer.solver == structure.solver
    carry = Carry(
        best=float(best),
        waiting=int(estimator._no_improvement_count),
        seen=int(estimator.t_),
        optimizer=optimizer if goes_on else None,
    )
    numbers = numbers_of(estimator) | ({"max_iter": 1.0} if incremental else {})
    rows = as_rows(X, y, weights)
    return Fit(structure, rows, layers_of(estimator), estimator._random_state, numbers, carry)


def keep(estimator: Any, trained: Trained, X: Any, incremental: bool) -> None:
    """Sets an estimator's attributes to the result of a fit by the engine.

    Raises:
        ValueError: Parameters are not finite, or were not after the epoch that is now their last.
    """
    carry, size, most = trained.carry, estimator.batch_size, estimator.max_iter
    if size != "auto" and size > X.shape[0]:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
            stacklevel=6,
        )
    estimator.engine_, estimator._optimizer = "jfnn", carry.optimizer
    estimator.n_iter_, estimator.t_ = len(trained.losses), carry.seen
    estimator.loss_ = trained.losses[-1] if trained.losses else np.inf
    estimator.loss_curve_ += trained.losses
    estimator._no_improvement_count = carry.waiting
    set_layers(estimator, trained.layers, X.dtype)
    if estimator.early_stopping:
        estimator.validation_scores_ += trained.scores
        estimator.best_validation_score_ = -carry.best
        estimator._best_coefs, estimator._best_intercepts = estimator.coefs_, estimator.intercepts_
    else:
        estimator.best_loss_ = carry.best
    if trained.diverged:
        raise ValueError(NON_FINITE)
    if not trained.converged and not incremental and estimator.n_iter_ == most:
        warnings.warn(
            f"Stochastic Optimizer: Maximum iterations ({most}) reached and the optimization hasn't"
            " converged yet.",
            ConvergenceWarning,
            stacklevel=6,
        )
