"""Intervals and ties against scipy's own tests, and their coverage."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

import jfnn
from jfnn.analysis.statistics import cell_statistics, over_streams, stream_values


@pytest.fixture(scope="module")
def sweep():
    rng = np.random.default_rng(0)
    split = jfnn.Split(
        rng.normal(size=(40, 3)), np.arange(40) % 2, rng.normal(size=(20, 3)), np.arange(20) % 2
    )
    return jfnn.sweep(
        jfnn.mlp((3, 2)), split, learning_rate=[0.1, 0.2], l2=[0.1, 0.2, 0.3], epochs=1, batch_size=8
    )


def with_scores(sweep, values, folds=None):
    """The sweep with other test accuracies: ``values [2, 3, seeds(, folds)]``."""
    return dataclasses.replace(sweep, test_accuracy=values, seeds=np.arange(values.shape[2]), folds=folds)


def test_intervals_and_ties_are_those_of_students_t(sweep):
    values = np.random.default_rng(1).normal(size=(2, 3, 7)) * 0.3
    found = cell_statistics(with_scores(sweep, values), "test_accuracy", confidence=0.9)
    best = np.unravel_index(values.mean(axis=-1).argmax(), (2, 3))
    for cell in np.ndindex(2, 3):
        interval = stats.ttest_1samp(values[cell], 0.0).confidence_interval(0.9)
        np.testing.assert_allclose([found.low[cell], found.high[cell]], interval, rtol=1e-12)
        np.testing.assert_allclose(found.std[cell], np.std(values[cell], ddof=1))
        if cell != best:
            assert found.tied[cell] == (stats.ttest_rel(values[best], values[cell]).pvalue >= 0.1)
    assert found.tied[best]
    assert not found.tied.all()


def test_pairing_tells_apart_what_means_cannot(sweep):
    """A shift of 0.01 that every seed shows, under a spread of 0.3 between seeds."""
    rng = np.random.default_rng(2)
    values = np.tile(rng.normal(size=8) * 0.3, (2, 3, 1)) + rng.normal(size=(2, 3, 8)) * 1e-4
    values[1, 2] += 0.01
    found = cell_statistics(with_scores(sweep, values), "test_accuracy")
    assert found.tied.sum() == 1
    assert found.tied[1, 2]
    assert (found.low[1, 2] < found.mean).all()  # though the intervals overlap


def test_a_diverged_cell_has_no_interval_and_no_tie(sweep):
    values = np.random.default_rng(3).normal(size=(2, 3, 4))
    values[0, 1, 2] = np.nan
    found = cell_statistics(with_scores(sweep, values), "test_accuracy")
    assert np.isnan([found.mean[0, 1], found.low[0, 1], found.high[0, 1]]).all()
    assert not found.tied[0, 1]
    assert not cell_statistics(with_scores(sweep, values * np.nan), "test_accuracy").tied.any()


@pytest.mark.parametrize("folds", [None, 3])
def test_cells_that_halving_ruled_out_are_neither_best_nor_tied(sweep, folds):
    """The one with the highest score is ruled out; others would tie, ruled out or not."""
    values = np.random.default_rng(8).normal(size=(2, 3, 4, *(() if folds is None else (folds,))))
    values[0, 0] += 10
    lost = np.zeros(values.shape, bool)
    lost[0, 0] = lost[1, 1] = True
    result = dataclasses.replace(with_scores(sweep, values, folds), lost=lost)
    found = cell_statistics(result)
    stayed = [cell for cell in np.ndindex(2, 3) if cell not in ((0, 0), (1, 1))]
    best = result.best().index
    assert best == max(stayed, key=lambda cell: values[cell].mean())
    seeds = values if folds is None else values.mean(axis=-1)
    for cell in stayed:
        told = cell != best and stats.ttest_rel(seeds[best], seeds[cell]).pvalue < 0.05
        assert found.tied[cell] == (not told)
    assert found.tied.sum() > 1 and not found.tied[0, 0] and not found.tied[1, 1]
    assert found.mean[0, 0] == pytest.approx(values[0, 0].mean())  # which still has its score
    single = cell_statistics(dataclasses.replace(sweep, lost=lost.reshape(2, 3, -1)[..., :1]))
    np.testing.assert_array_equal(single.tied, ~lost.reshape(2, 3, -1)[..., 0])
    assert not cell_statistics(dataclasses.replace(result, lost=np.ones_like(lost))).tied.any()


def test_losses_rank_from_below(sweep):
    values = np.random.default_rng(4).normal(size=(2, 3, 5)) * 1e-3 + np.arange(6).reshape(2, 3, 1)
    found = cell_statistics(dataclasses.replace(sweep, test_loss=values, seeds=np.arange(5)), "test_loss")
    np.testing.assert_array_equal(found.tied, [[True, False, False], [False, False, False]])


def test_one_value_tells_nothing_apart(sweep):
    found = cell_statistics(sweep)
    assert np.isnan(found.low).all()
    assert found.tied.all()


def test_folds_of_one_seed_widen_the_interval_and_of_several_are_averaged(sweep):
    values = np.random.default_rng(5).normal(size=(2, 3, 1, 5))
    one = cell_statistics(with_scores(sweep, values, folds=5), "test_accuracy")
    plain = cell_statistics(with_scores(sweep, values[:, :, 0]), "test_accuracy")
    np.testing.assert_allclose(one.high - one.mean, (plain.high - plain.mean) * np.sqrt((1 / 5 + 1 / 4) * 5))
    several = np.random.default_rng(6).normal(size=(2, 3, 4, 5))
    averaged = cell_statistics(with_scores(sweep, several.mean(axis=-1)), "test_accuracy")
    for got, wanted in zip(
        cell_statistics(with_scores(sweep, several, folds=5), "test_accuracy"), averaged, strict=True
    ):
        np.testing.assert_array_equal(got, wanted)


def test_cells_on_one_axis_have_the_statistics_of_a_grid(sweep):
    values = np.random.default_rng(9).normal(size=(2, 3, 1, 4))
    result = with_scores(sweep, values, folds=4)
    grid = cell_statistics(result)
    flat, variance = stream_values(result, values.reshape(6, 1, 4))
    best = int(grid.mean.argmax())
    for got, wanted in zip(over_streams(flat, variance, best), grid, strict=True):
        np.testing.assert_array_equal(got, wanted.ravel())
    one = over_streams(flat[2], variance)
    assert (one.mean, one.low, one.high) == (grid.mean[0, 2], grid.low[0, 2], grid.high[0, 2])
    assert not one.tied  # with none to compare it with


@pytest.mark.parametrize("n", [3, 10])
def test_intervals_cover_the_mean_as_often_as_they_say(sweep, n):
    """Six thousand intervals of normal scores: the binomial standard deviation of the share is 0.003."""
    rng = np.random.default_rng(7)
    covered = []
    for _ in range(1000):
        found = cell_statistics(with_scores(sweep, rng.normal(size=(2, 3, n))), "test_accuracy")
        covered.append((found.low < 0) & (found.high > 0))
    assert abs(np.mean(covered) - 0.95) < 0.01


def test_what_cannot_be_is_refused(sweep):
    with pytest.raises(ValueError, match="score"):
        cell_statistics(sweep, "test_precision")
    with pytest.raises(ValueError, match="confidence"):
        cell_statistics(sweep, confidence=1.0)


def test_95_percent_intervals_cover_the_mean_over_many_seeds_on_the_digits(digits):
    seeds, of = 300, 5
    result = jfnn.sweep(
        jfnn.mlp((64, 50, 10)),
        digits,
        learning_rate=np.geomspace(1e-4, 2e-3, 5),
        l2=1.0,
        epochs=5,
        seeds=seeds,
        keep_params="none",
        gradient="backprop",
    )
    truth = result.test_accuracy.mean(axis=-1)
    covered = []
    for first in range(0, seeds, of):
        values = result.test_accuracy[..., first : first + of]
        found = over_streams(values, 1 / of)
        covered.append((found.low <= truth) & (truth <= found.high))
    print(f"95% intervals over {of} seeds cover the mean over {seeds} in {np.mean(covered):.1%} of cases")
    assert 0.90 <= np.mean(covered) <= 0.98
