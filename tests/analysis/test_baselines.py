"""Scores of baselines with a sweep: means and intervals, rows in a ranking, refusals."""

import numpy as np
import pytest
from helpers import make_result, with_scores
from sklearn.linear_model import Ridge

import jfnn
from jfnn import plots, report
from jfnn.analysis.baselines import as_baselines
from jfnn.analysis.ranking import best_first, table


@pytest.mark.parametrize(("seeds", "folds"), [(5, None), (1, 5)])
def test_baseline_has_the_same_interval_as_a_cell_with_equal_scores(seeds, folds):
    result = make_result((1, 1), seeds=seeds, folds=folds, classes=False, rank_by="r2")
    values = np.array([-3.0, 0.1, 0.7, 0.4, 0.3])
    own = {"test_own": values.reshape(result.diverged_at.shape)}
    result = with_scores(result, own, metrics=result.metrics | {"own": False})
    cell = jfnn.cell_statistics(result, "test_own", jfnn.analysis.Interval(confidence=0.9))
    found = as_baselines({"other": values.tolist()}, result, 0.9)["other"]
    np.testing.assert_allclose(found[:3], [cell.mean[0, 0], cell.low[0, 0], cell.high[0, 0]])
    alone = as_baselines({"one": 0.5, "two": [0.5, 0.7]}, result)
    assert (alone["one"].mean, alone["two"].mean) == (0.5, 0.6)
    assert np.isnan([alone["one"].low, alone["two"].high]).all()


@pytest.mark.parametrize(("classes", "order"), [(True, ["svm", "ridge"]), (False, ["ridge", "svm"])])
def test_baselines_are_listed_below_the_best_cells_in_order(classes, order, tmp_path):
    result = make_result((3, 3), classes=classes)
    size = 1 if classes else 1e4  # of the random scores
    others = {"ridge": size * 0.2512, "svm": [size * 0.5, size * 0.6, size * 0.7]}
    rows = table(best_first(result, 3, others))
    assert rows[:4] == table(best_first(result, 3))
    assert [row[0] for row in rows[4:]] == order
    column = rows[0].index("test accuracy" if classes else "test loss")
    texts = {row[0]: row[column] for row in rows[4:]}
    assert float(texts["ridge"]) == pytest.approx(size * 0.2512, abs=size * 6e-4)
    low, high = map(float, texts["svm"].partition("[")[2].rstrip("]").split(", "))
    half = 4.302653 * 0.1 / 3**0.5  # Student's t with two degrees of freedom
    np.testing.assert_allclose([low / size, high / size], [0.6 - half, 0.6 + half], atol=6e-4)
    assert {text for row in rows[4:] for i, text in enumerate(row) if i not in (0, column)} == {""}
    report.write_report(result, tmp_path / "page.html", figures={}, baselines=others)
    page = (tmp_path / "page.html").read_text()
    assert page.index(">1.<") < page.index(f">{order[0]}<") < page.index(f">{order[1]}<")


@pytest.mark.parametrize(
    "wrong",
    [
        {"ridge": Ridge()},
        {"ridge": "0.9"},
        {"ridge": np.nan},
        {"ridge": []},
        {"ridge": [[0.9]]},
        {"ridge": True},
        {"": 0.9},
        {1: 0.9},
        0.9,
        ["ridge"],
    ],
)
def test_invalid_scores_are_refused(wrong, tmp_path):
    result = make_result((2, 2), history=2)
    for call in (
        lambda: plots.axis_curves(result, "l2", baselines=wrong),
        lambda: plots.interval_curves(result, baselines=wrong),
        lambda: report.write_report(result, tmp_path / "page.html", baselines=wrong),
    ):
        with pytest.raises(ValueError, match=r"^baselines: "):
            call()
    assert not list(tmp_path.iterdir())


def test_baseline_far_from_all_cells_is_visible_in_both_figures():
    result = make_result((2, 2), seeds=4, history=2)
    for values in (result.scores["test_accuracy"], result.history["test_accuracy"]):
        values[:] = 0.1 + values / 10
    for figure in (
        plots.axis_curves(result, "l2", baselines={"ridge": 0.9}),
        plots.interval_curves(result, baselines={"ridge": 0.9}),
    ):
        low, high = figure.axes[0].get_ylim()
        assert low < 0.1 < 0.9 < high
