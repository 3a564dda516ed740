"""Curves of scores over the epochs, for the cells of a sweep or for one training run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jfnn.analysis import summary
from jfnn.analysis.baselines import Baselines, as_baselines
from jfnn.analysis.intervals import Interval, as_interval
from jfnn.analysis.statistics import curve_statistics, kept_values
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.texts import axis_label, metric_text, name_text, value_texts
from jfnn.core.experiment.axes import as_index
from jfnn.core.search.result import SweepResult
from jfnn.plots.panels import (
    BEST,
    FEW_POINTS,
    NAMED,
    add_caption,
    check_sweep,
    color_by,
    draw_baselines,
    ends,
    interval_title,
    label_epochs,
    legend_below,
    limit_scores,
    not_shown,
    ordered_colors,
    out_of_sight,
    panels,
    places,
)
from jfnn.plots.slices import axis_values

SEARCHED = 6  # largest number of cells drawn for a random search
SHADED = 30  # with more cells, only the best one has a band
LINES = {"solid": "-", "dashed": "--", "dotted": ":"}


class _Cell(NamedTuple):
    at: tuple[int, ...]
    name: str
    is_best: bool
    diverged: bool


def loss_curves(result: SweepResult, cells: Sequence[tuple[int, ...]] | str | None = None) -> Figure:
    """Plot the loss and another metric over the epochs, averaged over seeds and folds.

    The other metric is the ranking metric, or if the loss ranks, the first other metric, if any. Training
    rows are solid lines, ranking rows dashed. A curve ends where its first member diverged or stopped. The
    caption lists cells that the default leaves out, and curves outside the panel's range.

    Args:
        result: A sweep that kept its history, or the result of `jfnn.train`.
        cells: Indices of the cells to show, on every axis but seeds and folds, in a random search ``(i,)``;
            or "all". The default is the best cell and others that differ only in the learning rate, up to
            ten in all; in a random search six cells from the best to the worst.

    Raises:
        ValueError: No history was kept, or there is no such cell.
    """
    checks.check_instance(result, SweepResult, "result")
    if not len(result.evaluations):
        raise ArgumentError("result", "expected a history, got none; sweep with Execution(eval_every=1)")
    chosen = _describe(result, as_cells(cells, result))
    epochs = result.evaluations
    parts = summary.ranking_parts(result)
    loss, *others = result.metrics
    metrics = [loss, *others[:1]] if result.ranking_metric == loss else [loss, result.ranking_metric]
    figure, column = panels(2.9 * len(metrics) + 0.2, len(metrics), sharex=True)
    lines = dict(zip(parts, LINES, strict=False))
    explained = ", ".join(f"{part} {line}" for part, line in lines.items())
    notes = left_out(result) if cells is None else []
    for axes, metric in zip(column[:, 0], metrics, strict=True):
        of_runs = (*result.cell_shape, -1, len(epochs))
        means = {part: result.history[f"{part}_{metric}"].reshape(of_runs).mean(axis=-2) for part in parts}
        for cell, color in zip(chosen, ordered_colors(len(chosen)), strict=True):
            for part, line in lines.items():
                axes.plot(
                    epochs,
                    means[part][cell.at],
                    LINES[line],
                    color=color,
                    marker="." if len(epochs) <= FEW_POINTS else "",
                    linewidth=2.5 if cell.is_best else 1.2,
                    label=cell.name if part == "train" else f"_{part}",  # "_" keeps it out of the legend
                )
        calm = [cell.at for cell in chosen if not cell.diverged] or [cell.at for cell in chosen]
        shown = np.concatenate([means[part][index] for index in calm for part in parts])
        limit_scores(axes, shown, result.metrics[metric])
        label_epochs(axes, epochs, name := metric_text(metric), f"{name} ({explained})")
        trained = [means["train"][cell.at] for cell in chosen]
        notes += out_of_sight(axes, [cell.name for cell in chosen], trained, name)
    if any(cell.name for cell in chosen):
        legend_below(figure, axes)
    add_caption(figure, notes)
    return figure


def left_out(result: SweepResult) -> list[str]:
    """List what `default_cells` leave out: learning rates of a grid, "not shown: η = 0.1 (div)", or cells."""
    shown = default_cells(result)
    axis = result.cells.axis_of["learning_rate"]
    if axis is None:
        return []
    if result.crossed:
        indices = [(*shown[0][:axis], i, *shown[0][axis + 1 :]) for i in range(result.cell_shape[axis])]
        names = [f"η = {rate}" for rate in value_texts(result.learning_rate.tolist(), "learning_rate")]
    else:
        indices = list(np.ndindex(*result.cell_shape))
        names = [summary.describe_cell(result, index) for index in indices]
    texts = [
        name + " (div)" * bool((result.diverged_at[index] >= 0).any())
        for name, index in zip(names, indices, strict=True)
        if index not in shown
    ]
    return not_shown(texts, len(indices), "learning rates" if result.crossed else "cells")


def interval_curves(
    result: SweepResult,
    score: str | None = None,
    cells: Sequence[tuple[int, ...]] | str | None = None,
    interval: Interval | str | None = None,
    missing: str | float = "nan",
    *,
    baselines: Baselines | None = None,
) -> Figure:
    """Plot a score of cells over the epochs: its mean, median or interquartile mean, and its interval.

    Bands show intervals; with two runs, which have none, they lie between both values. With more than ten
    cells, colors show the hyperparameter that varies most; with more than thirty, only the best cell has a
    band. The caption lists cells that the default leaves out, and curves outside the panel's range.

    Args:
        result: A sweep that kept its history, with several seeds or folds (with one there are no bands).
        score: Such as "test_accuracy"; None for the ranking score; or "objective" or the name of a loss term,
            means over each epoch's steps, if kept by ``Execution(objective=True)``.
        cells: Indices on every axis but seeds and folds; "all"; None as in `loss_curves`.
        interval: The statistic drawn, or an `Interval`; None for the mean and its t interval.
        missing: Treatment of runs that diverged, as in `jfnn.cell_statistics`.
        baselines: Other models, drawn as horizontal lines, as in `axis_curves`.

    Raises:
        ValueError: No history, no such cell, invalid baselines, or as in `curve_statistics`.
    """
    check_sweep(result)
    statistics = curve_statistics(result, score, interval, missing)
    kind = as_interval(interval)
    score, epochs, _ = kept_values(result, score)
    chosen = _describe(result, as_cells(cells, result))
    indices = [cell.at for cell in chosen]
    others = as_baselines(baselines, result, kind.confidence)
    levels = [other.mean for other in others.values()]
    few = len(chosen) <= NAMED
    most = int(statistics.n.max())
    curves = (statistics._asdict()[kind.statistic], *ends(statistics, most))
    lines, lows, highs = (np.stack([values[index] for index in indices]) for values in curves)
    figure, ((axes,),) = panels(3.6)
    colors = _colors(result, indices, figure, axes)
    for cell, color, line, low, high in zip(chosen, colors, lines, lows, highs, strict=True):
        plain = few or cell.is_best
        style: dict[str, Any] = {"color": BEST if cell.is_best and not few else color}
        if len(chosen) <= SHADED or cell.is_best:
            alpha = 0.25 if plain else 0.1
            axes.fill_between(epochs, low, high, alpha=alpha, lw=0, zorder=1 + 2 * cell.is_best, **style)
        style |= {"alpha": 1 if plain else 0.75, "marker": "o" if len(epochs) == 1 else ""}
        style |= {"lw": 2.2 if cell.is_best else 1.4 if few else 0.7, "zorder": 2 + 2 * cell.is_best}
        axes.plot(epochs, line, label=cell.name if plain else None, **style)
    draw_baselines(axes, others)
    if axes.get_legend_handles_labels()[1]:
        legend_below(figure, axes)
    over = summary.averaged_over(result)
    higher_is_better = score in result.scores and result.higher_is_better(score)
    limit_scores(axes, np.append(lines, levels), higher_is_better, np.stack([lows, highs]))
    label_epochs(axes, epochs, name_text(score), interval_title(over, most, kind))
    notes = left_out(result) if cells is None else []
    names = [*(cell.name for cell in chosen), *others]
    notes += out_of_sight(axes, names, [*lines, *np.reshape(levels, (-1, 1))])
    if over and len(chosen) > SHADED:
        notes.append("band shown for the best cell only")
    add_caption(figure, notes)
    return figure


def _describe(result: SweepResult, cells: Sequence[tuple[int, ...]]) -> list[_Cell]:
    """Return cells with their legend entries; the single cell of `jfnn.train` is not marked as the best."""
    best = result.best_or_none()
    described = []
    for index in cells:
        is_best = best is not None and best.index == index
        diverged = bool((result.diverged_at[index] >= 0).any())
        marks = " (best)" * (is_best and len(index) > 0) + " (div)" * diverged
        described.append(_Cell(index, summary.describe_cell(result, index) + marks, is_best, diverged))
    return described


def as_cells(cells: Sequence[tuple[int, ...]] | str | None, result: SweepResult) -> list[tuple[int, ...]]:
    """Return checked indices of one or more cells: "all" of them, None for `default_cells`."""
    if cells is None:
        return default_cells(result)
    if isinstance(cells, str) and cells == "all":
        return list(np.ndindex(*result.cell_shape))
    if not checks.is_several(cells):
        raise ArgumentTypeError("cells", f"expected indices in a grid or 'all', got {checks.as_text(cells)}")
    chosen = [as_index(cell, result.cells.lengths.items(), "cells") for cell in cells]
    if not chosen:
        raise ArgumentError("cells", "expected at least one")
    return chosen


def default_cells(result: SweepResult) -> list[tuple[int, ...]]:
    """Return the best cell and others that differ only in the learning rate; in a random search any others.

    Cells that stopped before the first evaluation have no curve and are left out.
    """
    most = NAMED if result.crossed else SEARCHED
    best = result.best_or_none()
    index = best.index if best else (0,) * len(result.cell_shape)
    axis = result.cells.axis_of["learning_rate"]
    if axis is None:
        return [index]
    candidates = [(*index[:axis], i, *index[axis + 1 :]) for i in range(result.cell_shape[axis])]
    if not result.crossed:
        ordered = dict.fromkeys([*result.order(), *candidates])  # diverged cells come last
        candidates = [cell for cell in ordered if cell in candidates]
    loss = f"train_{next(iter(result.metrics))}" if len(result.evaluations) else "objective"
    losses = kept_values(result, loss)[-1]
    unseen = np.isnan(losses).all(axis=-1) & (result.diverged_at < 0)
    others = [cell for cell in candidates if cell != index and not unseen[cell].all()]
    spread = np.linspace(0, len(others) - 1, min(most - 1, len(others))).round().astype(int)
    chosen = {others[i] for i in spread} | {index}
    return [cell for cell in candidates if cell in chosen]


def _colors(result: SweepResult, cells: Sequence[tuple[int, ...]], figure: Figure, axes: Axes) -> np.ndarray:
    """Return a color for each cell ``[cells, 4]``, for many cells by the axis that varies most."""
    values = axis_values(result)
    indices = np.array(cells)
    at = {name: indices[:, axis] for name, axis in result.cells.axis_of.items() if axis is not None}
    axis = max(at, key=lambda name: len(np.unique(values[name][at[name]])))
    numbers, words = places(axis, values[axis])
    if len(cells) <= NAMED or np.ptp(numbers[at[axis]]) == 0:
        return ordered_colors(len(cells))
    return color_by(figure, axes, numbers[at[axis]], axis_label(axis), words)
