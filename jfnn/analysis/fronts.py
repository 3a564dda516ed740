"""Multi-objective comparison of cells: values of several objectives, and the Pareto front."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.core.search.result import SweepResult

# The name of a score, or a function of a sweep that returns one number per member, such as its size.
Objective = str | Callable[[SweepResult], Any]


def front(result: SweepResult, objectives: Sequence[Objective]) -> np.ndarray:
    """Return which cells are on the Pareto front ``[E, L, …]``, that is, not dominated by another cell.

    A cell dominates another if it is at least as good in all objectives and better in one. Diverged and
    pruned cells are excluded.

    Args:
        result: A sweep.
        objectives: Names of scores, each optimized in its own direction, and functions
            ``result -> one number per member``, which are minimized.

    Raises:
        ValueError, TypeError: An unknown name, or values of another shape.

    Example:
        >>> import jfnn
        >>> x, y = jfnn.datasets.xor_gate()
        >>> network = jfnn.mlp((2, 8, 2))
        >>> split = jfnn.Split(x, y)
        >>> result = jfnn.sweep(network, split, learning_rate=[0.001, 0.1], seeds=5, epochs=200)
        >>> jfnn.analysis.front(result, ["train_loss", "train_accuracy"]).tolist()
        [[False], [True]]
    """
    checks.check_instance(result, SweepResult, "result")
    listed = list(objectives) if checks.is_several(objectives) else []
    if not listed or not all(isinstance(one, str) or callable(one) for one in listed):
        raise ArgumentTypeError(
            "objectives", f"expected names or functions, got {checks.as_text(objectives)}"
        )
    values = cell_values(result, listed)
    signs = [-1 if isinstance(score, str) and result.higher_is_better(score) else 1 for score in objectives]
    costs = values * signs
    dominated = [((costs <= row).all(axis=1) & (costs < row).any(axis=1)).any() for row in costs]
    undominated = np.logical_not(dominated) & np.isfinite(costs).all(axis=1)
    return np.asarray(undominated.reshape(result.cell_shape))


def cell_values(result: SweepResult, objectives: Sequence[Objective]) -> np.ndarray:
    """Return values ``[cells, objectives]``, means over seeds and folds; NaN for cells that do not rank."""
    # Check all names before calling a function, which may be slow.
    checked = [score if callable(score) else result.named(score, "objectives") for score in objectives]
    values = []
    for score in checked:
        of_members = score(result) if callable(score) else result.scores[score]
        members = checks.as_numbers(of_members, "objectives")
        if members.shape != result.diverged_at.shape:
            expected = f"expected one number per member, {list(result.diverged_at.shape)}"
            raise ArgumentError("objectives", f"{expected}, got shape {list(members.shape)}")
        values.append(result.ranked(result.cell_means(members)).ravel())
    table = np.stack([*values, result.cell_scores().ravel()], axis=1)
    ranks = np.isfinite(table).all(axis=1)
    return np.where(ranks[:, None], table[:, :-1], np.nan)
