"""Scores at the end of training along an axis of a sweep, with their intervals."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from jfnn.analysis import summary
from jfnn.analysis.baselines import Baselines, as_baselines
from jfnn.analysis.intervals import Interval, as_interval
from jfnn.analysis.statistics import cell_statistics
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.texts import axis_label, describe, extent_text, name_text
from jfnn.core.search.result import SweepResult
from jfnn.core.search.run_directory import OUTCOMES
from jfnn.plots.panels import (
    FEW_POINTS,
    NAMED,
    POINTS_PER_INCH,
    add_caption,
    check_sweep,
    color_by,
    draw_baselines,
    ends,
    interval_title,
    legend_below,
    limit_scores,
    not_shown,
    ordered_colors,
    out_of_sight,
    panels,
    places,
    scale_and_tick,
    set_title,
)
from jfnn.plots.slices import At, axis_name, axis_values, caption_parts, slice_result

SHIFT = 2.0  # points between neighboring curves over numbers
BESIDE = 0.4  # width over which points at one word are spread, in units of the distance between words


def axis_curves(
    result: SweepResult,
    axis: str,
    score: str | None = None,
    *,
    by: str | None = None,
    at: At | None = None,
    interval: Interval | str | None = None,
    missing: str | float = "nan",
    baselines: Baselines | None = None,
) -> Figure:
    """Plot a score at the end of training against an axis, with its interval over seeds and folds.

    Other axes are fixed at the best cell. In a random search all cells are points without lines, also for
    several networks or batch sizes, as no two cells differ in only one axis.

    Subsets of the same value, such as the draws of `jfnn.subsets.sizes`, form one point: the interval is over
    them, each averaged over its seeds, as independent draws from the same rows. It does not cover what they
    share: test rows and, without ``start_per_subset``, initial weights. The interval of a single subset is
    over its seeds.

    The caption lists points without a score or outside the range. With two runs, which have no interval,
    error bars reach to both values. Bars cut off at the edge of the panel are longer: on a logarithmic
    scale they reach to 0 or below a tenth of the smallest value.

    Args:
        result: A sweep.
        axis: A hyperparameter, "network" (names that are numbers, such as widths, are drawn as numbers), an
            axis of `jfnn.Networks`, "batch_size", "seed", "fold" or the name of subsets.
        score: Such as "test_accuracy"; None for the ranking score.
        by: Another axis of a grid, with a curve for each of its values.
        at: Indices on other axes of a grid, "mean" or "best", as in `heat_map`.
        interval: The statistic drawn, or an `Interval`; None for the mean and its t interval.
        missing: Treatment of runs that diverged, as in `jfnn.cell_statistics`.
        baselines: Other models, drawn as lines: name -> score of the same kind, such as
            ``{"ridge": ridge.score(x_test, y_test)}`` for "test_r2". Several numbers are drawn as their mean,
            three or more with a band for its interval; with one seed, a list with a number for each fold
            is taken as the scores on these folds.

    Raises:
        ValueError, TypeError: No such axis, index or score; ``by`` or ``at`` with a random search; invalid
            baselines; or as in `jfnn.cell_statistics`.
    """
    check_sweep(result)
    axis = axis_name(result, axis)
    by = axis_name(result, by)
    part, caption = _profile(result, axis, by, at)
    kind = as_interval(interval)
    score = part.named(score, "score")
    others = as_baselines(baselines, result, kind.confidence)
    pooled = _pool(part)
    axes_values = axis_values(part) | pooled.axes
    positions, names = places(axis, axes_values[axis])
    values = positions
    if not part.crossed:
        values = positions[np.indices(part.cell_shape)[part.cells.axis_of[axis]].ravel()]
    statistics = [cell_statistics(each, score, kind, missing) for each in pooled.parts]
    order = np.argsort(values, kind="stable")
    most = max(int(each.n.max()) for each in statistics)
    arrays = (
        np.concatenate(parts, pooled.position)
        for parts in zip(
            *((getattr(each, kind.statistic), *ends(each, most)) for each in statistics), strict=True
        )
    )
    center, low, high = (array.reshape(len(values), -1)[order] for array in arrays)
    figure, ((axes,),) = panels(3.6)
    curves = axes_values[by] if by else np.zeros(1)
    few = len(curves) <= NAMED
    if few or by is None:
        colors = ordered_colors(len(curves))
    else:
        numbers, words = places(by, curves)
        colors = color_by(figure, axes, numbers, axis_label(by), words)
    line = "-" if part.crossed and not names else ""  # no lines between words
    marker = "o" if len(values) <= FEW_POINTS or not part.crossed else ""
    # Points at the same word are drawn side by side. Curves over numbers are shifted by a point or two of the
    # figure, so that their error bars do not hide each other.
    steps = np.arange(len(curves)) - (len(curves) - 1) / 2
    shifts = BESIDE * bool(names) * steps / len(curves)
    points_apart = 0.0 if names or not few else SHIFT
    for i, color in enumerate(colors):
        style = {"color": color, "label": describe({by: curves[i]}) if by and few else None}
        bars = np.maximum([center[:, i] - low[:, i], high[:, i] - center[:, i]], 0)
        style |= {"ls": line, "marker": marker, "ms": 4, "capsize": 2}
        drawn = axes.errorbar(values[order] + shifts[i], center[:, i], bars, **style)
        aside = ScaledTranslation(points_apart * steps[i] / POINTS_PER_INCH, 0, figure.dpi_scale_trans)
        for artist in drawn.get_children():
            artist.set_transform(axes.transData + aside)
    scale_and_tick(axes, values, names)
    axes.set(xlabel=axis_label(axis), ylabel=name_text(score))
    set_title(axes, interval_title(pooled.over, most, kind))
    axes.grid(alpha=0.3)
    draw_baselines(axes, others)
    levels = [other.mean for other in others.values()]
    limit_scores(axes, np.append(center, levels), part.higher_is_better(score), bars=np.stack([low, high]))
    shown = axes_values[axis][order] if part.crossed else values[order]
    points = [describe({axis: value} | ({by: curve} if by else {})) for value in shown for curve in curves]
    lacking = [f"{points[i]} (div)" for i in np.flatnonzero(~np.isfinite(center))]
    caption += not_shown(lacking, len(points), "points")
    caption += out_of_sight(axes, points, center.reshape(-1, 1))
    caption += out_of_sight(axes, list(others), np.reshape(levels, (-1, 1)))
    if (by and few) or others:
        legend_below(figure, axes)
    add_caption(figure, caption)
    return figure


def _profile(result: SweepResult, axis: str, by: str | None, at: At | None) -> tuple[SweepResult, list[str]]:
    """Return the sweep along the axis and the curves' axis, and a caption."""
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
    with checks.rename_arguments(axes="axis"):
        part, indices = slice_result(result, (axis, *curves), at)
    return part, caption_parts(result, part, indices, runs=False)


class _Pooled(NamedTuple):
    """A sweep whose subsets of the same value count as replicates."""

    axes: dict[str, np.ndarray]  # distinct values of the subsets' axis
    parts: list[SweepResult]  # one per value, or the whole sweep
    position: int  # index of the subsets' axis in the grid
    over: str  # description of the replicates


def _pool(part: SweepResult) -> _Pooled:
    name = axis_name(part, "fold")
    values = part.axes.get(name, np.zeros(0)).tolist()
    distinct = list(dict.fromkeys(values))
    if len(distinct) == len(values):
        return _Pooled({}, [part], 0, summary.averaged_over(part))
    position = list(part.axes).index(name)
    numbers = [np.flatnonzero([each == value for each in values]) for value in distinct]
    parts = [_select_subsets(part, position, subsets) for subsets in numbers]
    counts = [len(subsets) for subsets in numbers]
    over = f"{extent_text(counts)} subsets"
    over += f" of {part.seeds.size} seeds each" * (part.seeds.size > 1)
    return _Pooled({name: np.array(distinct)}, parts, position, over)


def _select_subsets(part: SweepResult, position: int, subsets: np.ndarray) -> SweepResult:
    """Return subsets of a grid as its seeds, with their seeds as folds; a single subset keeps its seeds."""

    def cut(array: np.ndarray) -> np.ndarray:
        members = np.moveaxis(array.take(subsets, axis=position), position, -2)
        return np.expand_dims(members if len(subsets) > 1 else members[..., 0, :], position)

    arrays: dict[str, Any] = {name: cut(vars(part)[name]) for name in OUTCOMES}
    arrays["scores"] = {name: cut(scores) for name, scores in part.scores.items()}
    if len(subsets) > 1:
        arrays |= {"seeds": subsets, "folds": part.seeds.size}
    name = list(part.axes)[position]
    return dataclasses.replace(part, axes={**part.axes, name: part.axes[name][subsets[:1]]}, **arrays)
