"""The list of best cells: order, intervals, ties, several programs in one list, and its text."""

import dataclasses

import numpy as np
import pytest
from helpers import make_programs, make_result, make_sampled, select_members, with_scores

import jfnn
from jfnn.analysis import cell_names, description, ranking, summary
from jfnn.analysis.ranking import best_first, legend, table
from jfnn.arguments.texts import full_text, number_text, score_format, value_text, value_texts
from jfnn.core.search.programs import combine
from jfnn.core.search.result import with_run


def with_test_accuracy(values, **fields):
    values = np.asarray(values)
    fields = {name: np.asarray(value) for name, value in fields.items()}
    return with_scores(make_result((2, 2), seeds=values.shape[-1]), {"test_accuracy": values}, **fields)


@pytest.mark.parametrize(("metric", "folds"), [("accuracy", None), ("loss", 3), ("r2", None)])
def test_cells_are_ordered_by_their_means(metric, folds):
    diverged = (1, 2, 0) if folds is None else (1, 2, 0, 1)
    result = make_result(
        (4, 5), classes=metric == "accuracy", rank_by=metric, folds=folds, diverged=[diverged]
    )
    ranked = best_first(result, most=100).cells
    name = result.ranked_by
    means = {index: result.scores[name][index].mean() for index in np.ndindex(4, 5) if index != (1, 2)}
    expected = sorted(means, key=lambda index: means[index] if metric == "loss" else -means[index])
    assert [cell.cell for cell in ranked] == expected
    assert ranked[0].cell == result.best().index
    for cell in ranked:
        assert cell.scores[name][0] == pytest.approx(means[cell.cell])
    assert len(best_first(result, most=5).cells) == 5


@pytest.mark.parametrize(
    ("classes", "seeds", "folds"), [(True, 1, None), (True, 4, 3), (False, 1, 3), (False, 4, None)]
)
def test_intervals_and_ties_equal_those_of_cell_statistics(classes, seeds, folds):
    result = make_result((4, 5), seeds=seeds, classes=classes, folds=folds)
    name = result.ranked_by
    result.scores[name][0] += -9 if classes else 9e4  # far behind the others
    best = best_first(result, most=100)
    expected = jfnn.cell_statistics(result)
    for cell in best.cells:
        ends = expected.mean, expected.low, expected.high
        np.testing.assert_array_equal(cell.scores[name][:3], [values[cell.cell] for values in ends])
    several = seeds > 1 or folds is not None
    tied = [several and bool(expected.tied[cell.cell]) for cell in best.cells]
    assert [cell.tied for cell in best.cells] == [False, *tied[1:]]  # the best is not behind itself
    told = [tie for tie, cell in zip(tied[1:], best.cells[1:], strict=True) if not cell.doubtful]
    assert best.tied == sum(told) and best.others == 19 and best.pruned == 0
    assert sum(tied) in (range(2, 16) if several else [0])
    if not several:
        assert (
            legend(best) == []
            and "[" not in str(table(best)[1:]).replace("[(", "")
            and ranking.TIED not in str(table(best))
        )


@pytest.mark.parametrize("seeds", [1, 3])
def test_other_metrics_have_intervals_by_the_same_formula(seeds):
    """R² is linear in the ranking loss and has its interval, scaled: both are bounded where the loss is 0."""
    result = make_result((3, 2), seeds=seeds, classes=False, folds=3)
    best = best_first(result)
    for cell in best.cells:
        assert list(cell.scores) == ["validation_loss", "validation_r2", "train_loss"]
        mean, low, high, *_ = cell.scores["validation_loss"]
        scaled = 1 - 2 * np.array([mean, high, low]) / 1e4
        np.testing.assert_allclose(cell.scores["validation_r2"][:3], scaled)
        text = summary.score_text(cell.scores["validation_r2"], True)
        assert summary.cell_text(result, "validation_r2", cell.cell) == f"validation R² {text}"
    heading, first, *_ = table(best)
    assert heading[-3:] == ("validation loss", "validation R²", "train loss")
    assert first[-2].startswith(f"{best.cells[0].scores['validation_r2'][0]:.3f} [")
    by_r2 = best_first(make_result(classes=False, folds=2, rank_by="r2"))
    assert table(by_r2)[0][-2:] == ("validation R²", "train R²")  # the losses would be redundant


def test_custom_metric_ranks_beside_others():
    result = make_result((2, 3), classes=False)
    values = np.random.default_rng(1).random((2, 3, 2))
    own = {"test_worst_error": values, "train_worst_error": values / 2}
    result = with_scores(
        result, own, metrics=result.metrics | {"worst_error": False}, ranked_by="test_worst_error"
    )
    best = best_first(result, most=9)
    order = sorted(np.ndindex(2, 3), key=lambda index: values[index].mean())
    assert [cell.cell for cell in best.cells] == order
    assert table(best)[0][-3:] == ("test worst error", "test R²", "train worst error")
    assert summary.best_text(result).startswith("best test worst error ")


def test_pruned_cell_is_never_tied():
    values = np.array([[[0.9, 0.9, 0.9], [0.8, 0.7, 0.75]], [[0.79, 0.71, 0.74], [0.75, 0.75, 0.75]]])
    pruned = np.array([[[True] * 3, [False] * 3], [[False] * 3, [True] * 3]])
    result = with_test_accuracy(values, pruned=pruned, stopped_at=np.where(pruned, 3, -1))
    best = best_first(result)
    assert [cell.cell for cell in best.cells] == [(0, 1), (1, 0), (0, 0), (1, 1)]
    assert [cell.tied for cell in best.cells] == [False, True, False, False]
    assert (best.tied, best.others, best.pruned) == (1, 1, 2)
    assert "1 of 1 other" in legend(best)[1] and "2 pruned cells" in legend(best)[-1]
    stopped_at = np.array([[[3], [9]], [[3], [-1]]])  # pruned cells come after the others
    later = with_test_accuracy(values[..., :1], stopped_at=stopped_at, pruned=stopped_at >= 0)
    assert [cell.cell for cell in best_first(later).cells] == [(1, 1), (0, 1), (0, 0), (1, 0)]
    none_left = best_first(dataclasses.replace(result, pruned=np.ones_like(pruned)))
    assert not any(cell.tied for cell in none_left.cells)
    assert (none_left.tied, none_left.others, none_left.pruned) == (0, 0, 4)


def test_cell_with_a_failed_seed_shows_its_median_and_worst_and_is_not_tied():
    losses = np.array(
        [
            [[0.40, 0.42, 0.39, 0.41, 0.43], [0.44, 0.46, 0.40, 0.45, 0.47]],  # the best, a worse one
            [[0.41, 0.41, 0.40, 0.40, 18.0], [0.43, 0.40, 9.0, 0.42, 8.5]],  # one seed failed, two did
        ]
    )
    result = make_result((2, 2), seeds=5, classes=False)
    result = with_scores(result, {"test_loss": losses, "test_r2": 1 - losses / 0.5})
    assert jfnn.cell_statistics(result).tied[1].all()  # because of the width of their intervals
    best = best_first(result)
    assert [cell.cell for cell in best.cells] == [(0, 0), (0, 1), (1, 1), (1, 0)]
    assert [cell.doubtful for cell in best.cells] == [False, False, True, True]
    assert (best.tied, best.doubtful, best.others) == (0, 2, 3)
    heading, *rows = table(best)
    assert [row[heading.index("", 1)] for row in rows] == ["", "", ranking.DOUBTFUL, ranking.DOUBTFUL]
    shown = {name: [row[heading.index(name)] for row in rows] for name in ("test loss", "test R²")}
    assert shown["test loss"][2:] == ["0.430 (9.000)", "0.410 (18.000)"]
    assert shown["test R²"][2:] == ["0.140 (-17.000)", "0.180 (-35.000)"]
    assert "2 cells" in "".join(legend(best)) and "of 3 others" in legend(best)[1]
    assert summary.cell_text(result, "test_r2", (1, 0)) == "test R² median 0.180, worst -35"
    of_best = with_scores(result, {"test_loss": np.where([[[False]], [[True]]], losses, 50)})
    assert best_first(of_best).cells[0].doubtful and len(legend(best_first(of_best))) == 3


@pytest.mark.parametrize(
    ("folds", "recorded", "doubtful"),
    [
        (None, [288], False),
        (None, [1797 * 288], True),  # that many more rows
        (None, [0], True),  # unknown
        (3, [95, 96, 97], False),
        (None, [7000], False),  # a row of 288 is half of 1 / √20,736
        (3, [6999, 7000, 7001], True),  # a seed's folds together have 21,000
    ],
)
def test_seed_with_one_correct_row_fewer_has_not_failed(folds, recorded, doubtful):
    right = np.array([[[284, 285, 285, 285], [284, 280, 283, 281]], [[281, 280, 283, 282], [1, 2, 3, 4]]])
    values = np.repeat(right[..., None], folds, axis=-1) if folds else right
    score = ("validation" if folds else "test") + "_accuracy"
    result = make_result((2, 2), seeds=4, folds=folds)
    data = {score.partition("_")[0]: {"rows": recorded}}
    result = with_run(with_scores(result, {score: values / 288}), config={"data": data})
    best = best_first(result)
    assert best.cells[0].cell == (0, 0) and best.cells[0].doubtful == doubtful
    heading, first, *_ = table(best)
    shown = first[heading.index(summary.name_text(score))]
    statistics = jfnn.cell_statistics(result)
    low, high = statistics.low[0, 0], statistics.high[0, 0]
    assert shown == ("0.990 (0.986)" if doubtful else f"0.989 [{low:.3f}, {high:.3f}]")


def test_tied_cell_behind_a_distinguished_one_is_marked_for_its_scatter():
    values = np.array([[[0.90, 0.91, 0.92], [0.89, 0.92, 0.90]], [[0.80, 0.81, 0.82], [0.90, 0.50, 0.10]]])
    best = best_first(with_test_accuracy(values))
    assert [cell.cell for cell in best.cells] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert [cell.tied for cell in best.cells] == [False, True, False, True]
    assert [cell.doubtful for cell in best.cells] == [False, False, False, True]
    assert (best.tied, best.doubtful) == (1, 1)
    assert [row[1] for row in table(best)] == ["", "", ranking.TIED, "", ranking.DOUBTFUL]
    assert "1 cell" in legend(best)[2] and "failed" not in legend(best)[2]  # none did


@pytest.mark.parametrize(
    ("seeds", "folds", "two"), [(2, None, True), (2, 3, True), (1, 2, True), (3, 2, False), (20, None, False)]
)
def test_two_seeds_or_folds_are_both_shown_without_interval_or_ties(seeds, folds, two):
    result = make_result((2, 2), seeds=seeds, folds=folds)
    result.scores[result.ranked_by][0, 0] = 0.99  # all runs agree
    result.scores[result.ranked_by][1, 1] = 0.01
    best = best_first(result)
    statistics = jfnn.cell_statistics(result)
    assert np.isnan(statistics.low).all() == two and (statistics.tied.all() == two)
    head, *rows = table(best)
    column = head.index(summary.name_text(result.ranked_by))
    runs = result.scores[result.ranked_by].reshape(2, 2, seeds, -1)
    runs = np.sort(runs.mean(axis=-1) if seeds > 1 else runs[..., 0, :], axis=-1)
    for row, cell in zip(rows, best.cells, strict=True):
        values = [f"{value:.3f}" for value in runs[cell.cell]]
        assert (row[column] == ", ".join(values)) == two and ("[" in row[column]) != two
        assert not (two and (cell.tied or cell.doubtful))
    text = summary.cell_text(result, result.ranked_by, (0, 0))
    assert text.endswith("0.990 and 0.990" if two else "0.990 [0.990, 0.990]")
    assert len(legend(best)) == (1 if two else 2 + (best.doubtful > 0)) and ("95%" in legend(best)[0]) != two
    assert not any("failed" in line for line in legend(best))


def test_ties_are_counted_over_the_whole_grid_without_diverged_cells():
    result = make_result((4, 5), seeds=3, diverged=[(0, 0, 1)])
    best = best_first(result, most=2)
    assert len(best.cells) == 2
    assert best.tied + best.doubtful == jfnn.cell_statistics(result).tied.sum() - 1 > 2
    assert best.others == 19
    interval, mark, *_, left_out = legend(best)
    assert interval.startswith("[…]") and interval.endswith("over 3 seeds") and "95%" in interval
    assert mark.startswith("~") and mark.endswith(f"{best.tied} of 19 others")
    assert best.diverged == 1 and "1 cell" in left_out


@pytest.mark.parametrize(("folds", "classes"), [(None, True), (2, False)])
def test_programs_rank_like_one_grid_of_all_their_cells(classes, folds):
    whole = make_result((4, 3), seeds=3, classes=classes, folds=folds, diverged=[(3, 1, 0)])
    whole.pruned[[0, 2], 1] = True
    whole.stopped_at[[0, 2], 1] = np.reshape([2, 4], (2, *(1,) * (whole.pruned.ndim - 2)))

    def program(number):
        rows = np.s_[2 * number : 2 * number + 2]
        axes = whole.axes | {"learning_rate": whole.learning_rate[:2]}
        return select_members(whole, rows, axes=axes)

    axes = {"network": np.array(["b", "a"]), "batch_size": np.array([0])}
    programs = combine(axes, [program(0), program(1)])
    one = best_first(whole, most=99)
    several = best_first(programs, most=99)
    assert several._replace(cells=[]) == one._replace(cells=[])
    assert len(several.cells) == len(one.cells) == 11
    for cell, expected in zip(several.cells, one.cells, strict=True):
        row, column = expected.cell
        assert cell.cell == (row // 2, 0, row % 2, column) and cell.axes == programs.axes_at(cell.cell)
        assert cell._replace(cell=(), axes={}) == expected._replace(cell=(), axes={})
    head, *rows = table(several)
    index = head.index("network")
    assert head[index : index + 4] == ("network", "batch", "η", "λ")
    assert [row[index] for row in rows] == [("b", "a")[cell.cell[0] // 2] for cell in one.cells]
    assert {row[index + 1] for row in rows} == {"full"}
    shorter = [row[:index] + row[index + 3 :] for row in table(several)]
    assert shorter == [row[:index] + row[index + 1 :] for row in table(one)]


def test_table_shows_where_each_cell_stopped():
    result = make_result((2, 2), seeds=2)
    result.test_accuracy[:] = np.array([[0.9, 0.8], [0.7, 0.6]])[..., None]
    stopped_at = np.array([[[3, 5], [-1, 4]], [[-1, -1], [6, 6]]])
    epochs = np.where(stopped_at < 0, 10, stopped_at)
    stopped = dataclasses.replace(result, stopped_at=stopped_at, epochs=epochs)
    head, *rows = table(best_first(stopped))
    assert head[-1] == "stopped at"
    assert [row[-1] for row in rows] == ["3–5", "4–10", "end", "6"]
    restored = dataclasses.replace(stopped, epochs=np.full_like(epochs, 2))
    head, *rows = table(best_first(restored))
    assert head[-2:] == ("stopped at", "best epoch")
    assert {row[-1] for row in rows} == {"2"}
    assert "stopped at" not in table(best_first(result))[0]


def test_scores_are_written_with_their_interval_if_any():
    score = summary.Score(0.6, 0.4512, 0.7336)
    assert summary.score_text(score, higher_is_better=True) == "0.600 [0.451, 0.734]"
    assert number_text(-81234.5, higher_is_better=True) == "-8.12e4"
    score = summary.Score(1.234e-3, 7.78e-4, 1.69e-3)
    assert summary.score_text(score, higher_is_better=False) == "0.00123 [0.00078, 0.00169]"
    assert summary.score_text(summary.Score(812.3, 752.6, 872), higher_is_better=False) == "812 [753, 872]"
    assert summary.score_text(summary.Score(0.00123), higher_is_better=False) == "1.23e-3"
    score = summary.Score(812.3, both=(752.6, 872))
    assert summary.score_text(score, higher_is_better=False) == "753 and 872"
    assert number_text(float("nan"), higher_is_better=False) == "div"


def test_numbers_in_a_column_have_one_format():
    scores = [summary.Score(0.0133, 0.0006, 0.0260), summary.Score(0.00983)]
    assert summary.score_texts(scores, False) == ["0.01330 [0.00060, 0.02600]", "0.00983"]
    assert summary.score_texts([*scores, summary.Score(1.234e-4, 7.34e-5, 1.734e-4)], False) == [
        "1.33e-2 [6e-4, 2.6e-2]",
        "9.83e-3",
        "1.23e-4 [7.34e-5, 1.73e-4]",
    ]
    failed = summary.Score(1.0, 0.5, 1.5, median=0.41, worst=1e30, failed=1)
    assert summary.score_texts([failed, summary.Score(np.nan)], False) == ["0.410 (1e30)", "div"]
    assert written([6.61e-3, 0.018, 2.3, np.nan], False) == ["0.00661", "0.01800", "2.30000", "div"]
    assert written([6.61e-3, 0.018, 12.0], False) == ["6.61e-3", "1.8e-2", "1.2e1"]
    assert written([6.61e-3, 0.018], False, 2) == ["0.0066", "0.0180"]
    assert written([0.9512, 0.004, -12.0], True) == ["0.951", "0.004", "-12.000"]
    assert written([0.9512, -81234.5], True) == ["9.51e-1", "-8.12e4"]
    assert written([0.0, 0.0], False) == ["0", "0"] and written([np.inf], True) == ["div"]


def written(values, higher_is_better, *digits):
    return list(map(score_format(values, higher_is_better, *digits), values))


def test_hyperparameter_values_are_written_consistently():
    result = make_result((3, 2), seeds=3)
    axes = result.axes | {"learning_rate": np.array([1e-5, 0.01, 10]), "l2": np.array([0, 1 / 3])}
    result = dataclasses.replace(result, axes=axes)
    heading, *rows = table(best_first(result, 6))
    columns = dict(zip(heading, zip(*rows, strict=True), strict=True))
    assert set(columns["η"]) == {"1e-5", "0.01", "10"} and set(columns["λ"]) == {"0", "0.333"}
    rates = [value_text("learning_rate", rate) for rate in axes["learning_rate"].tolist()]
    assert rates == value_texts(axes["learning_rate"].tolist()) == ["1e-5", "0.01", "10"]
    assert full_text("l2", 1 / 3) == repr(1 / 3) and full_text("learning_rate", 1e-5) == "1e-5"
    assert [full_text("batch_size", 0), full_text("network", "8-8")] == ["full", "8-8"]


def test_values_of_an_axis_have_enough_digits_to_distinguish_them():
    rates = [1e-5, 3.1623e-4, 0.01, 0.031623, 10]
    assert value_texts(rates) == ["1e-5", "3.16e-4", "0.01", "0.0316", "10"]
    assert value_texts(rates) == [value_text("learning_rate", rate) for rate in rates]
    assert value_texts([0, 1437, 1e5, -20.0]) == ["0", "1437", "1e5", "-20"]
    assert value_texts([0, 50], "batch_size") == ["full", "50"]
    assert value_texts(["1e5", "8-8"], "network") == ["1e5", "8-8"]


def test_cell_names_include_all_axes_with_full_batches_and_constants_in_words():
    result = make_programs(("20",), (50, 0), shape=(2, 1))
    names = cell_names(result)
    assert names[0] == "network=20, batch_size=50, learning_rate=1e-5, l2=1e-5" and len({*names}) == 4
    assert names[-1] == "network=20, batch_size=full, learning_rate=10, l2=1e-5"
    assert description.settings_in_words(result)["Search"]["batch size"] == "50, full"
    drawn = make_sampled(3, {"l2": np.zeros(3)})
    searched = description.settings_in_words(drawn)["Search"]
    assert searched["learning rate η"] == "1e-4 to 1" and searched["L2 penalty λ"] == "0"
    twice = dataclasses.replace(drawn, axes={"learning_rate": np.full(3, 0.1), "l2": np.zeros(3)})
    assert cell_names(twice) == ["learning_rate=0.1, l2=0" + end for end in ("", " (2)", " (3)")]


def test_names_of_parts_seeds_and_folds():
    assert summary.ranking_parts(make_result()) == ("train", "test")
    for held_out in ({"validates": True}, {"folds": 2}):
        assert summary.ranking_parts(make_result(**held_out)) == ("train", "validation")
    head, *_ = table(best_first(make_result(seeds=1, validates=True)))
    assert head == ("", "η", "λ", "validation accuracy", "train accuracy")
    for seeds, folds, values in (
        (1, None, ""),
        (5, None, "5 seeds"),
        (1, 3, "3 folds"),
        (2, 3, "2 seeds of 3 folds each"),
    ):
        assert summary.averaged_over(make_result((1, 1), seeds=seeds, folds=folds)) == values
