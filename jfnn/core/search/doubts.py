"""Doubts about the outcome of a sweep: no cell has learned, or the best one is at the end of an axis.

Each is a sentence without its full stop.
"""

import numpy as np

from jfnn.core.experiment.axes import Axes

LEAST = 3  # values of an axis whose ends are doubted
MARGIN = 2.0  # standard errors by which the best cell must beat its neighbor on the axis


def nothing_learned(scores: np.ndarray, constant: float, name: str) -> tuple[str, ...]:
    """Doubts a grid of which no cell is better than a constant prediction.

    Args:
        scores: Score of each cell, the higher the better; NaN for cells that do not rank.
        constant: Score of the constant prediction.
        name: Words for the constant.
    """
    if not (scores[np.isfinite(scores)] <= constant).all():
        return ()
    return (f"no cell predicts better than {name}: nothing was learned; try other learning rates",)


def best_at_ends(cells: Axes, gains: np.ndarray, index: tuple[int, ...]) -> tuple[str, ...]:
    """Doubts the axes of a grid at whose smallest or largest value the best cell is, apart from 0.

    The cell beside it on the axis must be worse, with several runs by more than their noise.

    Args:
        cells: The axes of the grid.
        gains: Scores, the higher the better, with the runs of each cell on the last axis.
        index: The index of the best cell.
    """
    found = []
    for name, axis in cells.axis_of.items() if cells.crossed else ():
        values = cells.values[name]
        if axis is None or axis < cells.leading or len(values) < LEAST:
            continue
        order = np.argsort(values)
        value = values[index[axis]]
        if value == 0 or value not in (values.min(), values.max()):
            continue
        is_smallest = value == values.min()
        inner = order[1] if is_smallest else order[-2]
        leads = gains[index] - gains[(*index[:axis], inner, *index[axis + 1 :])]
        noise = MARGIN * leads.std(ddof=1) / len(leads) ** 0.5 if len(leads) > 1 else 0.0
        if leads.mean() <= noise:  # not beside a cell that diverged, where it is NaN
            continue
        end, further = ("smallest", "smaller") if is_smallest else ("largest", "larger")
        found.append(f"the best {name}, {value:.3g}, is the {end} of its axis; try {further} ones")
    return tuple(found)
