"""What the candidates of a search predict together: ensemble selection on rows that folds held out."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_array

import jfnn.estimators.prediction as prediction
from jfnn.checks import ArgumentError
from jfnn.estimators.ensemble import Selection, select
from jfnn.fitting.group import Trained
from jfnn.fitting.structure import Structure


class FoldMember(NamedTuple):
    """A network that was trained on the rows of one fold.

    Attributes:
        transformers: What comes before it in its Pipeline, fitted on the same rows; None for nothing.
        structure: What the network is.
        trained: Its parameters.
        classes: The classes, or None for numbers.
    """

    transformers: Any
    structure: Structure
    trained: Trained
    classes: np.ndarray | None

    def predictions(self, x: Any) -> np.ndarray:
        """Probabilities of classes ``[n, classes]``, or numbers ``[n, outputs]``."""
        x = x if self.transformers is None else self.transformers.transform(x)
        x = check_array(x, accept_sparse=["csr", "csc"], dtype=(np.float64, np.float32))
        logits = prediction.outputs(self.structure.network, self.trained.layers, x)
        values = prediction.activated(logits, self.structure.output)
        is_pair = self.classes is not None and values.shape[1] == 1
        return np.hstack([1 - values, values]) if is_pair else values


@dataclasses.dataclass(frozen=True, eq=False)
class SearchEnsemble:
    """Candidates of a search that predict together; a candidate predicts by the mean of its folds' networks.

    Nothing is trained for it: these networks are those that the search scored.

    Attributes:
        candidates: Numbers of the chosen candidates, as in ``cv_results_``.
        weights: What each counts, 1 in all.
        members: The networks of each, one a fold.
        score: The ensemble's score on the rows held out, all folds together: accuracy, or the negative mean
            squared error.
        best_score: That of the best candidate alone.
        classes: The classes, or None for numbers.
    """

    candidates: np.ndarray
    weights: np.ndarray
    members: tuple[tuple[FoldMember, ...], ...]
    score: float
    best_score: float
    classes: np.ndarray | None

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of classes ``[n, classes]``, or numbers ``[n, outputs]``."""
        of_candidates = [np.mean([m.predictions(X) for m in folds], axis=0) for folds in self.members]
        return np.asarray(np.tensordot(self.weights, np.stack(of_candidates), axes=1))

    def predict(self, X: Any) -> np.ndarray:
        """Classes ``[n]``, or numbers ``[n]`` or ``[n, outputs]``."""
        mean = self.predict_proba(X)
        if self.classes is not None:
            return np.asarray(self.classes[mean.argmax(axis=1)])
        return mean[:, 0] if mean.shape[1] == 1 else mean


def choose(
    members: Mapping[int, Sequence[FoldMember]], held_out: Sequence[tuple[Any, np.ndarray]], rounds: int = 50
) -> SearchEnsemble:
    """Chooses an ensemble among candidates.

    Args:
        members: Number of a candidate -> its networks, one a fold.
        held_out: Inputs and targets of the rows held out by each fold.
        rounds: See `select`.

    Raises:
        ValueError: No candidates, several labels a row, or folds that saw other classes.
    """
    if not members:
        raise ArgumentError("members", "expected candidates that were trained together on every fold")
    classes = next(iter(members.values()))[0].classes
    for folds in members.values():
        for member in folds:
            if not np.array_equal(member.classes, classes):  # type: ignore[arg-type]
                raise ArgumentError("members", "expected the same classes in every fold")
    targets = np.concatenate([_encoded(np.asarray(y), classes) for _, y in held_out])
    predictions = np.stack(
        [
            np.concatenate([m.predictions(x) for m, (x, _) in zip(folds, held_out, strict=True)])
            for folds in members.values()
        ]
    )
    metric = "squared_error" if classes is None else "accuracy"
    selection: Selection = select(predictions, targets, metric, rounds)
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


def _encoded(y: np.ndarray, classes: np.ndarray | None) -> np.ndarray:
    if classes is None:
        return np.asarray(y, np.float64).reshape(len(y), -1)
    if y.ndim != 1:
        raise ArgumentError("y", "expected one class a row; several labels a row have no ensemble")
    return np.asarray(y[:, None] == classes, np.float64)
