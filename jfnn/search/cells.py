"""Cells of a sweep: their places, their mean scores, the best one, and the table that a notebook shows."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.texts import SYMBOLS, compact, html_table, name_text, number_text
from jfnn.experiment.axes import Axes, as_place

NONE_RANKS = "no best cell: every one diverged with some seed or was pruned; try smaller learning rates"
SHOWN = 5  # cells in a notebook


@dataclasses.dataclass(frozen=True)
class Best:
    """The best cell of a grid.

    Attributes:
        index: Its place on every axis but the seeds (and folds).
        axes: Name -> value of its hyperparameters.
        score: The score named by ``ranked_by``, averaged over seeds and folds.
    """

    index: tuple[int, ...]
    axes: dict[str, float]
    score: float
    ranked_by: str

    def _repr_html_(self) -> str:
        """Its hyperparameters and its score as a table, for notebooks."""
        names = [SYMBOLS.get(name, name) for name in self.axes]
        values = [compact(value, 3) for value in self.axes.values()]
        return html_table([[*names, name_text(self.ranked_by)], [*values, f"{self.score:.4g}"]])


class RankedCells:
    """Cells of a `SweepResult` and their ranking."""

    axes: dict[str, np.ndarray]
    seeds: np.ndarray
    folds: int | None
    scores: dict[str, np.ndarray]
    metrics: dict[str, bool]
    diverged_at: np.ndarray
    pruned: np.ndarray
    ranked_by: str
    sampled: bool

    def __repr__(self) -> str:
        """The axes, and the best cell."""
        best = self.best_or_none()
        best_text = f"best {self.ranked_by} {best.score:.6g} at {best.axes}" if best else "no cell ranks"
        return f"<SweepResult of {self.members_text()};\n {best_text}>"

    def _repr_html_(self) -> str:
        """The best cells as a table, for notebooks."""
        return f"<p>{self.members_text()}</p>{best_html([self])}"

    def members_text(self) -> str:
        """Numbers of members, of values on each axis, of seeds and of folds: "12 members: l2 3, …"."""
        lengths = ", ".join(f"{name} {len(values)}" for name, values in self.axes.items())
        folds = "" if self.folds is None else f", folds {self.folds}"
        return f"{self.diverged_at.size} members: {lengths}, seeds {len(self.seeds)}{folds}"

    @property
    def cells(self) -> Axes:
        """The axes of the grid, or those of drawn cells."""
        return Axes(self.axes, crossed=not self.sampled)

    @property
    def cell_shape(self) -> tuple[int, ...]:
        """The shape of a per-cell array: ``(E, L, …)``, of a random search ``(n,)``."""
        return self.cells.shape

    @property
    def ranking_metric(self) -> str:
        """The metric that ranks, such as "accuracy"."""
        return self.ranked_by.partition("_")[2]

    @property
    def pruned_cells(self) -> np.ndarray:
        """Whether a scheduler ruled a cell out ``[E, L, …]``."""
        return np.asarray(self.pruned.reshape(*self.cell_shape, -1).any(axis=-1))

    def higher_is_better(self, name: str | None = None) -> bool:
        """The direction of a score, such as "test_accuracy"; None for `ranked_by`."""
        return self.metrics[self.named(name).partition("_")[2]]

    def named(self, score: str | None, argument: str = "name") -> str:
        """The name of a score, checked; None for `ranked_by`."""
        return self.ranked_by if score is None else checks.as_choice(score, argument, self.scores)

    def axes_at(self, index: tuple[int, ...]) -> dict[str, float]:
        """The hyperparameters of the cell at a place, name -> value."""
        return self.cells.at(as_place(index, self.cell_shape, "index"))

    def cell_scores(self, name: str | None = None) -> np.ndarray:
        """A score averaged over seeds and folds, one a cell ``[E, L, …]``; NaN if any member diverged.

        Args:
            name: Such as "test_accuracy"; None for `ranked_by`.
        """
        scores = self.scores[self.named(name)].reshape(*self.cell_shape, -1)  # seeds and folds on one axis
        return np.asarray(scores.mean(axis=-1))

    def best(self) -> Best:
        """The best cell by `ranked_by`, averaged over seeds and folds.

        A cell that diverged with any of them, or that was pruned, does not rank. Of equals the first wins.
        Ranked on the rows held out, or else on the test rows, which then flatter it.

        Raises:
            ValueError: No cell ranks.
        """
        if (best := self.best_or_none()) is None:
            raise ValueError(NONE_RANKS)
        return best

    def best_or_none(self) -> Best | None:
        """As `best`, but None where no cell ranks."""
        score = np.where(self.pruned_cells, np.nan, self.cell_scores())
        at = best_place(score, self.higher_is_better())
        return None if at is None else Best(at, self.axes_at(at), float(score[at]), self.ranked_by)


def best_place(scores: np.ndarray, higher_is_better: bool) -> tuple[int, ...] | None:
    """The place of the best score, the first of equals; None if all are NaN."""
    if np.isnan(scores).all():
        return None
    flat = np.nanargmax(scores) if higher_is_better else np.nanargmin(scores)
    return tuple(int(i) for i in np.unravel_index(flat, scores.shape))


def best_html(sweeps: Sequence[RankedCells], leading: Mapping[str, Sequence[str]] | None = None) -> str:
    """A table in HTML of the best cells of one sweep or of several, best first.

    A score is the mean over seeds and folds, with the least and the greatest of them behind.

    Args:
        sweeps: Sweeps of the same axes, ranked by the same score.
        leading: Columns before the axes, heading -> text for each sweep.
    """
    first, cells = sweeps[0], []
    higher = first.higher_is_better()
    for number, sweep in enumerate(sweeps):
        means = np.where(sweep.pruned_cells, np.nan, sweep.cell_scores())
        cells += [
            (means[place], number, place) for place in map(tuple, np.argwhere(np.isfinite(means)).tolist())
        ]
    if not cells:
        return f"<p>{NONE_RANKS}</p>"
    cells.sort(key=lambda cell: -cell[0] if higher else cell[0])
    names = [*(leading or {}), *(SYMBOLS.get(name, name) for name in first.axes)]
    rows = [["", *names, name_text(first.ranked_by)]]
    for rank, (mean, number, place) in enumerate(cells[:SHOWN], 1):
        sweep, texts = sweeps[number], [column[number] for column in (leading or {}).values()]
        values = sweep.scores[sweep.ranked_by][place].ravel()
        score, *ends = (number_text(float(value), higher) for value in (mean, values.min(), values.max()))
        texts += [compact(value, 3) for value in sweep.axes_at(place).values()]
        rows.append([f"{rank}.", *texts, score + (f" ({ends[0]} to {ends[1]})" if values.size > 1 else "")])
    return html_table(rows)
