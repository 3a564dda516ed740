"""The cells of one sweep or of several as one list, best first, and the table that shows it."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jfnn.analysis import statistics, summary
from jfnn.search.groups import Group
from jfnn.search.result import SweepResult

TIED = "~"
FEW, MANY = 5, 10  # how many cells to list: of one grid, whose map shows the others, and of anything else


class Ranked(NamedTuple):
    """One cell, as people compare it with others.

    Attributes:
        sweep: Which of the sweeps it belongs to.
        place: Its index on every axis of that sweep but the seeds (and folds).
        axes: Its hyperparameters, name -> value.
        scores: Name of a score -> its mean and half the width of the confidence interval of the mean, NaN for
            a single value; both as in `jfnn.cell_statistics`.
        tied: Whether it is behind the best cell but cannot be told from it by a paired comparison.
        trained: The least and the most epochs for which its members' parameters were trained.
        left_at: The least and the most epochs that its members had done when they stopped before the end, or
            None where none did.
    """

    sweep: int
    place: tuple[int, ...]
    axes: dict[str, float]
    scores: dict[str, tuple[float, float]]
    tied: bool
    trained: tuple[int, int]
    left_at: tuple[int, int] | None


class Ranking(NamedTuple):
    """The best cells of one sweep or of several.

    Attributes:
        cells: The first of them, best first.
        tied: How many of all cells are tied with the best one, not counting itself.
        others: How many cells it is compared with: all but those that halving ruled out.
        ruled_out: How many these are.
        stopped: Whether any member of any cell stopped before the end.
        over: What means are taken over, such as "5 seeds"; empty for a single value.
    """

    cells: list[Ranked]
    tied: int
    others: int
    ruled_out: int
    stopped: bool
    over: str


def best_first(
    results: Sequence[SweepResult], most: int = FEW, extras: Sequence[Mapping[str, np.ndarray]] = ()
) -> Ranking:
    """The best cells, best first; cells that diverged with any seed or fold are left out.

    Cells that halving ruled out come behind those that stayed, the later ones first.

    Args:
        results: Sweeps of the same data; several must have the same names of axes, seeds and folds, and be
            ranked by the same score.
        most: How many cells to give at most.
        extras: For each sweep further scores, name -> one number a member, shaped like the sweep's.

    Returns:
        Cells with the score that ranks, then the extra ones or, without these, that on the training rows.

    Raises:
        ValueError: The sweeps cannot be compared.
    """
    kinds = {(*result.axes, *result.seeds.tolist(), result.folds, result.ranked_by) for result in results}
    if len(kinds) != 1:
        raise ValueError("results: expected sweeps with the same axes, seeds, folds and ranking score")
    shown = [_shown(*pair) for pair in zip(results, extras or [{}] * len(results), strict=True)]
    out = _flat(results, lambda result: result.ruled_out)
    order = _order(results, out)
    best = int(order[0]) if order.size and not out[order[0]] else None
    found = {name: _statistics(results, [scores[name] for scores in shown], best) for name in shown[0]}
    over = summary.averaged_over(results[0])
    tied = found[results[0].ranked_by].tied & ~out & bool(over)
    others = 0
    if best is not None:
        tied[best], others = False, int((~out).sum()) - 1
    cells = [_ranked(results, flat, found, tied) for flat in order[:most].tolist()]
    stopped = any((result.left_at >= 0).any() for result in results)
    return Ranking(cells, int(tied.sum()), others, int(out.sum()), stopped, over)


def _shown(result: SweepResult, extra: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Scores of the members: what ranks first, the training rows' only where no others are asked for."""
    parts = summary.ranking_parts(result)
    names = [f"{part}_{summary.kind(result)}" for part in reversed(parts if not extra else parts[-1:])]
    return {name: getattr(result, name) for name in names} | dict(extra)


def _flat(results: Sequence[SweepResult], of_cells: Callable[[SweepResult], np.ndarray]) -> np.ndarray:
    """Something of each cell, ``[E, L, …]``, on one axis: one sweep's behind the other's."""
    return np.concatenate([of_cells(result).ravel() for result in results])


def _order(results: Sequence[SweepResult], out: np.ndarray) -> np.ndarray:
    """The cells that did not diverge, best first, as places on the axis that `_flat` makes."""
    scores = _flat(results, SweepResult.cell_scores)
    left_at = _flat(results, lambda result: result.left_at.reshape(*result.cell_shape, -1).max(axis=-1))
    worse = -scores if summary.kind(results[0]) == "accuracy" else scores
    order = np.lexsort((worse, np.where(out, -left_at, 0), out))  # the last decides first
    return order[np.isfinite(scores[order])]


def _statistics(
    results: Sequence[SweepResult], scores: Sequence[np.ndarray], best: int | None
) -> statistics.CellStatistics:
    """Statistics of all cells on one axis."""
    pairs = [statistics.stream_values(*pair) for pair in zip(results, scores, strict=True)]
    values = np.concatenate([each.reshape(-1, each.shape[-1]) for each, _ in pairs])
    return statistics.over_streams(values, pairs[0][1], best)


def _ranked(
    results: Sequence[SweepResult],
    flat: int,
    found: Mapping[str, statistics.CellStatistics],
    tied: np.ndarray,
) -> Ranked:
    ends = np.cumsum([math.prod(result.cell_shape) for result in results])
    sweep = int(np.searchsorted(ends, flat, side="right"))
    result = results[sweep]
    shape = result.cell_shape
    place = tuple(int(i) for i in np.unravel_index(flat - ends[sweep] + math.prod(shape), shape))
    left = result.left_at[place]
    return Ranked(
        sweep,
        place,
        result.axes_at(place),
        {name: summary.half_width(each, flat) for name, each in found.items()},
        bool(tied[flat]),
        _extent(result.epochs[place]),
        _extent(np.where(left < 0, result.epochs[place], left)) if (left >= 0).any() else None,
    )


def table(ranking: Ranking, leading: Mapping[str, Sequence[str]] | None = None) -> list[tuple[str, ...]]:
    """Ranked cells as rows of text below a row of headings: rank, axes, scores, where each stopped.

    Cells tied with the best have a mark behind their rank; `legend` says what it means. The last columns
    come only where halving or early stopping ended members: after how many epochs a cell stopped, and after
    how many its parameters were taken if that is not the same.

    Args:
        ranking: At least one cell.
        leading: Columns before the axes, heading -> a word for each sweep, such as its network.
    """
    cells = ranking.cells
    columns = {"": [f"{rank}." for rank in range(1, len(cells) + 1)]}
    if any(cell.tied for cell in cells):
        columns[" "] = [TIED if cell.tied else "" for cell in cells]
    columns |= {name: [words[cell.sweep] for cell in cells] for name, words in (leading or {}).items()}
    for name in cells[0].axes:
        columns[summary.SYMBOLS.get(name, name)] = [summary.compact(cell.axes[name], 3) for cell in cells]
    for name in cells[0].scores:
        columns[name.replace("_", " ")] = [summary.score_text(cell.scores[name], name) for cell in cells]
    if ranking.stopped:
        columns["stopped at"] = [
            summary.extent_text(cell.left_at) if cell.left_at else "end" for cell in cells
        ]
    if any(cell.left_at not in (None, cell.trained) for cell in cells):
        columns["best epoch"] = [summary.extent_text(cell.trained) for cell in cells]
    heads = tuple(head.strip() for head in columns)
    return [heads, *zip(*columns.values(), strict=True)]


def group_columns(groups: Sequence[Group]) -> dict[str, list[str]]:
    """What `table` takes as ``leading`` to say which group each cell belongs to."""
    return {
        "network": [group.network for group in groups],
        "batch": [str(group.batch_size or "full") for group in groups],
    }


def legend(ranking: Ranking) -> list[str]:
    """What ± and the mark in a table mean, and how many of all cells are tied; nothing for single values."""
    if not ranking.over:
        return []
    percent = summary.PERCENT
    lines = [f"± half the {percent} confidence interval of the mean over {ranking.over}"]
    if ranking.others:
        counted = f"{ranking.tied or 'none'} of {ranking.others} other{'s' * (ranking.others > 1)}"
        lines.append(f"{TIED} cannot be told from the best by a paired comparison ({percent}): {counted}")
    if ranking.ruled_out:
        lines.append(f"({ranking.ruled_out} cells that halving ruled out are not compared)")
    return lines


def _extent(values) -> tuple[int, int]:
    return int(np.min(values)), int(np.max(values))
