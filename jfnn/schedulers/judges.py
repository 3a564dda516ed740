"""Who trains on: rules that look at scores between segments and let members leave.

A member that leaves keeps its parameters; those that stay keep their bits, since leaving only frees slots.
"""

import dataclasses

import jax
import numpy as np

from jfnn import checks
from jfnn.engine.state import BestSoFar, RunState, Scores
from jfnn.experiment.records import PARTS


@dataclasses.dataclass(frozen=True)
class Halving:
    """Successive halving over epochs, with scikit-learn's meaning of its factor and resources.

    All cells train for a few epochs, the best 1/factor of them for factor times as many, and so on; those in
    the last round train to the end. The first rung lies as high as the rounds that it takes to come below
    factor cells allow (scikit-learn's ``min_resources="exhaust"``), but not below ``min_epochs``.

    A ranking after very few epochs is mostly noise. Of 343 cells on the digits (7 learning rates, 7 l2, 7
    momenta, 100 epochs, factor 3, over six seeds) the winner fell behind that of the full grid by 0.64 points
    of validation accuracy on average with rungs from 1 epoch on, 0.23 from 5, 0.12 from 10, for 4, 19 and 26%
    of the epochs.

    Attributes:
        factor: Of so many cells one goes on; at least 2.
        min_epochs: Epochs that every cell gets at least; None for 5, or if two rounds do not fit above that,
            for as many as let them.
    """

    factor: int
    min_epochs: int | None = None

    def __post_init__(self):
        """Refuses a factor below 2 or a first rung before the first epoch."""
        checks.as_count(self.factor, "factor", minimum=2)
        if self.min_epochs is not None:
            checks.as_count(self.min_epochs, "min_epochs")

    def rungs(self, cells: int, epochs: int) -> dict[int, int]:
        """Epoch -> how many cells go on after it."""
        rounds = 0
        while self.factor ** (rounds + 1) <= cells:
            rounds += 1
        found: dict[int, int] = {}
        least = max(1, min(5, epochs // self.factor**2)) if self.min_epochs is None else self.min_epochs
        epoch, left = max(least, epochs // self.factor**rounds), cells
        while len(found) < rounds and epoch * self.factor <= epochs:
            left = -(-left // self.factor)
            found[epoch] = left
            epoch *= self.factor
        return found

    def judge(self, state: RunState, score: np.ndarray, shape: tuple[int, ...], epochs: int) -> RunState:
        """Lets the losers of a rung leave, whole cells at a time.

        Args:
            state: The run.
            score: One score a member, higher is better, NaN for none ``[members]``.
            shape: ``(cells, streams)``.
            epochs: Epochs in all.
        """
        keep = self.rungs(shape[0], epochs).get(int(state.epoch))
        if keep is None:
            return state
        of_cells = np.where(state.lost, np.nan, score).reshape(shape).mean(axis=1)
        order = np.argsort(np.where(np.isnan(of_cells), np.inf, -of_cells), kind="stable")
        stays = np.zeros(shape, bool)
        stays[order[:keep]] = True
        leaves = state.active & ~stays.ravel()
        left_at = np.where(leaves, state.epoch, state.left_at).astype(np.int32)
        return state._replace(left_at=left_at, lost=~stays.ravel())


@dataclasses.dataclass(frozen=True)
class EarlyStopping:
    """Stops a member when its validation loss has not improved for a while, and goes back to its best epoch.

    Attributes:
        patience: Epochs without a lower loss after which a member stops.
    """

    patience: int

    def judge(self, state: RunState, loss: np.ndarray, score: np.ndarray) -> RunState:
        """Notes each member's best epoch and lets those leave that waited too long.

        Args:
            state: The run; its ``best`` is brought up to date in place.
            loss: Validation loss of each member, NaN for none ``[members]``.
            score: What halving ranks members by ``[members]``.
        """
        best = state.best
        assert best is not None
        better = state.active & (loss < best.loss)
        best.loss[better], best.epoch[better], best.score[better] = loss[better], state.epoch, score[better]
        for kept, now in zip(
            jax.tree.leaves(best.params), jax.tree.leaves(state.members.state.params), strict=True
        ):
            kept[better] = now[better]
        leaves = state.active & (state.epoch - best.epoch >= self.patience)
        return state._replace(left_at=np.where(leaves, state.epoch, state.left_at).astype(np.int32))


@dataclasses.dataclass(frozen=True)
class Selection:
    """By what members are ranked, and who may leave before the end.

    Attributes:
        part: The number of the part that ranks, in `PARTS`.
        by: "accuracy" or "loss".
        halving: Or None.
        early_stopping: Or None.
    """

    part: int
    by: str
    halving: Halving | None = None
    early_stopping: EarlyStopping | None = None

    @property
    def ranked_by(self) -> str:
        """The name of the score that ranks, such as "test_accuracy"."""
        return f"{PARTS[self.part]}_{self.by}"

    def score(self, scores: Scores) -> np.ndarray:
        """One number a member, higher is better ``[members]``."""
        return scores.accuracy[:, self.part] if self.by == "accuracy" else -scores.loss[:, self.part]

    def looks(self, cells: int, epochs: int) -> set[int]:
        """The epochs after which a rule wants scores."""
        each = set(range(1, epochs + 1)) if self.early_stopping else set()
        return each | set(self.halving.rungs(cells, epochs) if self.halving else ())

    def start(self, params, members: int) -> BestSoFar | None:
        """What early stopping knows before the first epoch."""
        if self.early_stopping is None:
            return None
        return BestSoFar(
            loss=np.full(members, np.inf),
            epoch=np.zeros(members, np.int32),
            score=np.full(members, np.nan),
            params=jax.tree.map(np.copy, params),
        )

    def judge(self, state: RunState, scores: Scores, shape: tuple[int, ...], epochs: int) -> RunState:
        """Applies the rules; ``shape`` is ``(cells, streams)``."""
        score = self.score(scores)
        if self.early_stopping:
            state = self.early_stopping.judge(state, scores.loss[:, self.part], score)
            assert state.best is not None
            score = np.where(state.members.diverged_at < 0, state.best.score, np.nan)
        if self.halving:
            state = self.halving.judge(state, score, shape, epochs)
        return state
