"""Heat maps over two axes: numbers in the cells of a small grid, colors alone in a large one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import AutoLocator, MaxNLocator
from numpy.typing import ArrayLike

from jfnn.analysis import summary
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.texts import axis_label, metric_text, name_text, score_format, value_texts
from jfnn.core.search.result import SweepResult
from jfnn.plots.panels import (
    BAR,
    BEST,
    MARGIN,
    MOST_TICKS,
    POINTS_PER_INCH,
    add_caption,
    are_nearly_equal,
    bar_width,
    check_sweep,
    figure_width,
    panels,
    round_values,
    scale_length,
    takes_log_scale,
    text_width,
    tick_round,
    value_scale,
)
from jfnn.plots.slices import BEST as AT_BEST
from jfnn.plots.slices import At, caption_parts, slice_result

CELL_HEIGHT = 0.4  # inches
LONGEST_PANEL = 4.15  # inches; cells of longer grids shrink
SMALLEST_FONT = 7.5
LARGEST_FONT = 11.0
TICK_FONT = 9.0
MOST_TEXTS = 1000  # largest number of cells with numbers; more never fit, and measuring them takes long
DIVERGED = "0.9"
LUMINANCE = (0.2126, 0.7152, 0.0722)  # weights of red, green and blue
OUT = "out"  # shown instead of a number in cells that a race eliminated
BAR_TICKS = 5  # largest number of intervals on a color bar, few enough for the labels
FEW_ROWS = 2  # with at most this many rows the color bar is thin
THIN_BAR = 60  # aspect ratio of a thin bar
# Smallest range of colors, absolute for scores up to 1, relative for losses; a smaller one shows mere noise.
LEAST_RANGE = 0.01


def heat_map(
    result: SweepResult,
    at: At | None = None,
    *,
    axes: Sequence[str] = ("learning_rate", "l2"),
    score: str | None = None,
) -> Figure:
    """Draw two axes of a grid as heat maps of training and ranking rows, averaged over seeds and folds.

    Brighter is better. Colors range from the worst value to the best: for losses on a logarithmic scale, for
    accuracies between round values, for R² from 0 if any value is positive. Cells where any seed or fold
    diverged do not rank; they are hatched and labeled "div", or gray where numbers do not fit. Italics mark
    cells with members that stopped early. The cell of `SweepResult.best` is outlined or circled if it is in
    the slice shown.

    Args:
        result: A sweep of a grid.
        at: Name of another axis -> index (from 0), "mean", or "best", which takes all scores from the cell
            that ranks first at each position; or one of these words for all hyperparameters not shown. The
            default is the best cell's index; "seed" and "fold" are averaged over.
        axes: The axes of rows and columns: hyperparameters, axes of networks, "seed", "fold" or the name of
            subsets.
        score: Such as "train_loss"; None for the ranking metric, on training and on ranking rows.

    Raises:
        ValueError, TypeError: No such axis, index or score; or a random search, whose cells form no grid.
    """
    check_sweep(result)
    if not result.crossed:
        raise ArgumentError("result", "expected a grid, got cells in a list; use plots.scatter")
    if not checks.is_several(axes) or len(axes) != 2:
        raise ArgumentTypeError("axes", f"expected the names of two axes, got {checks.as_text(axes)}")
    part, indices = slice_result(result, axes, at)
    metric = result.named(score, "score").partition("_")[2]
    names = [f"{rows}_{metric}" for rows in summary.ranking_parts(result)] if score is None else [score]
    maps = {name_text(name): part.cell_scores(name) for name in names}
    stopped = np.any((part.stopped_at >= 0).reshape(*part.cell_shape, -1), axis=-1)
    best = result.best_or_none()
    mark = None
    if best is not None and set(axes) <= set(result.axes):
        index = dict(zip(result.axes, best.index, strict=True))
        if all(indices.get(name, i) in (i, AT_BEST) for name, i in index.items()):
            mark = index[axes[0]], index[axes[1]]
    caption = caption_parts(result, part, indices)
    caption.append(summary.best_text(result) + " (not shown)" * (best is not None and mark is None))
    direction = result.higher_is_better(names[0])
    out = summary.eliminated_cells(part)
    return _draw(maps, part.axes, metric_text(metric), direction, mark, stopped, out, caption)


def array_map(
    values: ArrayLike | Mapping[str, ArrayLike],
    axes: Mapping[str, ArrayLike],
    label: str = "",
    higher_is_better: bool = True,
) -> Figure:
    """Draw a heat map of any arrays in the style of `heat_map`.

    Args:
        values: ``[a, b]``; or title -> array for several that share the color scale. Values that are not
            finite count as diverged.
        axes: Name -> values, numbers or words, for the axis of rows ``[a]`` and of columns ``[b]``.
        label: Name of the values.
        higher_is_better: Whether high values are bright. Otherwise the scale is logarithmic, unless a value
            is negative.

    Raises:
        ValueError, TypeError: Arrays that are not numbers ``[a, b]``, or mismatched lengths.
    """
    checks.as_switch(higher_is_better, "higher_is_better")
    if not isinstance(axes, Mapping) or len(axes) != 2:
        raise ArgumentTypeError(
            "axes", f"expected two names, each with its values, got {checks.as_text(axes)}"
        )
    checks.check_instance(label, str, "label")
    ticks = {str(name): np.ravel(axis) for name, axis in axes.items()}
    with checks.item_of("axes"):
        for name, axis in ticks.items():
            if axis.dtype.kind != "U" or not axis.size:
                ticks[name] = checks.as_axis(axis, name, None)
    arrays = values if isinstance(values, Mapping) else {"": values}
    maps = {str(title): np.asarray(checks.as_array(array, "values")) for title, array in arrays.items()}
    shape = tuple(map(len, ticks.values()))
    got = [f"{m.dtype} {list(m.shape)}" for m in maps.values()]
    if not maps or any(cells.shape != shape or cells.dtype.kind not in "biuf" for cells in maps.values()):
        raise ArgumentError("values", f"expected numbers {list(shape)}, as in axes, got {', '.join(got)}")
    floats = {title: cells.astype(np.float64) for title, cells in maps.items()}
    return _draw(floats, ticks, label, higher_is_better)


def _draw(
    maps: Mapping[str, np.ndarray],
    axes: Mapping[str, np.ndarray],
    label: str,
    higher_is_better: bool,
    mark: tuple[int, int] | None = None,
    stopped: np.ndarray | None = None,
    out: np.ndarray | None = None,
    caption: Sequence[str] = (),
) -> Figure:
    """Draw arrays ``[a, b]`` by title, one below the other; ``mark`` is the best cell.

    Cells without a value diverged or, where ``out`` is True, were eliminated by a race.
    """
    (down, rows), (across, columns) = axes.items()
    values = np.stack(list(maps.values()))
    if out is None:
        out = np.zeros(values.shape[1:], bool)
    norm, colors = _color_scale(values, higher_is_better)
    width = (figure_width() - scale_length(MARGIN)) / len(columns)
    height = min(CELL_HEIGHT, LONGEST_PANEL / len(rows))
    texts, font = _fitting_texts(values, higher_is_better, width, scale_length(height))
    figure, column = panels(len(maps) * (len(rows) * height + 0.3) + 1.7, len(maps), sharex=True)
    for axes_, (title, cells), written in zip(column[:, 0], maps.items(), texts, strict=True):
        image = axes_.imshow(np.ma.masked_invalid(cells), cmap=colors, norm=norm, aspect="auto")
        axes_.set_title(title, fontsize=scale_length(LARGEST_FONT))
        axes_.set_yticks(*_ticks(rows), fontsize=scale_length(TICK_FONT))
        if written is not None:
            texts_here = np.where(out & ~np.isfinite(cells), OUT, written)
            _write_values(axes_, cells, texts_here, image.to_rgba(cells), stopped, font)
        if mark is not None:
            _mark(axes_, *mark, outlined=written is not None)
    positions, names = _ticks(columns)
    space = width * len(columns) / len(names) * POINTS_PER_INCH
    crowded = max(map(text_width, names)) * scale_length(TICK_FONT) > 0.9 * space
    axes_.set_xticks(positions, names, fontsize=scale_length(TICK_FONT), rotation=90 * crowded)
    axes_.set_xlabel(axis_label(across))
    figure.supylabel(axis_label(down), fontsize="medium")
    thin = {"aspect": THIN_BAR} if len(rows) <= FEW_ROWS else {}
    bar = figure.colorbar(image, ax=list(column[:, 0]), label=label, **BAR | thin)
    if isinstance(norm, LogNorm):
        tick_round(bar.ax.xaxis, bar_width(figure))
    else:
        bar.locator = MaxNLocator(BAR_TICKS, steps=[1, 2, 5, 10])  # figures cannot share a locator
    notes = ["italics: stopped before the end"] * bool(font and np.any(stopped))
    missing = ~np.isfinite(values)
    gone = [word for word, cells in (("diverged", missing & ~out), (OUT, missing & out)) if cells.any()]
    notes += [f"gray: {' or '.join(gone)}"] * bool(not font and gone)
    notes += [f"{OUT}: pruned early"] * bool(OUT in gone)
    add_caption(figure, [*caption, *notes])
    return figure


def _color_scale(values: np.ndarray, higher_is_better: bool) -> tuple[Normalize, Colormap]:
    """Return a color scale, bright for good values; for metrics up to 1 its ends are round and at least 0."""
    colors = matplotlib.colormaps["viridis" if higher_is_better else "viridis_r"].with_extremes(bad=DIVERGED)
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
    if takes_log_scale(values, higher_is_better):
        low = finite[finite > 0].min()
        return LogNorm(low, max(high, low * (1 + LEAST_RANGE)), clip=True), colors
    if higher_is_better and 0 < high <= 1:
        low = max(0.0, min(low, high - LEAST_RANGE))
        low, *_, high = AutoLocator().tick_values(low, high)
    if are_nearly_equal(low, high):
        high = low
    return Normalize(low, high, clip=True), colors


def _fitting_texts(
    values: np.ndarray, higher_is_better: bool, width: float, height: float
) -> tuple[Sequence[np.ndarray | None], float]:
    """Return the cells' numbers with as many digits as fit, and their font size; None and 0 if none fit."""
    if values[0].size <= MOST_TEXTS:
        for digits in (3, 2):
            as_text = np.vectorize(score_format(values, higher_is_better, digits), otypes=[object])
            texts = as_text(values)
            widest = 0.9 * width / max(map(text_width, texts.ravel()))
            font = min(scale_length(LARGEST_FONT), POINTS_PER_INCH * min(widest, 0.6 * height))
            if font >= scale_length(SMALLEST_FONT):
                return list(texts), font
    return [None] * len(values), 0.0


def _write_values(
    axes: Axes,
    cells: np.ndarray,
    texts: np.ndarray,
    colors: np.ndarray,
    stopped: np.ndarray | None,
    font: float,
) -> None:
    """Write the cells' texts in a contrasting color, and hatch diverged cells."""
    for (i, j), text in np.ndenumerate(texts):
        diverged = not np.isfinite(cells[i, j])
        if diverged:
            box = Rectangle((j - 0.5, i - 0.5), 1, 1, facecolor=DIVERGED, edgecolor="0.6", hatch="////", lw=0)
            axes.add_patch(box)
        is_bright = diverged or colors[i, j, :3] @ LUMINANCE > 0.45
        color = "black" if is_bright else "white"
        label = axes.text(j, i, text, ha="center", va="center", color=color, fontsize=font)
        if diverged:
            label.set_path_effects([withStroke(linewidth=3, foreground=DIVERGED)])
        elif stopped is not None and stopped[i, j]:
            label.set_fontstyle("italic")


def _ticks(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Return tick positions and labels: all values, or round ones on their scale if there are many."""
    step = math.ceil(len(values) / MOST_TICKS)
    indices = np.arange(0, len(values), step)
    if values.dtype.kind == "U":
        return indices, values[indices].tolist()
    change = np.diff(values)
    if step > 1 and ((change > 0).all() or (change < 0).all()):
        log = value_scale(values)["value"] != "linear"
        order = np.argsort(values)[int(log and values.min() == 0) :]  # without a zero, which has no logarithm
        ticks = round_values(values[order[0]], values[order[-1]], log)
        if len(ticks) > 1:
            scaled = np.log if log else np.asarray
            positions = np.interp(scaled(ticks), scaled(values[order]), order)
            return positions, value_texts(ticks.tolist())
    return indices, value_texts(values[indices].tolist())


def _mark(axes: Axes, row: int, column: int, outlined: bool) -> None:
    """Outline the best cell, or circle it if it is too small for an outline."""
    halo: dict[str, Any] = {"path_effects": [withStroke(linewidth=4.5, foreground="white")], "clip_on": False}
    if outlined:
        style: dict[str, Any] = {"fill": False, "edgecolor": BEST, "linewidth": 2.5, "zorder": 3}
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **style, **halo))
    else:
        axes.plot(column, row, "o", color=BEST, fillstyle="none", markersize=9, markeredgewidth=2, **halo)
