"""The best of several scores, and the cell that has it."""

import dataclasses
from collections.abc import Sequence

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
    """The place of the best score, the first of equals; None if all are NaN."""
    if np.isnan(scores).all():
        return None
    flat = np.nanargmax(scores) if higher_is_better else np.nanargmin(scores)
    return tuple(int(i) for i in np.unravel_index(flat, scores.shape))


def best_sweep(bests: Sequence[Best | None], higher_is_better: bool) -> tuple[int, Best] | None:
    """The best of the best cells of several sweeps, behind the number of its sweep; None where none ranks."""
    scores = np.array([np.nan if best is None else best.score for best in bests])
    place = best_place(scores, higher_is_better)
    best = None if place is None else bests[place[0]]
    return None if place is None or best is None else (place[0], best)
