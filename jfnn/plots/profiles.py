"""Scores at the end of training along an axis of a sweep, with their intervals."""

import numpy as np
from matplotlib.figure import Figure

from jfnn.analysis import summary
from jfnn.analysis.intervals import Interval, as_interval
from jfnn.analysis.statistics import cell_statistics
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
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
from jfnn.search.result import SweepResult


def axis_curves(
    result: SweepResult,
    axis: str,
    score: str | None = None,
    *,
    by: str | None = None,
    at: At | None = None,
    interval: Interval | str | None = None,
    missing: str | float = "nan",
) -> Figure:
    """A score at the end of training against an axis, with bars of its interval over seeds and folds.

    All else is as in the best cell. In a random search all cells are points without lines, as no two differ
    in only one axis.

    Args:
        result: A sweep.
        axis: A hyperparameter, "network" (names that are numbers, such as widths, are drawn as these),
            "batch_size", "seed", "fold" or the name of subsets.
        score: Such as "test_accuracy"; None for the one that ranks.
        by: Another axis of the sweep, for a curve at each of its values.
        at: Indices on other axes, as in `heat_map`.
        interval: The statistic drawn, or an `Interval` with more; None for the mean and its t interval.
        missing: Treatment of runs that diverged, as in `jfnn.cell_statistics`.

    Raises:
        ValueError, TypeError: No such axis, index or score; or as in
            `jfnn.cell_statistics`.
    """
    checks.check_instance(result, SweepResult, "result")
    axis = fold_axis(result, axis)
    by = fold_axis(result, by)
    part, caption = _profile(result, axis, by, at)
    kind = as_interval(interval)
    score = part.named(score, "score")
    values, names = _on_a_line(axis, part.axes[axis])
    statistics = cell_statistics(part, score, kind, missing)
    order = np.argsort(values, kind="stable")
    arrays = (statistics._asdict()[kind.statistic], statistics.low, statistics.high)
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


def _profile(result: SweepResult, axis: str, by: str | None, at: At | None) -> tuple[SweepResult, list[str]]:
    """The sweep along the axis and the axis of the curves, and a caption."""
    curves: tuple[str, ...] = ()
    if by is not None:
        curves = (checks.as_choice(by, "by", axis_values(result)),)
    if result.sampled:
        if curves or at is not None or result.programs:
            reason = "expected a grid with several networks, by or at, got a random search"
            raise ArgumentError("result", reason)
        checks.as_choice(axis, "axis", result.axes)
        return result, ["every cell of a random search"]
    with checks.renamed(axes="axis"):
        part, indices = sliced(result, (axis, *curves), at)
    return part, caption_parts(result, part, indices, runs=False)


def _on_a_line(axis: str, values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Numbers at which values of an axis are drawn, and their labels where they are words."""
    if values.dtype.kind != "U":
        return values, []
    numbers = [as_number(text) for text in values.tolist()]
    if axis == "network" and None not in numbers:  # networks named by their widths
        return np.array(numbers, np.float64), []
    return np.arange(len(values)), values.tolist()
