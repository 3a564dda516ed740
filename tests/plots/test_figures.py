"""One contract for all figures: what is drawn is the numbers, in texts that can be read; or it is refused."""

import dataclasses
import subprocess
import sys
from unittest import mock

import numpy as np
import pytest
from drawn_results import best_of, results
from examples import examples
from figures import FIGURES, refused
from helpers import complaint, make_programs, make_result, make_sampled, refusal
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from reading import check_drawn, check_scales

from jfnn import plots
from jfnn.arguments.texts import value_texts
from jfnn.core.search.result import with_run
from jfnn.plots.curves import default_cells, left_out

pytestmark = pytest.mark.unoptimised


def test_every_public_figure_is_in_the_table():
    assert FIGURES.keys() == set(plots.__all__)


def check_figure(name, arguments):
    """A figure is refused as it should be, or is drawn and read."""
    draw = getattr(plots, name)
    if names := refused(name, **arguments):
        check_refused(draw, arguments, names)
        return
    figure = draw(**arguments)
    check_drawn(figure)
    FIGURES[name][1](figure, **arguments)
    check_scales(figure)


@examples((15, 1), (300, 1), few=(2, 1))
@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_shows_its_numbers_in_texts_that_can_be_read_or_is_refused(name, examples):
    examples.check(lambda arguments: check_figure(name, arguments), arguments=FIGURES[name][0])


def check_refused(draw, arguments, names):
    """A call is refused by one of these arguments, before there is a figure."""
    with mock.patch.object(Figure, "__init__", side_effect=AssertionError("a figure is made")):
        assert complaint(refusal(draw, **arguments), names) is None


FURTHER = {"momentum": np.array([0.9, 0.0])}.items()
GRID = make_result((3, 3), further=FURTHER, history=2)
LIST = make_sampled(history=2)
PROGRAMS = make_programs(("a", "b"), (50, 0), make=make_sampled, n=6)
AXES = {"a": [1], "b": [1, 2]}
P = np.random.default_rng(0).dirichlet(np.ones(3), size=(2, 90))  # of two networks
Y = np.arange(90) % 3
# A figure, arguments that it does not take, and the one at fault.
REFUSED = [
    *[(plots.heat_map, {"result": GRID, "at": at}, "at") for at in ("worst", {"l2": 0}, {"fold": 0})],
    *[(plots.heat_map, {"result": GRID, "at": {"momentum": at}}, "at") for at in (2, -1, "worst", True)],
    (plots.heat_map, {"result": GRID, "at": {"seed": "best"}}, "at"),
    *[
        (plots.heat_map, {"result": GRID, "axes": axes}, "axes")
        for axes in (("l2", "l2"), ("l2", "fold"), ("l2",), "l2", ("l2", "epoch"))
    ],
    *[
        (draw, {"result": GRID, "cells": cells}, "cells")
        for draw in (plots.loss_curves, plots.interval_curves, plots.histogram)
        for cells in ([(7, 0, 0)], [(0,)], [], "best")
    ],
    (plots.histogram, {"result": make_result((3, 17), seeds=2), "cells": "all"}, "cells"),
    (plots.loss_curves, {"result": LIST, "cells": [(12,)]}, "cells"),
    *[(plots.axis_curves, {"result": GRID, "axis": axis}, "axis") for axis in ("width", "fold", "epoch")],
    (plots.axis_curves, {"result": GRID, "axis": "l2", "by": "l2"}, "axis"),
    (plots.axis_curves, {"result": GRID, "axis": "l2", "by": "width"}, "by"),
    *[
        (plots.axis_curves, {"result": GRID, "axis": "l2", "at": at}, "at")
        for at in ({"l2": 0}, {"learning_rate": True})
    ],
    (plots.axis_curves, {"result": LIST, "axis": "seed"}, "axis"),
    (plots.axis_curves, {"result": PROGRAMS, "axis": "l2", "by": "network"}, "by"),
    (plots.axis_curves, {"result": PROGRAMS, "axis": "l2", "at": {"network": 0}}, "at"),
    *[
        (plots.array_map, {"values": values, "axes": AXES}, "values")
        for values in (np.zeros((2, 1)), np.zeros(2), [["a", "b"]], {}, np.zeros((1, 2), complex))
    ],
    *[
        (plots.array_map, {"values": np.zeros((1, 2)), "axes": axes}, "axes")
        for axes in ({"a": [1, 2]}, AXES | {"b": [True, False]}, [[1], [1, 2]], AXES | {"a": [np.nan]})
    ],
]


@pytest.mark.parametrize(("draw", "arguments", "argument"), REFUSED)
def test_what_cannot_be_drawn_is_refused_before_a_figure_is_made(draw, arguments, argument):
    check_refused(draw, arguments, {argument})


NAMES = [f"network-{n}-relu" for n in range(6)]
RNG = np.random.default_rng(0)
LONG = {"momentum": np.array([0.0, 0.9]), "init_scale": np.array([1.0, 2.0])}.items()
NEARLY_EQUAL = make_result((1, 1), seeds=5)
NEARLY_EQUAL.test_accuracy[:] = 0.7 + 2.0**-53 * np.array([0, 1, 2, 1, 0])
LARGE = make_result((1, 1), seeds=5)
LARGE.test_loss[:] = -np.array([17e3, 14e3, 3e3, 8e3, 1e3])
NEARLY_EQUAL_RATES = make_result((20, 2), seeds=1)
NEARLY_EQUAL_RATES.axes["learning_rate"][:] = 0.1 + 1e-5 * np.arange(20)
WITHOUT_LOSS = make_sampled(classes=False)
WITHOUT_LOSS.test_loss[3] = 0.0
RICH = make_result((3, 4), seeds=4, further=FURTHER, classes=False, history=3, diverged=[(1, 2, 0, 3)])
RICH.pruned[2, 0, 1] = True
RICH.stopped_at[0, 1] = 2
SHARES = dataclasses.replace(
    with_run(make_result((2, 2), folds=5), config={"settings": {"subsets": {}}}),
    subset_values={"rows": np.array([5, 5, 9, 9, 20])},
)
LOW = make_result((1, 1), further={"init_scale": np.array([2.0])}.items(), classes=False, folds=2)
LOW.train_loss[:] = 0.2047
LOW.stopped_at[:] = 5
CROWDED = make_programs(make=make_result, shape=(2, 1), seeds=1, classes=False)
CROWDED.axes["learning_rate"][:] = 0.1, 0.10001
CROWDED.train_loss[:] = CROWDED.test_loss[:] = 0.007
ALIKE = make_sampled(1, axes={"learning_rate": np.array([0.1])}, seeds=3, folds=2, classes=False, history=3)
for values in (ALIKE.scores["train_r2"], ALIKE.history["train_r2"]):
    values[:] = -0.4  # of which a mean is another number
EQUAL = make_result((2, 1), seeds=1, classes=False, folds=2)
EQUAL.axes["learning_rate"][:] = 0.1, 0.10001
EQUAL.validation_loss[:] = np.reshape([0.7, 0.7 + 2.0**-51], (2, 1, 1, 1))
MANY_LEFT_OUT = make_programs(NAMES[:3], (50, 0), make=make_sampled, n=2, seeds=1, classes=False, history=2)
FALLEN = {name: np.full_like(values, 0.4) for name, values in MANY_LEFT_OUT.history.items() if "loss" in name}
for values in FALLEN.values():
    values[..., 0] = 0.97
MANY_LEFT_OUT = dataclasses.replace(MANY_LEFT_OUT, history=FALLEN, metrics={"loss": False})
SAME_NAMES = {"learning_rate": 0.1 + 1e-6 * np.arange(12), "l2": np.full(12, 0.1)}
ALIKE_BY_NAME = make_sampled(axes=SAME_NAMES, classes=False, history=1)
ALIKE_BY_NAME.history["test_loss"][1] = 0.0  # out of sight, on a logarithmic axis
WIDE = {"l2": np.linspace(0.95, 0.05, 12), "momentum": np.geomspace(1e-5, 10, 12)}
WIDE_TITLES = make_sampled(axes={"learning_rate": 0.1 + 1e-5 * np.arange(12)} | WIDE, folds=2)
PAIRS = np.random.default_rng(0).dirichlet(np.ones(2), size=(3, 90))
WORDS = np.array([f"{n} is a class with a long name" for n in range(3)])
# A figure, and what it is called with: what was drawn wrong once, and whole results.
EXAMPLES = {
    "a map": ("heat_map", {"result": RICH, "axes": ("l2", "learning_rate"), "at": {"momentum": 1}}),
    "curves of an axis": ("axis_curves", {"result": RICH, "axis": "learning_rate", "interval": "median"}),
    "curves by an axis": ("axis_curves", {"result": RICH, "axis": "momentum", "by": "l2"}),
    "curves by an axis beside other models": (
        "axis_curves",
        {"result": RICH, "axis": "momentum", "by": "l2", "baselines": {"ridge": 4e3, "svm": [5e3, 6e3, 8e3]}},
    ),
    "curves beside a model out of sight": (
        "interval_curves",
        {"result": RICH, "score": "train_loss", "baselines": {"ridge": 1e12, "svm": [5e3, 6e3, 8e3]}},
    ),
    "curves of all cells": ("interval_curves", {"result": RICH, "cells": "all", "interval": "median"}),
    "curves of three cells": ("loss_curves", {"result": RICH, "cells": [(2, 3, 1), (1, 2, 0), (0, 1, 0)]}),
    "curves over subsets of which some are alike": (
        "axis_curves",
        {"result": SHARES, "axis": "rows", "by": "l2"},
    ),
    "every cell of a list": ("axis_curves", {"result": LIST, "axis": "learning_rate"}),
    "points": ("scatter", {"result": RICH}),
    "points that are alike": (
        "axis_curves",
        {"result": ALIKE, "axis": "learning_rate", "score": "train_r2", "interval": None, "missing": "nan"},
    ),
    "curves that are alike": ("interval_curves", {"result": ALIKE, "score": "train_r2"}),
    "curves of equal names": (
        "interval_curves",
        {"result": ALIKE_BY_NAME, "score": "test_loss", "cells": "all"},
    ),
    "curves below a long caption": ("loss_curves", {"result": MANY_LEFT_OUT, "cells": None}),
    "points of equal losses": ("scatter", {"result": EQUAL}),
    "colours below a low map": ("heat_map", {"result": LOW, "score": "train_loss"}),
    "colours whose numbers nearly meet": (
        "heat_map",
        {"result": CROWDED, "axes": ("learning_rate", "network")},
    ),
    "titles with wide letters": ("histogram", {"result": WIDE_TITLES, "score": None, "cells": "all"}),
    "members": ("histogram", {"result": RICH, "score": "train_loss", "cells": [(0, 1, 0), (1, 2, 0)]}),
    "seeds": ("axis_curves", {"result": GRID, "axis": "seed"}),
    "words below a panel": ("axis_curves", {"result": make_programs(NAMES), "axis": "network"}),
    "curves side by side over words": (
        "axis_curves",
        {"result": make_programs(NAMES[:3], (50, 0)), "axis": "network", "by": "batch_size"},
    ),
    "words below small panels": ("scatter", {"result": make_programs(NAMES, make=make_sampled)}),
    "words below a map": (
        "array_map",
        {
            "values": RNG.random((2, 300)),
            "axes": {"a": np.arange(2), "b": np.array([f"{n} word" for n in range(300)])},
            "label": "",
            "higher_is_better": True,
        },
    ),
    "ticks where no point is": (
        "axis_curves",
        {"result": make_programs([str(2**n) for n in range(14)], diverged=[np.s_[:]]), "axis": "network"},
    ),
    "a long title": (
        "axis_curves",
        {"result": make_result(seeds=5, folds=4), "axis": "l2", "score": "test_loss", "interval": "iqm"},
    ),
    "a long title of a histogram": (
        "histogram",
        {"result": make_result((2, 2), seeds=5, further=LONG), "score": None, "cells": None},
    ),
    "scores that are equal but for rounding": (
        "histogram",
        {"result": NEARLY_EQUAL, "score": "test_accuracy", "cells": [(0, 0)]},
    ),
    "labels of large numbers": ("histogram", {"result": LARGE, "score": "test_loss", "cells": [(0, 0)]}),
    "a map of what is equal but for rounding": (
        "array_map",
        {
            "values": 1 - 2 * (0.7 + 2.0**-53 * np.arange(4).reshape(1, 4)),
            "axes": {"a": np.arange(1), "b": np.arange(4)},
            "label": "",
            "higher_is_better": True,
        },
    ),
    "long names in a legend": (
        "loss_curves",
        {"result": make_programs((NAMES[0],), (16, 32), shape=(2, 1), further=LONG, history=3)},
    ),
    "a long name of the best of many cells": (
        "interval_curves",
        {"result": make_programs(("a", "b"), (50, 0), shape=(1, 2), further=LONG, history=1), "cells": "all"},
    ),
    "colours of nearly equal numbers": ("scatter", {"result": NEARLY_EQUAL_RATES}),
    "a loss of 0": ("scatter", {"result": WITHOUT_LOSS}),
}


@pytest.mark.thorough
@pytest.mark.parametrize("case", EXAMPLES)
def test_an_example_of_a_figure_shows_its_numbers(case):
    check_figure(*EXAMPLES[case])


def test_figures_that_are_made_together_have_their_own_ticks():
    figures = [plots.array_map([[low, high]], {"a": [1], "b": [1, 2]}) for low, high in ((0, 1), (-100, 100))]
    for figure in figures:
        FigureCanvasAgg(figure).draw()
        bar = figure.axes[-1]
        low, high = bar.get_xlim()
        shown = [tick for tick in bar.get_xticks() if low <= tick <= high]
        assert shown[0] <= low + 0.25 * (high - low) and shown[-1] >= high - 0.25 * (high - low)


@pytest.mark.thorough
@examples((100, 1), (1000, 1), few=(30, 1))
def test_curves_by_default_are_of_the_best_cell_and_others_in_their_order(examples):
    """Of a grid up to ten learning rates, all else as in the best cell; of a list six from best to worst."""

    def law(result):
        cells = default_cells(result)
        best = best_of(result)
        most = 10 if result.crossed else 6
        assert len(set(cells)) == len(cells) <= most
        assert best is None or best in cells
        axis = list(result.axes).index("learning_rate") if result.crossed else len(result.cell_shape) - 1
        others = {(*cell[:axis], *cell[axis + 1 :]) for cell in cells}
        assert len(others) == 1
        along = [cell[axis] for cell in cells]
        if result.crossed:
            assert along == sorted(along)
        else:
            numbers = [np.ravel_multi_index(cell, result.cell_shape) for cell in cells]
            order = result.order().tolist()
            ranks = [order.index(number) for number in numbers if number in order]
            assert ranks == sorted(ranks)
        first = (0,) * len(cells[0])  # which is drawn where no cell ranks, whatever it is
        candidates = {(*cells[0][:axis], i, *cells[0][axis + 1 :]) for i in range(result.cell_shape[axis])}
        seen = {cell for cell in candidates if cell == best or not is_unseen(result, cell)}
        if len(seen | {first}) <= most:
            assert set(cells) - {first} == seen - {first}
        missing = left_out(result)
        count = result.cell_shape[axis] if result.crossed else np.prod(result.cell_shape)
        assert ("not shown" in missing) == (len(cells) < count)
        rates = value_texts(result.learning_rate.tolist())
        if result.crossed and 0 < count - len(cells) <= 10:
            named = missing.removeprefix("not shown: ").replace(" (div)", "").split(", ")
            assert named == [f"η = {rate}" for i, rate in enumerate(rates) if i not in along]
        if count - len(cells) > 10:
            assert f"not shown: {count - len(cells)} of {count} " in missing

    examples.check(law, result=results(kinds=("grid", "cells", "programs"), most=50, histories=(1, 2, 6)))


def is_unseen(result, cell):
    """Whether all members of a cell stopped before the first evaluation, so that it has no curve."""
    has_none = np.isnan(result.history["train_loss"][cell]).all(axis=-1)
    return (has_none & (result.diverged_at[cell] < 0)).all()


@pytest.mark.thorough
def test_matplotlib_comes_when_asked_for_and_without_pyplot():
    code = "import sys, jfnn; assert 'matplotlib' not in sys.modules;"
    code += "jfnn.plots.array_map([[0, 1]], {'a': [1], 'b': [1, 2]});"
    code += "assert 'matplotlib.figure' in sys.modules and 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
