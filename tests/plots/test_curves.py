"""Curves over epochs, learning rates and widths read back: they are those of the data."""

import dataclasses
import io
import itertools

import numpy as np
import pytest
from helpers import make_programs, make_result, make_sampled
from matplotlib.backends.backend_agg import FigureCanvasAgg
from scipy import stats

import jfnn
from jfnn import plots
from jfnn.analysis import cell_statistics, curve_statistics
from jfnn.arguments.texts import describe, value_texts
from jfnn.plots.curves import default_cells
from jfnn.studies.coordinates import CoordinateCheck

pytestmark = pytest.mark.unoptimised

NAMES = ("standard", "maximal_update")
WIDTH = np.array([8, 16, 32])


@pytest.mark.parametrize("rates", [1, 20])
def test_loss_curves_take_the_best_cell_and_other_learning_rates(rates):
    result = make_result((rates, 3), history=5)
    chosen, l2 = result.best().index
    cells = default_cells(result)
    assert len(cells) == len(set(cells)) == min(rates, 10)
    missing = plots.curves.left_out(result)
    assert missing.count("η = ") == rates - len(cells)
    caption = plots.loss_curves(result).get_suptitle()
    assert (caption == "") == (missing == "") and " ".join(caption.split()) == missing
    assert (chosen, l2) in cells and {j for _, j in cells} == {l2}


def test_loss_curves_leave_out_cells_that_stopped_before_the_first_evaluation():
    result = make_result((3, 2), seeds=1, history=4)
    result.test_accuracy[1, 0] = 1.0
    result.history["train_loss"][[0, 2], 0] = np.nan
    result.diverged_at[2, 0] = 0
    assert default_cells(result) == [(1, 0), (2, 0)]
    drawn = make_sampled(n=8, history=3)
    (best,) = drawn.best().index
    shown = {best, (best + 3) % 8}
    drawn.history["train_loss"][[i for i in range(8) if i not in shown]] = np.nan
    assert {i for (i,) in default_cells(drawn)} == shown


def test_loss_curves_end_where_a_member_diverged():
    result = make_result((2, 1), seeds=1, history=4)
    for name in ("train", "test"):
        result.history[f"{name}_loss"][1, 0, 0, 2:] = np.nan
    result.diverged_at[1, 0, 0] = 2
    loss, _ = (figure := plots.loss_curves(result, cells=[(1, 0)])).axes
    assert np.isfinite(loss.lines[0].get_ydata()).tolist() == [True, True, False, False]
    assert figure.legends[0].texts[0].get_text().endswith("(div)")


def test_loss_curves_that_explode_leave_the_others_in_sight():
    result = make_result((2, 1), seeds=1, classes=False, rank_by="r2", history=4)
    for part in ("train", "test"):
        result.history[f"{part}_loss"][0] = [[4.0, 3.0, 2.0, 1.0]]
        result.history[f"{part}_loss"][1] = [[5.0, 1e30, np.nan, np.nan]]
        result.history[f"{part}_r2"][0] = [[-1e6, -3, 0.5, 0.9]]
        result.history[f"{part}_r2"][1] = [[0.1, 0.2, 0.3, 0.4]]
    loss, r2 = plots.loss_curves(result).axes
    assert (loss.get_yscale(), r2.get_yscale(), r2.get_ylabel()) == ("log", "linear", "R²")
    assert plots.loss_curves(result).get_suptitle() == ""  # all are in sight
    assert loss.get_ylim()[0] < 1 and 5 < loss.get_ylim()[1] < 1e5 and r2.get_ylim() == (-1, 1.05)
    for part in ("train", "test"):
        result.history[f"{part}_r2"][1] = -5.0
    caption = plots.loss_curves(result).get_suptitle()
    assert "R² out of sight: η" in caption and describe(result.axes_at((1, 0))) in caption.replace(
        "\u00a0", " "
    )
    result.diverged_at[1] = 3
    low, high = plots.loss_curves(result).axes[0].get_ylim()
    assert low < 1 and 4 < high < 10  # the range of the others


@pytest.mark.parametrize("learning_rate", [0.01, 1e9])
def test_loss_curves_of_one_member_show_the_rows_that_rank_it(learning_rate):
    x = np.linspace(-1, 1, 20)[:, None]
    options = dict(learning_rate=learning_rate, loss="quadratic", epochs=3, batch_size=None)
    trained = jfnn.train(jfnn.mlp((1, 3, 1)), x, x**2, **options)
    panel, other = (figure := plots.loss_curves(trained)).axes
    assert (panel.get_title(), other.get_title()) == ("loss (train solid)", "R² (train solid)")
    np.testing.assert_array_equal(other.lines[0].get_ydata(), trained.history["train_r2"])
    (line,) = panel.lines
    np.testing.assert_array_equal(line.get_ydata(), trained.history["train_loss"])
    np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3])
    diverged = " (div)" * (learning_rate > 1)
    assert (trained.diverged_at >= 0) == (learning_rate > 1)
    rate = describe({"learning_rate": learning_rate})  # and no penalty, of which there is none
    assert [text.get_text() for text in figure.legends[0].texts] == [f"{rate}{diverged}"]
    labels = np.arange(20) % 2
    tested = jfnn.train(
        jfnn.mlp((1, 3, 2)), x, labels, test=(x, labels), learning_rate=0.1, epochs=2, batch_size=5
    )
    only_loss = dataclasses.replace(trained, metrics={"loss": False})
    assert [axes.get_title() for axes in plots.loss_curves(only_loss).axes] == ["loss (train solid)"]
    _, accuracy = plots.loss_curves(tested).axes
    assert accuracy.get_title() == "accuracy (train solid, test dashed)"
    np.testing.assert_array_equal(accuracy.lines[1].get_ydata(), tested.history["test_accuracy"])


@pytest.mark.parametrize("classes", [True, False])
def test_loss_curves_of_a_random_search_go_from_the_best_cell_to_the_worst(classes):
    result = make_sampled(n=16, classes=classes, history=5, diverged=[(4, 0, 0)])
    cells = [i for (i,) in default_cells(result)]
    scores = result.cell_scores()
    order = np.argsort(-scores if classes else scores)
    assert len(cells) == 6 and cells[0] == order[0] == result.best().index[0]
    assert [scores[i] for i in cells] == pytest.approx(
        sorted(scores[cells], key=lambda score: (np.isnan(score), -score if classes else score)), nan_ok=True
    )
    assert cells[-1] == 4  # the one that diverged is the worst
    figure = plots.loss_curves(result, cells=[(2,), (11,)])
    lines = figure.axes[0].lines
    expected = [result.history[f"{part}_loss"][i].mean(axis=0) for i in (2, 11) for part in ("train", "test")]
    np.testing.assert_allclose([line.get_ydata() for line in lines], expected)
    assert all(np.array_equal(line.get_xdata(), result.evaluations) for line in lines)
    assert [line.get_linestyle() for line in lines] == ["-", "--", "-", "--"]
    assert figure.legends[0].texts[0].get_text().startswith(describe(result.axes_at((2,))))


def named(panel):
    """Curves by their name."""
    lines = panel.get_lines()
    return {line.get_label(): line for line in lines if not line.get_label().startswith("_")}


@pytest.mark.parametrize(
    ("shape", "bands", "colour_bar"), [((2, 1), 2, 0), ((4, 5), 20, 1), ((20, 10), 1, 1)]
)
def test_curves_are_those_of_the_statistics_in_their_bands(shape, bands, colour_bar):
    result = make_result(shape, seeds=5, history=4)
    figure = plots.interval_curves(result, cells="all", interval="median")
    FigureCanvasAgg(figure).draw()
    panel = figure.axes[0]
    curves = curve_statistics(result, interval="median")
    drawn = np.array([line.get_ydata() for line in panel.get_lines()])
    np.testing.assert_array_equal(drawn, curves.median.reshape(-1, 4))
    assert len(panel.collections) == bands
    assert len(figure.axes) == 1 + colour_bar
    best = np.ravel_multi_index(result.best().index, shape)
    places = [best] if bands == 1 else range(bands)
    for index, band in zip(places, panel.collections, strict=True):
        ends = band.get_paths()[0].vertices[:, 1]
        cell = np.unravel_index(index, shape)
        assert ends.min() == curves.low[cell].min() and ends.max() == curves.high[cell].max()
    names = named(panel)
    assert len(names) == (2 if shape == (2, 1) else 1)
    (best_name,) = [name for name in names if name.endswith("(best)")]
    np.testing.assert_array_equal(names[best_name].get_ydata(), drawn[best])
    assert panel.get_title() == "median over 5 seeds, 95% interval"


def test_colours_of_many_curves_are_the_axis_that_varies_most():
    result = make_result((2, 6), seeds=2, history=2)
    figure = plots.interval_curves(result, "train_loss", cells="all")
    assert figure.axes[1].get_xlabel() == "L2 penalty λ"
    colours = [tuple(line.get_color()) for line in figure.axes[0].get_lines() if line.get_linewidth() < 2]
    assert len(set(colours)) <= 6
    assert figure.axes[0].get_yscale() == "log"
    fewer = plots.interval_curves(result)  # the default: one a learning rate
    assert len(fewer.axes[0].get_lines()) == 2


def test_single_runs_diverged_cells_and_equal_cells_are_drawn():
    result = make_result((3, 1), seeds=1, history=3, diverged=[(0, 0, 0)])
    panel = plots.interval_curves(result, cells="all").axes[0]
    assert np.isnan(panel.get_lines()[0].get_ydata()).all()
    equal = make_sampled(12, axes={"learning_rate": np.full(12, 0.1), "l2": np.zeros(12)}, history=2)
    assert len(plots.interval_curves(equal, cells="all").axes) == 1  # no colour bar of one value


def test_a_penalty_is_named_only_where_a_sweep_has_one():
    result = make_result((3, 2), seeds=2, history=2)
    result.axes["l2"][:] = [0.0, 0.1]
    result.test_accuracy[:, 0] += 1  # of which the best cells have none
    assert all("λ = 0" in text for text in texts_of(result))
    result.axes["l2"][:] = 0.0
    assert not any("λ" in text for text in texts_of(result))


def texts_of(result):
    """The texts of figures that name the cells they show."""
    legends = [plots.loss_curves(result), plots.interval_curves(result)]
    captions = [
        plots.axis_curves(result, "learning_rate"),
        plots.heat_map(result, at={"l2": 0}, axes=("learning_rate", "seed")),
    ]
    texts = [figure.legends[0].texts[0].get_text() for figure in legends]
    texts += [figure.get_suptitle().replace("\u00a0", " ") for figure in captions]
    return [*texts, plots.histogram(result).axes[0].get_title()]


def test_bands_of_few_runs_do_not_hide_the_lines_nor_leave_the_range_of_accuracies():
    """Of three values that lie far apart an interval is much wider than means differ."""
    result = make_result((2, 1), seeds=3, history=3)
    highest = curve_statistics(result).mean.max()
    history = {name: values / (highest / 0.99) for name, values in result.history.items()}
    result = dataclasses.replace(result, history=history)
    panel = plots.interval_curves(result).axes[0]
    low, high = panel.get_ylim()
    assert -0.02 <= low < high <= 1.02
    loose = {name: values * 50 for name, values in history.items()}
    panel = plots.interval_curves(dataclasses.replace(result, history=loose)).axes[0]
    lines = np.array([line.get_ydata() for line in panel.get_lines()])
    assert np.ptp(panel.get_ylim()) < 2.1 * np.ptp(lines)


@pytest.mark.parametrize("interval", ["mean", "median"])
def test_curves_along_an_axis_are_the_statistics_of_its_cells(interval):
    result = make_result((6, 3), seeds=4, further={"momentum": np.array([0.9, 0.0])}.items())
    statistics = cell_statistics(result, "train_loss", interval)
    _, l2, momentum = result.best().index
    (panel,) = plots.axis_curves(result, "learning_rate", "train_loss", interval=interval).axes
    line = panel.lines[0]
    np.testing.assert_array_equal(line.get_xdata(), result.learning_rate)
    np.testing.assert_allclose(line.get_ydata(), getattr(statistics, interval)[:, l2, momentum], rtol=1e-6)
    bars = np.array([path.vertices[:, 1] for path in panel.collections[0].get_paths()])
    expected = np.stack([statistics.low, statistics.high], axis=-1)[:, l2, momentum]
    np.testing.assert_allclose(bars, expected, rtol=1e-6)
    assert (panel.get_xscale(), panel.get_yscale()) == ("log", "log")
    at = {"learning_rate": 2}
    (panel,) = plots.axis_curves(result, "momentum", "train_loss", by="l2", at=at, interval=interval).axes
    for j, (line, *_) in enumerate(panel.containers):  # in ascending order of the axis
        np.testing.assert_array_equal(line.get_xdata(), [0.0, 0.9])
        np.testing.assert_allclose(line.get_ydata(), getattr(statistics, interval)[2, j, ::-1], rtol=1e-6)


ROWS = np.array([100, 20, 1000, 100, 20, 20])


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("values", [ROWS, np.array(["b", "a", "c", "b", "a", "a"])])
def test_subsets_of_the_same_value_are_a_point_with_their_interval(values, seeds):
    result = dataclasses.replace(make_result((2, 2), seeds=seeds, folds=6), subset_values={"rows": values})
    for axis, by in (("rows", "learning_rate"), ("learning_rate", "rows")):
        (panel,) = plots.axis_curves(result, axis, "test_loss", by=by, at={"l2": 1}).axes
        over = "1–3 subsets" + " of 3 seeds each" * (seeds == 3)
        assert panel.get_title() == f"mean over {over}, 95% interval"
        order = sorted(set(values)) if values is ROWS else list(dict.fromkeys(values))
        if axis == "rows" and values is ROWS:
            np.testing.assert_array_equal(panel.lines[0].get_xdata(), order)
        shown = order if axis == "rows" else list(dict.fromkeys(values))
        drawn = np.array([line.get_ydata() for line, *_ in panel.containers])
        ends = np.array([[path.vertices[:, 1] for path in c.get_paths()] for c in panel.collections])
        if by == "rows":
            drawn, ends = drawn.T, ends.swapaxes(0, 1)
        for i, j in np.ndindex(drawn.shape):
            scores = result.test_loss[i, 1][:, values == shown[j]]
            runs = scores.mean(axis=0) if scores.shape[1] > 1 else scores[:, 0]
            assert drawn[i, j] == pytest.approx(runs.mean())
            if len(runs) > 2:
                half = stats.t.ppf(0.975, len(runs) - 1) * stats.sem(runs) / runs.mean()
                np.testing.assert_allclose(ends[i, j], runs.mean() * np.exp([-half, half]))
            else:
                assert np.isnan(ends[i, j]).all()


def test_a_subset_without_a_score_is_left_out_where_it_is_asked_for():
    result = make_result((1, 1), seeds=1, folds=6, diverged=[(0, 0, 0, 4)])
    result = dataclasses.replace(result, subset_values={"rows": ROWS})
    for missing, count in (("nan", 0), ("omit", 2), (0.5, 3)):
        (panel,) = plots.axis_curves(result, "rows", "test_accuracy", missing=missing).axes
        scores = np.nan_to_num(result.test_accuracy[0, 0, 0][ROWS == 20], nan=0.5)
        expected = scores[[0, 2]].mean() if count == 2 else scores.mean() if count else np.nan
        np.testing.assert_allclose(panel.lines[0].get_ydata()[0], expected)


def test_cells_of_a_random_search_are_points_along_an_axis_and_single_seeds_have_no_band():
    drawn = make_sampled(seeds=3, diverged=[(4, 0, 0)])
    (panel,) = (plots.axis_curves(drawn, "l2")).axes
    points, *_ = panel.containers[0]
    order = np.argsort(drawn.l2)
    np.testing.assert_array_equal(points.get_xdata(), drawn.l2[order])
    np.testing.assert_allclose(points.get_ydata(), drawn.cell_scores()[order])
    alone = make_result((3, 2), seeds=1, folds=None)
    (panel,) = plots.axis_curves(alone, "l2").axes
    i, _ = alone.best().index
    np.testing.assert_allclose(panel.lines[0].get_ydata(), alone.test_accuracy[i, :, 0])


@pytest.mark.parametrize("names", [("32", "8", "16"), ("wide", "8", "16")])
def test_networks_are_an_axis_of_curves_by_their_widths_or_their_names(names):
    result = make_programs(names, (50, 0), shape=(3, 2), seeds=4)
    scores = result.cell_scores("train_loss")
    _, batch, rate, l2 = result.best().index
    places = np.array([32, 8, 16]) if names[0] == "32" else np.arange(3)
    order = np.argsort(places)
    (panel,) = (figure := plots.axis_curves(result, "network", "train_loss")).axes
    np.testing.assert_array_equal(panel.lines[0].get_xdata(), places[order])
    np.testing.assert_allclose(panel.lines[0].get_ydata(), scores[order, batch, rate, l2])
    assert f"batch = {(50, 'full')[batch]}" in " ".join(figure.get_suptitle().split())
    if names[0] == "wide":
        assert [label.get_text() for label in panel.get_xticklabels()] == [*names]
    (panel,) = (figure := plots.axis_curves(result, "learning_rate", "train_loss", by="network")).axes
    lines = [line.get_ydata() for line, *_ in panel.containers]
    np.testing.assert_allclose(lines, scores[:, batch, :, l2])
    assert [text.get_text() for text in figure.legends[0].texts] == [f"network = {name}" for name in names]
    at = {"network": 1, "learning_rate": 2}
    (panel,) = plots.axis_curves(result, "batch_size", "train_loss", by="l2", at=at).axes
    np.testing.assert_allclose([line.get_ydata() for line, *_ in panel.containers], scores[1, :, 2].T)
    assert [label.get_text() for label in panel.get_xticklabels()] == ["50", "full"]


def labels_of(axis):
    return {
        tick: text.get_text() for tick, text in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True)
    }


def overlaps(figure, axis):
    """Whether labels of an axis meet where they are drawn."""
    FigureCanvasAgg(figure).draw()
    boxes = [text.get_window_extent() for text in axis.get_ticklabels(which="both") if text.get_text()]
    return any(
        left.x1 > right.x0 for left, right in itertools.pairwise(sorted(boxes, key=lambda box: box.x0))
    )


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([3e-3, 1e-2, 3e-2], ["3e-3", "0.01", "0.03"]),
        ([1e-4, 3.1623e-4, 1.0], ["1e-4", "3.16e-4", "1"]),
        ([0.01, 0.0101, 1.0], ["0.01", "", "1"]),
        ([0.5, 0.25, 0.125, 1.0, 2.0], ["0.125", "0.25", "0.5", "1", "2"]),
    ],
)
def test_few_values_of_an_axis_have_ticks_with_labels_that_do_not_meet(values, labels):
    result = make_result((len(values), 1))
    result.axes["learning_rate"][:] = values
    (panel,) = (figure := plots.axis_curves(result, "learning_rate")).axes
    assert labels_of(panel.xaxis) == dict(zip(sorted(values), labels, strict=True))
    assert not overlaps(figure, panel.xaxis)


def test_networks_named_by_widths_have_ticks_at_these():
    names = ("4", "8", "12", "16", "24", "40")
    (panel,) = (figure := plots.axis_curves(make_programs(names, shape=(1, 1)), "network")).axes
    assert list(labels_of(panel.xaxis).values()) == [*names] and not overlaps(figure, panel.xaxis)


def test_many_values_and_losses_have_plain_labels_at_round_numbers():
    result = make_result((30, 1), history=2)
    result.axes["learning_rate"][:] = np.geomspace(2e-3, 9e-3, 30)
    for name in ("train", "test"):
        result.scores[f"{name}_loss"][:] = result.history[f"{name}_loss"][:] = 5.0
        result.scores[f"{name}_loss"][:9] = 9.0
    (panel,) = (figure := plots.axis_curves(result, "learning_rate", "test_loss")).axes
    curves = plots.loss_curves(result).axes[0]
    *panels, bar = plots.scatter(make_sampled(30, {"learning_rate": result.learning_rate})).axes
    for axis in (panel.xaxis, panel.yaxis, curves.yaxis, panels[0].xaxis, bar.xaxis):
        labels = labels_of(axis)
        assert len(labels) >= 3 and all(float(text) == tick for tick, text in labels.items() if text)
        assert not any(text.get_text() for text in axis.get_minorticklabels())
    assert not overlaps(figure, panel.xaxis) and not overlaps(bar.figure, bar.xaxis)


def test_bars_are_in_sight_but_what_no_logarithm_reaches():
    result = make_result((3, 1), seeds=3)
    result.test_accuracy[:, 0] = [[0.5, 0.55, 0.6], [0.6, 0.7, 0.75], [0.9, 0.96, 1.0]]
    statistics = cell_statistics(result)
    (panel,) = plots.axis_curves(result, "learning_rate").axes
    low, high = panel.get_ylim()
    assert 1 > statistics.high.max() > 0.99 and high < 1.05 and 0 < low < statistics.low.min()
    result.test_loss[:, 0] = [[1, 1.1, 1.2], [3, 3.5, 8.0], [2, 2.1, 2.2]]
    statistics = cell_statistics(result, "test_loss")
    (panel,) = plots.axis_curves(result, "learning_rate", "test_loss").axes
    low, high = panel.get_ylim()
    assert 0 < low < statistics.low.min() and high > statistics.high.max()
    result.test_loss[1, 0] = [1.0, 1.001, 1.002]
    result.test_loss[0, 0] = [0.1, 0.2, 5.0]  # of which the end is near to 0
    (panel,) = plots.axis_curves(result, "learning_rate", "test_loss").axes
    assert 0 < cell_statistics(result, "test_loss").low[0, 0] < 0.05 < panel.get_ylim()[0]


def test_bars_and_bands_of_two_runs_reach_to_both():
    result = make_result((3, 1), seeds=2, history=2)
    figure = plots.axis_curves(result, "learning_rate", "test_loss")
    bars = [path.vertices[:, 1] for path in figure.axes[0].collections[0].get_paths()]
    np.testing.assert_allclose(bars, np.sort(result.test_loss[:, 0], axis=-1), rtol=1e-6)
    curves = plots.interval_curves(result, "test_loss")
    for number, band in enumerate(curves.axes[0].collections):
        ends = band.get_paths()[0].vertices[:, 1]
        runs = result.history["test_loss"][number, 0]
        assert (ends.min(), ends.max()) == pytest.approx((runs.min(), runs.max()))
    for drawn in (figure, curves):
        assert "both" in drawn.axes[0].get_title() and "95%" not in drawn.axes[0].get_title()


def caption_of(figure):
    return " ".join(figure.get_suptitle().replace("\u00a0", " ").split())


def test_every_figure_names_what_it_leaves_out():
    """Rates beyond ten, cells of a random search, points that diverged, curves out of sight, members."""
    result = make_result((11, 1), seeds=3, history=3, diverged=[(7, 0, 1)])
    result.test_accuracy[3] = 0.999
    for draw in (plots.loss_curves, plots.interval_curves):
        figure = draw(result)
        shown = [text.get_text() for text in figure.legends[0].texts]
        (missing,) = [
            rate
            for rate in value_texts(result.learning_rate.tolist())
            if not any(text.split(",")[0].split(" (")[0] == f"η = {rate}" for text in shown)
        ]
        assert f"not shown: η = {missing}" in caption_of(figure)
        assert "not shown" not in caption_of(draw(result, cells="all"))
    diverged = value_texts(result.learning_rate.tolist())[7]
    assert f"not shown: η = {diverged} (div)" in caption_of(plots.axis_curves(result, "learning_rate"))
    many = make_result((50, 1), seeds=3, history=3)
    assert "not shown: 40 of 50 learning rates" in caption_of(plots.interval_curves(many))
    drawn = make_sampled(20, seeds=3, history=3)
    for draw in (plots.loss_curves, plots.interval_curves):
        assert "not shown: 14 of 20 cells" in caption_of(draw(drawn))
    for values in result.history.values():
        values[0] = 1e30
    for score in ("train_loss", "test_loss"):
        assert "out of sight: η = 1e-5" in caption_of(plots.interval_curves(result, score))
    lacking = make_result((1, 1), seeds=5, diverged=[(0, 0, 2)])
    assert "not shown: 1 of 5 members" in caption_of(plots.histogram(lacking, cells="all"))


def test_many_networks_are_curves_of_different_colours():
    result = make_programs([str(2**n) for n in range(14)], shape=(3, 1))
    panel, bar = plots.axis_curves(result, "learning_rate", by="network").axes
    assert len({tuple(line.get_color()) for line, *_ in panel.containers}) == 14
    assert bar.get_xscale() == "log" and bar.get_xlim() == pytest.approx((1, 2**13))  # their widths


@pytest.mark.thorough
def test_bars_of_colours_name_networks_by_their_words():
    names = [f"{n}-relu" for n in range(14)]
    result = make_programs(names, shape=(3, 1), history=2)
    for figure in (
        plots.axis_curves(result, "learning_rate", by="network"),
        plots.interval_curves(result, cells="all"),
    ):
        panel, bar = figure.axes
        assert [label.get_text() for label in bar.get_xticklabels()] == names
        assert bar.get_xlabel() == "network" and bar.get_xticks().tolist() == [*range(14)]
    colours = {tuple(line.get_color()) for line in panel.get_lines() if line.get_linewidth() < 2}
    assert len(colours) == 14
    many = make_programs([f"n{n}" for n in range(45)], shape=(1, 1))
    _, bar = plots.axis_curves(many, "learning_rate", by="network").axes
    assert [label.get_text() for label in bar.get_xticklabels()] == [f"n{n}" for n in range(0, 45, 3)]


def test_drawn_cells_of_several_networks_and_batch_sizes_are_points():
    drawn = make_programs(("a", "b"), (50, 0), make=make_sampled, n=6, seeds=2)
    scores = drawn.cell_scores()
    for axis, values, labels in (
        ("l2", np.tile(drawn.l2, 4), None),
        ("network", np.repeat([0, 1], 12), ["a", "b"]),
        ("batch_size", np.tile(np.repeat([0, 1], 6), 2), ["50", "full"]),
    ):
        (panel,) = plots.axis_curves(drawn, axis).axes
        points, *_ = panel.containers[0]
        order = np.argsort(values, kind="stable")
        np.testing.assert_array_equal(points.get_xdata(), values[order])
        np.testing.assert_allclose(points.get_ydata(), scores.ravel()[order])
        if labels is not None:
            assert [label.get_text() for label in panel.get_xticklabels()] == labels


def test_curves_over_the_epochs_are_of_the_best_network_and_are_named_by_it():
    result = make_programs(("a", "b"), (50, 0), shape=(3, 2), seeds=3, history=4)
    best = result.best().index
    cells = default_cells(result)
    assert [cell[2] for cell in cells] == [0, 1, 2] and {(*cell[:2], cell[3]) for cell in cells} == {
        (*best[:2], best[3])
    }
    for draw in (plots.loss_curves, plots.interval_curves):
        names = [text.get_text() for text in draw(result).legends[0].texts]
        assert names[best[2]] == f"{describe(result.axes_at(best))} (best)"
        assert all(name.startswith(f"network = {'ab'[best[0]]}, batch = ") for name in names)
    figure = plots.interval_curves(result, cells="all")
    assert len(figure.axes[0].get_lines()) == 24 and figure.axes[1].get_xlabel() == "learning rate η"


def test_changes_against_the_width_of_every_step_layer_and_parametrisation():
    rng = np.random.default_rng(0)
    change = rng.random((2, 3, 4, 5, 2)) + 0.1
    check = CoordinateCheck(WIDTH, NAMES, change[:, :, :, 0], change)
    figure = plots.coordinate_curves(check)
    panels = np.reshape(np.array(figure.axes, dtype=object), (2, 2)).T
    for p, layer in np.ndindex(2, 2):
        for step, line in enumerate(panels[p, layer].lines):
            np.testing.assert_array_equal(line.get_xdata(), WIDTH)
            np.testing.assert_allclose(line.get_ydata(), change[p, :, :, step, layer].mean(axis=1))
        title = panels[p, layer].get_title()
        above = ["standard\n", "maximal update\n"][p] * (layer == 0)
        assert title == f"{above}{['layer 1', 'outputs'][layer]}, exponent {check.slopes()[p, layer]:+.2f}"
    assert [tick.get_text() for tick in panels[0, 1].get_xticklabels()] == ["8", "16", "32"]


def test_layers_that_nothing_has_changed_yet_are_drawn_too():
    change = np.zeros((2, 3, 1, 1, 2))
    change[..., 1] = 1.0
    figure = plots.coordinate_curves(CoordinateCheck(WIDTH, NAMES, change[:, :, :, 0], change))
    figure.savefig(io.BytesIO())
    assert [axes.get_yscale() for axes in figure.axes] == ["linear"] * 2 + ["log"] * 2
