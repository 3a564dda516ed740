"""Ranking of the cells of a sweep, best first, and the table that shows it."""

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
    eliminated_cells,
    interval_text,
    ranking_parts,
    runs_of,
    score_texts,
    shown_metrics,
)
from jfnn.arguments.texts import axis_text, extent_text, name_text, value_texts
from jfnn.core.search.result import SweepResult

TIED = "~"
DOUBTFUL = "?"
END = "end"
FEW = 5  # cells listed beside the heat map of a grid
MANY = 10  # cells listed without a heat map


class Ranked(NamedTuple):
    """One cell of a ranking."""

    cell: tuple[int, ...]  # its index on each axis except seeds (and folds)
    axes: dict[str, Any]  # hyperparameter -> value
    scores: dict[str, Score]
    tied: bool  # whether it may also be the best, as in `jfnn.cell_statistics`; False for the best cell
    # Whether the mean of a tied cell, or of the best, is unreliable: some of its runs failed, or a cell with
    # a better mean is not tied.
    doubtful: bool
    trained: str  # epochs after which its members' parameters were kept, "7" or "5–12"
    stopped_at: str  # epochs for which its members ran, "end" if no member stopped early


class Ranking(NamedTuple):
    """The best cells of a sweep, best first."""

    cells: list[Ranked]
    higher_is_better: dict[str, bool]  # by score; the ranking score comes first
    tied: int  # number of cells tied with the best, except for doubtful ones
    doubtful: int  # cells with an unreliable mean
    failed: int  # doubtful cells with failed runs
    diverged: int  # cells excluded because a seed or fold diverged
    others: int  # cells other than the best that were not pruned
    pruned: int  # pruned cells
    stopped: bool  # whether any member of any cell stopped early
    over: str  # values behind each mean, such as "5 seeds"; empty for a single value
    interval: str  # meaning of the brackets after a mean; empty for a single value
    compares: bool  # whether there are enough values to compare cells
    baselines: Mapping[str, Score] = MappingProxyType({})  # other models by name, best first


def best_first(result: SweepResult, most: int | None = None, baselines: Baselines | None = None) -> Ranking:
    """Return the best cells by their means, best first, without cells where any seed or fold diverged.

    Cells with failed runs are also ranked by their mean. A tied cell is doubtful (`Ranked.doubtful`) if some
    of its runs failed, so that its difference from the best is uncertain, or if a cell with a better mean is
    not tied. Pruned cells follow the others; cells pruned later come first. Scores are the ranking score,
    other metrics on the same rows, and the ranking metric on training rows.

    At most ``most`` cells are listed; None for five if a heat map can show the grid, otherwise ten.
    """
    others = as_baselines(baselines, result)
    sign = -1 if result.higher_is_better() else 1
    if most is None:
        most = MANY if not result.crossed or result.runs[0].key else FEW
    over = averaged_over(result)
    part = ranking_parts(result)[-1]
    names = [*(f"{part}_{metric}" for metric in shown_metrics(result)), f"train_{result.ranking_metric}"]
    scores = {name: ScoreTable.from_result(result, name) for name in dict.fromkeys(names)}
    pruned = result.pruned_cells
    compares = runs_of(result) >= LEAST
    tied, doubtful = _marks(result, scores[result.ranked_by], compares)
    listed = []
    for index in result.order()[:most]:
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
        diverged=int((np.isnan(result.cell_scores()) & ~eliminated_cells(result)).sum()),
        others=0 if result.best_or_none() is None else int((~pruned).sum()) - 1,
        pruned=int(pruned.sum()),
        stopped=bool((result.stopped_at >= 0).any()),
        over=over,
        interval=interval_text(result),
        compares=compares,
        baselines=dict(sorted(others.items(), key=lambda item: sign * item[1].mean)),
    )


def _marks(result: SweepResult, score: ScoreTable, several: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return whether each cell is tied with the best, and whether its mean is unreliable."""
    means = result.cell_scores()
    costs = -means if result.higher_is_better() else means
    tied = np.asarray(score.statistics.tied & several)
    distinct = ~tied & ~result.pruned_cells & np.isfinite(costs)
    # If a tied cell has a worse mean than some cell that is not tied, its own scores must vary widely.
    scattered = costs > np.min(costs, where=distinct, initial=np.inf)
    doubtful = tied & (scattered | (score.failed > 0))
    best = result.best_or_none()
    if best is not None:
        tied[best.index] = False
    return tied, doubtful


def table(ranking: Ranking) -> list[tuple[str, ...]]:
    """Return ranked cells as rows of text below a heading row: rank, axes, scores, epochs.

    A mark after the rank shows a tie with the best, another mark an unreliable mean; `legend` explains them.
    If members stopped early, the last columns are the epochs run, and the epochs after which parameters were
    kept where these are fewer. Other models follow below by name. There must be at least one cell.
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
        others = []  # baselines only have the ranking score, which comes first
    if ranking.stopped:
        columns["stopped at"] = [cell.stopped_at for cell in cells]
    if any(cell.stopped_at not in (END, cell.trained) for cell in cells):
        columns["best epoch"] = [cell.trained for cell in cells]
    headings = tuple(heading.strip() for heading in columns)
    return [headings, *itertools.zip_longest(*columns.values(), fillvalue="")]


def legend(ranking: Ranking) -> list[str]:
    """Return lines that explain intervals and marks in a table, and count cells; empty for single values."""
    if not ranking.over:
        return []
    lines = [ranking.interval]
    if ranking.others and ranking.compares:
        count = f"{ranking.tied or 'none'} of {ranking.others} other{'s' * (ranking.others > 1)}"
        lines.append(f"{TIED} may also be the best cell ({PERCENT} confidence, over all cells): {count}")
    if ranking.doubtful:
        failed = f"a few of the {ranking.over} failed (median and worst are shown)"
        scattered = "their scores vary widely" if ranking.failed else f"the {ranking.over} vary widely"
        why = [failed] * (ranking.failed > 0) + [scattered] * (ranking.failed < ranking.doubtful)
        lines.append(
            f"{DOUBTFUL} unreliable mean, because {' or '.join(why)}: {_count(ranking.doubtful, 'cell')}"
        )
    if ranking.diverged:
        lines.append(f"({_count(ranking.diverged, 'cell')} not ranked: diverged with some seed or fold)")
    if ranking.pruned:
        lines.append(f"({_count(ranking.pruned, 'pruned cell')} not compared)")
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number > 1)}"
