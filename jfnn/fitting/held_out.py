"""Early stopping as scikit-learn has it: a score on rows held out, after every epoch."""

import dataclasses

import jax
import numpy as np
from sklearn.metrics import accuracy_score, r2_score

from jfnn.engine.state import RunState
from jfnn.engine.trainer import Trainer
from jfnn.experiment.experiment import PARTS
from jfnn.fitting.group import Group
from jfnn.fitting.learner import LEAST_RATE
from jfnn.learners.data import Data
from jfnn.learners.learner import Metric

SCORE = "score"
JUDGED = PARTS.index("train")  # all rows that the judge has


@dataclasses.dataclass(frozen=True)
class _Judge:
    """Accuracy of decided labels, or R² of predictions, from outputs ``[members, n, n_out]``."""

    output: str

    def __call__(self, outputs: np.ndarray, data: Data, rows: np.ndarray) -> np.ndarray:
        targets, weights = data.rows[1][rows], None if data.weights is None else data.weights[rows]
        return np.array([self._score(of_member, targets, weights) for of_member in outputs])

    def _score(self, outputs: np.ndarray, targets: np.ndarray, weights: np.ndarray | None) -> float:
        if not np.isfinite(outputs).all():
            return np.nan
        if self.output == "softmax":
            targets, outputs = targets.argmax(axis=1), outputs.argmax(axis=1)
        elif self.output == "logistic":
            targets, outputs = targets > 0.5, outputs > 0
        else:
            outputs = np.exp(outputs) if self.output == "exp" else outputs
            return float(r2_score(targets, outputs, sample_weight=weights))
        return float(accuracy_score(targets, outputs, sample_weight=weights))


def metric(output: str) -> Metric:
    """The score on rows held out: accuracy for classes, else R²."""
    return Metric(SCORE, True, reduce=_Judge(output))


class EarlyStop:
    """The rule, for all members of a run: it writes what it decides into their memory."""

    def __init__(self, judge: Trainer, group: Group, state: RunState):
        """Nothing has been scored yet.

        Args:
            judge: A trainer on the rows held out, which only scores.
            group: The fits.
            state: Before their first epoch.
        """
        members = judge.experiment.members
        self.judge, self.numbers = judge, group.numbers
        self.adaptive = group.structure.solver == "sgd" and group.structure.schedule == "adaptive"
        self.best = np.full(members, group.goes_on.best_score)
        self.waiting = np.full(members, group.goes_on.waiting)
        self.scores: list[list[float]] = [[] for _ in range(members)]
        self.params = jax.tree.map(np.copy, state.members.state.params)

    def after_epoch(self, state: RunState) -> None:
        """Scores the members that trained, and stops those that no longer improve, or lowers their rate."""
        memory = state.members.state.memory
        active = state.active
        params = state.members.state.params
        score = self.judge.evaluate(params, state.hyper, active)[SCORE][:, JUDGED]
        for member in np.flatnonzero(active | (state.members.diverged_at == state.epoch - 1)):
            self.scores[member].append(float(score[member]))
        worse = score < self.best + self.numbers["tol"]
        self.waiting = np.where(active, np.where(worse, self.waiting + 1, 0), self.waiting)
        better = active & (score > self.best)
        self.best = np.where(better, score, self.best)
        for kept, now in zip(*map(jax.tree.leaves, (self.params, params)), strict=True):
            kept[better] = now[better]
        ends = active & (self.waiting > self.numbers["patience"])
        if self.adaptive:
            slows = ends & (memory.rate > LEAST_RATE)
            memory.rate[slows] /= 5
            self.waiting[slows] = 0
            ends &= ~slows
        memory.converged[ends] = True
        memory.stopped[ends] = True
