"""Scores over the epochs, of a sweep's cells, also in bands of their intervals, or of one training run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jfnn.analysis import summary
from jfnn.analysis.baselines import Baselines, as_baselines
from jfnn.analysis.intervals import Interval, as_interval
from jfnn.analysis.statistics import curve_statistics, kept_values
from jfnn.analysis.wording import in_words
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.texts import axis_label, metric_text, name_text, value_texts
from jfnn.core.search.result import SweepResult
from jfnn.extend import as_index
from jfnn.plots.omissions import not_shown, out_of_sight
from jfnn.plots.panels import (
    BEST,
    FEW_POINTS,
    NAMED,
    add_caption,
    as_sweep,
    colour_by,
    draw_baselines,
    ends,
    interval_title,
    label_epochs,
    legend_below,
    limit_scores,
    ordered_colours,
    panels,
    places,
)
from jfnn.plots.slices import axis_values

SEARCHED = 6  # cells drawn of a random search
SHADED = 30  # more cells have no bands but that of the best
LINES = {"solid": "-", "dashed": "--", "dotted": ":"}


class _Curve(NamedTuple):
    label: str
    epochs: np.ndarray
    scores: dict[str, np.ndarray]
    best: bool
    diverged: bool


def loss_curves(result: SweepResult, cells: Sequence[tuple[int, ...]] | str | None = None) -> Figure:
    """Loss and another metric over the epochs, averaged over seeds and folds.

    The other metric is the one that ranks or, where the loss does, the first besides it, if there is one.
    Training rows are drawn solid, ranking rows dashed. A curve ends where the first of its members
    diverged or stopped. The caption names what the default leaves out, and curves out of sight.

    Args:
        result: A sweep that kept its history, or the result of `jfnn.train`.
        cells: The cells to show: their indices on every axis but the seeds and folds, in a random search
            ``(i,)``; or "all". The default takes up to ten learning rates, the best cell's among them, all
            else as in the best cell; in a random search six cells from the best to the worst.

    Raises:
        ValueError: No history was kept, or there is no such cell.
    """
    checks.check_instance(result, SweepResult, "result")
    result = in_words(result)
    curves = _cell_curves(result, cells)
    parts = summary.ranking_parts(result)
    loss, *others = result.metrics
    metrics = [loss, *others[:1]] if result.ranking_metric == loss else [loss, result.ranking_metric]
    figure, column = panels(2.9 * len(metrics) + 0.2, len(metrics), sharex=True)
    lines = dict(zip(parts, LINES, strict=False))
    explained = ", ".join(f"{part} {line}" for part, line in lines.items())
    calm = [curve for curve in curves if not curve.diverged] or curves
    notes = [text] if cells is None and (text := left_out(result)) else []
    for axes, metric in zip(column[:, 0], metrics, strict=True):
        for curve, colour in zip(curves, ordered_colours(len(curves)), strict=True):
            _draw(axes, curve, metric, lines, colour)
        scores = [curve.scores[f"{part}_{metric}"] for curve in calm for part in parts]
        limit_scores(axes, np.concatenate(scores), result.metrics[metric])
        label_epochs(axes, name := metric_text(metric), f"{name} ({explained})")
        trained = [curve.scores[f"train_{metric}"] for curve in curves]
        notes += out_of_sight(axes, [curve.label for curve in curves], trained, name)
    if any(curve.label for curve in curves):
        legend_below(figure, axes)
    if notes:
        add_caption(figure, notes)
    return figure


def left_out(result: SweepResult) -> str:
    """What `default_cells` leave out: learning rates of a grid, "not shown: η = 0.1 (div)", or cells."""
    shown = default_cells(result)
    axis = result.cells.axis_of["learning_rate"]
    if axis is None:
        return ""
    if not result.crossed:
        count = math.prod(result.cell_shape)
        others = [summary.describe_cell(result, cell) for cell in _others(result, shown)]
        return "".join(not_shown(others, count, "cells"))
    indices = [(*shown[0][:axis], i, *shown[0][axis + 1 :]) for i in range(result.cell_shape[axis])]
    rates = value_texts(result.learning_rate.tolist(), "learning_rate")
    texts = [
        f"η = {rates[index[axis]]}" + " (div)" * bool((result.diverged_at[index] >= 0).any())
        for index in indices
        if index not in shown
    ]
    return "".join(not_shown(texts, len(indices), "learning rates"))


def _others(result: SweepResult, shown: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    return [cell for cell in np.ndindex(*result.cell_shape) if cell not in shown]


def interval_curves(
    result: SweepResult,
    score: str | None = None,
    cells: Sequence[tuple[int, ...]] | str | None = None,
    interval: Interval | str | None = None,
    missing: str | float = "nan",
    *,
    baselines: Baselines | None = None,
) -> Figure:
    """A score of cells over the epochs: its mean, median or interquartile mean, in a band of its interval.

    Of two runs, which have no interval, the band lies between both.

    Of more than ten cells colours stand for the hyperparameter that varies most; of more than thirty the best
    cell only has a band. The caption names what the default leaves out, and curves out of sight.

    Args:
        result: A sweep that kept its history, of several seeds or folds (of one there are no bands).
        score: Such as "test_accuracy"; None for the one that ranks; or "objective" or the name of a term of
            the loss, means over each epoch's steps, if ``Execution(objective=True)`` kept them.
        cells: Indices on every axis but the seeds and folds; "all"; None as in `loss_curves`.
        interval: The statistic drawn, or an `Interval` with more; None for the mean and its t interval.
        missing: Treatment of runs that diverged, as in `jfnn.cell_statistics`.
        baselines: Other models, each a horizontal line, as in `axis_curves`.

    Raises:
        ValueError: No history, no such cell, baselines that are no scores, or as in `curve_statistics`.
    """
    result = as_sweep(result)
    statistics = curve_statistics(result, score, interval, missing)
    kind = as_interval(interval)
    score, epochs, _ = kept_values(result, score)
    chosen = as_cells(cells, result)
    others = as_baselines(baselines, result, kind.confidence)
    levels = [other.mean for other in others.values()]
    best = result.best_or_none()
    few = len(chosen) <= NAMED
    most = int(statistics.n.max())
    curves = (statistics._asdict()[kind.statistic], *ends(statistics, most))
    lines, lows, highs = (np.stack([values[cell] for cell in chosen]) for values in curves)
    figure, ((axes,),) = panels(3.6)
    colours = _colours(result, chosen, figure, axes)
    names: list[str] = []
    for i, cell in enumerate(chosen):
        is_best = best is not None and best.index == cell
        band = (lows[i], highs[i]) if len(chosen) <= SHADED or is_best else None
        diverged = bool((result.diverged_at[cell] >= 0).any())
        name = summary.describe_cell(result, cell) + " (best)" * is_best + " (div)" * diverged
        names.append(name)
        _draw_in_band(axes, epochs, lines[i], band, name, colours[i], few, is_best)
    draw_baselines(axes, others)
    if axes.get_legend_handles_labels()[1]:
        legend_below(figure, axes)
    over = summary.averaged_over(result)
    higher_is_better = score in result.scores and result.higher_is_better(score)
    limit_scores(axes, np.append(lines, levels), higher_is_better, np.stack([lows, highs]))
    label_epochs(axes, name_text(score), interval_title(over, most, kind))
    notes = [text] if cells is None and (text := left_out(result)) else []
    notes += out_of_sight(axes, [*names, *others], [*lines, *np.reshape(levels, (-1, 1))])
    if over and len(chosen) > SHADED:
        notes.append("bands of other cells than the best not shown")
    if notes:
        add_caption(figure, notes)
    return figure


def _cell_curves(result: SweepResult, cells: Sequence[tuple[int, ...]] | str | None) -> list[_Curve]:
    if not len(result.evaluations):
        raise ArgumentError("result", "expected a history, got none; sweep with Execution(eval_every=1)")
    best = result.best_or_none()
    curves = []
    for cell in as_cells(cells, result):
        is_best = best is not None and best.index == cell
        diverged = bool((result.diverged_at[cell] >= 0).any())
        marks = " (best)" * (is_best and len(cell) > 0) + " (div)" * diverged
        label = summary.describe_cell(result, cell) + marks
        scores = {
            name: values[cell].reshape(-1, values.shape[-1]).mean(axis=0)
            for name, values in result.history.items()
        }
        curves.append(_Curve(label, result.evaluations, scores, is_best, diverged))
    return curves


def as_cells(cells: Sequence[tuple[int, ...]] | str | None, result: SweepResult) -> list[tuple[int, ...]]:
    """Indices of cells: "all" of them, None for `default_cells`.

    Raises:
        ValueError, TypeError: There is no such cell, or there are none.
    """
    if cells is None:
        return default_cells(result)
    if isinstance(cells, str) and cells == "all":
        return list(np.ndindex(*result.cell_shape))
    if not checks.is_several(cells):
        raise ArgumentTypeError("cells", f"expected indices in a grid or 'all', got {checks.shown(cells)}")
    chosen = [as_index(cell, result.cells.lengths.items(), "cells") for cell in cells]
    if not chosen:
        raise ArgumentError("cells", "expected at least one")
    return chosen


def default_cells(result: SweepResult) -> list[tuple[int, ...]]:
    """The best cell and others that differ from it in the learning rate only; in a random search any others.

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
        numbers = [*result.order().tolist(), *range(math.prod(result.cell_shape))]
        ordered = dict.fromkeys(result.cell_index(number) for number in numbers)  # diverged ones come last
        candidates = [cell for cell in ordered if cell in candidates]
    loss = f"train_{next(iter(result.metrics))}" if len(result.evaluations) else "objective"
    losses = kept_values(result, loss)[-1]
    unseen = np.isnan(losses).all(axis=-1) & (result.diverged_at < 0)
    others = [cell for cell in candidates if cell != index and not unseen[cell].all()]
    spread = np.linspace(0, len(others) - 1, min(most - 1, len(others))).round().astype(int)
    chosen = {others[i] for i in spread} | {index}
    return [cell for cell in candidates if cell in chosen]


def _draw(axes: Axes, curve: _Curve, metric: str, lines: Mapping[str, str], colour: object) -> None:
    for part, line in lines.items():
        axes.plot(
            curve.epochs,
            curve.scores[f"{part}_{metric}"],
            LINES[line],
            color=colour,
            marker="." if len(curve.epochs) <= FEW_POINTS else "",
            linewidth=2.5 if curve.best else 1.2,
            label=curve.label if part == "train" else f"_{part}",  # which no legend has
        )


def _colours(result: SweepResult, cells: Sequence[tuple[int, ...]], figure: Figure, axes: Axes) -> np.ndarray:
    """A colour for each cell ``[cells, 4]``: for many by the axis that varies most."""
    values = axis_values(result)
    indices = np.array(cells)
    at = {name: indices[:, axis] for name, axis in result.cells.axis_of.items() if axis is not None}
    axis = max(at, key=lambda name: len(np.unique(values[name][at[name]])))
    numbers, words = places(axis, values[axis])
    if len(cells) <= NAMED or np.ptp(numbers[at[axis]]) == 0:
        return ordered_colours(len(cells))
    return colour_by(figure, axes, numbers[at[axis]], axis_label(axis), words)


def _draw_in_band(
    axes: Axes,
    epochs: np.ndarray,
    line: np.ndarray,
    band: tuple[np.ndarray, np.ndarray] | None,
    name: str,
    colour: object,
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
