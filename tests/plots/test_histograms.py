"""Histograms of seeds: bars hold each member once, and the line is scipy's binomial."""

import numpy as np
import pytest
from helpers import make_result
from scipy import stats

from jfnn import plots
from jfnn.core.search.result import with_run

ROWS = 40
CONFIG = {"data": {"test": {"rows": [ROWS]}}}


def accuracies(seeds=30):
    """A result whose seeds of each cell are right about whole numbers of rows."""
    result = with_run(make_result((3, 1), seeds=seeds), config=CONFIG)
    rng = np.random.default_rng(0)
    for i, chance in enumerate((0.1, 0.5, 0.9)):
        result.test_accuracy[i, 0] = rng.binomial(ROWS, chance, seeds) / ROWS
    return result


def test_bars_count_members_and_the_line_is_the_binomials():
    result = accuracies()
    figure = plots.histogram(result, "test_accuracy", "all")
    assert len(figure.axes) == 3
    for axes, values in zip(figure.axes, result.test_accuracy[:, 0], strict=True):
        bars = [patch for patch in axes.patches if hasattr(patch, "get_height")]
        (line,) = (patch for patch in axes.patches if not hasattr(patch, "get_height"))
        expected, edges, _ = line.get_data()
        assert sum(bar.get_height() for bar in bars) == len(values)
        for bar, low, high, drawn in zip(bars, edges[:-1], edges[1:], expected, strict=True):
            right = np.arange(np.ceil(low * ROWS), high * ROWS)  # numbers of rows, none on an edge
            assert bar.get_height() == np.isin(np.rint(values * ROWS), right).sum()
            assert drawn == pytest.approx(len(values) * stats.binom.pmf(right, ROWS, values.mean()).sum())
        assert expected.sum() > 0.97 * len(values)  # none of it is out of sight
        spread = np.sqrt(values.mean() * (1 - values.mean()) / ROWS)
        said = f"mean {values.mean():.4g}, sd {values.std(ddof=1):.2g} of 30, binomial sd {spread:.2g}"
        assert axes.get_title().endswith(said)
    assert figure.get_suptitle() == f"30 seeds; line: binomial of {ROWS} rows"


def test_members_without_a_score_are_left_out_and_only_accuracies_have_a_line():
    result = accuracies()
    result.test_accuracy[2, 0, :5] = np.nan
    (axes,) = plots.histogram(result, cells=[(2, 0)]).axes
    assert "of 25" in axes.get_title()
    (axes,) = plots.histogram(result, "test_loss", [(1, 0)]).axes
    values = result.test_loss[1, 0]
    assert [bar.get_height() for bar in axes.patches] == np.histogram(values, 25)[0].tolist()
    assert "binomial" not in axes.get_title()


def test_the_binomial_is_in_sight_where_all_members_are_alike():
    result = accuracies()
    result.test_accuracy[0, 0] = 0.5
    (axes,) = plots.histogram(result, "test_accuracy", [(0, 0)]).axes
    *bars, line = axes.patches
    assert max(bar.get_height() for bar in bars) == 30 and line.get_data().values.sum() > 0.97 * 30


def test_bins_of_accuracies_end_half_a_row_above_the_most():
    result = with_run(accuracies(), config={"data": {"test": {"rows": [1000]}}})
    result.test_accuracy[0, 0] = np.linspace(0.3, 1.0, 30).round(3)
    (axes,) = plots.histogram(result, "test_accuracy", [(0, 0)]).axes
    assert axes.get_xlim()[1] == axes.patches[-1].get_data().edges[-1] == pytest.approx(1.0005)


def test_the_default_is_the_best_cell():
    result = accuracies()
    (axes,) = plots.histogram(result).axes
    assert f"mean {result.best().score:.4g}, sd" in axes.get_title()
