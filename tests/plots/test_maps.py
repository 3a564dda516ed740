"""Heat maps and scatter plots read back: their texts, colours and shapes are those of the data."""

import dataclasses
import itertools
import re
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from helpers import make_programs, make_result, make_sampled, with_scores
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm, Normalize
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from scipy import stats

from jfnn import plots
from jfnn.arguments.texts import describe, value_texts
from jfnn.core.search.result import with_run
from jfnn.plots.panels import value_scale

pytestmark = pytest.mark.unoptimised


def panels_of(figure):
    """The two maps of a heat map, and its colour bar."""
    train, test, *rest = figure.axes
    return {"train": train, "test": test}, rest


def texts_of(panel, shape):
    written = np.full(shape, "", dtype=object)
    for text in panel.texts:
        column, row = text.get_position()
        written[row, column] = text.get_text()
    return written


def boxes_of(panel, filled):
    patches = [
        patch for patch in panel.patches if isinstance(patch, Rectangle) and patch.get_fill() == filled
    ]
    return {(round(box.get_y() + 0.5), round(box.get_x() + 0.5)): box for box in patches}


def luminance(colour):
    """The relative luminance of sRGB that WCAG defines."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def test_heat_map_marks_diverged_stopped_and_best_cells():
    result = make_result((3, 4), diverged=[(0, 1, 0), (2, 3, 1)])
    result.test_accuracy[1, 3] = 1.0
    result.stopped_at[0, 2, 1] = 4
    panels, bars = panels_of(figure := plots.heat_map(result))
    for panel in panels.values():
        written = texts_of(panel, (3, 4))
        assert {tuple(map(int, place)) for place in np.argwhere(written == "div")} == {(0, 1), (2, 3)}
        hatched = boxes_of(panel, filled=True)
        assert set(hatched) == {(0, 1), (2, 3)} and all(box.get_hatch() for box in hatched.values())
        slanted = [text.get_position() for text in panel.texts if text.get_fontstyle() == "italic"]
        assert slanted == [(2, 0)]
        assert list(boxes_of(panel, filled=False)) == [(1, 3)]
        assert panel.images[0].get_clim() == (0, 1)
    assert len(bars) == 1 and "italics" in figure.get_suptitle()
    assert "italics" not in plots.heat_map(make_result((3, 3))).get_suptitle()


@pytest.mark.parametrize("held_out", [{"validates": True}, {"folds": 3}])
def test_figures_of_validated_grids_average_folds_and_leave_the_test_rows_out(held_out):
    result = make_result((3, 4), seeds=2, history=5, **held_out)
    train, validation, _ = plots.heat_map(result).axes
    assert (train.get_title(), validation.get_title()) == ("train accuracy", "validation accuracy")
    for panel, part in ((train, "train"), (validation, "validation")):
        mean = result.scores[f"{part}_accuracy"].reshape(3, 4, -1).mean(axis=-1)
        np.testing.assert_allclose(np.asarray(panel.images[0].get_array()), mean)
        assert np.array_equal(texts_of(panel, (3, 4)), np.vectorize("{:.3f}".format)(mean))
        assert list(boxes_of(panel, filled=False)) == [result.best().index]
    loss, _ = plots.loss_curves(result, cells=[(2, 1)]).axes
    for line, part in zip(loss.lines, ("train", "validation"), strict=True):
        expected = result.history[f"{part}_loss"][2, 1].reshape(-1, 5).mean(axis=0)
        np.testing.assert_allclose(line.get_ydata(), expected)
    assert loss.get_title() == "loss (train solid, validation dashed)"


def test_heat_maps_without_test_rows_and_of_grids_that_diverged_everywhere_are_drawn():
    result = make_result((3, 3))
    nothing = np.full_like(result.test_loss, np.nan)
    result = with_scores(result, {"test_accuracy": nothing, "test_loss": nothing}, ranked_by="train_accuracy")
    panel, _ = plots.heat_map(result).axes
    assert panel.get_title() == "train accuracy"
    result = make_result((2, 3), seeds=1, diverged=[np.s_[:]])
    panels, _ = panels_of(plots.heat_map(result))
    assert (texts_of(panels["test"], (2, 3)) == "div").all()
    assert not boxes_of(panels["test"], filled=False)


def test_heat_map_of_r2_is_as_dark_below_0_as_at_0():
    result = make_result(classes=False, rank_by="r2")
    result.test_r2[0, 0] = -1e5
    panels, (bar,) = panels_of(plots.heat_map(result))
    assert (panels["train"].get_title(), bar.get_xlabel()) == ("train R²", "R²")
    image = panels["test"].images[0]
    assert image.get_clim()[0] == 0
    assert image.to_rgba(image.get_array()[0, 0]) == image.to_rgba(0) != image.to_rgba(0.3)
    assert texts_of(panels["test"], (7, 7))[0, 0] == "-1e5"


@pytest.mark.parametrize(("higher_is_better", "least"), [(True, -5), (False, -5), (False, 0.1)])
def test_heat_map_of_any_other_metric_spreads_colours_over_its_values(higher_is_better, least):
    """Losses above 0 on a logarithmic scale; values above 1, and losses below 0, on a linear one."""
    values = np.random.default_rng(1).uniform(least, 5, size=(7, 7, 1))
    own = {"train_gain": values, "test_gain": values}
    metrics = {"loss": False, "gain": higher_is_better}
    result = with_scores(make_result(seeds=1), own, metrics=metrics, ranked_by="test_gain")
    panels, _ = panels_of(plots.heat_map(result))
    image = panels["test"].images[0]
    assert type(image.norm) is (LogNorm if least > 0 else Normalize)
    np.testing.assert_allclose(image.get_clim(), (values.min(), values.max()))
    np.testing.assert_allclose(texts_of(panels["test"], (7, 7)).astype(float), values[..., 0], rtol=2e-2)
    best, worst = (values.max(), values.min()) if higher_is_better else (values.min(), values.max())
    assert luminance(image.to_rgba(best)) > luminance(image.to_rgba(worst))
    assert list(boxes_of(panels["test"], filled=False)) == [result.best().index]


@pytest.mark.parametrize(
    ("values", "limits"),
    [
        (np.linspace(0.075, 0.999, 12), (0, 1)),  # the notes' grid
        (np.linspace(0.93, 0.97, 12), (0.93, 0.97)),
        (np.linspace(0.904, 0.998, 12), (0.9, 1)),
        (np.linspace(-0.3, 0.34, 12), (0, 0.35)),  # R²
        (np.full(12, 1.0), (0.99, 1)),  # one colour, that of the best
        (np.linspace(-3, -1, 12), (-3, -1)),
    ],
)
def test_colours_of_metrics_up_to_1_lie_between_round_values_around_them(values, limits):
    figure = plots.array_map(values.reshape(3, 4), {"a": range(3), "b": range(4)}, "accuracy")
    image = figure.axes[0].images[0]
    np.testing.assert_allclose(image.get_clim(), limits, atol=1e-12)
    least, most = (luminance(image.to_rgba(value)) for value in (values.min(), values.max()))
    assert most > 0.6 and (least < 0.1 or np.ptp(values) == 0)


@pytest.mark.parametrize(
    ("low", "high"), [(0.4, 40), (8, 12), (2.1, 4.7), (3.1, 3.4), (0.02, 0.3), (1e-9, 1e9), (5, 5)]
)
def test_colour_bars_of_losses_have_some_labels_that_are_the_numbers_of_their_places(low, high):
    values = np.geomspace(low, high, 12).reshape(3, 4)
    values[2, 0] = np.nan
    figure = plots.array_map(values, {"a": range(3), "b": range(4)}, "loss", higher_is_better=False)
    FigureCanvasAgg(figure).draw()
    panel, bar = figure.axes
    assert isinstance(panel.images[0].norm, LogNorm)
    labels = [label for label in bar.get_xticklabels() if label.get_text()]
    assert 3 <= len(labels) <= 10 and not any(label.get_text() for label in bar.get_xticklabels(minor=True))
    np.testing.assert_allclose([float(label.get_text()) for label in labels], bar.get_xticks(), rtol=1e-9)
    inside = np.clip(bar.get_xticks(), low, max(high, 1.01 * low))
    np.testing.assert_allclose(bar.get_xticks(), inside, rtol=1e-9)
    boxes = [label.get_window_extent() for label in labels]
    assert not any(one.overlaps(other) for one, other in itertools.pairwise(boxes))


@pytest.mark.thorough
@pytest.mark.parametrize("classes", [True, False])
def test_heat_map_texts_stand_out_from_their_cells(classes):
    result = make_result((7, 7), seeds=1, classes=classes)
    panels, _ = panels_of(plots.heat_map(result))
    for panel in panels.values():
        image = panel.images[0]
        for text in panel.texts:
            column, row = text.get_position()
            behind = luminance(image.to_rgba(image.get_array()[row, column]))
            before = {"white": 1.0, "black": 0.0}[text.get_color()]
            contrast = (max(behind, before) + 0.05) / (min(behind, before) + 0.05)
            assert contrast > 3  # what WCAG asks of large text and of graphics


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("shape", "classes"),
    [((1, 1), True), ((12, 12), False), ((3, 12), True)],
)
def test_heat_map_texts_fit_their_cells_and_labels_do_not_overlap(shape, classes):
    further = {"momentum": np.array([0.9])}.items()
    diverged = [(0, 0, 0, 0)] if shape != (1, 1) else []
    result = make_result(shape, seeds=1, further=further, classes=classes, diverged=diverged)
    figure = plots.heat_map(result)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    panels, _ = panels_of(figure)
    for panel in panels.values():
        assert all(text.get_fontsize() >= 6 for text in panel.texts)
        assert len(panel.texts) == np.prod(shape)
        for text in panel.texts:
            column, row = text.get_position()
            corners = panel.transData.transform([(column - 0.5, row - 0.5), (column + 0.5, row + 0.5)])
            (left, low) = corners.min(axis=0)
            (right, high) = corners.max(axis=0)
            box = text.get_window_extent()
            assert left < box.x0 and box.x1 < right and low < box.y0 and box.y1 < high
    texts = [label for panel in panels.values() for label in panel.get_xticklabels()]
    texts += [
        *panels["train"].get_yticklabels(),
        *(panel.title for panel in panels.values()),
        figure._suptitle,
    ]
    boxes = [text.get_window_extent() for text in texts]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)


@pytest.mark.thorough
def test_heat_map_labels_give_the_axes_back():
    result = make_result((3, 12))
    panel = panels_of(plots.heat_map(result))[0]["test"]
    for axis, values in (("y", result.learning_rate), ("x", result.l2)):
        labels = [float(label.get_text()) for label in getattr(panel, f"get_{axis}ticklabels")()]
        np.testing.assert_allclose(labels, values, rtol=0.05)
    assert panel.get_yticklabels()[0].get_text() == "1e-5"
    panels, _ = panels_of(plots.heat_map(make_result((2, 60), seeds=1)))
    assert not any(panel.texts for panel in panels.values())  # no room


def test_labels_tell_close_values_apart():
    values = [0.1, 0.1001, 0.10012]
    assert [float(label) for label in value_texts(values)] == values
    known = ["0", "1e-5", "2.5e-3", "0.01", "10", "250"]
    assert value_texts([0.0, 1e-5, 2.5e-3, 0.01, 10.0, 250.0]) == known


def test_heat_map_of_further_axes_shows_one_slice():
    momentum = np.array([0.0, 0.5, 0.9])
    result = make_result((3, 4), further={"momentum": momentum, "decay": np.array([0.9])}.items())
    best = result.best().index
    for at in ({"momentum": 0}, {"momentum": 1}, {"momentum": 2}, None):
        panels, _ = panels_of(plots.heat_map(result, at))
        place = at["momentum"] if at else best[2]  # by default the slice of the best cell
        mean = result.test_accuracy[:, :, place, 0].mean(axis=-1)
        np.testing.assert_allclose(np.asarray(panels["test"].images[0].get_array()), mean)
        outlined = list(boxes_of(panels["test"], filled=False))
        assert outlined == ([best[:2]] if place == best[2] else [])


def test_heat_maps_of_any_two_axes_fix_or_average_the_others():
    momentum = np.array([0.0, 0.5, 0.9])
    result = make_result((3, 4), seeds=5, further={"momentum": momentum}.items(), folds=2)
    result.validation_accuracy[1, 2, 0, 4, 1] = np.nan
    result.diverged_at[1, 2, 0, 4, 1] = 3
    scores = result.validation_accuracy
    rate, l2, _ = result.best().index
    for axes, at, expected in (
        (("momentum", "learning_rate"), {"l2": 2}, scores[:, :, :].mean(axis=(3, 4))[:, 2].T),
        (("momentum", "l2"), {"learning_rate": "mean"}, scores.mean(axis=(0, 3, 4)).T),
        (("seed", "fold"), {"momentum": 1}, scores[rate, l2, 1]),
        (("l2", "seed"), {"momentum": 0, "fold": 1, "learning_rate": 1}, scores[1, :, 0, :, 1]),
        (("fold", "l2"), {"momentum": 0, "seed": 4}, scores[rate, :, 0, 4].T),
    ):
        figure = plots.heat_map(result, at, axes=axes, score="validation_accuracy")
        panel, _ = figure.axes
        shown = np.ma.filled(panel.images[0].get_array().astype(float), np.nan)
        np.testing.assert_allclose(shown, expected, rtol=1e-12)
        assert set(boxes_of(panel, filled=True)) == {
            tuple(p) for p in np.argwhere(np.isnan(expected)).tolist()
        }
    caption = " ".join(figure.get_suptitle().split())
    assert "seed = 4" in caption and "momentum = 0" in caption


def test_networks_and_batch_sizes_are_axes_of_heat_maps():
    result = make_programs(("20", "10-10", "5"), (50, 0), shape=(3, 4), seeds=2)
    scores = result.cell_scores()
    network, batch, rate, l2 = result.best().index
    rates = ["1e-5", "0.01", "10"]
    for axes, at, expected, down, across in (
        (("network", "learning_rate"), None, scores[:, batch, :, l2], ["20", "10-10", "5"], rates),
        (("batch_size", "network"), None, scores[:, :, rate, l2].T, ["50", "full"], ["20", "10-10", "5"]),
        (("network", "learning_rate"), {"batch_size": "mean"}, scores.mean(axis=1)[..., l2], None, rates),
    ):
        figure = plots.heat_map(result, at, axes=axes)
        panel = panels_of(figure)[0]["test"]
        np.testing.assert_allclose(np.asarray(panel.images[0].get_array()), expected)
        assert [tick.get_text() for tick in panel.get_xticklabels()] == across
        labels = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
        assert labels == (down or ["20", "10-10", "5"])
        shown = dict(zip(result.axes, result.best().index, strict=True))
        outlined = [] if at else [(shown[axes[0]], shown[axes[1]])]
        assert list(boxes_of(panel, filled=False)) == outlined
    caption = " ".join(plots.heat_map(result).get_suptitle().split())
    values = {"network": result.axes["network"][network], "batch_size": (50, 0)[batch]}
    assert caption.startswith(f"mean of 2 seeds; {describe(values)}; best test accuracy")
    panel = panels_of(plots.heat_map(result, {"network": 1}))[0]["test"]
    np.testing.assert_allclose(np.asarray(panel.images[0].get_array()), scores[1, batch])
    whole = make_programs(("20", "5"), (50, 100), shape=(3, 4))
    assert re.search(r"batch = (50|100);", " ".join(plots.heat_map(whole).get_suptitle().split()))


def test_heat_map_of_named_axes_shows_each_network_at_its_best():
    named = {"layers": [1, 2, 3], "width": [5, 50], "optimizer": ["sgd", "adam"]}
    result = make_programs(named=named, shape=(3, 2), validates=True, diverged=[(0, 1, 1)])
    result.pruned[..., 2, 0, :] = True  # which have no rank
    scores = result.scores["validation_accuracy"].mean(axis=-1)
    ranked = np.where(np.isnan(scores), -1, scores)
    ranked[..., 2, 0] = -1
    train = result.scores["train_accuracy"].mean(axis=-1)
    best = dict(zip(result.axes, result.best().index, strict=True))
    for at, axes, over in (
        ("best", ("layers", "width"), (2, 3, 4)),
        ("best", ("optimizer", "width"), (0, 3, 4)),
        ({"learning_rate": "best", "optimizer": "best"}, ("width", "layers"), (2, 3)),
    ):
        figure = plots.heat_map(result, at, axes=axes)
        panels = dict(zip(("train", "validation"), figure.axes, strict=False))
        places = [i for i in range(5) if i not in over]
        order = (1, 0) if axes[0] != [*result.axes][places[0]] else (0, 1)
        for (row, column), shown in np.ndenumerate(panels["validation"].images[0].get_array()):
            index = [slice(None)] * 5
            if isinstance(at, dict):
                index[4] = best["l2"]
            for place, number in zip(places, np.array((row, column))[list(order)], strict=False):
                index[place] = number
            cells = ranked[tuple(index)].ravel()
            assert shown == pytest.approx(cells.max())
            behind = train[tuple(index)].ravel()[cells.argmax()]
            assert panels["train"].images[0].get_array()[row, column] == pytest.approx(behind)
        outlined = (best[axes[0]], best[axes[1]])
        assert list(boxes_of(panels["validation"], filled=False)) == [outlined]
    labels = [tick.get_text() for tick in panels["validation"].get_xticklabels()]
    assert labels == ["1", "2", "3"] and panels["validation"].get_xlabel() == "layers"
    caption = " ".join(figure.get_suptitle().split())
    assert caption.startswith("mean of 2 seeds; each at its best optimizer, η; λ")
    mean = plots.heat_map(result, "mean", axes=("layers", "width"), score="train_loss").axes[0]
    expected = result.scores["train_loss"].mean(axis=(2, 3, 4, 5))
    np.testing.assert_allclose(np.ma.filled(mean.images[0].get_array(), np.nan), expected)
    for at in ("worst", {"seed": "best"}, {"learning_rate": "worst"}):
        with pytest.raises(ValueError, match=r"^at: "):
            plots.heat_map(result, at, axes=("layers", "width"))


def test_named_axes_of_numbers_have_ticks_at_their_values():
    result = make_programs(named={"width": [4, 32, 256], "optimizer": ["sgd", "adam"]}, shape=(2, 1))
    panel, *_ = plots.axis_curves(result, "width", by="optimizer", at="best").axes
    assert panel.get_xscale() == "log" and [t.get_text() for t in panel.get_xticklabels()] == [
        "4",
        "32",
        "256",
    ]
    sgd, adam = (container.lines[0] for container in panel.containers)
    np.testing.assert_array_equal(sgd.get_xdata(), [4, 32, 256])
    np.testing.assert_allclose(adam.get_ydata(), result.cell_scores()[:, 1].max(axis=(1, 2)))
    words, *_ = plots.axis_curves(result, "optimizer").axes
    assert [tick.get_text() for tick in words.get_xticklabels()] == ["sgd", "adam"]
    drawn = make_programs(named={"width": [4, 32, 256]}, make=make_sampled)
    by_width = next(axes for axes in plots.scatter(drawn).axes if axes.get_xlabel() == "width")
    assert by_width.get_xscale() == "log"
    with_words = plots.array_map(np.eye(2, 3), {"optimizer": ["sgd", "adam"], "width": [4, 32, 256]}).axes[0]
    assert [tick.get_text() for tick in with_words.get_yticklabels()] == ["sgd", "adam"]


@pytest.mark.parametrize(
    ("values", "name", "texts"),
    [
        ({}, "subset", "012"),
        ({"rows": [8, 40, 16]}, "rows", ["8", "40", "16"]),
        ({"group": [*"abc"]}, "group", "abc"),
    ],
)
def test_axes_of_subsets_have_their_own_names_and_values(values, name, texts):
    arrays = {key: np.array(value) for key, value in values.items()}
    config = {"settings": {"subsets": {"values": values}}}
    result = dataclasses.replace(make_result((3, 4), seeds=2, folds=3), subset_values=arrays)
    result = with_run(result, config=config)
    scores = result.validation_accuracy
    (rate, l2) = result.best().index
    for axis in {"fold", name}:
        maps = plots.heat_map(result, axes=(axis, "l2"))
        legend = plots.axis_curves(result, "l2", by=axis)
        curve = plots.axis_curves(result, axis)
        assert maps.get_supylabel() == curve.axes[0].get_xlabel() == name
        assert [tick.get_text() for tick in maps.axes[0].get_yticklabels()] == [*texts]
        assert [text.get_text() for text in legend.legends[0].texts] == [f"{name} = {text}" for text in texts]
        shown = np.ma.getdata(maps.axes[1].images[0].get_array())
        np.testing.assert_allclose(shown, scores[rate].mean(axis=1).T, rtol=1e-12)
        (places, means), *_ = (line.get_data() for line in curve.axes[0].get_lines())
        order = np.argsort(places)
        numbers = arrays["rows"] if name == "rows" else np.arange(3)
        np.testing.assert_array_equal(np.asarray(places)[order], np.sort(numbers))
        expected = scores[rate, l2].mean(axis=0)[np.argsort(numbers)]
        np.testing.assert_allclose(np.asarray(means)[order], expected, rtol=1e-12)
        if name == "group":
            assert [tick.get_text() for tick in curve.axes[0].get_xticklabels()] == [*texts]
        fixed = " ".join(plots.heat_map(result, {axis: 1}).get_suptitle().split())
        assert f"{name} = {texts[1]}" in fixed and "fold" not in f"{fixed}{curve.get_suptitle()}"


def test_a_sweeps_heat_map_is_that_of_its_arrays():
    result = make_result((4, 5), diverged=[(1, 1, 0)])
    arrays = {f"{part} accuracy": result.cell_scores(f"{part}_accuracy") for part in ("train", "test")}
    own = plots.array_map(arrays, result.axes, "accuracy")
    ours = plots.heat_map(result)
    for one, other in zip(own.axes, ours.axes, strict=True):
        assert one.get_title() == other.get_title() and one.get_xlabel() == other.get_xlabel()
        assert [text.get_text() for text in one.texts] == [text.get_text() for text in other.texts]


def test_large_arrays_are_pictures_with_round_ticks_on_the_scale_of_their_values():
    across = np.geomspace(3e-4, 2e2, 300)
    down = np.linspace(-1, 2, 200)[::-1]
    values = np.add.outer(down, np.log(across))
    values[:20, 250:] = np.nan
    figure = plots.array_map(values, {"shift": down, "rate": across}, "sum")
    FigureCanvasAgg(figure).draw()
    panel, bar = figure.axes
    assert not panel.texts and not panel.patches and figure.get_suptitle() == "grey: diverged"
    assert (figure.get_supylabel(), panel.get_xlabel(), bar.get_xlabel()) == ("shift", "rate", "sum")
    for places, labels, axis in (
        (panel.get_xticks(), panel.get_xticklabels(), np.log(across)),
        (panel.get_yticks(), panel.get_yticklabels(), down),
    ):
        numbers = np.array([float(label.get_text()) for label in labels])
        numbers = np.log(numbers) if axis is not down else numbers
        assert 4 <= len(numbers) <= 8
        np.testing.assert_allclose(np.interp(places, np.arange(len(axis)), axis), numbers, atol=1e-9)
    image = panel.images[0]
    pixel = image.to_rgba(image.get_array()[:30, 240:])
    np.testing.assert_allclose(pixel[0, -1, :3], 0.9, atol=0.01)
    assert np.ptp(pixel[25, 0, :3]) > 0.1
    lights = (
        plots.array_map(np.abs(values), {"a": down, "b": across}, higher_is_better=False).axes[0].images[0]
    )
    assert isinstance(lights.norm, LogNorm)


@pytest.mark.thorough
@pytest.mark.parametrize(("shape", "classes"), [((1, 5), True), ((20, 20), False)])
def test_texts_are_of_the_size_of_a_phones_at_its_width(shape, classes):
    """At 360 pixels for the figure's width a point is a pixel."""
    further = {"momentum": np.linspace(0, 0.9, 3)}.items()
    result = make_result(shape, seeds=3, further=further, classes=classes, history=6)
    drawn = make_sampled(n=20, axes={"momentum": np.linspace(0, 0.9, 20)})
    for figure in (
        plots.heat_map(result),
        plots.loss_curves(result),
        plots.interval_curves(result),
        plots.interval_curves(result, cells="all"),
        plots.axis_curves(result, "momentum", by="l2"),
        plots.scatter(drawn),
    ):
        FigureCanvasAgg(figure).draw()
        assert figure.get_figwidth() * 72 == 360
        written = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
        assert written and all(text.get_fontsize() >= 7 for text in written)
        for text in [*figure.legends, *figure.texts, *(axes.title for axes in figure.axes)]:
            box = text.get_window_extent()
            assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1


def points_of(panel):
    """The cells in one panel of a scatter plot: filled, hollow, the best one's ring, crosses."""
    filled, hollow, *ring = (np.asarray(points.get_offsets()) for points in panel.collections)
    (crosses,) = panel.lines
    return filled, hollow, ring, crosses


@pytest.mark.parametrize(("classes", "folds"), [(True, None), (False, 2)])
def test_scatter_shows_each_cells_mean_score_over_each_hyperparameter_that_varies(classes, folds):
    momentum = np.linspace(0, 0.9, 12)
    axes = {"momentum": momentum, "b1": np.full(12, 0.9)}
    result = make_sampled(axes=axes, classes=classes, folds=folds, diverged=[(3, 0, 1), (5, 0, 0)])
    result.pruned[[7, 8]] = True
    *panels, bar = (figure := plots.scatter(result)).axes
    assert [panel.get_xlabel() for panel in panels] == ["learning rate η", "L2 penalty λ", "momentum"]
    assert bar.get_xlabel() == "learning rate η"
    assert panels[0].get_ylabel() == result.ranked_by.replace("_", " ")
    means = result.scores[result.ranked_by].reshape(12, -1).mean(axis=1)
    others = [0, 1, 2, 4, 6, 9, 10, 11]
    pruned = [7, 8]
    for panel, name in zip(panels, ("learning_rate", "l2", "momentum"), strict=True):
        filled, hollow, (ring,), crosses = points_of(panel)
        values = result.axes[name]
        np.testing.assert_allclose(filled, np.stack([values[others], means[others]], axis=1))
        np.testing.assert_allclose(hollow, np.stack([values[pruned], means[pruned]], axis=1))
        np.testing.assert_array_equal(crosses.get_xdata(), values[[3, 5]])
        (best,) = result.best().index
        np.testing.assert_allclose(ring, [[values[best], means[best]]])
    assert panels[0].get_yscale() == ("linear" if classes else "log")
    caption = " ".join(figure.get_suptitle().split())
    assert "12 cells" in caption and "crosses: 2 diverged" in caption and "hollow: pruned" in caption
    assert describe(result.best().axes) in caption


def test_scatter_colours_cells_by_their_learning_rate():
    result = make_sampled(diverged=[(2, 0, 0)])
    panel, other, bar = plots.scatter(result).axes
    faces = panel.collections[0].get_facecolors()
    np.testing.assert_array_equal(faces, other.collections[0].get_facecolors())
    # The learning rates ascend evenly on the logarithmic scale of the bar.
    expected = matplotlib.colormaps["viridis"](np.linspace(0, 1, 12))[np.arange(12) != 2]
    np.testing.assert_allclose(faces, expected, atol=0.02)
    assert bar.get_xscale() == "log"
    alone = make_sampled(axes={"learning_rate": np.full(12, 0.1), "l2": np.full(12, 0.0)})
    (panel,) = plots.scatter(alone).axes
    assert (
        panel.get_xlabel() == "learning rate η"
        and len(np.unique(panel.collections[0].get_facecolors(), axis=0)) == 1
    )


def test_scatter_of_networks_has_a_panel_with_a_position_for_each():
    result = make_programs(("b", "a"), (50, 0), make=make_sampled, diverged=[(3, 0, 1)])
    panels = dict(zip(result.axes, plots.scatter(result).axes, strict=False))
    assert [panel.get_xlabel() for panel in panels.values()] == [
        "network",
        "batch size",
        "learning rate η",
        "L2 penalty λ",
    ]
    means = result.cell_scores()
    best = result.best()
    for axis, (name, texts) in enumerate({"network": ["b", "a"], "batch_size": ["50", "full"]}.items()):
        panel = panels[name]
        assert [tick.get_text() for tick in panel.get_xticklabels()] == texts
        filled, _, (ring,), crosses = points_of(panel)
        expected = [(index[axis], means[index]) for index in np.ndindex(2, 2, 12) if index[2] != 3]
        np.testing.assert_allclose(filled, expected)
        np.testing.assert_allclose(ring, [[best.index[axis], best.score]])
        assert len(crosses.get_xdata()) == 4
    rates, *_ = points_of(panels["learning_rate"])
    np.testing.assert_allclose(rates[:, 0], np.tile(np.delete(result.learning_rate, 3), 4))


def test_values_are_drawn_on_the_scale_on_which_they_spread_more_evenly():
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
    panel = plots.scatter(make_sampled(30, {"momentum": np.tile([0, 1e-4, 1e-3, 1e-2, 1e-1, 1], 5)})).axes[2]
    low, high = panel.get_xlim()
    assert panel.get_xscale() == "symlog" and low <= 0 < 1 <= high


@pytest.mark.parametrize("varying", [1, 7])
def test_scatter_has_two_panels_a_row_and_none_is_empty(varying):
    names = ["learning_rate", "l2", *"abcde"]
    axes = {name: np.linspace(0.1, 1, 12) if i < varying else np.ones(12) for i, name in enumerate(names)}
    figure = plots.scatter(make_sampled(axes=axes))
    FigureCanvasAgg(figure).draw()
    panels = figure.axes[:varying]
    assert [panel.get_xlabel() for panel in panels] == ["learning rate η", "L2 penalty λ", *"abcde"][:varying]
    rows = {round(panel.get_position().y0, 3) for panel in panels}
    assert len(rows) == -(-varying // 2) and len(figure.axes) == varying + 1
    labels = [label for panel in panels for label in (panel.xaxis.label, panel.yaxis.label)]
    texts = [label for label in labels if label.get_text()]
    boxes = [text.get_window_extent() for text in texts]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


def test_scatter_of_a_search_that_diverged_everywhere_and_of_a_grid_is_drawn():
    *panels, _ = (figure := plots.scatter(make_sampled(diverged=[np.s_[:]]))).axes
    assert all(len(points_of(panel)[3].get_xdata()) == 12 for panel in panels)
    assert "crosses: 12 diverged" in " ".join(figure.get_suptitle().split())
    result = make_result((3, 4))
    filled, *_ = points_of(plots.scatter(result).axes[1])
    np.testing.assert_allclose(filled[:, 0], np.tile(result.l2, 3))
    np.testing.assert_allclose(filled[:, 1], result.cell_scores().ravel())


@pytest.mark.thorough
def test_matplotlib_comes_when_asked_for_and_without_pyplot():
    code = "import sys, jfnn; assert 'matplotlib' not in sys.modules;"
    code += "jfnn.plots.array_map([[0, 1]], {'a': [1], 'b': [1, 2]});"
    code += "assert 'matplotlib.figure' in sys.modules and 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
