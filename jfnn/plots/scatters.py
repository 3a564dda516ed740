"""Cells of a random search: a panel for each hyperparameter that varies, the score over its values."""

import math
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jfnn.analysis import summary
from jfnn.arguments.texts import axis_label, name_text, value_text
from jfnn.core.search.result import SweepResult
from jfnn.plots.omissions import out_of_sight
from jfnn.plots.panels import (
    BEST,
    add_caption,
    as_sweep,
    colour_by,
    gallery,
    limit_points,
    tick_values,
    tick_words,
    value_scale,
)

PANELS_A_ROW = 2  # at most
DIVERGED_AT = 0.03  # height of the marks of diverged cells, as a part of the panel's


def scatter(result: SweepResult) -> Figure:
    """The score that ranks over each hyperparameter that varies, averaged over seeds and folds.

    Colours stand for the learning rate, if that varies. An axis is logarithmic where the values spread evenly
    on a logarithmic one; so is that of losses. Cells that diverged with any seed or fold are crosses at the
    bottom; pruned ones are hollow, as their score was taken after fewer epochs. The cell of
    `SweepResult.best` has a ring. The caption names cells out of sight: of a loss of 0 on a logarithmic axis.

    Args:
        result: A sweep, in particular a random search.
    """
    return cells_scatter(result)


def cells_scatter(result: SweepResult, names_best: bool = True) -> Figure:
    """`scatter`, whose caption need not name the best cell where a page has named it."""
    result = as_sweep(result)
    cells = result.cells.columns()
    scores = result.cell_scores().ravel()
    pruned = result.pruned_cells.ravel()
    best = result.best_or_none()
    names = [name for name, values in cells.items() if len(np.unique(values)) > 1] or ["learning_rate"]
    columns = math.ceil(len(names) / math.ceil(len(names) / PANELS_A_ROW))
    figure, row = gallery(len(names), columns, (2.6, 1.2), sharey=True)
    width = figure.get_figwidth() / columns
    rates = cells["learning_rate"]
    if np.ptp(rates) > 0:
        colours = colour_by(figure, row, rates, axis_label("learning_rate"))
    else:
        colours = np.asarray(matplotlib.colormaps["viridis"](np.full(len(rates), 0.4)))
    for axes, name in zip(row, names, strict=True):
        values = cells[name]
        position: Any = None if best is None else best.axes[name]
        in_places = name == "batch_size" or values.dtype.kind == "U"  # not numbers, but one position for each
        if in_places:
            known = result.axes[name].tolist()
            values = np.array([known.index(value) for value in values.tolist()])
            position = None if best is None else known.index(position)
            words = [value_text(name, value) for value in known]
            figure.set_figheight(figure.get_figheight() + tick_words(axes.xaxis, words, width))
            axes.set_xlim(-0.5, len(known) - 0.5)
        else:
            axes.set_xscale(**value_scale(values))
        _draw_cells(axes, values, scores, pruned, colours)
        if not in_places:
            tick_values(axes.xaxis, values, width)
        if best is not None:
            axes.scatter(
                position, best.score, s=120, facecolors="none", edgecolors=BEST, linewidths=2, zorder=3
            )
        axes.set_xlabel(axis_label(name))
    limit_points(row[0], scores, result.higher_is_better())
    for axes in row[::columns]:
        axes.set_ylabel(name_text(result.ranked_by))
    indices = np.ndindex(*result.cell_shape)
    labels = [summary.describe_cell(result, cell) for cell in indices]
    hidden = out_of_sight(row[0], labels, scores[:, None])
    add_caption(figure, [*_caption(result, scores, pruned, names_best), *hidden])
    return figure


def _draw_cells(
    axes: Axes, values: np.ndarray, scores: np.ndarray, pruned: np.ndarray, colours: np.ndarray
) -> None:
    diverged = np.isnan(scores)
    for cells, filled in ((~diverged & ~pruned, True), (~diverged & pruned, False)):
        faces = colours[cells] if filled else "none"
        axes.scatter(values[cells], scores[cells], s=28, facecolors=faces, edgecolors=colours[cells])
    bottom = axes.get_xaxis_transform()
    heights = np.full(diverged.sum(), DIVERGED_AT)
    axes.plot(values[diverged], heights, "x", color="0.4", transform=bottom)
    axes.grid(alpha=0.3)


def _caption(result: SweepResult, scores: np.ndarray, pruned: np.ndarray, names_best: bool) -> list[str]:
    diverged = np.isnan(scores)
    over = summary.averaged_over(result)
    parts = [f"{len(scores)} cells", f"mean of {over}" if over else "1 seed"]
    if names_best or result.best_or_none() is None:
        parts.append(summary.best_text(result))
    else:
        parts.append("ring: best")
    failed = (result.diverged_at >= 0).reshape(len(scores), -1).any(axis=-1)
    out = diverged & pruned & ~failed  # as those that a race leaves behind
    counts = {"diverged": (diverged & ~out).sum(), "out": out.sum()}
    if diverged.any():
        words = [f"{number} {word}" for word, number in counts.items() if number]
        parts.append(f"crosses: {', '.join(words)}")
    if (pruned & ~diverged).any():
        parts.append("hollow: pruned")
    return parts
