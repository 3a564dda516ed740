"""Cells of a sweep in a list, best first, and the table that shows it."""

import itertools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from jfnn.analysis.baselines import Baselines, as_baselines
from jfnn.analysis.intervals import LEAST
from jfnn.analysis.summary import (
    PERCENT,
    Score,
    ScoreTable,
    averaged_over,
    eliminated,
    extent_text,
    interval_text,
    ranking_parts,
    runs_of,
    score_texts,
    shown_metrics,
)
from jfnn.arguments.texts import axis_text, name_text, value_texts
from jfnn.core.search.result import SweepResult

TIED = "~"
DOUBTFUL = "?"
END = "end"
FEW = 5  # cells to list beside the map of a grid
MANY = 10  # cells to list without a map


class Ranked(NamedTuple):
    """One cell of a ranking."""

    cell: tuple[int, ...]  # its index on every axis but the seeds (and folds)
    axes: dict[str, Any]  # name -> value of its hyperparameters
    scores: dict[str, Score]
    tied: bool  # whether it is another cell that may be the best one, as in `jfnn.cell_statistics`
    # Whether a tie with the best, or being the best, is in doubt: some of the cell's runs failed, or a cell
    # with a better mean is told from the best.
    doubtful: bool
    trained: str  # epochs for which its members' parameters were trained, "7" or "5–12"
    stopped_at: str  # epochs that they did, "end" where none stopped before


class Ranking(NamedTuple):
    """The best cells of a sweep, best first."""

    cells: list[Ranked]
    higher_is_better: dict[str, bool]  # of each of their scores, by name; the first is the one that ranks
    tied: int  # other cells that are tied with the best one, doubtful ones left out
    doubtful: int  # cells with a mean in doubt
    failed: int  # cells of these that have failed runs
    diverged: int  # cells left out, since they diverged with some seed or fold
    others: int  # cells that the best is compared with: all but pruned ones
    pruned: int  # cells
    stopped: bool  # whether any member of any cell stopped before the end
    over: str  # values behind each mean, such as "5 seeds"; empty for a single one
    interval: str  # what stands behind a mean, in words; likewise
    compares: bool  # whether there are enough values to tell cells apart
    baselines: Mapping[str, Score] = MappingProxyType({})  # other models by their names, best first


def best_first(result: SweepResult, most: int | None = None, baselines: Baselines | None = None) -> Ranking:
    """The best cells by their means, best first; cells that diverged with any seed or fold are left out.

    The mean ranks also where some runs of a cell failed. A tie is doubtful in two cases: some of the cell's
    runs failed, which widens the interval of its difference; or a cell with a better mean is told from the
    best. `Ranked.doubtful` marks both. Pruned cells come behind the others, those that stopped later first.
    Scores are the one that ranks, other metrics on the same rows, and the ranking metric in training.

    At ``most`` so many are listed; None for five of a grid of one program, which a map shows, else ten.
    """
    others = as_baselines(baselines, result)
    sign = -1 if result.higher_is_better() else 1
    if most is None:
        most = MANY if not result.crossed or result.leading else FEW
    over = averaged_over(result)
    part = ranking_parts(result)[-1]
    names = [*(f"{part}_{metric}" for metric in shown_metrics(result)), f"train_{result.ranking_metric}"]
    scores = {name: ScoreTable.taken(result, name) for name in dict.fromkeys(names)}
    pruned = result.pruned_cells
    compares = runs_of(result) >= LEAST
    tied, doubtful = _marks(result, scores[result.ranked_by], compares)
    listed = []
    for cell in result.order()[:most].tolist():
        index = result.cell_index(cell)
        shown = {name: score.at(index) for name, score in scores.items()}
        if not doubtful[index]:
            shown = {name: score._replace(failed=0) for name, score in shown.items()}
        stopped_at = result.stopped_at[index]
        epochs = result.epochs[index]
        ends = np.where(stopped_at < 0, epochs, stopped_at).ravel().tolist()
        listed.append(
            Ranked(
                cell=index,
                axes=result.axes_at(index),
                scores=shown,
                tied=bool(tied[index]),
                doubtful=bool(doubtful[index]),
                trained=extent_text(epochs.ravel().tolist()),
                stopped_at=extent_text(ends) if (stopped_at >= 0).any() else END,
            )
        )
    return Ranking(
        cells=listed,
        higher_is_better={name: result.higher_is_better(name) for name in scores},
        tied=int((tied & ~doubtful).sum()),
        doubtful=int(doubtful.sum()),
        failed=int((doubtful & (scores[result.ranked_by].failed > 0)).sum()),
        diverged=int((np.isnan(result.cell_scores()) & ~eliminated(result)).sum()),
        others=0 if result.best_or_none() is None else int((~pruned).sum()) - 1,
        pruned=int(pruned.sum()),
        stopped=bool((result.stopped_at >= 0).any()),
        over=over,
        interval=interval_text(result),
        compares=compares,
        baselines=dict(sorted(others.items(), key=lambda item: sign * item[1].mean)),
    )


def _marks(result: SweepResult, score: ScoreTable, several: bool) -> tuple[np.ndarray, np.ndarray]:
    """Whether each cell is tied with the best, and whether its mean is in doubt."""
    means = result.cell_scores()
    costs = -means if result.higher_is_better() else means
    tied = np.asarray(score.statistics.tied & several)
    told = ~tied & ~result.pruned_cells & np.isfinite(costs)
    scattered = costs > np.min(costs, where=told, initial=np.inf)
    # The mean of a cell that is told from the best may be rough.
    doubtful = tied & (scattered | (score.failed > 0))
    best = result.best_or_none()
    if best is not None:
        tied[best.index] = False
    return tied, doubtful


def table(ranking: Ranking) -> list[tuple[str, ...]]:
    """Ranked cells as rows of text below a row of headings: rank, axes, scores, epochs.

    Cells tied with the best have a mark behind their rank, another where their mean is in doubt; `legend`
    explains them. The last columns come only where members stopped before the end: epochs done, and epochs
    for which the parameters were trained where these are fewer. Other models stand below, by their names.
    There must be at least one cell.
    """
    cells = ranking.cells
    columns = {"": [*(f"{rank}." for rank in range(1, len(cells) + 1)), *ranking.baselines]}
    if any(marks := [DOUBTFUL if cell.doubtful else TIED * cell.tied for cell in cells]):
        columns[" "] = marks
    for name in cells[0].axes:
        columns[axis_text(name)] = value_texts([cell.axes[name] for cell in cells], name)
    others = list(ranking.baselines.values())
    for name, higher_is_better in ranking.higher_is_better.items():
        scores = [*(cell.scores[name] for cell in cells), *others]
        columns[name_text(name)] = score_texts(scores, higher_is_better)
        others = []  # their scores are of the kind that ranks alone
    if ranking.stopped:
        columns["stopped at"] = [cell.stopped_at for cell in cells]
    if any(cell.stopped_at not in (END, cell.trained) for cell in cells):
        columns["best epoch"] = [cell.trained for cell in cells]
    headings = tuple(heading.strip() for heading in columns)
    return [headings, *itertools.zip_longest(*columns.values(), fillvalue="")]


def legend(ranking: Ranking) -> list[str]:
    """Lines that explain intervals and marks in a table, and count cells; empty for single values."""
    if not ranking.over:
        return []
    lines = [ranking.interval]
    if ranking.others and ranking.compares:
        count = f"{ranking.tied or 'none'} of {ranking.others} other{'s' * (ranking.others > 1)}"
        lines.append(f"{TIED} may be the best cell, too ({PERCENT} confidence, over all cells): {count}")
    if ranking.doubtful:
        failed = f"a few of the {ranking.over} failed (median and worst are shown)"
        scattered = f"{'all' if ranking.failed else f'the {ranking.over}'} scatter widely"
        why = [failed] * (ranking.failed > 0) + [scattered] * (ranking.failed < ranking.doubtful)
        lines.append(
            f"{DOUBTFUL} mean in doubt, as {' or '.join(why)}, so that comparing says little:"
            f" {_count(ranking.doubtful, 'cell')}"
        )
    if ranking.diverged:
        lines.append(f"({_count(ranking.diverged, 'cell')} diverged in part or whole, not ranked)")
    if ranking.pruned:
        lines.append(f"({_count(ranking.pruned, 'pruned cell')} not compared)")
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number > 1)}"
