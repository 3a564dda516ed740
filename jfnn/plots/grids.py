"""The heat map of a grid: scores written in cells, diverged cells hatched, the best one outlined."""

import math
import textwrap
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from jfnn.analysis import summary
from jfnn.search.result import Best, SweepResult

AXIS_LABELS = {"learning_rate": "learning rate η", "l2": "L2 penalty λ"}

POINTS_PER_INCH = 72
# The width of a character in units of the font size: the digits of the default font take 0.64.
CHARACTER_WIDTH = 0.64
# Cells, in inches, and the longest side of one panel, where cells must shrink instead.
CELL_RANGE = (0.44, 0.85)
LONGEST_PANEL = 12.0
CAPTION_FONT = 10.0
SMALLEST_FONT, LARGEST_FONT = 5.0, 11.0

DIVERGED = "0.9"
BEST = "#e6002e"


def heat_map(result: SweepResult, at: dict[str, int] | None = None) -> Figure:
    """The η×λ grid, training rows beside those that rank, averaged over seeds and folds, values in the cells.

    Shows accuracies; where the targets are no classes, losses on a logarithmic scale. Brighter is better. A
    cell that diverged with any seed or fold is hatched and says "div", as it does not rank either. Values in
    italics are those of cells with members that halving or early stopping ended. The cell that
    `SweepResult.best` names is outlined, if it lies in what is shown.

    Args:
        result: A sweep.
        at: Where it has further axes: the place (from 0) on each of them, name -> index. Axes of length one
            need not be named.

    Raises:
        ValueError: ``at`` lacks one of the further axes, names another, or there is no such place. Or the
            cells were sampled, and form no grid.
    """
    if result.sampled:
        raise ValueError("result: the cells of a random search form no grid; use plots.scatter")
    further = _places(result, at or {})
    shown: tuple[Any, ...] = (slice(None), slice(None), *further)
    best, kind = result.best_or_none(), summary.kind(result)
    values = {part: result.cell_scores(f"{part}_{kind}")[shown] for part in summary.ranking_parts(result)}
    norm, colours = _colour_scale(kind, np.stack(list(values.values())))
    texts = {part: _texts(cells, kind) for part, cells in values.items()}
    early = _left_early(result)[shown]
    rows, columns = early.shape
    cell = min(float(np.clip(6.0 / max(rows, columns), *CELL_RANGE)), LONGEST_PANEL / max(rows, columns))
    font = _fitting_font([text for cells in texts.values() for text in cells.ravel()], cell)

    size = (len(values) * (columns * cell + 0.6) + 1.4, rows * cell + 1.6)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(1, len(values), sharey=True, squeeze=False)[0]
    for axes, (part, cells) in zip(panels, values.items(), strict=True):
        image = axes.imshow(np.ma.masked_invalid(cells), cmap=colours, norm=norm, aspect="equal")
        axes.set_title(f"{part} {kind}")
        _write_values(axes, cells, texts[part], early, font, lambda value: colours(norm(value)))
        _label_ticks(axes, result, cell)
        if best is not None and best.index[2:] == further:
            _outline(axes, best.index[0], best.index[1])
    panels[0].set_ylabel(AXIS_LABELS["learning_rate"])
    figure.colorbar(image, ax=list(panels), label=kind, shrink=0.9, pad=0.01, fraction=0.05)
    line = int(figure.get_figwidth() * POINTS_PER_INCH / (CHARACTER_WIDTH * CAPTION_FONT))
    caption = _caption(result, best, further, early)
    figure.suptitle(textwrap.fill(caption, line), fontsize=CAPTION_FONT)
    return figure


def _places(result: SweepResult, at: dict[str, int]) -> tuple[int, ...]:
    further = {name: len(result.axes[name]) for name in summary.further_axes(result)}
    at = {name: 0 for name, length in further.items() if length == 1} | at
    if set(at) != set(further):
        expected = ", ".join(further) or "none"
        raise ValueError(f"at: expected a place on each further axis ({expected}), got {at}")
    for name, place in at.items():
        if not 0 <= place < further[name]:
            raise ValueError(f"at: no place {place} on the axis {name} of length {further[name]}")
    return tuple(at[name] for name in further)


def _left_early(result: SweepResult) -> np.ndarray:
    """Which cells have members that halving or early stopping ended."""
    lengths = (len(values) for values in result.axes.values())
    return np.any((result.left_at >= 0).reshape(*lengths, -1), axis=-1)


def _colour_scale(kind: str, values: np.ndarray) -> tuple[Normalize, Colormap]:
    """Bright is good: high accuracies, on the whole scale from 0 to 1; low losses, on a logarithmic one."""
    if kind == "accuracy":
        return Normalize(0, 1), matplotlib.colormaps["viridis"]
    positive = values[np.isfinite(values) & (values > 0)]
    low, high = (positive.min(), positive.max()) if positive.size else (0.1, 1.0)
    return LogNorm(low, max(high, low * 1.01), clip=True), matplotlib.colormaps["viridis_r"]


def _texts(cells: np.ndarray, kind: str) -> np.ndarray:
    """What is written in each cell."""
    return np.array([[summary.number_text(value, kind) for value in row] for row in cells], dtype=object)


def _write_values(axes: Axes, cells, texts, early, font: float, colour_of) -> None:
    """Writes the cells' texts in a colour that stands out from theirs, and hatches those that diverged."""
    for (i, j), text in np.ndenumerate(texts):
        diverged = not np.isfinite(cells[i, j])
        if diverged:
            box = Rectangle((j - 0.5, i - 0.5), 1, 1, facecolor=DIVERGED, edgecolor="0.6", hatch="////", lw=0)
            axes.add_patch(box)
        if font >= SMALLEST_FONT:
            colour = "black" if diverged else _readable_on(colour_of(cells[i, j]))
            written = axes.text(j, i, text, ha="center", va="center", color=colour, fontsize=font)
            if diverged:
                written.set_path_effects([withStroke(linewidth=3, foreground=DIVERGED)])
            elif early[i, j]:
                written.set_fontstyle("italic")


def _fitting_font(texts, cell: float) -> float:
    """The size at which the longest text takes nine tenths of a cell's width."""
    return min(LARGEST_FONT, 0.9 * cell * POINTS_PER_INCH / (CHARACTER_WIDTH * max(map(len, texts))))


def _readable_on(colour) -> str:
    red, green, blue, *_ = colour
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


def _caption(result: SweepResult, best: Best | None, further: tuple[int, ...], early: np.ndarray) -> str:
    averaged = summary.members_text(result)
    parts = [f"{averaged} averaged" if averaged else "1 seed"]
    names = summary.further_axes(result)
    if names:
        shown = {name: float(result.axes[name][i]) for name, i in zip(names, further, strict=True)}
        parts.append(summary.describe(shown))
    if best is None:
        parts.append("every cell diverged")
    else:
        name = best.ranked_by.replace("_", " ")
        elsewhere = "" if best.index[2:] == further else " (not shown)"
        score = summary.number_text(best.score, best.ranked_by)
        parts.append(f"best {name} {score} at {summary.describe(best.axes)}{elsewhere}")
    if early.any():
        parts.append("italics: stopped before the end")
    return "; ".join(parts)
