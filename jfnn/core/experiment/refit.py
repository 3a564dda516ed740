"""Which winners of a search to train again, and on which rows."""

import dataclasses

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.fields import Valid, field, one_of
from jfnn.core.experiment.simplest import Simplest

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
    """

    rows: str = field("train", one_of(ROWS))
    cells: int = field(1, checks.as_count)
    rule: Simplest | None = field(None, _as_rule)

    def __post_init__(self) -> None:
        super().__post_init__()
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
