"""Scores of cells over the epochs, in bands of their confidence intervals."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jfnn.analysis import summary
from jfnn.analysis.intervals import Interval, as_interval
from jfnn.analysis.statistics import curve_statistics
from jfnn.plots.curves import as_cells
from jfnn.plots.panels import (
    BEST,
    colour_by,
    label_epochs,
    limit_scores,
    ordered_colours,
    panels,
    side_legend,
)
from jfnn.search.result import SweepResult

NAMED = 10  # more curves have no legend
SHADED = 30  # more curves have no bands but that of the best
STATISTICS = {"mean": "mean", "median": "median", "iqm": "interquartile mean"}


def interval_curves(
    result: SweepResult,
    score: str | None = None,
    cells: Sequence[tuple[int, ...]] | str | None = None,
    interval: Interval | str | None = None,
    missing: str | float = "nan",
) -> Figure:
    """A score of cells over the epochs: its mean, median or interquartile mean, in a band of its interval.

    Of more than ten cells colours stand for the hyperparameter that varies most; of more than thirty the best
    cell alone has a band.

    Args:
        result: A sweep that kept its history, of several seeds or folds (of one there are no bands).
        score: Such as "test_accuracy"; None for the one that ranks.
        cells: Places on every axis but the seeds and folds; "all"; None for up to six, as in `loss_curves`.
        interval: The statistic drawn, or an `Interval` with more; None for the mean and its t interval.
        missing: Treatment of runs that diverged, as in `jfnn.cell_statistics`.

    Raises:
        ValueError: No history, no such cell, or as in `curve_statistics`.
    """
    statistics, kind = curve_statistics(result, score, interval, missing), as_interval(interval)
    score, chosen, best = result.named(score), as_cells(cells, result), result.best_or_none()
    few, epochs = len(chosen) <= NAMED, result.history["epoch"]
    curves = (getattr(statistics, kind.statistic), statistics.low, statistics.high)
    lines, lows, highs = (np.stack([values[cell] for cell in chosen]) for values in curves)
    figure, ((axes,),) = panels(9.6 if few else 7.6, 4.4)
    colours = _colours(result, chosen, figure, axes)
    for i, cell in enumerate(chosen):
        is_best = best is not None and best.index == cell
        band = (lows[i], highs[i]) if len(chosen) <= SHADED or is_best else None
        name = summary.describe(result.axes_at(cell)) + " (best)" * is_best
        _draw(axes, epochs, lines[i], band, name, colours[i], few, is_best)
    if few:
        side_legend(figure, axes)
    elif axes.get_legend_handles_labels()[1]:
        axes.legend(loc="best", frameon=True, framealpha=0.9)
    limit_scores(axes, lines, result.higher_is_better(score), np.stack([lows, highs]))
    over = summary.averaged_over(result) or "one run"
    title = f"{STATISTICS[kind.statistic]} over {over}, {kind.confidence:.0%} interval"
    label_epochs(axes, summary.name_text(score), title)
    return figure


def _colours(result: SweepResult, cells: Sequence[tuple[int, ...]], figure: Figure, axes: Axes) -> np.ndarray:
    """A colour for each cell ``[cells, 4]``: in order for a few, for many by the axis with the most values."""
    places = [result.axes_at(cell) for cell in cells]
    values = {name: np.array([place[name] for place in places]) for name in result.axes}
    axis = max(values, key=lambda name: len(np.unique(values[name])))
    if len(cells) <= NAMED or np.ptp(values[axis]) == 0:
        return ordered_colours(len(cells))
    return colour_by(figure, axes, values[axis], summary.SYMBOLS.get(axis, axis))


def _draw(
    axes: Axes,
    epochs: np.ndarray,
    line: np.ndarray,
    band: tuple[np.ndarray, np.ndarray] | None,
    name: str,
    colour: Any,
    few: bool,
    is_best: bool,
) -> None:
    """One curve in its band; the best lies on top and stands out from many others."""
    colour = BEST if is_best and not few else colour
    plain = few or is_best
    if band is not None:
        axes.fill_between(
            epochs, *band, color=colour, alpha=0.25 if plain else 0.1, linewidth=0, zorder=1 + 2 * is_best
        )
    axes.plot(
        epochs,
        line,
        color=colour,
        linewidth=2.2 if is_best else 1.4 if few else 0.7,
        alpha=1 if plain else 0.75,
        marker="o" if len(epochs) == 1 else "",
        label=name if plain else None,
        zorder=2 + 2 * is_best,
    )
