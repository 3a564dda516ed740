"""Doubts about a sweep's outcome: nothing was learned, cells stayed at chance, the best is at an axis end.

Each doubt is a sentence without a final period.
"""

import numpy as np

from jfnn.core.experiment.axes import Axes

LEAST = 3  # minimum number of values on an axis for doubts about its ends
ROUNDING = 1e-6  # of scores, which are means in float32; a row more changes an accuracy by more
MARGIN = 2.0  # standard errors by which the best cell must beat its neighbor on the axis


def nothing_learned(scores: np.ndarray, constant: float, name: str, advice: str) -> tuple[str, ...]:
    """Return a doubt if no cell is better than a constant prediction, described by ``name``.

    Scores are higher-is-better, and NaN for cells that do not rank. ``advice`` may be empty.
    """
    if not (scores[np.isfinite(scores)] <= constant + ROUNDING).all():
        return ()
    cure = advice or "try other learning rates"
    return (f"no cell predicts better than {name}: nothing was learned; {cure}",)


def at_chance(accuracies: np.ndarray, constant: float, advice: str) -> tuple[str, ...]:
    """Return a doubt that counts the cells with a seed no better than the most frequent class.

    ``accuracies`` ``[…, S]`` are NaN for seeds that diverged and for cells that do not rank; ``constant`` is
    the share of the most frequent class.
    """
    stuck = (accuracies <= constant + ROUNDING).any(axis=-1)
    if not stuck.any():
        return ()
    seeds = "" if accuracies.shape[-1] == 1 else " with some seed"
    cure = f"; {advice}" if advice else ""
    share = f"accuracy at most {constant:.3g}, the share of the most frequent class"
    return (f"{int(stuck.sum())} of {stuck.size} cells stayed at chance{seeds} ({share}){cure}",)


def best_at_ends(cells: Axes, gains: np.ndarray, index: tuple[int, ...]) -> tuple[str, ...]:
    """Return doubts about axes on which the best cell has the smallest or largest value, except 0.

    The neighboring cell on the axis must be worse, by more than the noise if there are several runs.
    ``gains`` are higher-is-better scores, with the runs of each cell on the last axis; ``index`` is the best
    cell's.
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
        if leads.mean() <= noise:  # False for NaN, beside a cell that diverged
            continue
        end, further = ("smallest", "smaller") if is_smallest else ("largest", "larger")
        found.append(f"the best {name}, {value:.3g}, is the {end} of its axis; try {further} ones")
    return tuple(found)
