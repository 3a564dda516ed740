"""Heat map of a grid: scores written in cells, diverged cells hatched, the best one outlined."""

import math
import numbers
from collections.abc import Iterable
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from jfnn.analysis import summary
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.plots.panels import (
    AXIS_LABELS,
    BEST,
    CHARACTER_WIDTH,
    POINTS_PER_INCH,
    add_caption,
    panels,
    takes_log_scale,
)
from jfnn.search.result import SweepResult

CELL_RANGE = (0.44, 0.85)  # inches
LONGEST_PANEL = 12.0  # inches; cells of longer grids shrink
SMALLEST_FONT, LARGEST_FONT = 5.0, 11.0

DIVERGED = "0.9"


def heat_map(result: SweepResult, at: dict[str, int] | None = None) -> Figure:
    """The η×λ grid of training and of ranking rows, averaged over seeds and folds, values in the cells.

    Shows the metric that ranks; brighter is better. Losses have a logarithmic colour scale. A cell that
    diverged with any seed or fold is hatched and says "div", as it does not rank either. Italics: values of
    cells with members that stopped before the end. The cell of `SweepResult.best` is outlined, if it is in
    the slice shown.

    Args:
        result: A sweep of a grid.
        at: Where it has further axes: the place (from 0) on each of them, name -> index. Axes of length one
            need not be named.

    Raises:
        ValueError: ``at`` lacks one of the further axes, names another, or there is no such place. Or the
            sweep is a random search, whose cells form no grid.
    """
    checks.check_instance(result, SweepResult, "result")
    if not isinstance(at, dict | None):
        raise ArgumentTypeError("at", f"expected a dict of names to places, got {checks.shown(at)}")
    if result.sampled:
        raise ArgumentError("result", "expected a grid, got a random search; use plots.scatter")
    further = _places(result, at or {})
    shown: tuple[Any, ...] = (slice(None), slice(None), *further)
    best, higher_is_better = result.best_or_none(), result.higher_is_better()
    names = [f"{part}_{result.ranking_metric}" for part in summary.ranking_parts(result)]
    values = {name: result.cell_scores(name)[shown] for name in names}
    norm, colours = _colour_scale(np.stack(list(values.values())), higher_is_better)
    as_text = np.vectorize(summary.number_text, otypes=[object])
    texts = {name: as_text(cells, higher_is_better) for name, cells in values.items()}
    stopped = _stopped_early(result)[shown]
    rows, columns = stopped.shape
    cell = min(float(np.clip(6.0 / max(rows, columns), *CELL_RANGE)), LONGEST_PANEL / max(rows, columns))
    font = _fitting_font([text for cells in texts.values() for text in cells.ravel()], cell)

    size = (len(values) * (columns * cell + 0.6) + 1.4, rows * cell + 1.6)
    figure, (row,) = panels(*size, columns=len(values), sharey=True)
    for axes, (name, cells) in zip(row, values.items(), strict=True):
        image = axes.imshow(np.ma.masked_invalid(cells), cmap=colours, norm=norm, aspect="equal")
        axes.set_title(summary.name_text(name))
        _write_values(axes, cells, texts[name], image.to_rgba(cells), stopped, font)
        _label_ticks(axes, result, cell)
        if best is not None and best.index[2:] == further:
            _outline(axes, best.index[0], best.index[1])
    row[0].set_ylabel(AXIS_LABELS["learning_rate"])
    label = summary.metric_text(result.ranking_metric)
    figure.colorbar(image, ax=list(row), label=label, shrink=0.9, pad=0.01, fraction=0.05)
    add_caption(figure, _caption(result, further, stopped))
    return figure


def _places(result: SweepResult, at: dict[str, int]) -> tuple[int, ...]:
    """Places on the further axes."""
    further = {name: len(result.axes[name]) for name in summary.further_axes(result)}
    at = {name: 0 for name, length in further.items() if length == 1} | at
    if set(at) != set(further):
        expected = ", ".join(further) or "none"
        raise ArgumentError(
            "at", f"expected a place on each further axis ({expected}), got {checks.shown(at)}"
        )
    for name, place in at.items():
        if not isinstance(place, numbers.Integral) or not 0 <= int(place) < further[name]:
            got = checks.shown(place)
            raise ArgumentError("at", f"expected a place below {further[name]} on the axis {name}, got {got}")
    return tuple(at[name] for name in further)


def _stopped_early(result: SweepResult) -> np.ndarray:
    """Which cells have members that stopped before the end ``[E, L, …]``."""
    return np.asarray((result.stopped_at >= 0).reshape(*result.cell_shape, -1).any(axis=-1))


def _colour_scale(values: np.ndarray, higher_is_better: bool) -> tuple[Normalize, Colormap]:
    """Bright is good. Metrics up to 1, such as accuracy and R², are drawn from 0 to 1: below 0 all is bad."""
    colours = matplotlib.colormaps["viridis" if higher_is_better else "viridis_r"]
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
    if takes_log_scale(values, higher_is_better):
        low = finite[finite > 0].min()
        return LogNorm(low, max(high, low * 1.01), clip=True), colours
    low, high = (0.0, 1.0) if higher_is_better and 0 < high <= 1 else (low, high)
    return Normalize(low, high, clip=True), colours


def _write_values(
    axes: Axes, cells: np.ndarray, texts: np.ndarray, colours: np.ndarray, stopped: np.ndarray, font: float
) -> None:
    """Writes the cells' texts in a colour that stands out from theirs, and hatches diverged cells."""
    for (i, j), text in np.ndenumerate(texts):
        diverged = not np.isfinite(cells[i, j])
        if diverged:
            box = Rectangle((j - 0.5, i - 0.5), 1, 1, facecolor=DIVERGED, edgecolor="0.6", hatch="////", lw=0)
            axes.add_patch(box)
        if font >= SMALLEST_FONT:
            colour = "black" if diverged else _readable_on(colours[i, j])
            written = axes.text(j, i, text, ha="center", va="center", color=colour, fontsize=font)
            if diverged:
                written.set_path_effects([withStroke(linewidth=3, foreground=DIVERGED)])
            elif stopped[i, j]:
                written.set_fontstyle("italic")


def _fitting_font(texts: Iterable[str], cell: float) -> float:
    """The size at which the longest text takes nine tenths of a cell's width."""
    return min(LARGEST_FONT, 0.9 * cell * POINTS_PER_INCH / (CHARACTER_WIDTH * max(map(len, texts))))


def _readable_on(colour: np.ndarray) -> str:
    red, green, blue, _ = colour
    return "black" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.45 else "white"


def _label_ticks(axes: Axes, result: SweepResult, cell: float) -> None:
    across, down = summary.labels(result.l2.tolist()), summary.labels(result.learning_rate.tolist())
    font = float(np.clip(14 * cell, 6, 10))
    room = cell * POINTS_PER_INCH
    crowded = CHARACTER_WIDTH * font * max(map(len, across)) > 0.9 * room
    every = math.ceil(1.2 * font / room)
    axes.set_xticks(range(0, len(across), every), across[::every], fontsize=font, rotation=90 * crowded)
    axes.set_yticks(range(0, len(down), every), down[::every], fontsize=font)
    axes.set_xlabel(AXIS_LABELS["l2"])
    axes.tick_params(length=2)


def _outline(axes: Axes, row: int, column: int) -> None:
    box = Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=BEST, linewidth=2.5, zorder=3)
    box.set_path_effects([withStroke(linewidth=4.5, foreground="white")])
    box.set_clip_on(False)
    axes.add_patch(box)


def _caption(result: SweepResult, further: tuple[int, ...], stopped: np.ndarray) -> list[str]:
    over, best = summary.averaged_over(result), result.best_or_none()
    parts = [f"mean of {over}" if over else "1 seed"]
    names = summary.further_axes(result)
    if names:
        shown = {name: float(result.axes[name][i]) for name, i in zip(names, further, strict=True)}
        parts.append(summary.describe(shown))
    hidden = best is not None and best.index[2:] != further
    parts.append(summary.best_text(result) + " (not shown)" * hidden)
    if stopped.any():
        parts.append("italics: stopped before the end")
    return parts
