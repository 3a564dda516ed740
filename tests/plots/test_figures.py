"""Figures show the numbers of a result with their names, and mark the best and the diverged cells."""

import subprocess
import sys
from unittest import mock

import numpy as np
import pytest
from helpers import complaint, make_programs, make_result, make_sampled, make_single, refusal
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.testing import assert_allclose
from reading import (
    band_of,
    bars_of,
    caption_of,
    check_readable,
    contrast,
    hatched_in,
    heights_of,
    image_of,
    in_a_line,
    labels_of,
    legend_of,
    marked_in,
    written_in,
)
from scipy import stats

from jfnn import analysis, plots
from jfnn.arguments.texts import describe
from jfnn.plots.curves import default_cells, left_out

pytestmark = pytest.mark.unoptimized

MOMENTUM = {"momentum": np.array([0.9, 0.0])}.items()


def interval_of(result, score=None, statistic="mean"):
    found = analysis.cell_statistics(result, score, statistic)
    return np.array([getattr(found, statistic), found.low, found.high])


def test_heat_map_shows_means_over_seeds_and_marks_best_diverged_and_stopped_cells():
    result = make_result((2, 3), diverged=[(0, 1, 0)])
    result.stopped_at[1, 0, 1] = 4
    result.test_accuracy[1, 2] = 0.99, 0.97
    figure = plots.heat_map(result)
    train, test, bar = figure.axes
    for panel, scores in ((train, result.train_accuracy), (test, result.test_accuracy)):
        means = scores.mean(axis=-1)
        assert_allclose(image_of(panel), means)
        written = written_in(panel)
        assert {place: text.get_text() for place, text in written.items()} == {
            place: "div" if place == (0, 1) else f"{mean:.3f}" for place, mean in np.ndenumerate(means)
        }
        assert hatched_in(panel) == [(0, 1)] and marked_in(panel) == [(1, 2)]
        assert [place for place in written if written[place].get_fontstyle() == "italic"] == [(1, 0)]
        (image,) = panel.images
        for place, text in written.items():
            behind = to_rgb("0.9") if place == (0, 1) else image.to_rgba(means[place])
            assert contrast(to_rgb(text.get_color()), behind) > 3
        assert labels_of(panel.yaxis) == {0: "1e-5", 1: "10"}
    assert labels_of(test.xaxis) == {0: "1e-5", 1: "0.01", 2: "10"}
    assert (train.get_title(), test.get_title()) == ("train accuracy", "test accuracy")
    names = figure.get_supylabel(), test.get_xlabel(), bar.get_xlabel()
    assert names == ("learning rate η", "L2 penalty λ", "accuracy")
    said = "mean of 2 seeds; best test accuracy 0.980 at η = 10, λ = 10; italics: stopped before the end"
    assert caption_of(figure) == said


def test_heat_map_of_two_axes_fixes_averages_or_ranks_the_others():
    result = make_result((2, 3), seeds=3, further=MOMENTUM)
    result.test_accuracy[1, 2, 1] = 0.99
    ranked = result.test_accuracy.mean(axis=-1)
    loss = result.train_loss
    best = np.take_along_axis(loss.mean(axis=-1), ranked.argmax(axis=0)[None], axis=0)[0]
    # Axes shown, treatment of the others, the numbers, the place of the best cell, and a part of the caption.
    for axes, at, numbers, marked, said in (
        (("l2", "learning_rate"), {"momentum": 1}, loss[:, :, 1].mean(-1).T, [(2, 1)], "momentum = 0;"),
        (("l2", "learning_rate"), {"momentum": 0}, loss[:, :, 0].mean(-1).T, [], "momentum = 0.9;"),
        (("momentum", "l2"), "mean", loss.mean((0, -1)).T, [], "3 seeds and the axis learning_rate"),
        (("l2", "momentum"), "best", best, [(2, 1)], "each at its best η"),
        (("l2", "seed"), {"learning_rate": 0, "momentum": "mean"}, loss[0].mean(1), [], "η = 1e-5"),
        (("l2", "momentum"), {"seed": 1, "learning_rate": 0}, loss[0, ..., 1], [], "η = 1e-5, seed = 1"),
    ):
        figure = plots.heat_map(result, at, axes=axes, score="train_loss")
        panel, bar = figure.axes
        assert_allclose(image_of(panel), numbers)
        assert marked_in(panel) == marked and caption_of(figure).endswith("(not shown)") == (not marked)
        assert (panel.get_title(), bar.get_xlabel()) == ("train loss", "loss") and said in caption_of(figure)


def test_heat_map_of_many_cells_rings_the_best_and_grays_the_diverged_cells():
    result = make_result((12, 30), seeds=1, diverged=[(3, 4)])
    result.test_accuracy[5, 6] = 0.999
    figure = plots.heat_map(result)
    test = figure.axes[1]
    assert marked_in(test) == [(5, 6)] and not written_in(test) and "gray: diverged" in caption_of(figure)
    assert test.images[0].cmap.get_bad()[:3] == pytest.approx(to_rgb("0.9"))
    assert len(labels_of(test.yaxis)) == 12 and len(labels_of(test.xaxis)) < 20


def test_network_batch_size_and_fold_axes_have_readable_names():
    result = make_programs(("20", "10-10"), (50, 0), shape=(1, 1), folds=2)
    figure = plots.heat_map(result, axes=("network", "batch_size"), score="test_loss")
    assert_allclose(image_of(figure.axes[0]), result.test_loss.mean(axis=(-1, -2))[..., 0, 0])
    names = labels_of(figure.axes[0].yaxis), labels_of(figure.axes[0].xaxis)
    assert names == ({0: "20", 1: "10-10"}, {0: "50", 1: "full"})
    at = {"network": 0, "batch_size": 1}
    folds = plots.heat_map(result, at, axes=("fold", "seed"), score="test_loss")
    assert_allclose(image_of(folds.axes[0]), result.test_loss[0, 1, 0, 0].T)


def test_array_map_shares_one_scale_and_shows_nonfinite_values_as_diverged():
    values = np.array([[0.5, np.inf, -2], [1, 2, 3]])
    axes = {"a": [1, 2], "own axis": ["x", "y", "z"]}
    figure = plots.array_map({"first": values, "second": values == 1}, axes, "number")
    first, second, bar = figure.axes
    assert_allclose(image_of(first), np.where(np.isfinite(values), values, np.nan))
    assert_allclose(image_of(second), values == 1)
    assert first.images[0].get_clim() == second.images[0].get_clim() and hatched_in(first) == [(0, 1)]
    names = first.get_title(), second.get_title(), figure.get_supylabel(), second.get_xlabel()
    assert (*names, bar.get_xlabel()) == ("first", "second", "a", "own axis", "number")
    assert list(labels_of(second.xaxis).values()) == ["x", "y", "z"] and not marked_in(first)


def test_axis_curves_show_means_and_intervals_for_each_value_of_another_axis():
    result = make_result((2, 3), seeds=3, further=MOMENTUM, diverged=[(0, 1, 0, 2)])
    figure = plots.axis_curves(result, "l2", "train_loss", by="learning_rate", at={"momentum": 0})
    (panel,) = figure.axes
    expected = interval_of(result, "train_loss")[..., 0]
    assert_allclose(expected[0], result.train_loss[:, :, 0].mean(axis=-1))
    for container, curve in zip(panel.containers, expected.swapaxes(0, 1), strict=True):
        assert_allclose(bars_of(container), [result.l2, *curve], rtol=1e-6)
    assert legend_of(figure) == ["η = 1e-5", "η = 10"]
    names = panel.get_xlabel(), panel.get_ylabel(), panel.get_title()
    assert names == ("L2 penalty λ", "train loss", "mean over 3 seeds, 95% interval")
    assert labels_of(panel.xaxis) == {1e-5: "1e-5", 0.01: "0.01", 10.0: "10"}
    assert caption_of(figure) == "momentum = 0.9; not shown: λ = 0.01, η = 1e-5 (div)"


@pytest.mark.parametrize("interval", ["median", "iqm"])
def test_axis_curves_show_the_requested_statistics(interval):
    result = make_result((1, 3), seeds=6)
    result.test_accuracy[..., 0] = 0.0  # so that one end is further away than the other
    (panel,) = plots.axis_curves(result, "l2", interval=interval).axes
    expected = interval_of(result, statistic=interval)[:, 0]
    assert_allclose(bars_of(panel.containers[0])[1:], expected, rtol=1e-6)
    assert panel.get_title().startswith("interquartile mean" if interval == "iqm" else "median")


def test_error_bars_of_two_runs_reach_both_and_one_run_has_none():
    result = make_result((2, 1), seeds=2)
    (panel,) = plots.axis_curves(result, "learning_rate").axes
    both = result.test_accuracy[:, 0]
    assert_allclose(bars_of(panel.containers[0])[1:], [both.mean(-1), both.min(-1), both.max(-1)])
    assert panel.get_title() == "mean over 2 seeds, range"
    assert plots.axis_curves(make_result((2, 1), seeds=1), "l2").axes[0].get_title() == "one run"


def test_networks_are_sorted_by_numeric_names_and_spaced_evenly_otherwise():
    result = make_programs(("32", "8", "16"), shape=(1, 1), seeds=3)
    (panel,) = plots.axis_curves(result, "network").axes
    expected = interval_of(result)[:, [1, 2, 0], 0, 0]
    assert_allclose(bars_of(panel.containers[0]), [[8, 16, 32], *expected], rtol=1e-6)
    words = make_programs(("a", "b"), (50, 0), shape=(1, 1))
    (panel,) = (figure := plots.axis_curves(words, "network", by="batch_size")).axes
    (left, *_), (right, *_) = map(bars_of, panel.containers)
    assert (abs(left - [0, 1]) < 0.5).all() and (left < right).all()
    assert labels_of(panel.xaxis) == {0: "a", 1: "b"}
    assert legend_of(figure) == ["batch = 50", "batch = full"]


def test_subsets_of_equal_value_share_a_point_and_listed_cells_have_one_each():
    result = make_result((1, 1), folds=4)
    result.subset_values["rows"] = np.array([5, 9, 5, 5])
    (panel,) = plots.axis_curves(result, "rows").axes
    means = result.validation_accuracy[0, 0].mean(axis=0)  # each subset, averaged over seeds
    assert_allclose(bars_of(panel.containers[0])[:2], [[5, 9], [means[[0, 2, 3]].mean(), means[1]]])
    listed = make_sampled(5)
    (panel,) = plots.axis_curves(listed, "l2").axes
    expected = [listed.l2[::-1], listed.test_accuracy.mean(axis=-1)[::-1]]
    assert_allclose(bars_of(panel.containers[0])[:2], expected)


def test_baselines_are_named_lines_with_bands():
    result = make_result((2, 3), seeds=3, classes=False, history=2)
    others = {"ridge": 4e3, "svm": [5e3, 6e3, 8e3], "far": 1e12}
    for figure in (
        plots.axis_curves(result, "l2", baselines=others),
        plots.interval_curves(result, baselines=others),
    ):
        (panel,) = figure.axes
        lines = {line.get_label(): line.get_ydata()[0] for line in panel.get_lines()}
        assert (lines["ridge"], lines["svm"]) == (4e3, pytest.approx(19e3 / 3))
        (band,) = panel.patches
        half = stats.t.ppf(0.975, 2) * stats.sem(others["svm"])
        assert_allclose(band.get_bbox().extents[[1, 3]], [19e3 / 3 - half, 19e3 / 3 + half])
        assert set(others) <= set(legend_of(figure)) and "out of range: far" in caption_of(figure)


def test_loss_curves_are_means_that_end_where_a_member_diverged():
    result = make_result((3, 1), diverged=[(1, 0, 1)], history=4)
    for name in result.history:
        result.history[name][1, 0, 0] = 0.5
    result.history["train_loss"][1, 0, 1] = 3, 5, np.nan, np.nan
    result.test_accuracy[2, 0] = 0.99
    figure = plots.loss_curves(result)
    loss, accuracy = figure.axes
    for panel, metric in ((loss, "loss"), (accuracy, "accuracy")):
        expected = [(i, part) for i in range(3) for part in ("train", "test")]
        for line, (i, part) in zip(panel.get_lines(), expected, strict=True):
            mean = result.history[f"{part}_{metric}"][i, 0].mean(axis=0)
            assert_allclose(line.get_xydata(), np.stack([[1, 2, 3, 4], mean], axis=1))
            assert line.get_linestyle() == {"train": "-", "test": "--"}[part]
        assert panel.get_title() == f"{metric} (train solid, test dashed)"
    names = ["η = 1e-5, λ = 1e-5", "η = 0.01, λ = 1e-5 (div)", "η = 10, λ = 1e-5 (best)"]
    assert legend_of(figure) == names and (loss.get_ylabel(), accuracy.get_xlabel()) == ("loss", "epochs")
    some = plots.loss_curves(make_result((2, 3), history=4, diverged=[(0, 1, 0)]), [(0, 1), (1, 1)])
    assert legend_of(some)[0] == "η = 1e-5, λ = 0.01 (div)" and len(some.axes[0].get_lines()) == 4
    single = plots.loss_curves(make_single(history=3))
    assert len(single.axes[0].get_lines()) == 2


def test_interval_curves_show_means_and_interval_bands():
    result = make_result((2, 3), seeds=4, history=3)
    cells = [(0, 2), result.best().index]
    figure = plots.interval_curves(result, "train_loss", cells)
    (panel,) = figure.axes
    found = analysis.curve_statistics(result, "train_loss")
    for line, band, cell in zip(panel.get_lines(), panel.collections, cells, strict=True):
        mean = result.history["train_loss"][cell].mean(axis=0)
        assert_allclose(line.get_xydata(), np.stack([[1, 2, 3], mean], axis=1))
        assert_allclose(band_of(band, [1, 2, 3]), [found.low[cell], found.high[cell]], rtol=1e-6)
    assert legend_of(figure) == [
        describe(result.axes_at(cell)) + " (best)" * (cell != (0, 2)) for cell in cells
    ]
    names = panel.get_xlabel(), panel.get_ylabel(), panel.get_title()
    assert names == ("epochs", "train loss", "mean over 4 seeds, 95% interval")
    median = plots.interval_curves(result, cells="all", interval="median")
    drawn = [line.get_ydata() for line in median.axes[0].get_lines()]
    assert_allclose(drawn, np.median(result.history["test_accuracy"], axis=2).reshape(6, 3))


def test_many_interval_curves_have_a_band_for_the_best_and_colors_for_an_axis():
    result = make_result((12, 3), seeds=3, history=2)
    best = result.best().index
    figure = plots.interval_curves(result, cells="all")
    panel, bar = figure.axes
    assert legend_of(figure) == [describe(result.axes_at(best)) + " (best)"]
    assert bar.get_xlabel() == "learning rate η" and len(panel.collections) == 1
    colors = {}
    for line, cell in zip(panel.get_lines(), np.ndindex(12, 3), strict=True):
        if cell != best:
            colors.setdefault(cell[0], set()).add(tuple(line.get_color()))
    assert [len(each) for each in colors.values()] == [1] * 12 and len(set.union(*colors.values())) == 12


def test_default_curves_are_the_best_cell_and_others_in_order():
    result = make_result((12, 2), seeds=1, history=1, diverged=[(11, 1)])
    result.test_accuracy[4, 1] = 0.99
    cells = default_cells(result)
    assert len(cells) == 10 and (4, 1) in cells and cells == sorted(cells) and {j for _, j in cells} == {1}
    missing = [describe({"learning_rate": result.learning_rate[i]}) for i in range(12) if (i, 1) not in cells]
    (text,) = left_out(result)
    assert text.replace(" (div)", "") == f"not shown: {', '.join(missing)}"
    for figure in (plots.loss_curves(result), plots.interval_curves(result)):
        assert text in caption_of(figure)
    listed = make_sampled(12, history=1)
    ranks = [listed.order().index(cell) for cell in default_cells(listed)]
    assert ranks[0] == 0 and ranks[-1] == 11 and ranks == sorted(ranks) and len(ranks) == 6
    listed.history["train_loss"][(cell := default_cells(listed)[2])] = (
        np.nan
    )  # stopped before being evaluated
    assert cell not in default_cells(listed)


def test_histogram_has_the_members_of_each_cell_in_equal_bins():
    result = make_result((2, 2), seeds=9, diverged=[(1, 0, 3)])
    figure = plots.histogram(result, "train_loss", [(0, 1), (1, 0)])
    edges = heights_of(figure.axes[0])[1]
    for panel, cell in zip(figure.axes, [(0, 1), (1, 0)], strict=True):
        values = result.train_loss[cell]
        values = values[np.isfinite(values)]
        assert_allclose(heights_of(panel)[1], edges)
        assert heights_of(panel)[0].tolist() == np.histogram(values, edges)[0].tolist()
        said = f"mean {values.mean():.4g}, sd {np.std(values, ddof=1):.2g} of {len(values)}"
        assert in_a_line(panel.get_title()) == f"{describe(result.axes_at(cell))}: {said}"
        assert panel.get_ylabel() == "members"
    assert figure.axes[1].get_xlabel() == "train loss" and heights_of(figure.axes[1])[0].sum() == 8
    assert caption_of(figure) == "9 seeds; not shown: 1 of 18 members, without a score"
    (best,) = plots.histogram(result).axes
    assert in_a_line(best.get_title()).startswith(describe(result.best().axes))


def test_scatter_marks_best_diverged_and_stopped_cells():
    result = make_sampled(6, diverged=[(2, 0, 1)])
    result.test_accuracy[4] = 0.99, 0.97
    result.pruned[0] = True
    figure = plots.scatter(result)
    *panels, _ = figure.axes
    means = result.test_accuracy.mean(axis=-1)
    for panel, name in zip(panels, ("learning_rate", "l2"), strict=True):
        x = result.axes[name]
        filled, hollow, ring = (each.get_offsets() for each in panel.collections)
        assert_allclose(filled, np.stack([x, means], axis=1)[[1, 3, 4, 5]])
        assert_allclose(hollow, [[x[0], means[0]]])
        assert_allclose(ring, [[x[4], 0.98]])
        assert [len(each.get_facecolors()) for each in panel.collections] == [4, 0, 0]
        assert panel.get_lines()[0].get_xdata().tolist() == [x[2]]
    labels = [panel.get_xlabel() for panel in figure.axes]
    assert labels == ["learning rate η", "L2 penalty λ", "learning rate η"]
    assert panels[0].get_ylabel() == "test accuracy"
    said = f"best test accuracy 0.980 at {describe(result.best().axes)}; crosses: 1 diverged; hollow: pruned"
    assert caption_of(figure) == f"6 cells; mean of 2 seeds; {said}"


def test_scatter_places_networks_and_batch_sizes_by_name():
    result = make_programs(("b", "a"), (50, 0), make=make_sampled, n=2)
    panels = plots.scatter(result).axes
    assert [labels_of(panel.xaxis) for panel in panels[:2]] == [{0: "b", 1: "a"}, {0: "50", 1: "full"}]
    for panel, places in zip(panels, ([0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1] * 2), strict=False):
        expected = np.stack([places, result.test_accuracy.mean(axis=-1).ravel()], axis=1)
        assert_allclose(panel.collections[0].get_offsets(), expected)


def test_bias_variance_draws_each_named_part_with_its_band():
    rng = np.random.default_rng(0)
    predictions = rng.random((3, 2, 5, 6))  # networks, l2, draws, rows
    predictions[1, 1, 0] = np.nan
    axes = {"network": ["32", "8", "16"], "l2": [0.0, 0.1]}
    targets, truth = rng.random((2, 6))
    parts = analysis.bias_variance_of(predictions, targets, truth=truth, axes=axes)
    figure = plots.bias_variance(parts, "network", at={"l2": 1})
    (panel,) = figure.axes
    assert legend_of(figure) == ["error", "bias²", "variance", "noise"]
    by_width = [1, 2, 0]
    for line, name in zip(panel.get_lines(), ("error", "bias", "variance", "noise"), strict=True):
        expected = np.where(np.array(by_width) == 1, np.nan, getattr(parts, name)[by_width, 1])
        assert_allclose(line.get_xydata(), np.stack([[8, 16, 32], expected], axis=1))
    for band, name in zip(panel.collections, ("error", "bias", "variance"), strict=True):
        ends = [end[name][[2, 0], 1] for end in (parts.low, parts.high)]
        assert_allclose(band_of(band, [16, 32]), ends)
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("network", "squared error")
    assert caption_of(figure) == "5 draws, 95% intervals; λ = 0.1; not shown: network = 8 (div)"
    labels = analysis.bias_variance_of([[[0, 1], [1, 1]]], [0, 1], axes={"l2": [0.1]})
    shares = plots.bias_variance(labels)
    assert legend_of(shares) == ["error", "bias", "net variance"]
    assert shares.axes[0].get_ylabel() == "share of rows"


def layered(epochs=2, seeds=3):
    """Return random statistics of three layers for two learning rates; some networks diverged."""
    rng = np.random.default_rng(0)
    values = 10.0 ** rng.uniform(-6, 0, (7, epochs, 3, 2, 1, seeds))
    values[:, -1, :, 1, 0, 0] = np.nan
    values[6, 0] = np.nan  # no update before the first epoch
    axes = {"learning_rate": np.array([0.1, 1.0]), "l2": np.zeros(1), "seed": np.arange(seeds)}
    names = ("1 Conv", "2 Flatten", "3 Dense")
    return analysis.LayerStatistics(*values, layers=names, epochs=2 * np.arange(1, epochs + 1), axes=axes)


@pytest.mark.parametrize("by", [None, "learning_rate"])
def test_layers_are_drawn_as_medians_with_ranges_over_runs(by):
    statistics = layered()
    figure = plots.layers(statistics, "delta_norm", by=by, at={"learning_rate": 1} if by is None else None)
    (panel,) = figure.axes
    values = (
        statistics.delta_norm[:, :, 1, 0]
        if by is None
        else np.moveaxis(statistics.delta_norm[1, :, :, 0], 1, 0)
    )
    for line, band, curve in zip(panel.get_lines(), panel.collections, values, strict=True):
        assert_allclose(line.get_ydata(), np.nanmedian(curve, axis=-1))
        assert_allclose(band_of(band, range(3)), [np.nanmin(curve, axis=-1), np.nanmax(curve, axis=-1)])
    assert list(labels_of(panel.xaxis).values()) == list(statistics.layers)
    assert legend_of(figure) == (["epoch = 2", "epoch = 4"] if by is None else ["η = 0.1", "η = 1"])
    assert caption_of(figure) == ("η = 1" if by is None else "epoch = 4")
    assert panel.get_yscale() == "log" and panel.get_ylabel() == "norm of δ"
    check_readable(figure)


def test_layers_are_drawn_over_epochs_and_rates_without_diverged_networks():
    statistics = layered(seeds=1)
    figure = plots.layers(statistics, "saturated", against="epoch", at={"learning_rate": 1})
    for line, expected in zip(figure.axes[0].get_lines(), statistics.saturated[:, :, 1, 0, 0].T, strict=True):
        assert_allclose(line.get_xydata(), np.stack([[2, 4], expected], axis=1))
    assert figure.axes[0].get_ylim() == (-0.02, 1.02) and figure.axes[0].get_title() == "one network"
    rates = plots.layers(statistics, "std", against="learning_rate", by="layer")
    assert_allclose(rates.axes[0].get_lines()[2].get_ydata(), statistics.std[1, 2, :, 0, 0])
    lost = plots.layers(statistics, "std", by="learning_rate")
    assert caption_of(lost) == "epoch = 4; not shown: η = 1"
    for each in (figure, rates, lost):
        check_readable(each)


GRID = make_result((3, 3), further=MOMENTUM, history=2)
LAYERED = layered(epochs=1)
LIST = make_sampled(history=2)
AXES = {"a": [1], "b": [1, 2]}
# A figure, the argument at fault, values of it that are refused, and the other arguments.
REFUSED = [
    (plots.heat_map, "at", ("worst", {"l2": 0}, {"seed": "best"}, {"momentum": 2}), {"result": GRID}),
    (plots.heat_map, "axes", (("l2", "l2"), ("l2", "fold"), ("l2",), ("l2", "epoch")), {"result": GRID}),
    (plots.heat_map, "result", (LIST, make_single()), {}),
    (plots.loss_curves, "cells", ([(7, 0, 0)], [(0,)], [], "best"), {"result": GRID}),
    (plots.loss_curves, "result", (make_result(),), {}),
    (plots.interval_curves, "result", (make_result(), make_single()), {}),
    (plots.histogram, "cells", ("all",), {"result": make_result((3, 17))}),
    (plots.histogram, "cells", ([(0, 0)],), {"result": make_result((1, 1), seeds=1)}),
    (plots.axis_curves, "axis", ("width", "fold", "epoch", "l2"), {"result": GRID, "by": "l2"}),
    (plots.axis_curves, "by", ("width",), {"result": GRID, "axis": "l2"}),
    (plots.axis_curves, "at", ({"l2": 0}, {"learning_rate": True}), {"result": GRID, "axis": "l2"}),
    (plots.axis_curves, "by", ("learning_rate",), {"result": LIST, "axis": "l2"}),
    (plots.axis_curves, "at", ({"learning_rate": 0},), {"result": LIST, "axis": "l2"}),
    (plots.scatter, "result", (make_single(),), {}),
    (plots.bias_variance, "parts", (analysis.bias_variance_of([[0, 1]] * 2, [0, 1]),), {}),
    (plots.layers, "statistics", (GRID, LAYERED._asdict()), {}),
    (plots.layers, "quantity", ("update", "loss"), {"statistics": LAYERED}),
    (plots.layers, "by", ("layer", "seed"), {"statistics": LAYERED}),
    (plots.layers, "against", ("seed", "width"), {"statistics": LAYERED}),
    (plots.layers, "at", ({"epoch": 0}, {"l2": 1}, {"layer": 0}), {"statistics": LAYERED}),
    (
        plots.array_map,
        "values",
        (np.zeros((2, 1)), [["a", "b"]], {}, np.zeros((1, 2), complex)),
        {"axes": AXES},
    ),
    (plots.array_map, "axes", ({"a": [1, 2]}, [[1], [1, 2]], AXES | {"a": [np.nan]}), {"values": [[0, 0]]}),
]


def test_every_public_figure_refuses_something():
    assert {draw.__name__ for draw, *_ in REFUSED} == set(plots.__all__)


@pytest.mark.parametrize(("draw", "argument", "wrong", "others"), REFUSED)
def test_invalid_arguments_are_refused_by_name_before_a_figure_is_created(draw, argument, wrong, others):
    with mock.patch.object(Figure, "__init__", side_effect=AssertionError("a figure is made")):
        for value in wrong:
            assert complaint(refusal(draw, **others, **{argument: value}), {argument}) is None


def test_figures_created_together_have_their_own_ticks():
    """Ticks of bar colors were once those of the last figure."""
    figures = [plots.array_map([[low, high]], AXES) for low, high in ((0, 1), (-100, 100))]
    for figure in figures:
        FigureCanvasAgg(figure).draw()
        bar = figure.axes[-1]
        low, high = bar.get_xlim()
        shown = [tick for tick in bar.get_xticks() if low <= tick <= high]
        assert shown[0] <= low + 0.25 * (high - low) and shown[-1] >= high - 0.25 * (high - low)


@pytest.mark.thorough
def test_matplotlib_is_imported_on_demand_and_without_pyplot():
    code = "import sys, jfnn; assert 'matplotlib' not in sys.modules;"
    code += "jfnn.plots.array_map([[0, 1]], {'a': [1], 'b': [1, 2]});"
    code += "assert 'matplotlib.figure' in sys.modules and 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
