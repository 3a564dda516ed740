"""The best of several scores, and the cell that has it."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Best:
    """The best cell of a grid.

    Attributes:
        index: Its place on every axis but the seeds (and folds).
        axes: Its hyperparameters, name -> value.
        score: The score that ranks, averaged over seeds and folds.
        ranked_by: The name of that score.
    """

    index: tuple[int, ...]
    axes: dict[str, float]
    score: float
    ranked_by: str


def best_place(scores: np.ndarray, higher_is_better: bool) -> tuple[int, ...] | None:
    """Where the best score is, the first of equals; None if all are NaN."""
    if np.isnan(scores).all():
        return None
    flat = np.nanargmax(scores) if higher_is_better else np.nanargmin(scores)
    return tuple(int(i) for i in np.unravel_index(flat, scores.shape))
