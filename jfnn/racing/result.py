"""What a race gives: the cell that won, or those that tie, and all scores."""

from __future__ import annotations

import dataclasses
import os

import numpy as np

from jfnn.arguments import paths
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.tables import html_table
from jfnn.arguments.texts import value_text
from jfnn.core.search.result import NONE_RANKS, Best, SweepResult, map_members
from jfnn.core.search.run_directory import CONFIG, describing
from jfnn.core.store.files import file_exists
from jfnn.loading import load
from jfnn.racing.loop import Look

RACE = "race.json"  # what decides a race, in its directory from the beginning


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class RaceResult:
    """Which cell is best, or which cells tie, after how many networks; of `jfnn.race`.

    Attributes:
        result: All scores in the grid's shape, with every seed that a cell was given: NaN, and 0 epochs,
            where none trained; cells that are out are pruned. Of the first of those left it has the
            parameters, unless none were kept.
        tied: Indices of the cells left, best mean first: one that won, several that tie, none where all
            diverged.
        looks: What each look saw: ``seeds`` that each cell in the race had, cells ``left`` after it, and
            ``networks`` trained so far.
        alpha: Probability that the best cell is out.
        test: "t" or "sign".
        indifferent: The difference of no interest; 0 for none.
        most: Seeds that a cell could have.
    """

    result: SweepResult
    tied: tuple[tuple[int, ...], ...]
    looks: tuple[Look, ...]
    alpha: float
    test: str
    indifferent: float
    most: int

    @property
    def best(self) -> Best | None:
        """The cell that won; None where several tie, or all diverged."""
        return self.result.best() if len(self.tied) == 1 else None

    @property
    def trained(self) -> int:
        """Networks trained."""
        return self.looks[-1].networks

    @property
    def planned(self) -> int:
        """Networks that all cells with as many seeds as those left would have taken."""
        return int(self.result.diverged_at.size)

    @property
    def common(self) -> SweepResult:
        """`result` with the first seeds alone, which all cells have: for maps of the whole grid."""
        places = (*[slice(None)] * len(self.result.cell_shape), slice(self.looks[0].seeds))
        fields = map_members(lambda array: array[places], self.result)
        runs = tuple(dataclasses.replace(run, params=None, kept_cell=None) for run in self.result.runs)
        seeds = self.result.seeds[: self.looks[0].seeds]
        return dataclasses.replace(self.result, **fields, seeds=seeds, runs=runs)

    def table(self) -> dict[str, np.ndarray]:
        """Columns with a value a look: "seeds" of a cell, "cells" left after it, "networks" so far."""
        columns = zip(*self.looks, strict=True)
        return dict(zip(("seeds", "cells", "networks"), map(np.array, columns), strict=True))

    def __str__(self) -> str:
        """The answer in a sentence."""
        instead = f" instead of {self.planned}" if self.trained < self.planned else ""
        after = f"at error {self.alpha:g} after {self.trained} networks{instead}"
        if not self.tied:
            return f"{NONE_RANKS} ({self.trained} networks)"
        cells = int(np.prod(self.result.cell_shape))
        if cells == 1:
            return f"{self._cell_text(self.tied[0])} is the only cell ({self.trained} networks)"
        if len(self.tied) == 1:
            return f"{self._cell_text(self.tied[0])} wins {after}"
        text = f"{len(self.tied)} of {cells} cells tie {after}"
        if self.looks[-1].seeds < self.most:
            first = self._cell_text(self.tied[0])
            text += f"; none is better than {first} by {self.indifferent:g}"
        return text

    def __repr__(self) -> str:
        """The same."""
        return f"<RaceResult: {self}>"

    def _repr_html_(self) -> str:
        """The sentence, the looks and the best of the cells left, for notebooks."""
        table = self.table()
        looks = [[*table], *([str(value) for value in look] for look in self.looks)]
        return f"<p>{self}</p>{html_table(looks)}{self.result._repr_html_()}"

    def _cell_text(self, index: tuple[int, ...]) -> str:
        axes = self.result.axes_at(index)
        varied = {
            name: value for name, value in axes.items() if len(set(self.result.axes[name].tolist())) > 1
        }
        return ", ".join(f"{name} {value_text(name, value)}" for name, value in (varied or axes).items())

    def save(self, directory: str | os.PathLike[str]) -> None:
        """Writes `result`, and with it the race, as `SweepResult.save`; `RaceResult.load` reads both back.

        Raises:
            ValueError: As `SweepResult.save`.
        """
        self.result.save(directory)

    @classmethod
    def load(cls, directory: str | os.PathLike[str]) -> RaceResult:
        """A race that was saved, or whose ``out`` the directory is and that has ended.

        Raises:
            FileNotFoundError: There is none.
            ValueError: It has not ended, or a file is corrupt; the message names it.
        """
        folder = paths.as_path(directory, "directory")
        if file_exists(folder / RACE) and not file_exists(folder / CONFIG):
            raise ArgumentError(str(folder), "this race has not ended", cure="resume=True goes on with it")
        result = load(folder)
        if "race" not in result.config.get("settings", {}):
            raise FileNotFoundError(f"{folder}: the run there is no race")
        with describing(folder / CONFIG):
            return ended(result)


def ended(result: SweepResult) -> RaceResult:
    """The race whose result this is, by its configuration."""
    race = result.config["settings"]["race"]
    tied = tuple(tuple(map(int, index)) for index in race["tied"])
    for index in tied:
        result.axes_at(index)  # which raises where there is no such cell
    looks = tuple(Look(*map(int, look)) for look in race["seen"])
    alpha = float(race["alpha"])
    indifferent = float(race["indifferent"])
    return RaceResult(result, tied, looks, alpha, str(race["test"]), indifferent, int(race["looks"][-1]))
