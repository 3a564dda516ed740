"""Pictures over the width show the numbers that they are of."""

import io

import numpy as np
import pytest
from helpers import make_result, with_scores

from jfnn import plots
from jfnn.analysis.coordinates import CoordinateCheck
from jfnn.analysis.widths import Transfer
from jfnn.search.group import Group
from jfnn.search.groups import SweepGroups

pytestmark = pytest.mark.unoptimised

NAMES, WIDTH = ("standard", "maximal_update"), np.array([8, 16, 32])


@pytest.fixture(scope="module")
def transfer():
    """Random losses; at one width all members diverged, at another one of them did."""
    results = []
    for place in range(6):
        loss = np.random.default_rng(place).random((4, 1, 3)) + 0.1
        loss[1 if place == 1 else slice(4 * (place == 2)), 0, 0] = np.nan
        results.append(with_scores(make_result((4, 1), seeds=3), {"train_loss": loss}))
    groups = tuple(Group(f"{name}-{width}", 100) for name in NAMES for width in WIDTH)
    return Transfer(WIDTH, NAMES, SweepGroups(groups, tuple(results)))


@pytest.mark.parametrize(("name", "scale"), [("train_loss", "log"), ("test_accuracy", "linear")])
def test_curves_of_every_width_with_their_spread_and_their_best_rate(transfer, name, scale):
    figure = plots.transfer_curves(transfer, name)
    assert len(figure.axes) == 2
    members, best = transfer.scores(name, seeds=True), transfer.best_rates(name)
    for p, axes in enumerate(figure.axes):
        curves = [line for line in axes.lines if line.get_marker() != "o"]
        dots = [line for line in axes.lines if line.get_marker() == "o"]
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", scale)
        for curve, of_members in zip(curves, members[p], strict=True):
            np.testing.assert_array_equal(curve.get_xdata(), transfer.learning_rate)
            np.testing.assert_allclose(curve.get_ydata(), of_members.mean(axis=-1))
        at = [np.ravel(dot.get_xdata())[0] for dot in dots]
        np.testing.assert_array_equal(at, best[p][np.isfinite(best[p])])
        finite = members[p][np.isfinite(members[p].mean(axis=-1))]
        corners = np.concatenate([path.vertices[:, 1] for c in axes.collections for path in c.get_paths()])
        assert corners[corners > 0].min() == finite.min() and corners.max() == finite.max()
    assert [text.get_text() for text in figure.legends[0].texts] == ["8", "16", "32"]


def test_changes_against_the_width_of_every_step_layer_and_parametrisation():
    rng = np.random.default_rng(0)
    change = rng.random((2, 3, 4, 5, 2)) + 0.1
    check = CoordinateCheck(WIDTH, NAMES, change[:, :, :, 0], change)
    figure = plots.coordinate_curves(check)
    panels = np.reshape(np.array(figure.axes, dtype=object), (2, 2))
    for p, layer in np.ndindex(2, 2):
        for step, line in enumerate(panels[p, layer].lines):
            np.testing.assert_array_equal(line.get_xdata(), WIDTH)
            np.testing.assert_allclose(line.get_ydata(), change[p, :, :, step, layer].mean(axis=1))
        title = panels[p, layer].get_title()
        assert title == f"{['layer 1', 'outputs'][layer]}, exponent {check.slopes()[p, layer]:+.2f}"
    assert [tick.get_text() for tick in panels[1, 0].get_xticklabels()] == ["8", "16", "32"]
    assert panels[0, 0].get_ylabel().startswith("standard")
    assert panels[1, 0].get_ylabel().startswith("maximal update")


def test_layers_that_nothing_has_changed_yet_are_drawn_too():
    change = np.zeros((2, 3, 1, 1, 2))
    change[..., 1] = 1.0
    figure = plots.coordinate_curves(CoordinateCheck(WIDTH, NAMES, change[:, :, :, 0], change))
    figure.savefig(io.BytesIO())
    assert [axes.get_yscale() for axes in figure.axes] == ["linear", "log"] * 2


def test_what_is_no_transfer_or_check_is_refused(transfer):
    with pytest.raises(TypeError, match=r"^transfer: expected a Transfer"):
        plots.transfer_curves(make_result())
    with pytest.raises(TypeError, match=r"^check: expected a CoordinateCheck"):
        plots.coordinate_curves(transfer)
