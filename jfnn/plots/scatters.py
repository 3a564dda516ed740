"""Scatter plots of a random search: the score against each hyperparameter that varies."""

import math

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from jfnn.analysis import summary
from jfnn.arguments.texts import axis_label, name_text, value_text
from jfnn.core.search.result import SweepResult
from jfnn.plots.panels import (
    BEST,
    add_caption,
    check_sweep,
    color_by,
    limit_scores,
    out_of_sight,
    panels,
    scale_and_tick,
)

PANELS_A_ROW = 2  # largest number of panels side by side
DIVERGED_AT = 0.03  # height of the crosses of diverged cells, as a fraction of the panel


def scatter(result: SweepResult) -> Figure:
    """Plot the ranking score against each hyperparameter that varies, averaged over seeds and folds.

    Colors show the learning rate, if it varies. Horizontal axes are logarithmic if that spreads the values
    more evenly, the vertical axis for losses. Cells where any seed or fold diverged are crosses at the
    bottom; pruned cells are hollow, as their score was taken after fewer epochs. The cell of
    `SweepResult.best` is circled. The caption lists or counts cells outside the range, such as a loss of 0 on
    a logarithmic axis.

    Args:
        result: A sweep, in particular a random search.
    """
    check_sweep(result)
    cells = result.cells.columns()
    scores = result.cell_scores().ravel()
    best = result.best_or_none()
    pruned = result.pruned_cells.ravel()
    diverged = np.isnan(scores)
    names = [name for name, values in cells.items() if len(np.unique(values)) > 1] or ["learning_rate"]
    rows = math.ceil(len(names) / PANELS_A_ROW)
    columns = math.ceil(len(names) / rows)
    figure, grid = panels(2.6 * rows + 1.2, rows, columns, sharey=True)
    row, rest = np.split(grid.ravel(), [len(names)])
    for axes in rest:
        axes.remove()
    rates = cells["learning_rate"]
    if np.ptp(rates) > 0:
        colors = color_by(figure, row, rates, axis_label("learning_rate"))
    else:
        colors = np.asarray(matplotlib.colormaps["viridis"](np.full(len(rates), 0.4)))
    for axes, name in zip(row, names, strict=True):
        values = cells[name]
        words: list[str] = []
        if name == "batch_size" or values.dtype.kind == "U":  # one position per value
            known = result.axes[name].tolist()
            values = np.array([known.index(value) for value in values.tolist()])
            words = [value_text(name, value) for value in known]
        for drawn, filled in ((~diverged & ~pruned, True), (~diverged & pruned, False)):
            faces = colors[drawn] if filled else "none"
            axes.scatter(values[drawn], scores[drawn], s=28, facecolors=faces, edgecolors=colors[drawn])
        heights = np.full(diverged.sum(), DIVERGED_AT)
        axes.plot(values[diverged], heights, "x", color="0.4", transform=axes.get_xaxis_transform())
        scale_and_tick(axes, values, words, figure.get_figwidth() / columns)
        if best is not None:
            position = values[np.ravel_multi_index(best.index, result.cell_shape)]
            axes.scatter(
                position, best.score, s=120, facecolors="none", edgecolors=BEST, linewidths=2, zorder=3
            )
        axes.grid(alpha=0.3)
        axes.set_xlabel(axis_label(name))
    limit_scores(row[0], scores, result.higher_is_better())
    for axes in row[::columns]:
        axes.set_ylabel(name_text(result.ranked_by))
    over = summary.averaged_over(result)
    caption = [f"{len(scores)} cells", f"mean of {over}" if over else "1 seed"]
    caption.append(summary.best_text(result))
    out = summary.eliminated_cells(result).ravel() & diverged
    counts = {"diverged": (diverged & ~out).sum(), "out": out.sum()}
    crosses = [f"{number} {word}" for word, number in counts.items() if number]
    caption += [f"crosses: {', '.join(crosses)}"] * bool(crosses)
    caption += ["hollow: pruned"] * bool((pruned & ~diverged).any())
    labels = [summary.describe_cell(result, index) for index in np.ndindex(*result.cell_shape)]
    add_caption(figure, caption + out_of_sight(row[0], labels, scores[:, None]))
    return figure
