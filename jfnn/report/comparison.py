"""Comparison of a sweep's networks and batch sizes: a table with the best cell of each, and a figure."""

import itertools
import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from jfnn import plots
from jfnn.analysis import summary
from jfnn.arguments.tables import html_table
from jfnn.arguments.texts import axis_text, name_text, value_texts
from jfnn.core.search.result import SweepResult
from jfnn.core.search.runs import ProgramRun

NONE = "–"


def best_first(result: SweepResult) -> list[ProgramRun]:
    """Return the runs of a sweep by the score of their best cells; runs without a best cell come last."""
    sign = -1 if result.higher_is_better() else 1

    def cost(run: ProgramRun) -> float:
        best = result.program(**run.key).best_or_none()
        return math.inf if best is None else sign * best.score

    return sorted(result.runs, key=cost)


def comparison_table(result: SweepResult, runs: Sequence[ProgramRun]) -> str:
    """Return an HTML row for each run: its network, best cell with scores, number of diverged cells."""
    parts = [result.program(**run.key) for run in runs]
    found = [(part, best) for part in parts if (best := part.best_or_none())]  # the others sort last
    columns = {axis_text(name): value_texts([run.key[name] for run in runs], name) for name in runs[0].key}
    for name in parts[0].axes:
        columns[axis_text(name)] = value_texts([best.axes[name] for _, best in found], name)
    for name in dict.fromkeys((result.ranked_by, f"train_{result.ranking_metric}")):
        scores = [summary.ScoreTable.from_result(part, name).at(best.index) for part, best in found]
        columns[name_text(name)] = summary.score_texts(scores, result.higher_is_better(name))
    diverged = [np.isnan(part.cell_scores()) for part in parts]
    columns["diverged"] = [
        f"{cells.sum()} of {cells.size} cells" if cells.any() else "none" for cells in diverged
    ]
    rows = itertools.zip_longest(*columns.values(), fillvalue=NONE)
    return html_table([[*columns], *rows], "cells").replace("<tbody><tr>", '<tbody><tr class="best">')


def comparison_figure(result: SweepResult) -> Figure:
    """Plot the best score along the longest axis of programs; all cells for a random search."""
    if not result.crossed:
        return plots.scatter(result)
    axis, *others = sorted(result.runs[0].key, key=lambda name: -len(result.axes[name]))
    by = others[0] if others and len(result.axes[others[0]]) > 1 else None
    return plots.axis_curves(result, axis, by=by, at="best")
