"""An ensemble of a search's candidates, selected on rows that folds held out."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from jfnn.arguments.checks import ArgumentError
from jfnn.estimators.ensemble import select


@dataclasses.dataclass(frozen=True, eq=False)
class SearchEnsemble:
    """Candidates of a search that predict together; a candidate predicts by the mean of its folds' networks.

    Nothing is trained for it: the search has trained and scored these networks.

    Attributes:
        candidates: Numbers of the chosen candidates, as in ``cv_results_``.
        weights: Weight of each, 1 in all.
        members: The fitted estimators of each, one a fold.
        score: The ensemble's score on the rows held out, all folds together: accuracy, or the negative mean
            squared error.
        best_score: That of the best candidate alone.
        classes: The classes, or None for numbers.
    """

    candidates: np.ndarray
    weights: np.ndarray
    members: tuple[tuple[Any, ...], ...]
    score: float
    best_score: float
    classes: np.ndarray | None

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of classes ``[n, classes]``, or numbers ``[n, outputs]``."""
        means = [np.mean([_predictions(member, X) for member in folds], axis=0) for folds in self.members]
        return np.asarray(np.tensordot(self.weights, np.stack(means), axes=1))

    def predict(self, X: Any) -> np.ndarray:
        """Classes ``[n]``, or numbers ``[n]`` or ``[n, outputs]``."""
        mean = self.predict_proba(X)
        if self.classes is not None:
            return np.asarray(self.classes[mean.argmax(axis=1)])
        return mean[:, 0] if mean.shape[1] == 1 else mean


def choose(
    members: Mapping[int, Sequence[Any]], held_out: Sequence[tuple[Any, Any]], rounds: int = 50
) -> SearchEnsemble:
    """Chooses an ensemble among candidates.

    Args:
        members: Number of a candidate -> its fitted estimators, one a fold.
        held_out: Inputs and targets of the rows held out by each fold.
        rounds: See `select`.

    Raises:
        ValueError: No candidates, several labels a row, or folds that saw other classes.
    """
    if not members:
        raise ArgumentError("members", "expected candidates that were trained together on every fold")
    everyone = [member for folds in members.values() for member in folds]
    classes = getattr(everyone[0], "classes_", None)
    if not all(np.array_equal(getattr(member, "classes_", None), classes) for member in everyone):  # type: ignore[arg-type]
        raise ArgumentError("members", "expected the same classes in every fold")
    targets = np.concatenate([_encoded(np.asarray(y), classes) for _, y in held_out])
    predictions = np.stack(
        [
            np.concatenate([_predictions(m, x) for m, (x, _) in zip(folds, held_out, strict=True)])
            for folds in members.values()
        ]
    )
    metric = "squared_error" if classes is None else "accuracy"
    selection = select(predictions, targets, metric, rounds)
    chosen = np.flatnonzero(selection.counts)
    numbers = np.array(list(members))
    return SearchEnsemble(
        candidates=numbers[chosen],
        weights=selection.counts[chosen] / selection.counts.sum(),
        members=tuple(tuple(members[number]) for number in numbers[chosen]),
        score=selection.score,
        best_score=selection.best_score,
        classes=classes,
    )


def _predictions(estimator: Any, x: Any) -> np.ndarray:
    """Probabilities of classes ``[n, classes]``, or numbers ``[n, outputs]``."""
    if is_classifier(estimator):
        return np.asarray(estimator.predict_proba(x))
    predictions = np.asarray(estimator.predict(x))
    return predictions.reshape(len(predictions), -1)


def _encoded(y: np.ndarray, classes: np.ndarray | None) -> np.ndarray:
    if classes is None:
        return np.asarray(y, np.float64).reshape(len(y), -1)
    if y.ndim != 1:
        raise ArgumentError("y", "expected one class a row; several labels a row have no ensemble")
    return np.asarray(y[:, None] == classes, np.float64)
