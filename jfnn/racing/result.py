"""The result of a race: the winner or the tied cells, and all scores."""

from __future__ import annotations

import dataclasses
import os

import numpy as np

from jfnn.arguments import paths
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.tables import html_table
from jfnn.arguments.texts import value_text
from jfnn.core.search.result import Best, SweepResult, map_members, none_ranks
from jfnn.core.search.run_directory import CONFIG, name_corrupt_file
from jfnn.core.store.files import file_exists
from jfnn.loading import load
from jfnn.racing.loop import Look

RACE = "race.json"  # what determines the race; written to its directory at the start


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class RaceResult:
    """The result of `jfnn.race`: the best cell or the tied cells, and the number of networks trained.

    Attributes:
        result: All scores in the shape of the grid, with all seeds of the remaining cells. Networks that were
            never trained have NaN scores and 0 epochs; eliminated cells, with all their networks, are marked
            as pruned. It has the parameters of the first remaining cell, unless none were kept.
        tied: Indices of the remaining cells, best mean first: one winner, several tied cells, or none if all
            diverged.
        looks: For each look, the ``seeds`` of each cell in the race, the number of cells ``left`` after it,
            and the ``networks`` trained so far.
        alpha: The largest probability that the best cell is eliminated.
        test: "t" or "sign".
        indifferent: The difference that does not matter; 0 for none.
        most: The largest possible number of seeds per cell.
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
        """The winner; None if several cells tie or all diverged."""
        return self.result.best() if len(self.tied) == 1 else None

    @property
    def trained(self) -> int:
        """Number of networks trained."""
        return self.looks[-1].networks

    @property
    def planned(self) -> int:
        """Number of networks if all cells had as many seeds as the remaining ones."""
        return int(self.result.diverged_at.size)

    @property
    def common(self) -> SweepResult:
        """`result` with the first seeds only, which all cells have: for maps of the whole grid."""
        places = (*[slice(None)] * len(self.result.cell_shape), slice(self.looks[0].seeds))
        fields = map_members(lambda array: array[places], self.result)
        runs = tuple(dataclasses.replace(run, params=None, kept_cell=None) for run in self.result.runs)
        seeds = self.result.seeds[: self.looks[0].seeds]
        return dataclasses.replace(self.result, **fields, seeds=seeds, runs=runs)

    def table(self) -> dict[str, np.ndarray]:
        """Return one value per look: "seeds" per cell, "cells" left after it, "networks" trained so far."""
        columns = zip(*self.looks, strict=True)
        return dict(zip(("seeds", "cells", "networks"), map(np.array, columns), strict=True))

    def __str__(self) -> str:
        instead = f" instead of {self.planned}" if self.trained < self.planned else ""
        after = f"at error {self.alpha:g} after {self.trained} networks{instead}"
        if not self.tied:
            return f"{none_ranks(self.result)} ({self.trained} networks)"
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
        return f"<RaceResult: {self}>"

    def _repr_html_(self) -> str:
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
        """Write `result` and the race as `SweepResult.save` does; `RaceResult.load` reads both."""
        self.result.save(directory)

    @classmethod
    def load(cls, directory: str | os.PathLike[str]) -> RaceResult:
        """Load a race from a directory, written by `save` or by a finished race with ``out``.

        Raises:
            FileNotFoundError: There is no race.
            ValueError: The race has not ended, or a file is corrupt; the message names it.
        """
        folder = paths.as_path(directory, "directory")
        if file_exists(folder / RACE) and not file_exists(folder / CONFIG):
            raise ArgumentError(str(folder), "this race has not ended", cure="resume=True continues it")
        result = load(folder)
        if "race" not in result.config.get("settings", {}):
            raise FileNotFoundError(f"{folder}: the run in it is not a race")
        with name_corrupt_file(folder / CONFIG):
            return race_of(result)


def race_of(result: SweepResult) -> RaceResult:
    """Return the race that a result belongs to, from its configuration."""
    race = result.config["settings"]["race"]
    tied = tuple(tuple(map(int, index)) for index in race["tied"])
    for index in tied:
        result.axes_at(index)  # raises if there is no such cell
    looks = tuple(Look(*map(int, look)) for look in race["seen"])
    alpha = float(race["alpha"])
    indifferent = float(race["indifferent"])
    return RaceResult(result, tied, looks, alpha, str(race["test"]), indifferent, int(race["looks"][-1]))
