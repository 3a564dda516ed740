"""Text in figures is readable on a phone: no overlaps, nothing cut off, for any result."""

import dataclasses

import numpy as np
import pytest
from drawn_results import results
from examples import examples
from helpers import make_programs, make_result, make_sampled, with_scores
from hypothesis import strategies
from matplotlib.backends.backend_agg import FigureCanvasAgg
from reading import caption_of, check_readable, labels_of

from jfnn import plots
from jfnn.arguments.checks import ArgumentError

NAMES = [f"network-{n}-relu" for n in range(6)]
LONG = {"momentum": np.array([0.0, 0.9]), "init_scale": np.array([1.0, 2.0])}.items()
NEARLY = 0.7 + 2.0**-53 * np.array([0, 1, 2, 1, 0])  # equal up to rounding
CLOSE = 0.1 + 1e-5 * np.arange(12)
WIDE = {"l2": np.linspace(0.95, 0.05, 12), "momentum": np.geomspace(1e-5, 10, 12)}
POWERS = [1, 2, 9, 5, 30]
WORDS = {"a": np.arange(2), "b": np.array([f"{n} word" for n in range(300)])}


def constant_scores():
    """Return a cell whose scores are all equal, but differ from their mean by rounding."""
    result = make_sampled(1, {"learning_rate": np.array([0.1])}, seeds=3, folds=2, classes=False, history=3)
    result.train_r2[:] = result.history["train_r2"][:] = -0.4
    return result


def with_constant_scores(result, score, values):
    return with_scores(result, {score: np.zeros_like(result.scores[score]) + values})


def decreasing_losses():
    """Return histories that the default omits in part, and long names for those shown."""
    result = make_programs(NAMES[:3], (50, 0), make=make_sampled, n=2, seeds=1, classes=False, history=2)
    history = {name: 0 * values + [0.97, 0.4] for name, values in result.history.items() if "loss" in name}
    return dataclasses.replace(result, history=history, metrics={"loss": False})


FIVE = make_result((1, 1), seeds=5)
CLOSE_RATES = make_sampled(axes={"learning_rate": CLOSE} | WIDE, folds=2, history=1)
LONG_NAMES = make_programs(("network-0-relu",), (16, 32), shape=(2, 1), further=LONG, history=3)
LOW = make_programs(shape=(2, 1), seeds=1, classes=False)
# Figures that were once drawn wrong.
FIGURES = {
    "points alike": lambda: plots.axis_curves(constant_scores(), "learning_rate", "train_r2"),
    "curves alike": lambda: plots.interval_curves(constant_scores(), "train_r2"),
    "caption of many lines": lambda: plots.loss_curves(decreasing_losses()),
    "close rates": lambda: plots.interval_curves(CLOSE_RATES, cells="all"),
    "colors of close rates": lambda: plots.scatter(CLOSE_RATES),
    "wide titles": lambda: plots.histogram(CLOSE_RATES, cells="all"),
    "low map": lambda: plots.heat_map(with_constant_scores(FIVE, "train_loss", 0.2047), score="train_loss"),
    "colors that nearly meet": lambda: plots.heat_map(
        with_constant_scores(LOW, "test_loss", 0.007), axes=("learning_rate", "network"), score="test_loss"
    ),
    "long title": lambda: plots.histogram(make_result((2, 2), seeds=5, further=LONG)),
    "title of two lines": lambda: plots.axis_curves(make_result(folds=4), "l2", "test_loss", interval="iqm"),
    "equal but for rounding": lambda: plots.histogram(
        with_constant_scores(FIVE, "test_loss", NEARLY), "test_loss"
    ),
    "large numbers": lambda: plots.histogram(
        with_constant_scores(FIVE, "test_loss", -1e4 * NEARLY**POWERS), "test_loss"
    ),
    "map of nearly equal": lambda: plots.array_map(1 - 2 * NEARLY[None], {"a": [0], "b": range(5)}),
    "points nearly equal": lambda: plots.scatter(
        with_constant_scores(make_result((5, 1), classes=False), "test_loss", NEARLY[:, None, None])
    ),
    "words below a panel": lambda: plots.axis_curves(make_programs(NAMES), "network"),
    "words below small panels": lambda: plots.scatter(make_programs(NAMES, make=make_sampled)),
    "words below a map": lambda: plots.array_map(np.eye(2, 300), WORDS),
    "long names": lambda: plots.loss_curves(LONG_NAMES),
    "long name of the best": lambda: plots.interval_curves(LONG_NAMES, cells="all"),
}


@pytest.mark.thorough
@pytest.mark.parametrize("case", FIGURES)
def test_texts_that_once_overlapped_are_readable(case):
    check_readable(FIGURES[case]())


def test_map_is_readable():
    result = make_result((3, 4), seeds=3, diverged=[(1, 2, 0)])
    check_readable(plots.heat_map(result))


def test_ticks_are_values_of_the_axis_if_no_point_is_drawn():
    result = make_programs([str(2**n) for n in range(14)], diverged=[np.s_[:]])
    figure = plots.axis_curves(result, "network")
    FigureCanvasAgg(figure).draw()
    labels = labels_of(figure.axes[0].xaxis)
    assert labels.keys() == {2.0**n for n in range(14)}
    assert "not shown: 14 of 14 points" in caption_of(figure)


def test_zero_loss_is_not_shown_on_a_logarithmic_axis():
    result = make_sampled(classes=False)
    result.test_loss[3] = 0.0
    figure = plots.scatter(result)
    assert "out of range: η" in caption_of(figure) and figure.axes[0].get_yscale() == "log"


DRAWN = {
    "map": plots.heat_map,
    "losses": plots.loss_curves,
    "bands": lambda result: plots.interval_curves(result, cells="all"),
    "points": plots.scatter,
    "members": plots.histogram,
    "along the first axis": lambda result: plots.axis_curves(result, next(iter(result.axes))),
    "by the last axis": lambda result: plots.axis_curves(result, "learning_rate", by=list(result.axes)[-1]),
}


@pytest.mark.thorough
@examples((20, 1), (400, 1))
def test_figures_of_any_result_are_refused_or_readable(examples):
    def law(result, name):
        try:
            figure = DRAWN[name](result)
        except ArgumentError:
            return
        check_readable(figure)
        axes = [axis for panel in figure.axes for axis in (panel.xaxis, panel.yaxis)]
        for axis in axes:  # logarithmic axes have plain numbers
            if axis.get_scale() == "log" and axis.get_ticklabels():  # shared axes have no labels
                labels = labels_of(axis).items()
                assert all(np.isclose(float(text), place, rtol=6e-3) for place, text in labels if text)

    examples.check(law, result=results(most=100), name=strategies.sampled_from(sorted(DRAWN)))
