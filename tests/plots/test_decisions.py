"""Ranges, scales and colors that figures choose."""

import dataclasses

import numpy as np
import pytest
from helpers import make_result, make_sampled
from matplotlib.colors import LogNorm, Normalize
from reading import caption_of, heights_of, labels_of, luminance, written_in
from scipy import stats

from jfnn import plots
from jfnn.analysis import cell_statistics, curve_statistics
from jfnn.arguments.texts import describe
from jfnn.core.search.result import with_run
from jfnn.plots.panels import value_scale

pytestmark = pytest.mark.unoptimized

AXES = {"a": range(3), "b": range(4)}


def test_exploding_loss_curves_do_not_hide_the_others():
    result = make_result((2, 1), seeds=1, classes=False, rank_by="r2", history=4)
    for part in ("train", "test"):
        result.history[f"{part}_loss"][:, 0, 0] = [[4.0, 3.0, 2.0, 1.0], [5.0, 1e30, np.nan, np.nan]]
        result.history[f"{part}_r2"][:, 0, 0] = [[-1e6, -3, 0.5, 0.9], [0.1, 0.2, 0.3, 0.4]]
    loss, r2 = (figure := plots.loss_curves(result)).axes
    assert (loss.get_yscale(), r2.get_yscale(), caption_of(figure)) == ("log", "linear", "")
    assert loss.get_ylim()[0] < 1 and 5 < loss.get_ylim()[1] < 1e5 and r2.get_ylim() == (-1, 1.05)
    for part in ("train", "test"):
        result.history[f"{part}_r2"][1] = -5.0
    hidden = describe(result.axes_at((1, 0)))
    assert f"R² out of range: {hidden}" in caption_of(plots.loss_curves(result))
    result.diverged_at[1] = 3
    low, high = plots.loss_curves(result).axes[0].get_ylim()
    assert low < 1 and 4 < high < 10  # the range of the others


def test_bands_of_few_runs_neither_hide_the_lines_nor_exceed_the_range_of_accuracies():
    """An interval of three distant values is much wider than the spread of the means."""
    result = make_result((2, 1), seeds=3, history=3)
    scale = 0.99 / curve_statistics(result).mean.max()
    panels = []
    for factor in (scale, 50 * scale):
        history = {name: factor * values for name, values in result.history.items()}
        panels += plots.interval_curves(dataclasses.replace(result, history=history)).axes
    low, high = panels[0].get_ylim()
    assert -0.02 <= low < high <= 1.02
    assert np.ptp(panels[1].get_ylim()) < 2.1 * np.ptp([line.get_ydata() for line in panels[1].get_lines()])
    result.history["test_accuracy"][:] = np.reshape([0.7, 0.8, 0.9], (3, 1))  # constant curves
    found = curve_statistics(result)
    low, high = plots.interval_curves(result).axes[0].get_ylim()
    assert low <= found.low.min() < found.high.max() <= high


@pytest.mark.parametrize(
    ("score", "values", "is_whole"),
    [
        ("accuracy", [[0.5, 0.55, 0.6], [0.6, 0.7, 0.75], [0.9, 0.96, 1.0]], True),
        ("loss", [[1, 1.1, 1.2], [3, 3.5, 8.0], [2, 2.1, 2.2]], True),
        ("loss", [[0.1, 0.2, 5.0], [1.0, 1.001, 1.002], [2, 2.1, 2.2]], False),  # one end is near 0
    ],
)
def test_error_bars_are_visible_except_ends_near_zero_on_a_logarithmic_axis(score, values, is_whole):
    result = make_result((3, 1), seeds=3)
    result.scores[f"test_{score}"][:, 0] = values
    statistics = cell_statistics(result, f"test_{score}")
    (panel,) = plots.axis_curves(result, "learning_rate", f"test_{score}").axes
    low, high = panel.get_ylim()
    assert low > 0 and statistics.high.max() < high and (high < 1.05 or score == "loss")
    assert (low < statistics.low.min()) == is_whole


@pytest.mark.parametrize(
    ("ends", "limits", "scale"),
    [
        ((0.075, 0.999), (0, 1), Normalize),  # the grid of the notes
        ((0.904, 0.998), (0.9, 1), Normalize),
        ((-0.3, 0.34), (0, 0.35), Normalize),  # R²
        ((1.0, 1.0), (0.99, 1), Normalize),  # one color, that of the best
        ((5, -5), (-5, 5), Normalize),
        ((5, 0.1), (0.1, 5), LogNorm),
    ],
)
def test_colors_are_bright_for_the_best_and_span_round_values_for_metrics_up_to_1(ends, limits, scale):
    worst, best = ends
    figure = plots.array_map(np.linspace(*ends, 12).reshape(3, 4), AXES, "any", best >= worst)
    (image,) = figure.axes[0].images
    assert type(image.norm) is scale
    np.testing.assert_allclose(image.get_clim(), limits, atol=1e-12)
    assert luminance(image.to_rgba(best)) > 0.6
    assert luminance(image.to_rgba(worst)) < 0.1 or best == worst


def test_heat_map_of_r2_is_as_dark_below_0_as_at_0():
    result = make_result(classes=False, rank_by="r2")
    result.test_r2[0, 0] = -1e5
    panel = plots.heat_map(result).axes[1]
    image = panel.images[0]
    assert image.to_rgba(image.get_array()[0, 0]) == image.to_rgba(0) != image.to_rgba(0.3)
    assert written_in(panel)[0, 0].get_text() == "-1e5"


def test_values_of_an_axis_are_labeled_unless_labels_overlap():
    for labels in (["3e-3", "0.01", "0.03"], ["1e-4", "3.16e-4", "1"], ["4", "8", "12", "24", "40"]):
        result = make_result((len(labels), 1))
        result.axes["learning_rate"][:] = list(map(float, labels))
        (panel,) = plots.axis_curves(result, "learning_rate").axes
        assert list(labels_of(panel.xaxis).values()) == labels
    result.axes["learning_rate"][:3] = 0.01, 0.0101, 1.0
    (panel,) = plots.axis_curves(result, "learning_rate").axes
    assert list(labels_of(panel.xaxis).values())[:2] == ["0.01", ""]
    many = make_result((30, 1))
    many.axes["learning_rate"][:] = np.geomspace(2e-3, 9e-3, 30)
    many.test_loss[:] = 5.0
    (panel,) = plots.axis_curves(many, "learning_rate", "test_loss").axes
    points, *_, bar = plots.scatter(make_sampled(30, {"learning_rate": many.learning_rate})).axes
    for axis in (panel.xaxis, panel.yaxis, points.xaxis, bar.xaxis):
        assert 3 <= len(list(filter(None, labels_of(axis).values()))) <= 10


def test_axis_uses_the_scale_on_which_values_are_spread_more_evenly():
    uniform = np.random.default_rng(0).random(30)
    for values, scale in (
        (stats.loguniform(1e-4, 1e-1).ppf(uniform), "log"),
        (stats.uniform(0, 0.95).ppf(uniform), "linear"),
        (stats.uniform(1e-3, 1).ppf(uniform), "linear"),
        (np.array([0, 1e-4, 1e-3, 1e-2, 1e-1, 1] * 5), "symlog"),
        (np.array([-1, 0.5, 1e-3, 1e-2, 1e-1, 1] * 5), "linear"),
        (np.array([0, 1.0] * 15), "linear"),
    ):
        assert value_scale(values)["value"] == scale
    assert plots.scatter(make_sampled(30, {"own": values})).axes[2].get_xscale() == scale


def test_accuracy_bins_are_whole_numbers_of_rows_and_the_line_is_scipys_binomial():
    result = with_run(make_result((3, 1), seeds=30), config={"data": {"test": {"rows": [40]}}})
    right = np.random.default_rng(0).binomial(40, [[0.1], [0.5]], (2, 30))
    result.test_accuracy[:2, 0] = right / 40
    result.test_accuracy[2, 0] = 0.5  # all equal
    figure = plots.histogram(result, "test_accuracy", "all")
    assert caption_of(figure) == "30 seeds; line: binomial of 40 rows"
    for panel, values in zip(figure.axes, result.test_accuracy[:, 0], strict=True):
        expected, edges, _ = panel.patches[-1].get_data()
        bars = zip(heights_of(panel)[0], edges[:-1], edges[1:], expected, strict=True)
        for height, low, high, drawn in bars:
            right = np.arange(np.ceil(low * 40), high * 40)  # numbers of rows, none on an edge
            assert height == np.isin(np.rint(values * 40), right).sum()
            assert drawn == pytest.approx(len(values) * stats.binom.pmf(right, 40, values.mean()).sum())
        assert expected.sum() > 0.97 * len(values)  # everything is in range
        spread = np.sqrt(values.mean() * (1 - values.mean()) / 40)
        assert panel.get_title().endswith(f"binomial sd {spread:.2g}")
    (panel,) = plots.histogram(result, "test_loss", [(1, 0)]).axes
    assert "binomial" not in panel.get_title()


def test_accuracy_bins_end_half_a_row_above_the_maximum():
    result = with_run(make_result((1, 1), seeds=30), config={"data": {"test": {"rows": [1000]}}})
    result.test_accuracy[:] = np.linspace(0.3, 1.0, 30).round(3)
    (panel,) = plots.histogram(result, "test_accuracy").axes
    assert panel.get_xlim()[1] == panel.patches[-1].get_data().edges[-1] == pytest.approx(1.0005)
