"""Scores at the end of training along an axis of a sweep, with their intervals."""

import numpy as np
from matplotlib.figure import Figure

from jfnn.analysis.intervals import Interval, as_interval
from jfnn.analysis.statistics import cell_statistics
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.texts import axis_label, name_text
from jfnn.plots.panels import (
    FEW_POINTS,
    NAMED,
    add_caption,
    check_sweep,
    colour_by,
    interval_title,
    legend_below,
    limit_scores,
    ordered_colours,
    panels,
    places,
    value_scale,
)
from jfnn.plots.slices import At, assignment_text, axis_values, caption_parts, fold_axis, sliced
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

    All else is as in the best cell. In a random search all cells, of several networks or batch sizes too, are
    points without lines, as no two differ in only one axis.

    Args:
        result: A sweep.
        axis: A hyperparameter, "network" (names that are numbers, such as widths, are drawn as these),
            "batch_size", "seed", "fold" or the name of subsets.
        score: Such as "test_accuracy"; None for the one that ranks.
        by: Another axis of a grid, for a curve at each of its values.
        at: Indices on other axes of a grid, as in `heat_map`.
        interval: The statistic drawn, or an `Interval` with more; None for the mean and its t interval.
        missing: Treatment of runs that diverged, as in `jfnn.cell_statistics`.

    Raises:
        ValueError, TypeError: No such axis, index or score; ``by`` or ``at`` of a random search; or as in
            `jfnn.cell_statistics`.
    """
    check_sweep(result)
    axis = fold_axis(result, axis)
    by = fold_axis(result, by)
    part, caption = _profile(result, axis, by, at)
    kind = as_interval(interval)
    score = part.named(score, "score")
    positions, names = places(axis, axis_values(part)[axis])
    values = positions if part.crossed else positions[_indices(part, axis)]
    statistics = cell_statistics(part, score, kind, missing)
    order = np.argsort(values, kind="stable")
    arrays = (statistics._asdict()[kind.statistic], statistics.low, statistics.high)
    centre, low, high = (array.reshape(len(values), -1)[order] for array in arrays)
    figure, ((axes,),) = panels(3.6)
    curves = part.axes[by] if by else np.zeros(1)
    few = len(curves) <= NAMED
    if few or by is None:
        colours = ordered_colours(len(curves))
    else:
        numbers, words = places(by, curves)
        colours = colour_by(figure, axes, numbers, axis_label(by), words)
    line = "-" if part.crossed else ""
    marker = "o" if len(values) <= FEW_POINTS or not part.crossed else ""
    for i, colour in enumerate(colours):
        style = {"color": colour, "label": assignment_text(by, curves[i]) if by else None}
        bars = np.maximum([centre[:, i] - low[:, i], high[:, i] - centre[:, i]], 0)
        axes.errorbar(values[order], centre[:, i], bars, ls=line, marker=marker, ms=4, capsize=2, **style)
    axes.set_xscale(**value_scale(values))
    if names:
        axes.set_xticks(positions, names)
    axes.set(xlabel=axis_label(axis), ylabel=name_text(score))
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
    if not result.crossed:
        for name, given in {"by": by, "at": at}.items():
            if given is not None:
                reason = "expected None; cells in a list have no axes to fix, every cell is drawn"
                raise ArgumentError(name, reason)
        checks.as_choice(axis, "axis", result.axes)
        return result, ["every cell of a random search"]
    with checks.renamed(axes="axis"):
        part, indices = sliced(result, (axis, *curves), at)
    return part, caption_parts(result, part, indices, runs=False)


def _indices(result: SweepResult, axis: str) -> np.ndarray:
    """The index on an axis of each cell, ``[cells]``."""
    shape = result.cell_shape
    return np.asarray(np.indices(shape)[result.cells.axis_of[axis]].ravel())
