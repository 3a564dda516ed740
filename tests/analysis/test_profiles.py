"""Matrices, aggregates, profiles and long tables against loops, statsmodels' formulas and coverage."""

import csv

import numpy as np
import pytest
from helpers import make_result, make_sampled, with_scores
from scipy import stats

from jfnn.analysis.profiles import aggregate, performance_profiles, score_matrices
from jfnn.analysis.runs import Interval
from jfnn.analysis.tables import tidy, write_tidy


def test_matrices_are_runs_by_tasks():
    first = make_result((2, 1), seeds=3, diverged=[(1, 0, 2)])
    second = with_scores(first, {"test_accuracy": first.test_accuracy + 1})
    matrices = score_matrices([first, second])
    names = ["learning_rate=1e-5, l2=1e-5", "learning_rate=10, l2=1e-5"]
    assert list(matrices) == names
    for i, matrix in enumerate(matrices.values()):
        assert matrix.shape == (3, 2)
        np.testing.assert_array_equal(matrix[:, 0], first.test_accuracy[i, 0])
        np.testing.assert_array_equal(matrix[:, 1], second.test_accuracy[i, 0])
    assert score_matrices(first, missing=0.25)[names[1]][2, 0] == 0.25
    folds = make_result((1, 1), seeds=2, folds=3)
    (matrix,) = score_matrices(folds).values()
    np.testing.assert_allclose(matrix[:, 0], folds.validation_accuracy[0, 0].mean(axis=-1))
    twice = make_sampled(2, axes={"learning_rate": np.full(2, 0.1), "l2": np.zeros(2)})
    assert list(score_matrices(twice)) == ["learning_rate=0.1, l2=0", "learning_rate=0.1, l2=0 (2)"]


def test_aggregates_cover_the_mean_of_all_tasks():
    """3 runs of 4 tasks, whose spreads differ: 200 intervals, standard deviation of the share 0.015."""
    rng = np.random.default_rng(0)
    tasks, spreads = np.array([0.2, 0.5, 0.6, 0.9]), np.array([0.1, 0.02, 0.05, 0.05])
    scores = {str(i): tasks + spreads * rng.normal(size=(3, 4)) for i in range(200)}
    covers = {}
    for method in ("bootstrap", "percentile"):
        aggregates = aggregate(scores, Interval("mean", method, resamples=400)).values()
        assert all(a.value == pytest.approx(scores[str(i)].mean()) for i, a in enumerate(aggregates))
        covers[method] = np.mean([a.low <= tasks.mean() <= a.high for a in aggregates])
    assert 0.9 <= covers["bootstrap"] <= 0.98
    assert covers["percentile"] < covers["bootstrap"]
    alone = aggregate({"a": scores["0"][:, :1]}, "mean")["a"]
    wanted = stats.ttest_1samp(scores["0"][:, 0], 0).confidence_interval()
    np.testing.assert_allclose(alone[1:], wanted)


def test_profiles_are_shares_with_wilsons_intervals():
    scores = {"a": [[0.1, 0.9], [0.5, 0.8], [np.nan, 0.7]], "b": np.full((3, 2), 0.9)}
    profiles = performance_profiles(scores, [0.0, 0.5, 0.75, 0.9])
    np.testing.assert_allclose(profiles["a"].share, [5 / 6, 3 / 6, 2 / 6, 0])
    for profile in profiles.values():
        for share, low, high in zip(*profile[1:], strict=True):
            test = stats.binomtest(round(6 * share), 6)
            wanted = test.proportion_ci(method="wilson")
            np.testing.assert_allclose([low, high], [wanted.low, wanted.high], atol=1e-12)
    lower = performance_profiles(scores, [0.5], higher_is_better=False)
    np.testing.assert_allclose([lower["a"].share[0], lower["b"].share[0]], [1 / 6, 0])
    drawn = performance_profiles(scores)["a"]
    assert (drawn.thresholds[0], drawn.thresholds[-1], len(drawn.share)) == (0.1, 0.9, 201)


@pytest.mark.slow
def test_aggregates_and_profiles_are_those_of_rliable():
    """Ends of intervals to a tenth of their width, the noise of 4,000 resamples."""
    metrics = pytest.importorskip("rliable.metrics")
    library = pytest.importorskip("rliable.library")
    rng = np.random.default_rng(1)
    scores = {
        "a": rng.beta(45, 5, size=(8, 3)),
        "b": rng.gamma(4, size=(12, 4)),
        "c": rng.normal(size=(5, 2)),
    }
    np.random.seed(0)
    for statistic, function in (("iqm", metrics.aggregate_iqm), ("mean", metrics.aggregate_mean)):
        values, intervals = library.get_interval_estimates(
            scores, lambda matrix, function=function: np.array([function(matrix)]), reps=4000
        )
        for name, ours in aggregate(scores, Interval(statistic, "percentile", resamples=4000)).items():
            assert ours.value == pytest.approx(values[name][0])
            np.testing.assert_allclose(ours[1:], intervals[name][:, 0], atol=(ours.high - ours.low) / 10)
    thresholds = np.linspace(0, 5, 11)
    shares, _ = library.create_performance_profile(scores, thresholds, reps=2)
    for name, profile in performance_profiles(scores, thresholds).items():
        np.testing.assert_allclose(profile.share, shares[name])


@pytest.mark.parametrize(("n", "times"), [(5, 1500), (30, 500)])
def test_profiles_bands_cover_the_true_share(n, times):
    """Over thresholds, on average; at single ones shares of few runs jump from 1 to less than 0.9."""
    values = np.random.default_rng(n).gamma(4, size=(times, n))
    thresholds = stats.gamma(4).ppf(np.linspace(0.05, 0.95, 19))
    profiles = performance_profiles({str(i): v[:, None] for i, v in enumerate(values)}, thresholds)
    truth = stats.gamma(4).sf(thresholds)
    covered = np.mean([(p.low <= truth) & (truth <= p.high) for p in profiles.values()])
    print(f"{n} runs: profiles' 95% bands cover {covered:.1%}")
    assert 0.9 <= covered <= 0.98


@pytest.mark.parametrize("options", [{"history": 2}, {"history": 0}, {"history": 2, "folds": 2}])
def test_long_tables_have_a_row_for_each_member_epoch_and_metric(options, tmp_path):
    result = make_result((2, 2), seeds=2, diverged=[(0, 1, 0)] if "folds" not in options else (), **options)
    write_tidy(result, tmp_path / "tidy.csv")
    rows = list(csv.DictReader((tmp_path / "tidy.csv").read_text().splitlines()))
    parts = ["train", *(["validation"] if "folds" in options else []), "test"]
    epochs = [1, 2] if options["history"] else [10]
    wanted = []
    for place in np.ndindex(result.diverged_at.shape):
        for k, epoch in enumerate(epochs):
            for part in parts:
                for metric in ("loss", "accuracy"):
                    name = f"{part}_{metric}"
                    source = result.history if options["history"] else result.scores
                    value = source[name][(*place, k)] if options["history"] else source[name][place]
                    axes = result.axes_at(place[:2])
                    wanted.append((*axes.values(), *place[2:], epoch, part, metric, value))
    assert len(rows) == len(wanted)
    by_row = {tuple(map(str, row[:-1])): row[-1] for row in wanted}
    for row in rows:
        *key, value = row.values()
        np.testing.assert_equal(float(value), float(by_row[tuple(key)]))
    assert list(tidy(result))[-4:] == ["epoch", "part", "metric", "value"]


def test_what_cannot_be_is_refused_by_name():
    result = make_result((1, 1), seeds=2)
    for results, message in (
        ([], "results: expected at least one"),
        ([result, make_result((1, 2), seeds=2)], "results: expected sweeps of the same cells"),
        ([result, make_result((1, 1), seeds=3)], "results: expected sweeps of the same cells"),
        (make_result((1, 1), seeds=1, folds=2), "results: folds of one seed"),
    ):
        with pytest.raises(ValueError, match=message):
            score_matrices(results)
    with pytest.raises(ValueError, match="missing"):
        score_matrices(result, missing="omit")
    with pytest.raises(ValueError, match=r"scores: expected arrays \[runs, tasks\]"):
        aggregate({"a": [1.0]})
    with pytest.raises(ValueError, match="scores: expected at least two runs"):
        aggregate({"a": [[1.0]]})
    with pytest.raises(ValueError, match="scores"):
        aggregate({"a": [[1.0], [np.nan]]})
    with pytest.raises(ValueError, match="scores: expected at least one finite"):
        performance_profiles({"a": [[np.nan]]})
    with pytest.raises(TypeError, match="scores"):
        performance_profiles({})
