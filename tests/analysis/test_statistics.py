"""Intervals and ties compared with scipy's tests."""

import dataclasses

import numpy as np
import pytest
from helpers import make_result, make_sampled, make_single
from helpers import with_scores as with_any_scores
from scipy import special, stats

import jfnn
from jfnn import analysis
from jfnn.analysis import description, ranking, summary
from jfnn.analysis.intervals import Interval
from jfnn.analysis.selection import critical_ratio
from jfnn.analysis.statistics import cell_statistics, curve_statistics


@pytest.fixture(scope="module")
def sweep():
    return make_result((2, 3), seeds=1)


def with_scores(sweep, values, folds=None):
    """Return the sweep with other test accuracies: ``values [2, 3, seeds(, folds)]``."""
    fields = {
        "seeds": np.arange(values.shape[2]),
        "pruned": np.zeros(values.shape, bool),
        "diverged_at": np.full(values.shape, -1),
        "stopped_at": np.full(values.shape, -1),
    }
    return with_any_scores(sweep, {"test_accuracy": values}, folds=folds, **fields)


def may_be_best_by_t(best, cell, cells, error=0.05):
    """Return whether a cell may be the best of ``cells``, by SciPy's paired t statistic."""
    t = stats.ttest_rel(best, cell).statistic
    return t <= critical_ratio(cells - 1, len(best) - 1, error)


def test_intervals_and_ties_equal_students_t(sweep):
    values = np.random.default_rng(1).normal(size=(2, 3, 7)) * 0.3
    values[0] -= 0.6
    computed = cell_statistics(with_scores(sweep, values), "test_accuracy", Interval(confidence=0.9))
    best = np.unravel_index(values.mean(axis=-1).argmax(), (2, 3))
    for cell in np.ndindex(2, 3):
        interval = stats.ttest_1samp(values[cell], 0.0).confidence_interval(0.9)
        np.testing.assert_allclose([computed.low[cell], computed.high[cell]], interval, rtol=1e-12)
        np.testing.assert_allclose(computed.std[cell], np.std(values[cell], ddof=1))
        if cell != best:
            assert computed.tied[cell] == may_be_best_by_t(values[best], values[cell], 6, error=0.1)
    assert computed.tied[best]
    assert not computed.tied.all()


def by_logit(values):
    """Compute Student's t interval on the logit scale, with derivative 1 / (m (1 - m))."""
    mean = values.mean()
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values) / (mean * (1 - mean))
    return special.expit(special.logit(mean) + np.array([-half, half]))


def test_intervals_stay_within_the_range_of_scores(sweep):
    """Five seeds near 1; R² and losses use the logarithm, others Student's t."""
    values = np.array([0.99, 1.0, 0.98, 1.0, 0.9])
    low, high = by_logit(values)
    t = stats.t.interval(0.95, 4, values.mean(), stats.sem(values))
    half = (t[1] - t[0]) / 2
    assert 0 < low < t[0] and high < 1 < t[1]
    loss = 1 - values
    least, most = loss.mean() * np.exp(np.array([-half, half]) / loss.mean())
    for metric, scores, expected in (
        ("accuracy", values, (low, high)),
        ("auc", values, (low, high)),
        ("loss", loss, (least, most)),
        ("r2", values, (1 - most, 1 - least)),
        ("loss", loss - 0.02, np.array(t) * -1 + 0.98),  # a density loss, which may be negative
        ("margin", values, t),
    ):
        result = make_result((1, 1), seeds=5)
        metrics = {**result.metrics, metric: metric != "loss"}
        found = cell_statistics(
            with_any_scores(result, {f"test_{metric}": scores.reshape(1, 1, 5)}, metrics=metrics),
            f"test_{metric}",
        )
        np.testing.assert_allclose([found.low[0, 0], found.high[0, 0]], sorted(expected))


def test_diverged_cell_has_no_interval_and_no_tie(sweep):
    values = np.random.default_rng(3).normal(size=(2, 3, 4))
    values[0, 1, 2] = np.nan
    computed = cell_statistics(with_scores(sweep, values), "test_accuracy")
    assert np.isnan([computed.mean[0, 1], computed.low[0, 1], computed.high[0, 1]]).all()
    assert not computed.tied[0, 1]
    assert not cell_statistics(with_scores(sweep, values * np.nan), "test_accuracy").tied.any()


def test_infinite_score_has_no_interval_and_no_warning(sweep):
    values = np.random.default_rng(3).normal(size=(2, 3, 4))
    values[0, 1] = -np.inf
    computed = cell_statistics(with_scores(sweep, values), "test_accuracy")
    assert computed.mean[0, 1] == -np.inf
    assert np.isnan([computed.std[0, 1], computed.low[0, 1], computed.high[0, 1]]).all()
    assert not computed.tied[0, 1]


@pytest.mark.parametrize("folds", [None, 3])
def test_pruned_cells_are_neither_best_nor_tied(sweep, folds):
    """The cell with the highest score is pruned; others would tie, pruned or not."""
    values = np.random.default_rng(8).normal(size=(2, 3, 4, *(() if folds is None else (folds,))))
    values[0, 0] += 10
    pruned = np.zeros(values.shape, bool)
    pruned[0, 0] = pruned[1, 1] = True
    result = dataclasses.replace(with_scores(sweep, values, folds), pruned=pruned)
    computed = cell_statistics(result)
    stayed = [cell for cell in np.ndindex(2, 3) if cell not in ((0, 0), (1, 1))]
    best = result.best().index
    assert best == max(stayed, key=lambda cell: values[cell].mean())
    seeds = values if folds is None else values.mean(axis=-1)
    for cell in stayed:
        assert computed.tied[cell] == (
            cell == best or may_be_best_by_t(seeds[best], seeds[cell], len(stayed))
        )
    assert computed.tied.sum() > 1 and not computed.tied[0, 0] and not computed.tied[1, 1]
    assert computed.mean[0, 0] == pytest.approx(values[0, 0].mean())  # which still has its score
    single = cell_statistics(dataclasses.replace(sweep, pruned=pruned.reshape(2, 3, -1)[..., :1]))
    assert np.isnan(single.low).all()  # a single value distinguishes nothing
    np.testing.assert_array_equal(single.tied, ~pruned.reshape(2, 3, -1)[..., 0])
    assert not cell_statistics(dataclasses.replace(result, pruned=np.ones_like(pruned))).tied.any()


def test_folds_of_one_seed_widen_the_interval_and_of_several_are_averaged(sweep):
    values = np.random.default_rng(5).normal(size=(2, 3, 1, 5))
    one = cell_statistics(with_scores(sweep, values, folds=5), "test_accuracy")
    plain = cell_statistics(with_scores(sweep, values[:, :, 0]), "test_accuracy")
    np.testing.assert_allclose(one.high - one.mean, (plain.high - plain.mean) * np.sqrt((1 / 5 + 1 / 4) * 5))
    several = np.random.default_rng(6).normal(size=(2, 3, 4, 5))
    averaged = cell_statistics(with_scores(sweep, several.mean(axis=-1)), "test_accuracy")
    for got, expected in zip(
        cell_statistics(with_scores(sweep, several, folds=5), "test_accuracy"), averaged, strict=True
    ):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("folds", "ratio"),
    [
        (3, 1 / 2),  # cross-validation, of 24, 23 and 23 rows
        (jfnn.subsets.shares(70, 0.6, 5), 28 / 42),
        (jfnn.subsets.weighted(np.ones((4, 70))), 20 / 70),  # scored on the test rows
        (jfnn.subsets.by_group(np.arange(70) % 6, 0.25), 0),  # share no rows
    ],
    ids=["folds", "shares", "weights", "groups"],
)
def test_subsets_of_one_seed_widen_the_interval_by_their_shared_rows(folds, ratio, split):
    result = jfnn.sweep(jfnn.mlp((5, 3)), split, learning_rate=0.1, folds=folds, epochs=1, batch_size=4)
    found = cell_statistics(result, "train_loss")
    values = result.train_loss.ravel()
    scale = np.sqrt((1 / len(values) + ratio) * values.var(ddof=1))
    # of the logarithm, since losses are positive
    half = stats.t.ppf(0.975, len(values) - 1) * scale / values.mean()
    np.testing.assert_allclose(np.log(found.high / found.mean), half, rtol=1e-6)


def test_curves_are_statistics_at_every_evaluation():
    result = make_result((2, 2), seeds=6, history=3)
    curves = curve_statistics(result, "train_loss", "iqm")
    for *cell, epoch in np.ndindex(2, 2, 3):
        runs = result.history["train_loss"][(*cell, slice(None), epoch)]
        index = (*cell, epoch)
        expected = (6, runs.mean(), np.median(runs), stats.trim_mean(runs, 0.25), runs.std(ddof=1))
        np.testing.assert_allclose([values[index] for values in curves[:5]], expected)
        assert curves.low[index] < stats.trim_mean(runs, 0.25) < curves.high[index]
    last = cell_statistics(result, "train_loss", "iqm")  # the helper's history ends with the score
    np.testing.assert_allclose([values[..., -1] for values in curves], last)
    drawn = make_sampled(4, seeds=6, history=2)
    curves = curve_statistics(drawn, interval=Interval("median", "bootstrap", 0.9, 300, 1))
    assert curves.low.shape == (4, 2)
    assert (curves.low <= curves.median).all() and (curves.median <= curves.high).all()


def test_missing_runs_invalidate_a_cell_are_skipped_or_replaced():
    result = make_result((2, 3), seeds=5, diverged=[(0, 1, 0), (0, 1, 3), (1, 2, 4)], history=2)
    scores = result.test_accuracy
    strict, omitted, replaced = (cell_statistics(result, missing=m) for m in ("nan", "omit", 0.1))
    assert np.isnan([strict.mean[0, 1], strict.median[0, 1], strict.iqm[0, 1], strict.low[1, 2]]).all()
    np.testing.assert_array_equal(strict.n, [[5, 3, 5], [5, 5, 4]])
    finite = scores[0, 1, [1, 2, 4]]
    expected = (3, finite.mean(), np.median(finite), finite.mean(), finite.std(ddof=1))
    np.testing.assert_allclose([values[0, 1] for values in omitted[:5]], expected)
    np.testing.assert_allclose([omitted.low[0, 1], omitted.high[0, 1]], by_logit(finite))
    best = np.unravel_index(np.nanargmax(strict.mean), (2, 3))
    assert omitted.tied[0, 1] == may_be_best_by_t(scores[best][[1, 2, 4]], finite, 6) and omitted.tied[best]
    assert replaced.mean[0, 1] == pytest.approx((finite.sum() + 0.2) / 5) and replaced.n[0, 1] == 5
    for other in (omitted, replaced):
        np.testing.assert_allclose(other.high[0, 0], strict.high[0, 0])
    np.testing.assert_array_equal(curve_statistics(result, missing="omit").n[..., 0], omitted.n)
    gone = with_any_scores(result, {"test_accuracy": np.full((2, 3, 5), np.nan)})
    nothing = cell_statistics(gone, missing="omit")
    assert (nothing.n == 0).all() and np.isnan(nothing.mean).all() and not nothing.tied.any()


def test_missing_fold_is_replaced_before_its_seed_is_averaged():
    result = make_result((1, 1), seeds=2, folds=2, diverged=[(0, 0, 1, 1)])
    scores = result.validation_accuracy[0, 0]
    computed = cell_statistics(result, missing=0.0)
    assert computed.mean[0, 0] == pytest.approx((scores[0].mean() + scores[1, 0] / 2) / 2)
    assert cell_statistics(result, missing="omit").mean[0, 0] == pytest.approx(scores[0].mean())


def test_single_member_has_its_score_as_mean_and_no_ties():
    result = make_single(history=3)
    score = float(result.test_accuracy)
    computed = cell_statistics(result)
    assert {values.shape for values in computed} == {()}
    assert (computed.n, computed.mean, computed.median, computed.iqm) == (1, score, score, score)
    assert np.isnan([computed.std, computed.low, computed.high]).all() and computed.tied
    assert "1 of 1 tied" in repr(computed) and computed._repr_html_().count("<tr>") == 2
    curves = curve_statistics(result)
    np.testing.assert_array_equal(curves.mean, result.history["test_accuracy"])
    assert analysis.cell_names(result) == ["learning_rate=1e-5, l2=1e-5"]
    assert analysis.front(result, ["test_loss"]).tolist() is True
    columns = analysis.tidy(result)
    assert columns["epoch"].tolist() == np.repeat([1, 2, 3], 4).tolist() and set(columns["seed"]) == {0}
    (cell,) = ranking.best_first(result).cells
    assert cell.cell == () and not cell.tied and cell.scores["test_accuracy"].mean == score
    assert ranking.legend(ranking.best_first(result)) == []
    heading, row = ranking.table(ranking.best_first(result))
    assert dict(zip(heading, row, strict=True))["test accuracy"] == f"{score:.3f}"
    assert summary.averaged_over(result) == ""
    best = f"η = 1e-5, λ = 1e-5, test accuracy {score:.3f}"
    assert description.sentence(result) == f"1 network trained. Best: {best}."
    assert description.settings_in_words(result)["Search"]["seeds"] == "0"
