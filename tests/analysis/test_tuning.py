"""Tuning curves, compared with all subsets of a few cells, with opda, and with simulated searches."""

import itertools

import numpy as np
import pytest
from helpers import make_result, make_sampled, make_single, with_scores

import jfnn
from jfnn.analysis import tuning_curve


def drawn(values, score="test_accuracy", **options):
    """Return a random search of one seed with these scores."""
    result = make_sampled(n=len(values), seeds=1, **options)
    return with_scores(result, {score: np.asarray(values)[:, None]})


@pytest.mark.parametrize(("score", "best"), [("test_accuracy", max), ("test_loss", min)])
def test_curve_is_the_mean_best_of_all_subsets(score, best):
    values = np.random.default_rng(0).random(7)
    found = tuning_curve(drawn(values, score), score)
    for k in range(1, 8):
        subsets = [best(subset) for subset in itertools.combinations(values, k)]
        assert found.score[k - 1] == pytest.approx(np.mean(subsets), rel=1e-12)
    np.testing.assert_array_equal(found.k, range(1, 8))


def test_curve_of_a_grid_uses_means_over_seeds_and_the_worst_score_for_diverged_cells():
    result = make_result((2, 3), seeds=3, diverged=[(0, 1, 0)])
    means = result.scores["test_accuracy"].mean(axis=-1).ravel()
    means[1] = np.nanmin(means)
    pairs = [max(pair) for pair in itertools.combinations(means, 2)]
    assert tuning_curve(result).score[1] == pytest.approx(np.mean(pairs))
    pruned = make_result((2, 3), seeds=3)
    pruned.pruned[0, 1] = True
    means = pruned.scores["test_accuracy"].mean(axis=-1).ravel()
    means[1] = min(*means[:1], *means[2:])
    assert tuning_curve(pruned).score[0] == pytest.approx(means.mean())


@pytest.mark.thorough
@pytest.mark.parametrize("n", [1, 5, 40, 300])
@pytest.mark.parametrize("score", ["test_accuracy", "test_loss"])
def test_curve_and_band_equal_those_of_opda(n, score):
    distributions = pytest.importorskip("opda.nonparametric")
    values = np.random.default_rng(n).random(n)
    for confidence in (0.5, 0.95):
        found = tuning_curve(drawn(values, score), score, bounds=(0.0, 1.0), confidence=confidence)
        low, middle, high = distributions.EmpiricalDistribution.confidence_bands(
            values, confidence, a=0.0, b=1.0, method="ks"
        )
        options = {"minimize": score == "test_loss"}
        expected = [
            middle.u_tuning_curve(found.k, **options),
            high.average_tuning_curve(found.k, **options),
            low.average_tuning_curve(found.k, **options),
        ]
        ends = [found.low, found.high]
        np.testing.assert_allclose(found.score, expected[0], rtol=1e-9)
        np.testing.assert_allclose(ends, np.sort(expected[1:], axis=0), rtol=1e-9, atol=1e-12)


def test_band_contains_the_whole_curve_at_least_as_often_as_claimed():
    rng = np.random.default_rng(1)
    k = np.arange(1, 16)
    curves = [(1 - 0.5**k, lambda n: rng.integers(2, size=n)), (k / (k + 1), rng.random)]
    for truth, draw in curves:
        inside = 0
        for _ in range(200):
            found = tuning_curve(drawn(draw(15).astype(float)), confidence=0.5)
            inside += bool(((found.low <= truth) & (truth <= found.high)).all())
        assert inside / 200 >= 0.5
    many = tuning_curve(drawn(rng.random(400)), confidence=0.5)
    assert many.high[0] - many.low[0] < (found.high[0] - found.low[0]) / 4


def test_ends_without_a_bound_are_infinite():
    found = tuning_curve(drawn([0.5, 0.2, 0.9], "test_loss"), "test_loss")
    assert np.isfinite(found.low).all() and (found.high == np.inf).all() and (found.low >= 0).all()
    unknown = with_scores(drawn([1.0, 2.0]), {"test_own": np.array([[1.0], [2.0]])}, metrics={"own": True})
    found = tuning_curve(unknown, "test_own")
    assert (found.low == -np.inf).all() and (found.high == np.inf).all()
    np.testing.assert_allclose(found.score, [1.5, 2.0])


def test_unusable_results_and_bounds_are_refused():
    for call, argument in (
        (lambda: tuning_curve(make_single()), "result"),
        (lambda: tuning_curve(make_result(diverged=[np.s_[:]])), "result"),
        (lambda: tuning_curve(make_result(), bounds=(0.0, 0.5)), "bounds"),
        (lambda: tuning_curve(make_result(), bounds=(1.0, 0.0)), "bounds"),
    ):
        with pytest.raises(jfnn.ArgumentError) as error:
            call()
        assert error.value.argument == argument
