"""Ensembles of trained networks: members of a sweep, or candidates of a search.

They are chosen by greedy selection (Caruana et al., ICML 2004).
"""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.base import is_classifier

from jfnn import losses
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.core.search.result import SweepResult
from jfnn.layers.kind import Params
from jfnn.losses import Loss
from jfnn.network import Network
from jfnn.prediction import predict, predict_proba
from jfnn.targets import as_targets

LEAST_PROBABILITY = 1e-12


def _accuracy(predictions: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Share of right answers."""
    return np.asarray((predictions.argmax(axis=-1) == targets.argmax(axis=-1)).mean(axis=-1))


def _accuracy_without_ties(predictions: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Share of right answers, less a hundredth of its smallest step that breaks ties by the log loss."""
    log_loss = -_log_loss(predictions, targets)
    return np.asarray(_accuracy(predictions, targets) - 0.01 / len(targets) * log_loss / (1 + log_loss))


def _log_loss(predictions: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Mean log probability of the right class."""
    right = (predictions * targets).sum(axis=-1)
    return np.asarray(np.log(np.maximum(right, LEAST_PROBABILITY)).mean(axis=-1))


def _squared_error(predictions: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Mean squared error, negative."""
    return np.asarray(-((predictions - targets) ** 2).mean(axis=(-1, -2)))


# Name -> (predictions [..., n, k], targets [n, k]) -> score [...], higher is better.
METRICS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "accuracy": _accuracy,
    "log_loss": _log_loss,
    "squared_error": _squared_error,
}


@dataclasses.dataclass(frozen=True, eq=False)
class Selection:
    """The result of greedy selection.

    Attributes:
        counts: Number of times that each member is in the ensemble ``[members]``.
        score: Score of the ensemble on the rows it was chosen by, higher is better.
        best_score: Score of the best member.
    """

    counts: np.ndarray
    score: float
    best_score: float

    @property
    def chosen(self) -> np.ndarray:
        """Numbers of the members in the ensemble ``[k]``."""
        return np.flatnonzero(self.counts)

    @property
    def weights(self) -> np.ndarray:
        """Weight of each of these ``[k]``, 1 in all."""
        return np.asarray(self.counts[self.chosen] / self.counts.sum())


def select(
    predictions: np.ndarray, targets: np.ndarray, metric: str = "accuracy", rounds: int = 50
) -> Selection:
    """Greedy ensemble selection with replacement.

    Each round adds the member with which the mean prediction scores highest, which may be in it already; the
    ensemble is that of the best round, so never worse than the best member on these rows.

    Args:
        predictions: Probabilities, or numbers, of each member on rows that none was trained on
            ``[members, n, k]``.
        targets: ``[n, k]``, for classes rows of zeros with a single one.
        metric: "accuracy" (ties broken by the log loss), "log_loss" or "squared_error".
        rounds: Members to add, repeats counted.

    Raises:
        ValueError: Shapes that do not fit, no member, or an unknown metric.
    """
    score_of = METRICS[checks.as_choice(metric, "metric", METRICS)]
    chosen_by = _accuracy_without_ties if metric == "accuracy" else score_of
    checks.as_count(rounds, "rounds")
    predictions = checks.as_inputs(predictions, "predictions", dtype=np.float64)
    targets = checks.as_inputs(targets, "targets", dtype=np.float64)
    if predictions.ndim != 3 or predictions.shape[1:] != targets.shape or not len(predictions):
        raise ArgumentError(
            "predictions",
            f"expected [members, {', '.join(map(str, targets.shape))}], got {list(predictions.shape)}",
        )
    if targets.shape[1] == 1 and metric != "squared_error":
        raise ArgumentError("metric", f"expected squared_error for one number a row, got {metric!r}")
    total = np.zeros(targets.shape)
    picks: list[int] = []
    costs: list[float] = []
    scores: list[float] = []
    for size in range(1, rounds + 1):
        candidates = chosen_by((total + predictions) / size, targets)
        picks.append(int(np.argmax(candidates)))
        costs.append(-float(candidates[picks[-1]]))
        total = total + predictions[picks[-1]]
        scores.append(float(score_of(total / size, targets)))
    last = int(np.argmin(costs))
    counts = np.bincount(picks[: last + 1], minlength=len(predictions))
    return Selection(counts, scores[last], scores[0])


@dataclasses.dataclass(frozen=True, eq=False)
class Ensemble:
    """Networks of a sweep that predict together: a mean of their probabilities, or of their predictions.

    Attributes:
        network: The network.
        loss: The loss it was trained with.
        params: Parameters of the chosen members, on the leading axis of every leaf.
        weights: Weight of each ``[k]``, 1 in all.
        indices: Index of each in the sweep ``[k, axes]``.
        score: The ensemble's score on the rows it was chosen by, higher is better.
        best_score: Score of the best member, on the same rows.
    """

    network: Network
    loss: Loss
    params: Params
    weights: np.ndarray
    indices: np.ndarray
    score: float
    best_score: float

    @classmethod
    def of_sweep(
        cls,
        network: Network,
        result: SweepResult,
        x: Any,
        y: Any,
        loss: str | Loss = "cross_entropy",
        metric: str | None = None,
        rounds: int = 50,
    ) -> "Ensemble":
        """Chooses among all members of a sweep by rows that none of them was trained on.

        Args:
            network: The sweep's network.
            result: The sweep, with all parameters; it may be of several batch sizes, but of one network.
            x: Inputs of the rows ``[n, …]``.
            y: Labels ``[n]``, or targets ``[n, n_out]``.
            loss: The sweep's loss.
            metric: "accuracy" (ties broken by the log loss), "log_loss" or "squared_error"; None for accuracy
                with a cross-entropy, else the squared error.
            rounds: Members to add, repeats counted.

        Raises:
            ValueError: The sweep did not keep all parameters of one network, or every member diverged.
        """
        checks.check_instance(network, Network, "network")
        checks.check_instance(result, SweepResult, "result")
        _check_kept(result)
        alive = np.argwhere((result.diverged_at < 0) & ~result.pruned)
        if not len(alive):
            raise ArgumentError("result", "every member diverged or was ruled out")
        loss = losses.get(loss)
        members = [result.member(*index) for index in alive]
        params = jax.tree.map(lambda *leaves: np.stack(leaves), *members)
        predictions = _network_predictions(network, loss, params, x)
        _, n, t = predictions.shape
        targets = np.asarray(as_targets(y, (n, t * loss.outputs_per_target), loss, np.float64))
        predictions, targets = _as_classes(predictions, targets, loss)
        default = "squared_error" if loss.probabilities is None else "accuracy"
        selection = select(predictions, targets, default if metric is None else metric, rounds)
        chosen = selection.chosen
        return cls(
            network=network,
            loss=loss,
            params=jax.tree.map(lambda leaf: leaf[chosen], params),
            weights=selection.weights,
            indices=alive[chosen],
            score=selection.score,
            best_score=selection.best_score,
        )

    def predict_proba(self, x: Any) -> np.ndarray:
        """Class probabilities ``[n, n_out]``, or with a loss of numbers point predictions ``[n, t]``."""
        predictions = _network_predictions(self.network, self.loss, self.params, x)
        return np.asarray(np.tensordot(self.weights, predictions, axes=1))

    def predict(self, x: Any) -> np.ndarray:
        """Class labels ``[n]``, or with a loss of numbers point predictions ``[n, t]``."""
        mean = self.predict_proba(x)
        if self.loss.probabilities is None:
            return mean
        return mean.argmax(axis=1) if mean.shape[1] > 1 else (mean[:, 0] > 0.5).astype(int)


def _check_kept(result: SweepResult) -> None:
    """Raises ValueError for a sweep that did not keep the last parameters of all members of one network."""
    at_evaluations = result.config.get("settings", {}).get("keep_params") == "evaluations"
    if result.params is None or result.kept_cell is not None or at_evaluations:
        raise ArgumentError("result", "expected a sweep that kept all parameters; use keep_params='all'")
    axes = {name: values for name, values in result.program_axes.items() if name != "batch_size"}
    networks = math.prod(map(len, axes.values()))
    if networks > 1:
        one = ", ".join(f"{name}=…" for name in axes)
        raise ArgumentError(
            "result", f"expected a sweep of one network, got {networks}; result.program({one}) is of one"
        )


def _as_classes(predictions: np.ndarray, targets: np.ndarray, loss: Loss) -> tuple[np.ndarray, np.ndarray]:
    """One probability a row becomes one for each of two classes."""
    if loss.probabilities is None or targets.shape[1] > 1:
        return predictions, targets
    return (
        np.concatenate([1 - predictions, predictions], axis=-1),
        np.concatenate([1 - targets, targets], axis=-1),
    )


def _network_predictions(network: Network, loss: Loss, params: Params, x: Any) -> np.ndarray:
    """Point predictions or probabilities of each member ``[members, n, t]``, float64."""
    members = zip(*jax.tree.leaves(params), strict=True)
    trees = [jax.tree.unflatten(jax.tree.structure(params), leaves) for leaves in members]
    if loss.probabilities is None:
        k = loss.outputs_per_target
        numbers = [predict(network, member, x, loss, "regression") for member in trees]
        predictions = [jnp.split(of_member, k, axis=-1)[loss.central] for of_member in numbers]
    else:
        predictions = [predict_proba(network, member, x, loss) for member in trees]
    return np.stack([np.asarray(outputs, np.float64) for outputs in predictions])


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
        best_score: Score of the best candidate.
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
        means = [
            np.mean([_estimator_predictions(member, X) for member in folds], axis=0) for folds in self.members
        ]
        return np.asarray(np.tensordot(self.weights, np.stack(means), axes=1))

    def predict(self, X: Any) -> np.ndarray:
        """Classes ``[n]``, or numbers ``[n]`` or ``[n, outputs]``."""
        mean = self.predict_proba(X)
        if self.classes is not None:
            return np.asarray(self.classes[mean.argmax(axis=1)])
        return mean[:, 0] if mean.shape[1] == 1 else mean


def choose(members: Mapping[int, Sequence[Any]], held_out: Sequence[tuple[Any, Any]]) -> SearchEnsemble:
    """Chooses an ensemble among candidates.

    Args:
        members: Number of a candidate -> its fitted estimators, one a fold.
        held_out: Inputs and targets of the rows held out by each fold.

    Raises:
        ValueError: No candidates, several labels a row, or folds that saw other classes.
    """
    if not members:
        raise ArgumentError("members", "expected candidates that were trained together on every fold")
    everyone = [member for folds in members.values() for member in folds]
    classes = everyone[0].classes_ if is_classifier(everyone[0]) else None
    if classes is not None and not all(np.array_equal(member.classes_, classes) for member in everyone):
        raise ArgumentError("members", "expected the same classes in every fold")
    targets = np.concatenate([_encoded(np.asarray(y), classes) for _, y in held_out])
    predictions = np.stack(
        [
            np.concatenate([_estimator_predictions(m, x) for m, (x, _) in zip(folds, held_out, strict=True)])
            for folds in members.values()
        ]
    )
    selection = select(predictions, targets, "squared_error" if classes is None else "accuracy")
    candidates = np.array(list(members))[selection.chosen]
    return SearchEnsemble(
        candidates=candidates,
        weights=selection.weights,
        members=tuple(tuple(members[number]) for number in candidates),
        score=selection.score,
        best_score=selection.best_score,
        classes=classes,
    )


def _estimator_predictions(estimator: Any, x: Any) -> np.ndarray:
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
