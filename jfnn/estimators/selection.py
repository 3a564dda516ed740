"""Greedy ensemble selection (Caruana et al., ICML 2004)."""

import dataclasses
from collections.abc import Callable

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError

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
