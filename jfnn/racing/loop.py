"""The race itself: rounds of new seeds for the cells that none has beaten."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from jfnn.racing import bounds

# Of cells ``[c]`` and places of seeds, which go on where these cells have ended: scores ``[c, seeds]``, the
# higher the better, NaN where a network diverged.
Train = Callable[[np.ndarray, range], np.ndarray]

NUMBERS = 2**20  # differences of pairs of cells at a time; no answer depends on it


@dataclasses.dataclass(frozen=True)
class Rules:
    """What decides a race.

    Attributes:
        alpha: Probability that the best cell is beaten, at most.
        looks: Seeds that a cell has at each look.
        test: Of `bounds.TESTS`.
        indifferent: A difference that is of no interest; 0 for none.
    """

    alpha: float
    looks: tuple[int, ...]
    test: str = "t"
    indifferent: float = 0.0


class Look(NamedTuple):
    """A look at the scores.

    Attributes:
        seeds: Seeds that each cell in the race had.
        left: Cells that went on after it.
        networks: Networks trained so far.
    """

    seeds: int
    left: int
    networks: int


class Outcome(NamedTuple):
    """How a race ended.

    Attributes:
        left: Numbers of the cells that none has beaten, best first; none where all diverged.
        looks: What was seen.
    """

    left: np.ndarray
    looks: tuple[Look, ...]


def run(train: Train, cells: int, rules: Rules) -> Outcome:
    """Trains until one cell is left, those left are as good, or no seeds are.

    A cell leaves when another one that is in the race, and has not diverged, is better. One that diverges
    ranks behind all others; those that it alone has beaten come back, with the seeds that they missed.

    Args:
        train: Gives scores; it is asked for each cell's seeds in order, once.
        cells: How many cells there are.
        rules: What decides.
    """
    scores = np.full((cells, rules.looks[-1]), np.nan)
    count = np.zeros(cells, int)  # seeds of each cell
    beaten = np.zeros((cells, cells), bool)  # by the cell of the row
    diverged = np.zeros(cells, bool)
    error = bounds.level(rules.alpha, cells, len(rules.looks))
    seen: list[Look] = []

    def left() -> np.ndarray:
        return np.flatnonzero(~diverged & ~beaten[~diverged].any(axis=0))

    for seeds in rules.looks:
        while len(short := left()[count[left()] < seeds]):
            first = int(count[short].min())
            behind = short[count[short] == first]
            scores[behind, first:seeds] = found = train(behind, range(first, seeds))
            count[behind] = seeds
            diverged[behind] = ~np.isfinite(found).all(axis=1)
        racing = left()
        shown = scores[racing, :seeds]
        together = max(1, NUMBERS // max(shown.size, 1))
        for first in range(0, len(racing), together):
            some = slice(first, first + together)
            greater = bounds.is_greater(shown[some, None], shown, error, rules.test)
            beaten[np.ix_(racing[some], racing)] = greater
        going_on = left()
        order = going_on[np.argsort(-scores[going_on, :seeds].mean(axis=1), kind="stable")]
        seen.append(Look(seeds, len(order), int(count.sum())))
        if len(order) <= 1 or _are_close(scores[order, :seeds], error, rules):
            break
    return Outcome(order, tuple(seen))


def _are_close(scores: np.ndarray, error: float, rules: Rules) -> bool:
    """Whether no cell can be better than the first by the difference that is of no interest, or more."""
    if not rules.indifferent:
        return False
    raised = scores[0] + rules.indifferent
    return bool(bounds.is_greater(raised, scores[1:], error, rules.test).all())
