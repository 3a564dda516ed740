"""The winners of a search trained once more: on which rows, and how many of them."""

import dataclasses

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.fields import Valid, field, one_of
from jfnn.core.experiment.simplest import Simplest

ROWS = ("train", "all")  # to train the winners on


def _as_rule(value: object, argument: str) -> Simplest | None:
    if value is not None and not isinstance(value, Simplest):
        raise ArgumentTypeError(argument, f"expected a jfnn.Simplest, got {checks.shown(value)}")
    return value


@dataclasses.dataclass
class Refit(Valid):
    """The best cells of a search trained once more, for `SweepResult.refit`.

    Attributes:
        rows: "train" for all training rows, those held out for validation too; the test rows, which nothing
            has looked at, then score it. "all" for the test rows too: the model in the end, of which no test
            score is left. Scales and categories of columns stay those of the training rows.
        cells: How many of the best cells, each with all seeds; `SweepResult.predict` with "mean" or "vote"
            answers by all of them. Cells of equal numbers, which a random search may draw, count once.
        rule: A `jfnn.Simplest`, for the one cell that it chooses instead of the best.

    Raises:
        ValueError, TypeError: Other values; several cells and a rule, which chooses one.
    """

    rows: str = field("train", one_of(ROWS))
    cells: int = field(1, checks.as_count)
    rule: Simplest | None = field(None, _as_rule)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.cells > 1 and self.rule is not None:
            raise ArgumentError("cells", f"expected 1 with a rule, which chooses one cell, got {self.cells}")


def as_refit(value: object, argument: str) -> Refit | None:
    """A `Refit`, from True, the name of its rows or a rule as well; None for none."""
    if value is None or isinstance(value, Refit):
        return value
    if isinstance(value, Simplest):
        return Refit(rule=value)
    if isinstance(value, str):
        with checks.renamed(rows=argument):
            return Refit(value)
    if not isinstance(value, bool | np.bool_):
        expected = "expected True, False, 'all', a jfnn.Refit or a jfnn.Simplest"
        raise ArgumentTypeError(argument, f"{expected}, got {checks.shown(value)}")
    return Refit() if value else None
