"""Every public figure: what it is called with, and what must be read back from it.

Expected numbers are cut from the result's arrays by loops in NumPy; their statistics are those of
`jfnn.analysis`.
"""

import itertools

import numpy as np
from drawn_results import UNITS, VALUES, best_of, costs_of, generators, results
from helpers import make_sampled, with_scores
from hypothesis import strategies
from matplotlib.colors import to_rgb
from numpy.testing import assert_allclose, assert_array_equal
from reading import (
    band_of,
    boxes_of,
    caption_of,
    check_in_cells,
    contrast,
    heights_of,
    image_of,
    in_a_line,
    labels_of,
    legend_of,
    marked_in,
    points_of,
    written_in,
)
from scipy import stats

from jfnn import analysis
from jfnn.arguments.texts import axis_label, axis_text, describe, metric_text, name_text
from jfnn.plots.curves import default_cells, left_out

MOST_NAMED = 10  # curves in a legend, and names in a caption
MOST_BANDS = 30  # curves that all have bands
MOST_TICKS = 14  # values of an axis that all have ticks
MOST_WORDS = 20  # on an axis
BINS = 25
GREY = "0.9"  # of diverged cells


def axes_of(result):
    """Name -> values of all axes of members: seeds, folds or subsets among them; full batches as words."""
    axes = dict(result.axes)
    if 0 in axes.get("batch_size", ()):
        axes["batch_size"] = np.array([str(size or "full") for size in axes["batch_size"].tolist()])
    axes["seed"] = result.seeds
    if result.folds:
        axes |= result.subset_values or {fold_name(result): np.arange(result.folds)}
    return axes


def fold_name(result):
    """The name of the axis of folds or subsets, which figures know as "fold" too."""
    return next(iter(result.subset_values), "subset" if "settings" in result.config else "fold")


def parts_of(result):
    return list(dict.fromkeys(["train", result.ranked_by.partition("_")[0]]))


def metrics_of(result):
    """The loss and another metric: the one that ranks, or the first."""
    first = next(iter(result.metrics))
    metric = result.ranking_metric
    return [first, metric] if metric != first else list(result.metrics)[:2]


def cell_text(result, cell):
    """A cell as captions and legends name it, without a penalty where a sweep has none."""
    values = result.axes_at(cell)
    if not result.axes["l2"].any():
        del values["l2"]
    return describe(values)


def curve_texts(result, cells):
    """Cells as legends of curves name them, with what became of them."""
    best = best_of(result)
    diverged = [" (div)" * bool((result.diverged_at[cell] >= 0).any()) for cell in cells]
    marks = [" (best)" * (cell == best) + mark for cell, mark in zip(cells, diverged, strict=True)]
    return [cell_text(result, cell) + mark for cell, mark in zip(cells, marks, strict=True)]


def numbers_of(result):
    """Name -> number on its axis of each cell, in C order."""
    shape = result.cell_shape
    places = np.indices(shape).reshape(len(shape), -1)
    return {name: places[min(i, len(shape) - 1)] for i, name in enumerate(result.axes)}


def cells_shown(result, cells):
    if cells is None:
        return default_cells(result)
    return list(np.ndindex(*result.cell_shape)) if cells == "all" else cells


def chosen_at(result, names, at):
    """Name -> number, "mean" or "best" on each axis of a grid but those shown; not of seeds averaged over."""
    best = best_of(result) or (0,) * len(result.axes)
    at = dict.fromkeys(result.axes, at) if isinstance(at, str) else at or {}
    chosen = dict(zip(result.axes, best, strict=True)) | at
    runs = {name for name, number in chosen.items() if name not in result.axes and number == "mean"}
    return {name: number for name, number in chosen.items() if name not in {*names, *runs}}


def members_at(result, members, shown, at):
    """Numbers of members at a place of a grid, and the names of their axes: all that are not fixed."""
    names = list(axes_of(result))
    fixed = {name: number for name, number in (at | shown).items() if not isinstance(number, str)}
    at_best = [name for name in names if at.get(name) == "best"]
    costs = costs_of(result)
    found = []
    for places in itertools.product(*(range(len(result.axes[name])) for name in at_best)):
        here = fixed | dict(zip(at_best, places, strict=True))
        index = tuple(here.get(name, slice(None)) for name in names)
        found.append((costs[index[: costs.ndim]].mean(), members[index]))
    numbers = min(found, key=lambda each: each[0])[1]  # of equals the first
    return numbers, [name for name in names if name not in here]


def values_at(result, score, shown, at):
    """Values of a score at a place of a grid over seeds and folds ``[S]`` or ``[S, F]``."""
    values, names = members_at(result, result.scores[score], shown, at)
    values = values.mean(axis=tuple(i for i, name in enumerate(names) if name in result.axes))
    return values if "seed" in names else values[None]


def statistics_of(points, score, interval, missing):
    """Statistics ``[points]`` of values ``[S]`` or ``[S, F]`` of each, of any numbers of seeds and folds."""
    found = []
    for values in points:
        seeds, *folds = values.shape
        one = make_sampled(1, seeds=seeds, folds=(*folds, None)[0], classes="r2" not in score)
        one = with_scores(one, {score: values[None]})
        found.append(analysis.cell_statistics(one, score, interval, missing))
    return analysis.CellStatistics(*map(np.concatenate, zip(*found, strict=True)))


def centre_and_ends(panel, statistics, interval, members):
    """A statistic and its ends; where no point has more than two runs, these; and a title says so."""
    has_interval = statistics.n.max() > 2
    title = panel.get_title()
    assert (title == "one run") == (members == 1)
    assert members == 1 or ("95%" in title) == has_interval == ("both" not in title)
    ends = (statistics.low, statistics.high) if has_interval else statistics.both()
    return np.stack([getattr(statistics, interval or "mean"), *ends])


@strategies.composite
def slices(draw, result, count):
    """Names of axes of a grid, and what is done with the others."""
    axes = axes_of(result)
    names = tuple(draw(strategies.permutations(list(axes)))[:count])
    at = {}
    for name in [name for name in axes if name not in names]:
        words = [None, "mean"] + ["best"] * (name in result.axes)
        numbers = [*range(len(axes[name]))]
        number = draw(strategies.sampled_from(words) | strategies.sampled_from(numbers))
        at |= {} if number is None else {name: number}
    return names, draw(strategies.sampled_from([None, at, at, "mean", "best"]))


@strategies.composite
def statistics(draw, result, shares_rows):
    """A score, its statistic, what stands for missing runs; few of folds of one seed, which share rows."""
    interval = draw(strategies.sampled_from([None, "mean"] + ["median", "iqm"] * (not shares_rows)))
    missing = draw(strategies.sampled_from(["nan", "nan", 0.5] + ["omit"] * (not shares_rows)))
    return {"score": draw(scores(result)), "interval": interval, "missing": missing}


@strategies.composite
def baselines(draw):
    """No other models, or some by name: numbers, or several of each."""
    rng = draw(generators)
    size = draw(strategies.sampled_from([0.01, 1.0, 1e4]))
    several = {f"model {i}": (size * rng.random(n)).tolist() for i, n in enumerate([2, 5, 3])}
    return draw(strategies.sampled_from([None, None, {}, {"ridge": 0.5 * size, **several}]))


def check_baselines(figure, result, given):
    """Each other model has a line in its band, and a name in the legend; the lines are returned."""
    panel = figure.axes[0]
    lines = {line.get_label(): line for line in panel.get_lines()}
    bands = [band.get_bbox().extents[[1, 3]] for band in panel.patches]
    low, high = panel.get_ylim()
    for name, score in (given or {}).items():
        values = np.atleast_1d(score)
        count = len(values)
        assert_allclose(lines[name].get_ydata(), values.mean())
        is_seen = low <= values.mean() <= high
        assert name in legend_of(figure) and (name in caption_of(figure)) == (not is_seen)
        if count > 2:
            # Folds of one seed share rows: Nadeau and Bengio's factor.
            factor = 1 + count / (count - 1) if result.folds == count and result.seeds.size == 1 else 1
            half = stats.t.ppf(0.975, count - 1) * stats.sem(values) * np.sqrt(factor)
            assert_allclose(bands.pop(0), [values.mean() - half, values.mean() + half])
    assert not bands
    return [lines[name] for name in given or {}]


def scores(result):
    return strategies.sampled_from([None, *result.scores])


def cells(result):
    """No cells, all of them, or a few."""
    indices = strategies.tuples(*(strategies.integers(0, length - 1) for length in result.cell_shape))
    some = strategies.lists(indices, min_size=1, max_size=4, unique=True)
    return strategies.none() | strategies.just("all") | some if result.cell_shape else strategies.none()


def check_caption(caption, result, chosen):
    """A caption says where on the axes that are not shown a figure is."""
    for name, number in chosen.items():
        values = axes_of(result)[name]
        if not isinstance(number, str):
            has_none = name == "l2" and not values.any()
            assert has_none or describe({name: values[number].item()}) in caption
        else:
            assert len(values) == 1 or (axis_text(name) if number == "best" else f"axis {name}") in caption


def check_ticks(axis, values, places=None):
    """Labels of an axis say the values at their places: all, or of many some or the round ones between.

    Without ``places`` the values are their own, which have no label where these have no space.
    """
    labels = labels_of(axis)
    is_own = places is None
    places = values if is_own else places
    order = np.argsort(places)
    if values.dtype.kind == "U":
        assert all(text == values[list(places).index(place)] for place, text in labels.items())
    elif not is_own or len(set(places.tolist())) <= MOST_TICKS:
        with np.errstate(divide="ignore", invalid="ignore"):
            logarithms = np.log(values[order])
        for place, text in labels.items():
            known = np.interp(place, places[order], values[order])
            known = known, np.exp(np.interp(place, places[order], logarithms))
            exact = dict(rtol=6e-3 if place in places else 1e-6, atol=1e-12)
            assert (is_own and not text) or np.isclose(float(text), known, **exact).any()
    assert len(places) > MOST_NAMED or sorted(labels) == sorted(set(places.tolist()))
    assert len(set(places.tolist())) <= MOST_TICKS or 1 < len(labels) <= MOST_WORDS


def check_map(panel, expected, rows):
    """A map has these values, also in words where there is room, with those of its rows beside it."""
    assert_allclose(image_of(panel), expected, rtol=1e-9, atol=1e-12)
    (image,) = panel.images
    assert_allclose(image.cmap.get_bad()[:3], to_rgb(GREY))
    written = written_in(panel)
    assert written.keys() == set(np.ndindex(expected.shape)) or (not written and max(expected.shape) > 7)
    for place, text in written.items():
        value = expected[place]
        behind = image.to_rgba(value) if np.isfinite(value) else to_rgb(GREY)
        assert contrast(to_rgb(text.get_color()), behind) > 3
        if np.isfinite(value):
            decimals = len(text.get_text().partition(".")[2])
            rounding = 0.051 * abs(value) if "e" in text.get_text() else 0.51 * 10.0**-decimals
            assert abs(float(text.get_text()) - value) <= rounding
        else:
            assert text.get_text() == "div"
    numbers = [text.get_text() for text in written.values() if text.get_text() not in ("div", "0")]
    assert len({"e" if "e" in number else len(number.partition(".")[2]) for number in numbers}) <= 1
    check_in_cells(panel)
    hatched = boxes_of(panel, filled=True)
    assert hatched.keys() == {place for place in written if not np.isfinite(expected[place])}
    assert all(box.get_hatch() for box in hatched.values())
    check_ticks(panel.yaxis, rows, np.arange(len(rows)))


def check_frame(figure, axes, titles, label):
    """The panels of a map, which are returned, its axes and its bar of colours are named."""
    *panels, bar = figure.axes
    down, across = axes
    assert [panel.get_title() for panel in panels] == titles
    assert figure.get_supylabel() == axis_label(down) and panels[-1].get_xlabel() == axis_label(across)
    assert bar.get_xlabel() == label
    check_ticks(panels[-1].xaxis, axes[across], np.arange(len(axes[across])))
    return panels


@strategies.composite
def heat_maps(draw):
    """Any two axes of a grid, the others averaged over, fixed, or each at its best."""
    result = draw(results(kinds=(*["grid"] * 3, *["programs"] * 4, "cells", "single")))
    if not result.cell_shape or not result.crossed or draw(strategies.booleans()):
        return {"result": result}
    names, at = draw(slices(result, 2))
    if draw(strategies.booleans()):
        names = tuple("fold" if name == fold_name(result) else name for name in names)
    return {"result": result, "axes": names, "at": at, "score": draw(scores(result))}


def check_heat_map(figure, result, axes=("learning_rate", "l2"), at=None, score=None):
    axes = [fold_name(result) if name == "fold" else name for name in axes]
    at = chosen_at(result, axes, at)
    metric = result.ranking_metric
    shown = [score] if score else [f"{part}_{metric}" for part in parts_of(result)]
    values = {name: axes_of(result)[name] for name in axes}
    titles = [name_text(name) for name in shown]
    panels = check_frame(figure, values, titles, metric_text(shown[0].partition("_")[2]))
    best = best_of(result)
    index = dict(zip(result.axes, best, strict=True)) if best else {}
    is_shown = index.keys() >= set(axes) and all(at.get(n, i) in (i, "best") for n, i in index.items())
    expected = np.empty([len(each) for each in values.values()])
    places = {place: dict(zip(axes, place, strict=True)) for place in np.ndindex(expected.shape)}
    stopped = {p for p in places if (members_at(result, result.stopped_at, places[p], at)[0] >= 0).any()}
    caption = caption_of(figure)
    check_caption(caption, result, at)
    for panel, name in zip(panels, shown, strict=True):
        for place in places:
            expected[place] = values_at(result, name, places[place], at).mean()
        check_map(panel, expected, values[axes[0]])
        assert marked_in(panel) == ([tuple(index[name] for name in axes)] if is_shown else [])
        written = written_in(panel)
        slanted = {place for place, text in written.items() if text.get_fontstyle() == "italic"}
        assert slanted == {place for place in stopped & written.keys() if np.isfinite(expected[place])}
        assert ("italics" in caption) == bool(written and stopped)
        assert written or np.isfinite(expected).all() or "grey: diverged" in caption
    assert best is None or cell_text(result, best) in caption
    assert ("not shown" in caption) == (best is not None and not is_shown)


@strategies.composite
def array_maps(draw):
    """Arrays of any numbers, one or several by title, with axes of numbers or words."""
    rng = draw(generators)
    shape = draw(strategies.tuples(*[strategies.sampled_from([1, 2, 5, 14, 30, 200])] * 2))
    axes = VALUES | {"words": lambda rng, n: np.array([f"{i} word" for i in range(n)])}
    arrays = {
        "normal": lambda rng, shape: rng.normal(size=shape),
        "whole": lambda rng, shape: rng.integers(-3, 3, shape),
        "booleans": lambda rng, shape: rng.random(shape) < 0.5,
        "none": lambda rng, shape: np.full(shape, np.nan),
    }
    arrays |= UNITS
    values = arrays[draw(strategies.sampled_from(sorted(arrays)))](rng, shape)
    if draw(strategies.booleans()):
        values = np.where(rng.random(shape) < 0.2, np.inf, values)
    names = zip(("a", "own axis"), shape, strict=True)
    return {
        "values": values if draw(strategies.booleans()) else {"first": values, "second": values[::-1]},
        "axes": {name: axes[draw(strategies.sampled_from(sorted(axes)))](rng, n) for name, n in names},
        "label": "number",
        "higher_is_better": draw(strategies.booleans()),
    }


def check_array_map(figure, values, axes, label, higher_is_better):
    maps = values if isinstance(values, dict) else {"": values}
    panels = check_frame(figure, axes, list(maps), label)
    for panel, array in zip(panels, maps.values(), strict=True):
        check_map(panel, np.where(np.isfinite(array), array, np.nan).astype(float), axes["a"])
        assert not marked_in(panel)


def places_of(name, values):
    """Where values of an axis lie: numbers, and names that are widths, at themselves; words at 0, 1, …"""
    is_width = name == "network" and all(text.isdecimal() for text in values.tolist())
    return values.astype(float) if values.dtype.kind != "U" or is_width else np.arange(len(values))


def check_along(panel, name, values):
    """A panel says what its axis is, and few values of it; their places are returned."""
    places = places_of(name, values)
    assert panel.get_xlabel() == axis_label(name)
    check_ticks(panel.xaxis, *((values, places) if places.dtype.kind == "i" else [places]))
    return places


@strategies.composite
def axis_curves(draw):
    """A score along any axis, in a grid also with a curve for each value of another."""
    result = draw(results(most=100))
    if not result.cell_shape:
        return {"result": result, "axis": "l2"}
    if not result.crossed:
        shares_rows = bool(result.folds) and result.seeds.size == 1
        further = draw(strategies.sampled_from([{}, {}, {"by": "l2"}, {"at": {"l2": 0}}]))
        axis = draw(strategies.sampled_from(list(result.axes)))
        others = {"baselines": draw(baselines())}
        return {"result": result, "axis": axis} | further | others | draw(statistics(result, shares_rows))
    (axis, *by), at = draw(slices(result, draw(strategies.integers(1, 2))))
    fixed = {axis, *by, *chosen_at(result, (axis, *by), at)}
    has_one_seed = result.seeds.size == 1 or "seed" in fixed
    shares_rows = bool(result.folds) and fold_name(result) not in fixed and has_one_seed
    names = {"axis": axis, "by": by[0] if by else None, "baselines": draw(baselines())}
    return {"result": result, "at": at} | names | draw(statistics(result, shares_rows))


def check_axis_curves(
    figure, result, axis, by=None, at=None, score=None, interval=None, missing="nan", baselines=None
):
    name = score or result.ranked_by
    panel, *bars = figure.axes
    if result.crossed:
        names = [axis] if by is None else [axis, by]
        # Of each axis its values, and the numbers of each; subsets may have the same.
        known = [axes_of(result)[each].tolist() for each in names]
        numbers = [[np.flatnonzero(np.equal(each, v)) for v in dict.fromkeys(each)] for each in known]
        at = chosen_at(result, names, at)
        check_caption(caption_of(figure), result, at)
        points = []
        for place in itertools.product(*numbers):  # of several subsets each is a run, averaged over its seeds
            each = [dict(zip(names, one, strict=True)) for one in itertools.product(*place)]
            runs = [values_at(result, name, one, at) for one in each]
            points.append(runs[0] if len(runs) == 1 else np.reshape(runs, (len(runs), -1)))
        distinct = np.array(list(dict.fromkeys(known[0])))
        shape = list(map(len, numbers))
        places = check_along(panel, axis, distinct)
    else:
        shape = [len(numbers_of(result)[axis])]
        members = result.scores[name].reshape(*shape, *result.scores[name].shape[len(result.cell_shape) :])
        points = list(members)
        places = check_along(panel, axis, axes_of(result)[axis])[numbers_of(result)[axis]]
    found = statistics_of(points, name, interval, missing)
    found = centre_and_ends(panel, found, interval, max(values.size for values in points))
    found = found.reshape(3, shape[0], -1)
    order = np.argsort(places, kind="stable")
    # Curves over words stand side by side, at most half-way to the next word, and in their order.
    is_spread = places.dtype.kind == "i" and by is not None and found.shape[-1] > 1
    shifts = np.array([points_of(each)[0][0] - places[order][0] for each in panel.containers]) * is_spread
    assert (np.diff(shifts) > 0).all() == (is_spread or len(shifts) == 1) and (abs(shifts) < 0.5).all()
    for curve, container in enumerate(panel.containers):
        x, *drawn = points_of(container)
        assert_allclose(x, places[order] + shifts[curve], atol=1e-12)
        centre, low, high = found[:, order, curve]
        expected = centre, np.minimum(low, centre), np.maximum(high, centre)
        assert_allclose(drawn, expected, rtol=1e-6, atol=1e-12)
    assert panel.get_ylabel() == name_text(name) and len(panel.containers) == found.shape[-1]
    caption = caption_of(figure)
    missed = np.isnan(found[0]).sum()
    others = [line.get_label() for line in check_baselines(figure, result, baselines)]
    assert ("not shown" in caption) == (missed > 0)
    assert caption.count("(div)") == (missed if missed <= MOST_NAMED else 0)
    low, high = panel.get_ylim()
    hidden = any(other in caption for other in others)
    assert hidden or ("out of sight" in caption) == bool(((found[0] < low) | (found[0] > high)).any())
    curves = list(dict.fromkeys(known[-1])) if by else []
    is_named = len(curves) <= MOST_NAMED
    assert legend_of(figure) == [*others, *[describe({by: value}) for value in curves] * is_named]
    assert [bar.get_xlabel() for bar in bars] == [axis_label(by or "")] * (not is_named)


@strategies.composite
def curves_of_cells(draw, with_statistics):
    """Histories of any cells."""
    result = draw(results(most=50))
    arguments = {"result": result, "cells": draw(cells(result))}
    shares_rows = bool(result.folds) and result.seeds.size == 1
    if not with_statistics:
        return arguments
    return arguments | {"baselines": draw(baselines())} | draw(statistics(result, shares_rows))


def check_omitted(figure, result, cells):
    """The caption of curves says what the default leaves out."""
    omitted = left_out(result) if cells is None else ""
    assert ("not shown: " in caption_of(figure)) == bool(omitted) and omitted in caption_of(figure)


def check_loss_curves(figure, result, cells=None):
    shown = cells_shown(result, cells)
    metrics = metrics_of(result)
    assert [panel.get_ylabel() for panel in figure.axes] == [metric_text(name) for name in metrics]
    parts = parts_of(result)
    for panel, name in zip(figure.axes, metrics, strict=True):
        assert all(part in panel.get_title() for part in parts)
        curves = list(itertools.product(shown, parts))
        for line, (cell, part) in zip(panel.get_lines(), curves, strict=True):
            history = result.history[f"{part}_{name}"][cell]
            expected = history.reshape(-1, history.shape[-1]).mean(axis=0)
            assert_allclose(line.get_ydata(), expected, rtol=1e-9)
            assert_array_equal(line.get_xdata(), result.evaluations)
            assert line.get_linestyle() == ("-" if part == "train" else "--")
    assert legend_of(figure) == curve_texts(result, shown)
    assert figure.axes[-1].get_xlabel() == "epochs"
    check_omitted(figure, result, cells)


def check_interval_curves(
    figure, result, cells=None, score=None, interval=None, missing="nan", baselines=None
):
    others = check_baselines(figure, result, baselines)
    shown = cells_shown(result, cells)
    name = score or result.ranked_by
    panel, *bars = figure.axes
    statistics = analysis.curve_statistics(result, name, interval, missing)
    found = centre_and_ends(panel, statistics, interval, result.diverged_at[shown[0]].size)
    found = {cell: found[:, *cell] for cell in shown}
    best = best_of(result)
    drawn = [line for line in panel.get_lines() if line not in others]
    others = [line.get_label() for line in others]
    for line, cell in zip(drawn, shown, strict=True):
        assert_array_equal(line.get_xdata(), result.evaluations)
        assert_allclose(line.get_ydata(), found[cell][0], rtol=1e-7, atol=1e-12)
    banded = [cell for cell in shown if len(shown) <= MOST_BANDS or cell == best]
    for band, cell in zip(panel.collections, banded, strict=True):
        expected = np.where(np.isnan(found[cell][1:]).any(axis=0), np.nan, found[cell][1:])
        assert_allclose(band_of(band, result.evaluations), expected, rtol=1e-6, atol=1e-12)
    names = curve_texts(result, shown)
    if len(shown) <= MOST_NAMED:
        assert legend_of(figure) == names + others and not bars
    else:  # colours are the axis that varies most
        columns = {axis: values.tolist() for axis, values in result.cells.columns().items()}
        varied = max(columns, key=lambda axis: len(set(columns[axis])))
        assert [bar.get_xlabel() for bar in bars] == [axis_label(varied)] * (len(set(columns[varied])) > 1)
        lines = zip(columns[varied], drawn, shown, strict=True)
        colours = {(value, tuple(line.get_color())) for value, line, cell in lines if cell != best}
        assert not bars or len(colours) == len({value for value, _ in colours})
        assert legend_of(figure) == [each for each in names if "(best)" in each] + others
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("epochs", name_text(name))
    check_omitted(figure, result, cells)
    low, high = panel.get_ylim()
    lines = [found[cell][0] for cell in shown]
    is_hidden = [np.isfinite(y).any() and not ((y >= low) & (y <= high)).any() for y in lines]
    hidden = any(other in caption_of(figure) for other in others)
    assert hidden or ("out of sight" in caption_of(figure)) == any(is_hidden)


def check_scatter(figure, result):
    columns = result.cells.columns()
    names = [name for name, values in columns.items() if len(set(values.tolist())) > 1] or ["learning_rate"]
    bars = [axis_label("learning_rate")] * bool(np.ptp(columns["learning_rate"]))
    assert [panel.get_xlabel() for panel in figure.axes] == [*map(axis_label, names), *bars]
    assert figure.axes[0].get_ylabel() == name_text(result.ranked_by)
    count = int(np.prod(result.cell_shape))
    scores = result.scores[result.ranked_by].reshape(count, -1).mean(axis=1)
    is_pruned = result.pruned.reshape(count, -1).any(axis=1)
    is_known = np.isfinite(scores)
    best = best_of(result)
    ring = [] if best is None else [np.ravel_multi_index(best, result.cell_shape)]
    for panel, name in zip(figure.axes, names, strict=False):
        x = columns[name]
        if name == "batch_size" or x.dtype.kind == "U":  # not numbers, but a place for each
            words = axes_of(result)[name].astype(str)
            check_ticks(panel.xaxis, words, np.arange(len(words)))
            x = numbers_of(result)[name]
        else:
            check_ticks(panel.xaxis, x)
        shown = is_known & ~is_pruned, is_known & is_pruned, *[ring] * len(ring)
        assert len(panel.collections[1].get_facecolors()) == 0
        for points, at in zip(panel.collections, shown, strict=True):
            assert_allclose(points.get_offsets(), np.stack([x[at], scores[at]], axis=1))
        (crosses,) = panel.lines
        assert_array_equal(crosses.get_xdata(), x[~is_known])
    caption = caption_of(figure)
    lines = {round(panel.get_position().y0, 3) for panel in figure.axes[: len(names)]}
    assert len(lines) == -(-len(names) // 2)  # two panels beside each other
    assert f"{count} cells" in caption and (best is None or cell_text(result, best) in caption)
    assert (f"crosses: {(~is_known).sum()} diverged" in caption) == (not is_known.all())
    assert ("hollow: pruned" in caption) == (is_known & is_pruned).any()
    low, high = figure.axes[0].get_ylim()
    assert ("out of sight" in caption) == bool(((scores < low) | (scores > high)).any())


@strategies.composite
def histograms(draw):
    """Members of cells, a panel for each."""
    result = draw(results(kinds=("grid", "cells", "single"), most=12))
    return {"result": result, "score": draw(scores(result)), "cells": draw(cells(result))}


def spread_of(result, score, cells):
    """The cells of a histogram, and the scores of each that its members have."""
    best = best_of(result)
    shown = [best] if cells is None and best else cells_shown(result, cells or "all")
    values = [result.scores[score or result.ranked_by][cell] for cell in shown]
    return shown, [each[np.isfinite(each)] for each in values]


def check_histogram(figure, result, score, cells):
    shown, known = spread_of(result, score, cells)
    first = heights_of(figure.axes[0])[1]
    for panel, values, cell in zip(figure.axes, known, shown, strict=True):
        heights, edges = heights_of(panel)
        assert_allclose(edges, first)
        assert len(heights) == BINS and heights.sum() == len(values)
        space = 1e-9 * np.ptp(edges)  # what is so near to an edge may be on either side of it
        low, high = (np.searchsorted(edges, values + by, "right") for by in (-space, space))
        for bar, height in enumerate(heights, 1):
            assert ((low == bar) & (high == bar)).sum() <= height <= ((low <= bar) & (bar <= high)).sum()
        title = in_a_line(panel.get_title())
        said = f"mean {values.mean():.4g}, sd {values.std(ddof=1):.2g} of {len(values)}"
        assert title == f"{cell_text(result, cell)}: {said}"
    every = len(shown) * result.diverged_at[shown[0]].size
    missing = every - sum(map(len, known))
    assert (f"not shown: {missing} of {every}" in caption_of(figure)) == (missing > 0)
    assert figure.axes[-1].get_xlabel() == name_text(score or result.ranked_by)


@strategies.composite
def decompositions(draw):
    """Predictions of any axes, of numbers or labels, with truth or without, some of which are missing."""
    rng = draw(generators)
    lengths = draw(strategies.lists(strategies.sampled_from([1, 2, 5, 12, 30]), max_size=2))
    draws = draw(strategies.sampled_from([2, 3, 10]))
    truth = draw(strategies.sampled_from([None, "known"]))
    if draw(strategies.booleans()):
        predictions = rng.integers(0, 3, (*lengths, draws, 6))
        targets = rng.integers(0, 3, 6)
        lacking = -1
    else:
        size = 10.0 ** draw(strategies.integers(-4, 4))
        predictions = size * (UNITS[draw(strategies.sampled_from(list(UNITS)))](rng, (*lengths, draws, 6)))
        targets = size * rng.random(6)
        lacking = np.nan
    share = draw(strategies.sampled_from([0.0, 0.0, 0.1, 1.0]))
    predictions[rng.random((*lengths, draws)) < share] = lacking
    axes = {}
    names = ["network", "l2"]
    for name, length in zip(names, lengths, strict=False):
        kinds = (
            VALUES if name == "l2" else {"words": lambda rng, n: np.array([f"{i}-relu" for i in range(n)])}
        )
        axes[name] = kinds[draw(strategies.sampled_from(list(kinds)))](rng, length)
    shown = truth and rng.permutation(targets)
    missing = draw(strategies.sampled_from(["nan", "omit"]))
    parts = analysis.bias_variance_of(predictions, targets, truth=shown, axes=axes, missing=missing)
    axis = draw(strategies.sampled_from([None, *axes]))
    others = [name for name in axes if name != axis]
    at = {others[0]: len(axes[others[0]]) - 1} if axis and others and draw(strategies.booleans()) else None
    return {"parts": parts, "axis": axis, "at": at}


def check_bias_variance(figure, parts, axis=None, at=None):
    (panel,) = figure.axes
    lengths = {name: len(values) for name, values in parts.axes.items()}
    axis = axis or max(lengths, key=lengths.get)
    costs = np.where(np.isfinite(parts.error), parts.error, np.inf)
    index = dict(zip(lengths, np.unravel_index(costs.argmin(), costs.shape), strict=True)) | (at or {})
    cut = tuple(slice(None) if name == axis else index[name] for name in lengths)
    places = check_along(panel, axis, parts.axes[axis])
    order = np.argsort(places, kind="stable")
    lacks = np.isnan(parts.error[cut][order])
    drawn = {line.get_label(): line for line in panel.get_lines()}
    fields = {"error": "error", "bias²": "bias", "bias": "bias", "variance": "variance", "noise": "noise"}
    fields["net variance"] = "variance"
    assert legend_of(figure) == list(drawn) and {"error"} < set(drawn)
    assert ("noise" in drawn) == bool((parts.noise[cut][~np.isnan(parts.error[cut])] != 0).any())
    for name, line in drawn.items():
        assert_array_equal(line.get_xdata(), places[order])
        expected = getattr(parts, fields[name])[cut][order]
        assert_array_equal(line.get_ydata(), np.where(lacks, np.nan, expected))
    bands = [fields[name] for name in drawn if name != "noise"]
    for name, band in zip(bands, panel.collections, strict=True):
        ends = np.stack([end[name][cut][order] for end in (parts.low, parts.high)])
        assert_allclose(band_of(band, places[order]), ends, rtol=1e-9, atol=1e-12)
    caption = caption_of(figure)
    assert ("not shown" in caption) == lacks.any()
    assert ("draws" in caption) == (not lacks.all())
    for name, number in index.items():
        if name != axis and lengths[name] > 1:
            assert in_a_line(describe({name: parts.axes[name][number]})) in caption


def refused(name, result=None, score=None, cells=None, by=None, at=None, **options):
    """Names of arguments by one of which a call of a figure is refused, if it is."""
    if "parts" in options:
        return [] if options["parts"].axes else ["parts"]
    if result is None:
        return []
    is_sweep = result.cell_shape or name == "loss_curves"
    has_curves = len(result.evaluations) or name not in ("loss_curves", "interval_curves")
    if not is_sweep or not has_curves or (name == "heat_map" and not result.crossed):
        return ["result"]
    if name == "histogram" and min(map(len, spread_of(result, score, cells)[1])) < 2:
        return ["cells"]
    is_listed = name == "axis_curves" and not result.crossed
    return ["by"] * (is_listed and by is not None) or ["at"] * (is_listed and at is not None)


# Name of a public figure -> what it is called with, and the function that reads it: (figure, **arguments).
FIGURES = {
    "array_map": (array_maps(), check_array_map),
    "axis_curves": (axis_curves(), check_axis_curves),
    "bias_variance": (decompositions(), check_bias_variance),
    "heat_map": (heat_maps(), check_heat_map),
    "histogram": (histograms(), check_histogram),
    "interval_curves": (curves_of_cells(True), check_interval_curves),
    "loss_curves": (curves_of_cells(False), check_loss_curves),
    "scatter": (results().map(lambda result: {"result": result}), check_scatter),
}
