"""Hyperband: successive halving with several first rungs, each for a part of the cells."""

import dataclasses

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.fields import at_least, field
from jfnn.numerics.permutation import domain, permute
from jfnn.schedulers.halving import Halving


@dataclasses.dataclass(frozen=True)
class Hyperband(Halving):
    """Hyperband (Li et al. 2018, JMLR 18(185), algorithm 1): halving without choosing a first rung.

    With factor η and R epochs, a fixed shuffle distributes the sweep's cells over brackets s = s_max … 0,
    where s_max = ⌊log_η (R / min_epochs)⌋. Bracket sizes are proportional to the paper's
    ``⌈(s_max + 1) η^s / (s + 1)⌉``, so that all brackets take about equally many epochs. Bracket s halves its
    n cells: the best max(1, ⌊n / η^i⌋) continue after ⌊R / η^(s - i + 1)⌋ epochs, i = 1 … s. Its last cells
    train to the end, where the last cells of all brackets are ranked together. The brackets equal the paper's
    if the sweep has as many cells as all of the paper's brackets together (143 for R = 81, η = 3).

    Attributes:
        factor: One cell in ``factor`` continues at each rung; at least 2.
        min_epochs: Minimum epochs of every cell. A ranking after very few epochs is mostly noise, see
            `Halving`.
    """

    factor: int = field(3, at_least(2))
    min_epochs: int = field(1, checks.as_count)

    def brackets(self, cells: int, epochs: int) -> list[tuple[np.ndarray, dict[int, int]]]:
        """Return the cells of each bracket, s_max first, and epoch -> how many of them continue after it."""
        most = 0
        while self.min_epochs * self.factor ** (most + 1) <= epochs:
            most += 1
        sizes = [-(-(most + 1) * self.factor**s // (s + 1)) for s in range(most, -1, -1)]
        ends = np.round(np.cumsum(sizes) * (cells / sum(sizes))).astype(int)
        shuffled = permute(np.arange(cells), domain(cells), 0)
        parts = [np.sort(part) for part in np.split(shuffled, ends[:-1])]
        return [(part, self._rungs(len(part), most - i, epochs)) for i, part in enumerate(parts)]

    def _rungs(self, cells: int, s: int, epochs: int) -> dict[int, int]:
        going_on = [max(1, cells // self.factor**i) for i in range(s + 1)]
        return {
            epochs // self.factor ** (s - i): going_on[i + 1]
            for i in range(s)
            if going_on[i + 1] < min(going_on[i], cells)
        }
