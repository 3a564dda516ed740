"""Ensemble selection (Caruana et al., ICML 2004) among trained networks."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jfnn import losses
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.layers.kind import Params
from jfnn.learners.traces import Trace
from jfnn.losses import Loss
from jfnn.network import Network, as_inputs
from jfnn.numerics.compiling import compiled
from jfnn.search.result import SweepResult
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
        counts: How often each member is in the ensemble ``[members]``.
        score: Score of the ensemble on the rows it was chosen by, higher is better.
        best_score: That of the best member alone.
    """

    counts: np.ndarray
    score: float
    best_score: float


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
    given = {"predictions": predictions, "targets": targets}
    predictions, targets = (checks.as_inputs(a, name, dtype=np.float64) for name, a in given.items())
    if predictions.ndim != 3 or predictions.shape[1:] != targets.shape or not len(predictions):
        raise ArgumentError(
            "predictions",
            f"expected [members, {', '.join(map(str, targets.shape))}], got {list(predictions.shape)}",
        )
    if targets.shape[1] == 1 and metric != "squared_error":
        raise ArgumentError("metric", f"expected squared_error for one number a row, got {metric!r}")
    total, chosen, scores, shown = np.zeros(targets.shape), [], [], []
    for size in range(1, rounds + 1):
        of_all = chosen_by((total + predictions) / size, targets)
        chosen.append(int(np.argmax(of_all)))
        scores.append(float(of_all[chosen[-1]]))
        total = total + predictions[chosen[-1]]
        shown.append(float(score_of(total / size, targets)))
    size = int(np.argmax(scores)) + 1
    counts = np.bincount(chosen[:size], minlength=len(predictions))
    return Selection(counts, shown[size - 1], shown[0])


@dataclasses.dataclass(frozen=True, eq=False)
class Ensemble:
    """Networks of a sweep that predict together: a mean of their probabilities, or of their predictions.

    Attributes:
        network: The network.
        loss: The loss it was trained with.
        params: Parameters of the chosen members, on the leading axis of every leaf.
        weights: Weight of each ``[k]``, 1 in all.
        places: Where each is in the sweep ``[k, axes]``.
        score: The ensemble's score on the rows it was chosen by, higher is better.
        best_score: That of the best member alone, on the same rows.
    """

    network: Network
    loss: Loss
    params: Params
    weights: np.ndarray
    places: np.ndarray
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
            result: The sweep, with all parameters.
            x: Inputs of the rows ``[n, …]``.
            y: Labels ``[n]``, or targets ``[n, n_out]``.
            loss: The sweep's loss.
            metric: See `select`; None for accuracy with a cross-entropy, else the squared error.
            rounds: See `select`.

        Raises:
            ValueError: The sweep kept no parameters, or every member diverged.
        """
        checks.check_instance(network, Network, "network")
        checks.check_instance(result, SweepResult, "result")
        if result.params is None or result.kept_cell is not None:
            raise ArgumentError("result", "expected a sweep that kept all parameters; use keep_params='all'")
        alive = np.argwhere((result.diverged_at < 0) & ~result.pruned)
        if not len(alive):
            raise ArgumentError("result", "every member diverged or was ruled out")
        loss = losses.get(loss)
        params = jax.tree.map(lambda leaf: leaf[tuple(alive.T)], result.params)
        predictions = _predictions(network, loss, params, x)
        targets = np.asarray(as_targets(y, predictions.shape[1:], loss, np.float64))
        predictions, targets = _as_classes(predictions, targets, loss)
        default = "squared_error" if loss.probabilities is None else "accuracy"
        selection = select(predictions, targets, default if metric is None else metric, rounds)
        chosen = np.flatnonzero(selection.counts)
        weights = selection.counts[chosen] / selection.counts.sum()
        kept = jax.tree.map(lambda leaf: leaf[chosen], params)
        return cls(network, loss, kept, weights, alive[chosen], selection.score, selection.best_score)

    def predict_proba(self, x: Any) -> np.ndarray:
        """Class probabilities ``[n, n_out]``, or with the quadratic loss predictions."""
        predictions = _predictions(self.network, self.loss, self.params, x)
        return np.asarray(np.tensordot(self.weights, predictions, axes=1))

    def predict(self, x: Any) -> np.ndarray:
        """Class labels ``[n]``, or with the quadratic loss predictions ``[n, n_out]``."""
        mean = self.predict_proba(x)
        if self.loss.probabilities is None:
            return mean
        return mean.argmax(axis=1) if mean.shape[1] > 1 else (mean[:, 0] > 0.5).astype(int)


def _as_classes(predictions: np.ndarray, targets: np.ndarray, loss: Loss) -> tuple[np.ndarray, np.ndarray]:
    """One probability a row becomes one for each of two classes."""
    if loss.probabilities is None or targets.shape[1] > 1:
        return predictions, targets
    return (
        np.concatenate([1 - predictions, predictions], axis=-1),
        np.concatenate([1 - targets, targets], axis=-1),
    )


def _predictions(network: Network, loss: Loss, params: Params, x: Any) -> np.ndarray:
    """Outputs or probabilities of each member ``[members, n, n_out]``, float64."""
    x = jnp.asarray(as_inputs(network, x))

    def of_all(params: Params, x: jax.Array) -> jax.Array:
        def of_member(params: Params) -> jax.Array:
            outputs = network.apply(params, x)
            return outputs if loss.probabilities is None else loss.probabilities(outputs)

        mapped: jax.Array = jax.lax.map(of_member, params)
        return mapped

    params = jax.tree.map(jnp.asarray, params)
    return np.asarray(_compiled(Trace(of_all, params, x))(params, x), np.float64)


@functools.lru_cache(maxsize=16)
def _compiled(trace: Trace) -> Callable[..., Any]:
    return compiled(trace)
