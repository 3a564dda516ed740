"""Several objectives at once: their values for every cell, and the cells that no other one dominates."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.core.search.result import SweepResult

# The name of a score, or a function of a sweep that gives one number a member, such as how large it is.
Objective = str | Callable[[SweepResult], Any]


def front(result: SweepResult, objectives: Sequence[Objective]) -> np.ndarray:
    """Whether a cell is on the Pareto front ``[E, L, …]``: no other is as good in all and better in one.

    Cells that diverged or were pruned are not, equal ones are together.

    Args:
        result: A sweep.
        objectives: Names of scores, each in its direction, and functions ``result -> one number a
            member``, of which fewer are better.

    Raises:
        ValueError, TypeError: An unknown name, or values of another shape.
    """
    checks.check_instance(result, SweepResult, "result")
    listed = list(objectives) if checks.is_several(objectives) else []
    if not listed or not all(isinstance(one, str) or callable(one) for one in listed):
        raise ArgumentTypeError("objectives", f"expected names or functions, got {checks.shown(objectives)}")
    values = cell_values(result, listed)
    signs = [-1 if isinstance(score, str) and result.higher_is_better(score) else 1 for score in objectives]
    costs = values * signs
    dominated = [((costs <= row).all(axis=1) & (costs < row).any(axis=1)).any() for row in costs]
    undominated = np.logical_not(dominated) & np.isfinite(costs).all(axis=1)
    return np.asarray(undominated.reshape(result.cell_shape))


def cell_values(result: SweepResult, objectives: Sequence[Objective]) -> np.ndarray:
    """Values of each cell ``[cells, objectives]``, averaged over seeds and folds; NaN if it does not rank."""
    # An unknown name is refused before any function is called.
    checked = [score if callable(score) else result.named(score, "objectives") for score in objectives]
    values = []
    for score in checked:
        of_members = score(result) if callable(score) else result.scores[score]
        members = np.asarray(checks.as_array(of_members, "objectives"))
        checks.check_numbers(members, "objectives")
        if np.shape(members) != result.diverged_at.shape:
            expected = f"expected one number a member, {list(result.diverged_at.shape)}"
            raise ArgumentError("objectives", f"{expected}, got shape {list(np.shape(members))}")
        values.append(result.ranked(result.cell_means(members)).ravel())
    table = np.stack([*values, result.cell_scores().ravel()], axis=1)
    ranks = np.isfinite(table).all(axis=1)
    return np.where(ranks[:, None], table[:, :-1], np.nan)
