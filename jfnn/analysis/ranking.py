"""Cells of one sweep or of several in one list, best first, and the table that shows it."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jfnn.analysis.statistics import CellStatistics, replicate_values, run_statistics
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

TIED = "~"
FEW, MANY = 5, 10  # cells to list: beside the map of a grid, and alone


class Ranked(NamedTuple):
    """One cell of a ranking.

    Attributes:
        sweep: Number of its sweep.
        place: Its index on every axis of that sweep but the seeds (and folds).
        axes: Its hyperparameters, name -> value.
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
    """The best cells of one sweep or of several.

    Attributes:
        cells: The first of them, best first.
        higher_is_better: Direction of each of their scores, by name; the first is the one that ranks.
        tied: How many of all cells are tied with the best one, not counting itself.
        others: How many cells it is compared with: all but pruned ones.
        pruned: How many these are.
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

    Pruned cells come behind the others, those that stopped later first.

    Args:
        results: Sweeps of the same data; several must have the same names of axes, seeds and folds, and be
            ranked by the same score.
        most: Cells to list at most.

    Returns:
        Cells with the score that ranks, other metrics on the same rows, and the ranking metric in training.

    Raises:
        ValueError: The sweeps cannot be compared.
    """
    kinds = {(*result.axes, *result.seeds.tolist(), result.folds, result.ranked_by) for result in results}
    if len(kinds) != 1:
        raise ArgumentError(
            "results", "expected sweeps of the same axes, seeds, folds and ranking, got several"
        )
    first, over = results[0], averaged_over(results[0])
    cells = [(i, place) for i, result in enumerate(results) for place in np.ndindex(*result.cell_shape)]
    cost, pruned, last = (
        _of_all_cells(results, values) for values in (costs, lambda result: result.pruned_cells, _last_stop)
    )
    order = np.lexsort((cost, np.where(pruned, -last, 0), pruned))  # the last decides first
    order = order[np.isfinite(cost[order])]
    best = int(order[0]) if order.size and not pruned[order[0]] else None
    scores = {name: _statistics(results, name, best) for name in _shown_scores(first)}
    tied = scores[first.ranked_by].tied & ~pruned & bool(over)
    if best is not None:
        tied[best] = False
    listed = []
    for cell in order[:most].tolist():
        sweep, place = cells[cell]
        shown = {name: half_width(statistics, cell) for name, statistics in scores.items()}
        listed.append(_ranked(results[sweep], sweep, place, shown, bool(tied[cell])))
    return Ranking(
        listed,
        {name: first.higher_is_better(name) for name in scores},
        int(tied.sum()),
        0 if best is None else int((~pruned).sum()) - 1,
        int(pruned.sum()),
        any((result.stopped_at >= 0).any() for result in results),
        over,
    )


def _shown_scores(result: SweepResult) -> list[str]:
    """The score that ranks first, then other metrics on the same rows, then the training rows."""
    part = ranking_parts(result)[-1]
    names = [f"{part}_{metric}" for metric in shown_metrics(result)]
    return list(dict.fromkeys([*names, f"train_{result.ranking_metric}"]))


def _of_all_cells(results: Sequence[SweepResult], values: Callable[[SweepResult], np.ndarray]) -> np.ndarray:
    """Arrays ``[E, L, …]`` of all sweeps on one axis of cells."""
    return np.concatenate([values(result).ravel() for result in results])


def _last_stop(result: SweepResult) -> np.ndarray:
    """The most epochs that a member of each cell did before it was stopped ``[E, L, …]``."""
    return np.asarray(result.stopped_at.reshape(*result.cell_shape, -1).max(axis=-1))


def _statistics(results: Sequence[SweepResult], score: str, best: int | None) -> CellStatistics:
    """Statistics of a score on the axis of all cells."""
    values, variances = zip(*(replicate_values(r, r.scores[score]) for r in results), strict=True)
    cells = np.concatenate([array.reshape(-1, array.shape[-1]) for array in values])
    return run_statistics(cells, variances[0], best=None if best is None else cells[best])


def _ranked(
    result: SweepResult,
    sweep: int,
    place: tuple[int, ...],
    scores: dict[str, tuple[float, float]],
    tied: bool,
) -> Ranked:
    """The cell at a place of a sweep."""
    stopped_at, epochs = result.stopped_at[place], result.epochs[place]
    done = np.where(stopped_at < 0, epochs, stopped_at)
    stopped = _extent(done) if (stopped_at >= 0).any() else None
    return Ranked(sweep, place, result.axes_at(place), scores, tied, _extent(epochs), stopped)


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
    percent = PERCENT
    lines = [f"± half the {percent} confidence interval of the mean over {ranking.over}"]
    if ranking.others:
        count = f"{ranking.tied or 'none'} of {ranking.others} other{'s' * (ranking.others > 1)}"
        lines.append(f"{TIED} cannot be told from the best by a paired comparison ({percent}): {count}")
    if ranking.pruned:
        cells = "1 pruned cell is" if ranking.pruned == 1 else f"{ranking.pruned} pruned cells are"
        lines.append(f"({cells} not compared)")
    return lines


def _extent(values: np.ndarray) -> tuple[int, int]:
    return int(np.min(values)), int(np.max(values))
