"""Comparison of a sweep's networks and batch sizes: a table with the best cell of each, and a figure."""

import itertools
import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from jfnn import plots
from jfnn.analysis import summary
from jfnn.arguments.tables import html_table
from jfnn.arguments.texts import axis_text, name_text, value_texts
from jfnn.core.search.result import SweepResult

NONE = "–"


class ComparedProgram(NamedTuple):
    """One network with one batch size: axis values, sweep, and the best cell's index in the whole sweep."""

    axes: dict[str, object]
    result: SweepResult
    best: tuple[int, ...] | None


def best_first(result: SweepResult) -> list[ComparedProgram]:
    """Return the programs of a sweep by the score of their best cells; programs without one come last."""
    sign = -1 if result.higher_is_better() else 1
    found = []
    places = np.ndindex(*(len(result.axes[name]) for name in result.runs[0].key))
    for place, run in zip(places, result.runs, strict=True):
        part = result.program(**run.key)
        best = part.best_or_none()
        cost = math.inf if best is None else sign * best.score
        index = None if best is None else (*place, *best.index)
        found.append((cost, ComparedProgram(run.key, part, index)))
    return [program for _, program in sorted(found, key=lambda each: each[0])]


def comparison_table(result: SweepResult, programs: Iterable[ComparedProgram]) -> str:
    """Return an HTML row for each program: its values, best cell with scores, number of diverged cells."""
    programs = [*programs]
    best = [program.best for program in programs if program.best is not None]  # the others sort last
    columns = {
        axis_text(name): value_texts([program.axes[name] for program in programs], name)
        for name in result.runs[0].key
    }
    for name in programs[0].result.axes:
        columns[axis_text(name)] = value_texts([result.axes_at(index)[name] for index in best], name)
    for name in dict.fromkeys((result.ranked_by, f"train_{result.ranking_metric}")):
        scores = summary.ScoreTable.from_result(result, name)
        texts = summary.score_texts([scores.at(index) for index in best], result.higher_is_better(name))
        columns[name_text(name)] = texts
    columns["diverged"] = []
    for program in programs:
        cells = np.isnan(program.result.cell_scores())
        columns["diverged"].append(f"{cells.sum()} of {cells.size} cells" if cells.any() else "none")
    rows = itertools.zip_longest(*columns.values(), fillvalue=NONE)
    return html_table([[*columns], *rows], "cells").replace("<tbody><tr>", '<tbody><tr class="best">')


def comparison_figure(result: SweepResult) -> Figure:
    """Plot the best score along the longest axis of programs; all cells for a random search."""
    if not result.crossed:
        return plots.scatter(result)
    axis, *others = sorted(result.runs[0].key, key=lambda name: -len(result.axes[name]))
    by = others[0] if others and len(result.axes[others[0]]) > 1 else None
    return plots.axis_curves(result, axis, by=by, at="best")
