"""Draws of a random search, and which winners are refit and for how long."""

import dataclasses

import numpy as np
import pytest
from helpers import make_result, same_bits, with_scores
from scipy import stats

import jfnn
from jfnn.core.search.refit import refit_options

pytestmark = pytest.mark.unoptimized

TILE = jfnn.Execution(tile=4)
OPTIONS = dict(epochs=4, execution=TILE)
MOMENTA = stats.uniform(0, 0.9)
SCALES = stats.loguniform(0.1, 2.0)
DRAWN = dict(
    learning_rate=stats.loguniform(1e-3, 1.0),
    l2=[0.0, 0.1, 0.5],
    optimizer=jfnn.Optimizer("sgd", momentum=MOMENTA),
    hyper={"init_scale": SCALES},
    batch_size=16,
)


@pytest.fixture(scope="module")
def net():
    return jfnn.mlp((5, 6, 3))


@pytest.mark.thorough
def test_draws_follow_their_distributions_and_are_independent(net, split):
    options = DRAWN | {"epochs": 0, "execution": dataclasses.replace(TILE, keep_params="none")}
    many = jfnn.sweep(net, split, cells=2000, **options)
    for name, distribution in (
        ("learning_rate", DRAWN["learning_rate"]),
        ("momentum", MOMENTA),
        ("init_scale", SCALES),
    ):
        assert stats.kstest(many.axes[name], distribution.cdf).pvalue > 0.001
    few, other = (jfnn.sweep(net, split, cells=jfnn.Sample(7, seed), **options) for seed in (0, 1))
    np.testing.assert_array_equal(few.learning_rate, many.learning_rate[:7])
    assert not np.any(other.learning_rate == few.learning_rate)
    counts = [np.sum(many.l2 == value) for value in DRAWN["l2"]]
    assert sum(counts) == 2000
    assert stats.chisquare(counts).pvalue > 0.001
    correlations = np.corrcoef([stats.rankdata(values) for values in many.axes.values()])
    assert np.abs(correlations - np.eye(4)).max() < 0.1


@pytest.mark.parametrize(("epochs", "expected"), [([3, 4, 4], 4), ([3, 3, 4], 3), ([0, 0, 1], 1)])
def test_refit_trains_for_the_mean_of_the_epochs_kept_by_early_stopping(net, split, epochs, expected):
    options = jfnn.Options(net, split, learning_rate=[0.1, 0.2], validation=0.2, epochs=9)
    result = with_scores(make_result((2, 1), 3, validates=True), {}, epochs=np.full((2, 1, 3), epochs))
    stopping = dataclasses.replace(options, schedulers=[jfnn.EarlyStopping(2)])
    best = result.best().index
    assert refit_options(stopping, result, [best]).epochs == range(expected)
    assert refit_options(options, result, [best]).epochs == range(9)
    learner = jfnn.supervised(net, optimizer=jfnn.Optimizer(schedule="cosine"))
    of_learner = dataclasses.replace(stopping, network=learner)
    assert refit_options(of_learner, result, [best]).network.schedule_epochs == 9  # as long as in the search


def test_refit_is_saved_resumed_and_loaded(net, split, tmp_path):
    options = dict(learning_rate=[0.01, 0.3], validation=0.3, batch_size=16, **OPTIONS)
    plain = jfnn.sweep(net, split, out=tmp_path, **options)
    assert plain.refit is None
    refitted = jfnn.sweep(net, split, out=tmp_path, resume=True, refit=True, **options)
    np.testing.assert_array_equal(refitted.test_loss, plain.test_loss)
    again = jfnn.load(tmp_path)
    assert same_bits(again.refit.params, refitted.refit.params)
    copy = tmp_path / "copy"
    refitted.save(copy)
    assert same_bits(jfnn.load(copy).refit.params, refitted.refit.params)
