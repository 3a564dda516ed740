"""The rule that chooses a search's winner, and how winners are trained again."""

import dataclasses
from collections.abc import Collection, Mapping

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.fields import Converted, Valid, field, one_of

ENDS = ("least", "most")


def _as_order(value: object, argument: str) -> dict[str, str]:
    order = dict(checks.as_mapping(value, argument))
    if not order:
        raise ArgumentError(argument, "expected at least one name, such as {'l2': 'most'}, got {}")
    return {name: checks.as_choice(end, argument, ENDS) for name, end in order.items()}


@dataclasses.dataclass
class Simplest(Valid):
    """The one-standard-error rule: the simplest cell within a standard error of the best one.

    A cell qualifies if its mean score is worse than the best cell's by at most ``errors · s / √n``, where s
    is the standard deviation (n - 1 in the denominator) of the best cell's n scores: one per fold, averaged
    over seeds, or one per seed without folds. The rule chooses the simplest of these cells; ties go to the
    better score, then to the first cell (Breiman, Friedman, Olshen & Stone, Classification and Regression
    Trees, 1984, section 3.4.3; Hastie, Tibshirani & Friedman, The Elements of Statistical Learning, 2009,
    section 7.10). Cells that diverged or were pruned do not rank.

    As in these books, folds are treated as independent, and the error is that of the best cell's mean. The
    error of paired differences between cells is often smaller; `jfnn.cell_statistics` compares them in this
    way. For scikit-learn's searches, pass a function of ``cv_results_`` as ``refit``.

    Attributes:
        order: Names of axes, the most important first -> which end is simple, "least" or "most", such as
            ``{"network": "least", "l2": "most"}``. Numbers are compared by value; names and batch sizes by
            the order in which they were given, the least first.
        errors: Number of standard errors, at least 0.

    Raises:
        ValueError, TypeError: An invalid mapping or number.
    """

    order: Converted[Mapping[str, str], dict[str, str]] = field(convert=_as_order)
    errors: float = field(1.0, checks.as_number)

    def check(self, names: Collection[str], runs: int, argument: str) -> None:
        """Raise ArgumentError unless the axes exist, and there are several runs to estimate an error from."""
        for name in self.order:
            if name not in names:
                raise ArgumentError(argument, f"expected axes among {', '.join(names)}, got {name!r}")
        if runs < 2:
            raise ArgumentError(
                argument, "expected several seeds or folds, since a single run has no standard error"
            )

    def choose(self, columns: Mapping[str, np.ndarray], costs: np.ndarray, runs: np.ndarray) -> int:
        """Return the number of the cell that the rule chooses; raise ValueError if no cell ranks.

        ``columns`` maps each axis to the value of each cell ``[cells]``; ``costs`` are the cells' means,
        smaller is better, NaN for cells that do not rank; ``runs`` are costs of each cell's runs ``[cells,
        n]``.
        """
        best = int(np.nanargmin(costs))
        error = np.std(runs[best], ddof=1, dtype=np.float64) / np.sqrt(runs.shape[1])
        near = np.flatnonzero(costs <= costs[best] + self.errors * error)
        keys = [columns[name][near] * (1 if end == "least" else -1) for name, end in self.order.items()]
        return int(near[np.lexsort([costs[near], *reversed(keys)])[0]])  # the last key is the primary one


ROWS = ("train", "all")  # training rows of the winners


def _as_rule(value: object, argument: str) -> Simplest | None:
    if value is not None and not isinstance(value, Simplest):
        raise ArgumentTypeError(argument, f"expected a jfnn.Simplest, got {checks.as_text(value)}")
    return value


@dataclasses.dataclass
class Refit(Valid):
    """How to train the best cells of a search again, for `SweepResult.refit`.

    Attributes:
        rows: "train" for all training rows, including those held out for validation; the untouched test rows
            then score the result. "all" for the test rows too: a final model without a test score. Column
            scales and categories remain those of the training rows.
        cells: Number of best cells to train, each with all seeds; `SweepResult.predict` with "mean" or "vote"
            combines them. Cells with equal values, which a random search may draw, count once.
        rule: A `jfnn.Simplest` that chooses one cell instead of the best.

    Raises:
        ValueError, TypeError: Invalid values; or several cells with a rule, which chooses one.

    Example:
        >>> import jfnn
        >>> jfnn.Refit(cells=3)
        Refit(rows='train', cells=3, rule=None)
    """

    rows: str = field("train", one_of(ROWS))
    cells: int = field(1, checks.as_count)
    rule: Simplest | None = field(None, _as_rule)

    def check_together(self) -> None:
        """Raise ArgumentError if valid fields do not fit together."""
        if self.cells > 1 and self.rule is not None:
            raise ArgumentError("cells", f"expected 1 with a rule, which chooses one cell, got {self.cells}")


def as_refit(value: object, argument: str) -> Refit | None:
    """Convert True, the name of rows or a rule to a `Refit`; return None for False or None."""
    if value is None or isinstance(value, Refit):
        return value
    if isinstance(value, Simplest):
        return Refit(rule=value)
    if isinstance(value, str):
        with checks.rename_arguments(rows=argument):
            return Refit(value)
    if not isinstance(value, bool | np.bool_):
        expected = "expected True, False, 'all', a jfnn.Refit or a jfnn.Simplest"
        raise ArgumentTypeError(argument, f"{expected}, got {checks.as_text(value)}")
    return Refit() if value else None
