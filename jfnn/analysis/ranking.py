"""Cells of one sweep or of several in one list, best first, and the table that shows it."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jfnn.analysis.statistics import cell_statistics
from jfnn.analysis.summary import (
    PERCENT,
    SYMBOLS,
    averaged_over,
    compact,
    costs,
    extent_text,
    half_width,
    name_text,
    ranking_parts,
    score_text,
    shown_metrics,
)
from jfnn.arguments.checks import ArgumentError
from jfnn.search.result import SweepResult
from jfnn.search.run_directory import OUTCOMES

TIED = "~"
FEW, MANY = 5, 10  # cells to list: beside the map of a grid, and alone


class Ranked(NamedTuple):
    """One cell of a ranking.

    Attributes:
        sweep: Number of its sweep.
        place: Its index on every axis of that sweep but the seeds (and folds).
        axes: Name -> value of its hyperparameters.
        scores: Name of a score -> its mean and half the width of the confidence interval of the mean, NaN for
            a single value; both as in `jfnn.cell_statistics`.
        tied: Whether it is behind the best cell but cannot be told from it by a paired comparison.
        trained: The least and the most epochs for which its members' parameters were trained.
        stopped_at: The least and the most epochs that its members did, or None where none stopped before the
            end.
    """

    sweep: int
    place: tuple[int, ...]
    axes: dict[str, float]
    scores: dict[str, tuple[float, float]]
    tied: bool
    trained: tuple[int, int]
    stopped_at: tuple[int, int] | None


class Ranking(NamedTuple):
    """The best cells of one sweep or of several, best first.

    Attributes:
        higher_is_better: Direction of each of their scores, by name; the first is the one that ranks.
        tied: How many of all cells are tied with the best one, not counting itself.
        others: How many cells it is compared with: all but pruned ones.
        pruned: How many cells are pruned.
        stopped: Whether any member of any cell stopped before the end.
        over: Values behind each mean, such as "5 seeds"; empty for a single one.
    """

    cells: list[Ranked]
    higher_is_better: dict[str, bool]
    tied: int
    others: int
    pruned: int
    stopped: bool
    over: str


def best_first(results: Sequence[SweepResult], most: int = FEW) -> Ranking:
    """The best cells, best first; cells that diverged with any seed or fold are left out.

    Pruned cells come behind the others, those that stopped later first. Scores are the one that ranks, other
    metrics on the same rows, and the ranking metric in training.

    Args:
        results: Sweeps of the same data; several must have the same names of axes, seeds and folds, and be
            ranked by the same score.
        most: Cells to list at most.

    Raises:
        ValueError: The sweeps cannot be compared.
    """
    kinds = {(*result.axes, *result.seeds.tolist(), result.folds, result.ranked_by) for result in results}
    if len(kinds) != 1:
        raise ArgumentError(
            "results", "expected sweeps of the same axes, seeds, folds and ranking, got several"
        )
    places = [(i, place) for i, result in enumerate(results) for place in np.ndindex(*result.cell_shape)]
    whole, over = _as_one(results), averaged_over(results[0])
    cost, pruned = costs(whole), whole.pruned_cells
    last = whole.stopped_at.reshape(len(places), -1).max(axis=-1)
    order = np.lexsort((cost, np.where(pruned, -last, 0), pruned))  # the last decides first
    order = order[np.isfinite(cost[order])]
    statistics = {name: cell_statistics(whole, name) for name in _shown_scores(whole)}
    best = whole.best_or_none()
    tied = statistics[whole.ranked_by].tied & bool(over)
    if best is not None:
        tied[best.index] = False
    listed = []
    for cell in order[:most].tolist():
        shown = {name: half_width(values, cell) for name, values in statistics.items()}
        stopped_at, epochs = whole.stopped_at[cell], whole.epochs[cell]
        ends = _extent(np.where(stopped_at < 0, epochs, stopped_at)) if (stopped_at >= 0).any() else None
        (sweep, place), axes = places[cell], whole.axes_at((cell,))
        listed.append(Ranked(sweep, place, axes, shown, bool(tied[cell]), _extent(epochs), ends))
    return Ranking(
        listed,
        {name: whole.higher_is_better(name) for name in statistics},
        int(tied.sum()),
        0 if best is None else int((~pruned).sum()) - 1,
        int(pruned.sum()),
        bool((whole.stopped_at >= 0).any()),
        over,
    )


def _as_one(results: Sequence[SweepResult]) -> SweepResult:
    """All cells of several sweeps as those of one random search, without histories and parameters."""
    first, columns = results[0], [result.cells.columns() for result in results]
    replicates = first.diverged_at.shape[len(first.cell_shape) :]

    def joined(arrays: Iterable[np.ndarray]) -> np.ndarray:
        return np.concatenate([array.reshape(-1, *replicates) for array in arrays])

    outcomes: dict[str, Any] = {name: joined(getattr(r, name) for r in results) for name in OUTCOMES}
    return dataclasses.replace(
        first,
        axes={name: np.concatenate([column[name] for column in columns]) for name in columns[0]},
        scores={name: joined(result.scores[name] for result in results) for name in first.scores},
        **outcomes,
        params=None,
        history={},
        sampled=True,
    )


def _shown_scores(result: SweepResult) -> list[str]:
    """The score that ranks first, then other metrics on the same rows, then the training rows."""
    part = ranking_parts(result)[-1]
    names = [f"{part}_{metric}" for metric in shown_metrics(result)]
    return list(dict.fromkeys([*names, f"train_{result.ranking_metric}"]))


def table(ranking: Ranking, leading: Mapping[str, Sequence[str]] | None = None) -> list[tuple[str, ...]]:
    """Ranked cells as rows of text below a row of headings: rank, axes, scores, epochs.

    Cells tied with the best have a mark behind their rank; `legend` explains it. The last columns come only
    where members stopped before the end: epochs done, and epochs for which the parameters were trained where
    these are fewer.

    Args:
        ranking: At least one cell.
        leading: Columns before the axes, heading -> text for each sweep, such as its network.
    """
    cells = ranking.cells
    columns = {"": [f"{rank}." for rank in range(1, len(cells) + 1)]}
    if any(cell.tied for cell in cells):
        columns[" "] = [TIED if cell.tied else "" for cell in cells]
    columns |= {name: [texts[cell.sweep] for cell in cells] for name, texts in (leading or {}).items()}
    for name in cells[0].axes:
        columns[SYMBOLS.get(name, name)] = [compact(cell.axes[name], 3) for cell in cells]
    for name, higher_is_better in ranking.higher_is_better.items():
        texts = [score_text(cell.scores[name], higher_is_better) for cell in cells]
        columns[name_text(name)] = texts
    if ranking.stopped:
        columns["stopped at"] = [extent_text(cell.stopped_at) if cell.stopped_at else "end" for cell in cells]
    if any(cell.stopped_at not in (None, cell.trained) for cell in cells):
        columns["best epoch"] = [extent_text(cell.trained) for cell in cells]
    headings = tuple(heading.strip() for heading in columns)
    return [headings, *zip(*columns.values(), strict=True)]


def group_columns(groups: Sequence[tuple[str, int | None]]) -> dict[str, list[str]]:
    """Columns ``leading`` of `table` with the network and the batch size of each sweep."""
    return {"network": [name for name, _ in groups], "batch": [str(size or "full") for _, size in groups]}


def legend(ranking: Ranking) -> list[str]:
    """Lines that explain ± and the mark in a table, and count the tied cells; empty for single values."""
    if not ranking.over:
        return []
    lines = [f"± half the {PERCENT} confidence interval of the mean over {ranking.over}"]
    if ranking.others:
        count = f"{ranking.tied or 'none'} of {ranking.others} other{'s' * (ranking.others > 1)}"
        lines.append(f"{TIED} cannot be told from the best by a paired comparison ({PERCENT}): {count}")
    if ranking.pruned:
        cells = "1 pruned cell is" if ranking.pruned == 1 else f"{ranking.pruned} pruned cells are"
        lines.append(f"({cells} not compared)")
    return lines


def _extent(values: np.ndarray) -> tuple[int, int]:
    return int(np.min(values)), int(np.max(values))
