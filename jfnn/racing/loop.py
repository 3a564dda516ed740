"""The race itself: rounds of new seeds for the cells that have not been eliminated."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from jfnn.racing import bounds

# (cells ``[c]``, indices of new seeds, which follow the cells' earlier seeds) -> scores ``[c, seeds]``, where
# higher is better; NaN if a network diverged.
Train = Callable[[np.ndarray, range], np.ndarray]

NUMBERS = 2**20  # number of differences between cells computed at once; does not affect the results


@dataclasses.dataclass(frozen=True)
class Rules:
    """The settings that determine the outcome of a race.

    Attributes:
        alpha: The largest probability that the best cell is eliminated.
        looks: Number of seeds per cell at each look.
        test: One of `bounds.TESTS`.
        indifferent: A difference that does not matter; 0 for none.
    """

    alpha: float
    looks: tuple[int, ...]
    test: str = "t"
    indifferent: float = 0.0


class Look(NamedTuple):
    """The state of a race after a look at the scores.

    Attributes:
        seeds: Seeds of each cell in the race.
        left: Number of cells that continue.
        networks: Networks trained so far.
    """

    seeds: int
    left: int
    networks: int


class RaceOutcome(NamedTuple):
    """How a race ended.

    Attributes:
        left: The remaining cells, best first; empty if all diverged.
        looks: The state after each look.
    """

    left: np.ndarray
    looks: tuple[Look, ...]


def run(train: Train, cells: int, rules: Rules) -> RaceOutcome:
    """Train until one cell remains, the remaining cells are close enough, or the seeds are used up.

    A cell is eliminated when another cell that is in the race, and has not diverged, is better. A diverged
    cell ranks behind all others; cells that it alone has eliminated return and train with the seeds they
    missed. ``train`` is called once for each cell and seed, in the order of the seeds.
    """
    scores = np.full((cells, rules.looks[-1]), np.nan)
    count = np.zeros(cells, int)  # seeds per cell
    beaten = np.zeros((cells, cells), bool)  # whether the cell of the row beats the cell of the column
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
    return RaceOutcome(order, tuple(seen))


def _are_close(scores: np.ndarray, error: float, rules: Rules) -> bool:
    """Return whether no cell can be better than the first one by ``rules.indifferent`` or more."""
    if not rules.indifferent:
        return False
    raised = scores[0] + rules.indifferent
    return bool(bounds.is_greater(raised, scores[1:], error, rules.test).all())
