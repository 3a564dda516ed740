"""What a sweep gives back."""

import dataclasses
from typing import Any, NamedTuple

import jax
import numpy as np


class Best(NamedTuple):
    """The best cell of a grid.

    Attributes:
        index: Its place on every axis but the seeds.
        axes: Its hyperparameters, name -> value.
        score: What it was ranked by, averaged over the seeds.
        ranked_by: The name of that score.
    """

    index: tuple[int, ...]
    axes: dict[str, float]
    score: float
    ranked_by: str


@dataclasses.dataclass(frozen=True)
class SweepResult:
    """Scores and trained parameters of every member of a grid.

    Every array of results has the shape of the grid: one axis a hyperparameter in the order of ``axes``
    (learning rate E, L2 penalty L, then any others), and the seeds S last: ``[E, L, S]``.

    Attributes:
        axes: Name -> values, float64; "learning_rate" and "l2" come first.
        seeds: ``[S]``.
        train_accuracy: Share of right answers on the training rows; NaN where a member diverged, or where the
            targets are no classes.
        test_accuracy: The same on the test rows.
        train_loss: Mean data loss per training sample, without penalty; NaN where a member diverged.
        test_loss: The same on the test rows.
        diverged_at: The epoch, counted from 0, in which a member's parameters or objective stopped being
            finite, -1 for never. It keeps the parameters from before that epoch.
        params: Parameters with leading ``[E, L, S]`` on every leaf; only the best cell's, ``[S]``, with
            ``keep_params="best"``; None with "none".
        history: Name of a score -> ``[E, L, S, H]``, at the epochs ``history["epoch"] [H]``; empty if not kept.
        timing: "compile" and "run", in seconds.
    """

    axes: dict[str, np.ndarray]
    seeds: np.ndarray
    train_accuracy: np.ndarray
    test_accuracy: np.ndarray
    train_loss: np.ndarray
    test_loss: np.ndarray
    diverged_at: np.ndarray
    params: Any
    history: dict[str, np.ndarray]
    timing: dict[str, float]

    @property
    def learning_rate(self) -> np.ndarray:
        """The learning rates ``[E]``."""
        return self.axes["learning_rate"]

    @property
    def l2(self) -> np.ndarray:
        """The L2 penalties ``[L]``."""
        return self.axes["l2"]

    def best(self) -> Best:
        """The cell with the highest test accuracy (for targets that are no classes, the lowest test loss).

        Scores are averaged over the seeds; a cell that diverged with any seed does not rank. Of equals the
        first wins. It is chosen on the test rows, so its own score flatters it.

        Raises:
            ValueError: Every cell diverged.
        """
        classes = not np.isnan(self.test_accuracy).all() or np.isnan(self.test_loss).all()
        ranked_by = "test_accuracy" if classes else "test_loss"
        score = np.asarray(getattr(self, ranked_by), np.float64).mean(axis=-1)
        if np.isnan(score).all():
            raise ValueError("no best cell: every one diverged with some seed; try smaller learning rates")
        flat = np.nanargmax(score) if classes else np.nanargmin(score)
        index = tuple(int(i) for i in np.unravel_index(flat, score.shape))
        axes = {name: float(values[i]) for (name, values), i in zip(self.axes.items(), index, strict=True)}
        return Best(index, axes, float(score[index]), ranked_by)

    def member(self, *index: int):
        """The parameters of one member, by its place on every axis: ``member(i, j, s)``.

        Raises:
            ValueError: Its parameters were not kept, or there is no such place.
        """
        if len(index) != self.diverged_at.ndim:
            raise ValueError(f"member: expected {self.diverged_at.ndim} indices, got {len(index)}")
        for place, length in zip(index, self.diverged_at.shape, strict=True):
            if not -length <= place < length:
                raise ValueError(f"member: no such place {index} in a grid of shape {self.diverged_at.shape}")
        if self.params is None:
            raise ValueError("member: this sweep kept no parameters; use keep_params='all'")
        if jax.tree.leaves(self.params)[0].shape[: len(index)] != self.diverged_at.shape:
            best = self.best().index
            if tuple(index[:-1]) != best:
                raise ValueError(f"member: this sweep kept only the best cell's parameters, {best}")
            index = index[-1:]
        return jax.tree.map(lambda leaf: leaf[tuple(index)], self.params)
