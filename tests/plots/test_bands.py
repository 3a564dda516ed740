"""Curves with bands are drawn and read back, at 2, 20 and 200 curves."""

import dataclasses

import numpy as np
import pytest
from helpers import make_result, make_sampled
from matplotlib.backends.backend_agg import FigureCanvasAgg

from jfnn import plots
from jfnn.analysis import curve_statistics


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
    for place, band in zip(places, panel.collections, strict=True):
        ends = band.get_paths()[0].vertices[:, 1]
        cell = np.unravel_index(place, shape)
        assert ends.min() == curves.low[cell].min() and ends.max() == curves.high[cell].max()
    names = named(panel)
    assert len(names) == (2 if shape == (2, 1) else 1)
    (best_name,) = [name for name in names if name.endswith("(best)")]
    np.testing.assert_array_equal(names[best_name].get_ydata(), drawn[best])
    assert panel.get_title() == "median over 5 seeds, 95% interval"


def test_colours_of_many_curves_are_the_axis_that_varies_most():
    result = make_result((2, 6), seeds=2, history=2)
    figure = plots.interval_curves(result, "train_loss", cells="all")
    assert figure.axes[1].get_ylabel() == "λ"
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


def test_bands_of_few_runs_do_not_hide_the_lines_nor_leave_the_range_of_accuracies():
    """Of two runs the t interval is 9 times as wide as they lie apart."""
    result = make_result((2, 1), seeds=2, history=3)
    highest = curve_statistics(result).mean.max()
    history = {
        name: values / (1 if name == "epoch" else highest / 0.99) for name, values in result.history.items()
    }
    result = dataclasses.replace(result, history=history)
    panel = plots.interval_curves(result).axes[0]
    assert curve_statistics(result).high.max() > 1.5
    low, high = panel.get_ylim()
    assert -0.02 <= low < high <= 1.02
    loose = {name: values * (1 if name == "epoch" else 50) for name, values in history.items()}
    panel = plots.interval_curves(dataclasses.replace(result, history=loose)).axes[0]
    lines = np.array([line.get_ydata() for line in panel.get_lines()])
    assert np.ptp(panel.get_ylim()) < 2.1 * np.ptp(lines)


def test_what_cannot_be_drawn_is_refused_by_name():
    result = make_result((2, 1), history=2)
    for cells in ([(2, 0)], [(0,)], [], "best"):
        with pytest.raises((ValueError, TypeError), match="cells: expected"):
            plots.interval_curves(result, cells=cells)
    with pytest.raises(ValueError, match="expected a history"):
        plots.interval_curves(make_result((2, 1)))
