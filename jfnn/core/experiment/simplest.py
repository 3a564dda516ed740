"""The one-standard-error rule: the simplest cell whose score is within the noise of the best one."""

import dataclasses
from collections.abc import Collection, Mapping

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.fields import Converted, Valid, field

ENDS = ("least", "most")


def _as_order(value: object, argument: str) -> dict[str, str]:
    order = dict(checks.as_mapping(value, argument))
    if not order:
        raise ArgumentError(argument, "expected at least one name, such as {'l2': 'most'}, got {}")
    return {name: checks.as_choice(end, argument, ENDS) for name, end in order.items()}


@dataclasses.dataclass
class Simplest(Valid):
    """The one-standard-error rule: the simplest cell within a standard error of the best one.

    A cell is within it if its mean score is worse than the best cell's by at most ``errors · s / √n``. Here s
    is the standard deviation (n - 1 in the denominator) of the best cell's n scores: one a fold, averaged
    over seeds, or without folds one a seed. Of these cells it is the simplest; of equally simple ones the
    best, of equals the first (Breiman, Friedman, Olshen & Stone, Classification and Regression Trees, 1984,
    section 3.4.3; Hastie, Tibshirani & Friedman, The Elements of Statistical Learning, 2009, section 7.10).
    Cells that diverged or were pruned do not rank.

    As in these books folds count as independent, and the error is that of the best cell's mean. That of
    differences between cells, run by run, is often smaller; `jfnn.cell_statistics` compares so.

    For scikit-learn's searches, pass a function of ``cv_results_`` as ``refit``.

    Attributes:
        order: Names of axes, the most important first -> which end of them is simple, "least" or "most", such
            as ``{"network": "least", "l2": "most"}``. Numbers count by their size; names and batch sizes in
            the order in which they were given, the least first.
        errors: Standard errors, at least 0.

    Raises:
        ValueError, TypeError: No such mapping or number.
    """

    order: Converted[Mapping[str, str], dict[str, str]] = field(convert=_as_order)
    errors: float = field(1.0, checks.as_number)

    def check(self, names: Collection[str], runs: int, argument: str) -> None:
        """Raises ArgumentError unless the axes are there, and several runs to take an error from."""
        for name in self.order:
            if name not in names:
                raise ArgumentError(argument, f"expected axes among {', '.join(names)}, got {name!r}")
        if runs < 2:
            raise ArgumentError(
                argument, "expected several seeds or folds, since a single run has no standard error"
            )

    def choose(self, columns: Mapping[str, np.ndarray], costs: np.ndarray, runs: np.ndarray) -> int:
        """The number of the simplest cell.

        Args:
            columns: Name of each axis -> the value of each cell, ``[cells]``.
            costs: Mean of each cell ``[cells]``, smaller is better; NaN where it does not rank.
            runs: Costs of its runs ``[cells, n]``.

        Raises:
            ValueError: No cell ranks.
        """
        best = int(np.nanargmin(costs))
        error = np.std(runs[best], ddof=1, dtype=np.float64) / np.sqrt(runs.shape[1])
        near = np.flatnonzero(costs <= costs[best] + self.errors * error)
        keys = [columns[name][near] * (1 if end == "least" else -1) for name, end in self.order.items()]
        return int(near[np.lexsort([costs[near], *reversed(keys)])[0]])  # the last key decides first
