"""Scores at the end of training along an axis of a sweep, or of several groups, with their intervals."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from jfnn.analysis import summary
from jfnn.analysis.intervals import Interval, as_interval
from jfnn.analysis.statistics import cell_statistics
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.datasets.fields import as_number
from jfnn.plots.panels import (
    AXIS_LABELS,
    FEW_POINTS,
    NAMED,
    add_caption,
    colour_by,
    interval_title,
    legend_below,
    limit_scores,
    ordered_colours,
    panels,
    value_scale,
)
from jfnn.plots.slices import At, axis_values, caption_parts, fold_axis, sliced, value_text
from jfnn.search.groups import SweepGroups
from jfnn.search.result import SweepResult
from jfnn.search.run_directory import OUTCOMES

GROUP_AXES = ("network", "batch_size", "width")


def axis_curves(
    result: SweepResult | SweepGroups,
    axis: str,
    score: str | None = None,
    *,
    by: str | None = None,
    at: At | None = None,
    interval: Interval | str | None = None,
    missing: str | float = "nan",
) -> Figure:
    """A score at the end of training against an axis, with bars of its interval over seeds and folds.

    All else is as in the best cell, of groups as in the best cell of each. In a random search all cells are
    points without lines, as no two differ in one axis alone.

    Args:
        result: A sweep; or groups, one value of the axis each.
        axis: A hyperparameter, "seed", "fold" or the name of subsets. Of groups "network" (the name),
            "batch_size" or "width", that of the first layer.
        score: Such as "test_accuracy"; None for the one that ranks.
        by: Another axis of the sweep, or of every group's, for a curve at each of its values.
        at: Places on other axes, as in `heat_map`.
        interval: The statistic drawn, or an `Interval` with more; None for the mean and its t interval.
        missing: Treatment of runs that diverged, as in `jfnn.cell_statistics`.

    Raises:
        ValueError, TypeError: No such axis, place or score; two groups at one value; or as in
            `jfnn.cell_statistics`.
    """
    if not isinstance(result, SweepResult | SweepGroups):
        got = type(result).__name__
        raise ArgumentTypeError("result", f"expected a SweepResult or SweepGroups, got {got}")
    first = result.results[0] if isinstance(result, SweepGroups) else result
    axis = fold_axis(first, axis)
    by = fold_axis(first, by)
    part, names, caption = _profile(result, axis, by, at)
    kind = as_interval(interval)
    score = part.named(score, "score")
    values = part.axes[axis]
    if values.dtype.kind == "U":
        names = [str(value) for value in values]
        values = np.arange(len(values))
    statistics = cell_statistics(part, score, kind, missing)
    order = np.argsort(values, kind="stable")
    arrays = (getattr(statistics, kind.statistic), statistics.low, statistics.high)
    centre, low, high = (array.reshape(len(values), -1)[order] for array in arrays)
    figure, ((axes,),) = panels(3.6)
    curves = part.axes[by] if by else np.zeros(1)
    few = len(curves) <= NAMED
    name = AXIS_LABELS.get(by or "", by or "")
    numbers = np.arange(len(curves)) if curves.dtype.kind == "U" else curves
    colours = ordered_colours(len(curves)) if few else colour_by(figure, axes, numbers, name)
    line = "" if part.sampled else "-"
    marker = "o" if len(values) <= FEW_POINTS or part.sampled else ""
    for i, colour in enumerate(colours):
        style = {"color": colour, "label": value_text(by, curves[i]) if by else None}
        bars = np.maximum([centre[:, i] - low[:, i], high[:, i] - centre[:, i]], 0)
        axes.errorbar(values[order], centre[:, i], bars, ls=line, marker=marker, ms=4, capsize=2, **style)
    axes.set_xscale(**value_scale(values))
    if names:
        axes.set_xticks(values, names)
    axes.set(xlabel=AXIS_LABELS.get(axis, axis.replace("_", " ")), ylabel=summary.name_text(score))
    axes.set_title(interval_title(part, kind), fontsize=10)
    axes.grid(alpha=0.3)
    limit_scores(axes, centre, part.higher_is_better(score), np.stack([low, high]))
    if by and few:
        legend_below(figure, axes)
    add_caption(figure, caption)
    return figure


def _profile(
    result: SweepResult | SweepGroups, axis: str, by: str | None, at: At | None
) -> tuple[SweepResult, list[str], list[str]]:
    """The sweep along the axis, labels of values that are no numbers, and a caption."""
    curves: tuple[str, ...] = ()
    first = result.results[0] if isinstance(result, SweepGroups) else result
    if by is not None:
        curves = (checks.as_choice(by, "by", axis_values(first)),)
    if first.sampled:
        if curves or at is not None or result is not first:
            raise ArgumentError("result", "expected a grid with groups, by or at, got a random search")
        checks.as_choice(axis, "axis", first.axes)
        return first, [], ["every cell of a random search"]
    if not isinstance(result, SweepGroups):
        with checks.renamed(axes="axis"):
            part, places = sliced(result, (axis, *curves), at)
        return part, [], caption_parts(result, part, places, runs=False)
    checks.as_choice(axis, "axis", GROUP_AXES)
    values = [getattr(group, axis, None) for group in result.groups]
    values = list(map(_width, result.results)) if axis == "width" else values
    if len(set(values)) < len(values):
        raise ArgumentError("axis", f"expected groups that differ in it, got {checks.shown(values)}")
    texts = ["full" if value is None else str(value) for value in values]
    numbers = list(map(as_number, texts))
    words = None in numbers
    parts = [sliced(sweep, curves, at)[0] for sweep in result.results]
    arrays: dict[str, Any] = {name: np.stack([getattr(part, name) for part in parts]) for name in OUTCOMES}
    arrays["scores"] = {name: np.stack([part.scores[name] for part in parts]) for name in first.scores}
    along = np.array(range(len(texts)) if words else numbers, np.float64)
    stacked = dataclasses.replace(parts[0], axes={axis: along} | parts[0].axes, **arrays)
    exception = ", or as given" * (at is not None)
    return stacked, texts * words, [f"all else as in the best cell of each group{exception}"]


def _width(result: SweepResult) -> int:
    """Units, or channels, of the first layer that has some."""
    network = result.config.get("settings", {}).get("learner", {}).get("network")
    layers = network["layers"] if isinstance(network, Mapping) else ()
    sizes = [layer[name] for layer in layers for name in ("units", "channels") if name in layer]
    if not sizes:
        raise ArgumentError("axis", "expected networks of known layers, whose width is their first one's")
    return int(sizes[0])
