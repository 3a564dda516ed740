"""Values of training rows compared with their definitions over all subsets and networks."""

import itertools
import math

import numpy as np

from jfnn import analysis

N = 10
SUBSETS = np.array(list(itertools.product([False, True], repeat=N)))


def game(subset):
    """A utility that is not additive: a squared share of weights, and a pair that only helps together."""
    weights = np.arange(1, N + 1)
    return (weights[subset].sum() / weights.sum()) ** 2 + 0.5 * (subset[0] and subset[3])


UTILITY = np.array([game(subset) for subset in SUBSETS])
VALUE = {subset.tobytes(): value for subset, value in zip(SUBSETS, UTILITY, strict=True)}


def gain(subset, row):
    """Return the gain in utility when a row is added to a subset."""
    more = subset.copy()
    more[row] = True
    return VALUE[more.tobytes()] - VALUE[subset.tobytes()]


def weighted_gains(weight):
    """For each row, sum the gain over subsets without it, weighted by their size."""
    return [
        sum(weight(int(subset.sum())) * gain(subset, row) for subset in SUBSETS if not subset[row])
        for row in range(N)
    ]


def test_banzhaf_on_all_subsets_equals_the_mean_gain():
    np.testing.assert_allclose(
        analysis.banzhaf(UTILITY, SUBSETS), weighted_gains(lambda k: 0.5 ** (N - 1)), atol=1e-12
    )


def test_shapley_on_all_subsets_equals_its_definition_and_sums_to_the_total():
    values = analysis.shapley(UTILITY, SUBSETS)
    by_subsets = weighted_gains(lambda k: math.factorial(k) * math.factorial(N - k - 1) / math.factorial(N))
    np.testing.assert_allclose(values, by_subsets, atol=1e-12)
    np.testing.assert_allclose(values.sum(), UTILITY[-1] - UTILITY[0])


def test_shapley_is_unbiased_on_subsets_drawn_size_by_size():
    rng = np.random.default_rng(1)
    exact = analysis.shapley(UTILITY, SUBSETS)
    estimates = []
    sizes = np.repeat(np.arange(N + 1), 200)
    for _ in range(60):
        drawn = rng.random((len(sizes), N)).argsort(axis=1) < sizes[:, None]
        estimates.append(analysis.shapley([VALUE[subset.tobytes()] for subset in drawn], drawn))
    error = np.std(estimates, axis=0) / np.sqrt(len(estimates))
    assert (np.abs(np.mean(estimates, axis=0) - exact) < 4 * error).all()


def test_missing_size_leaves_no_shapley_value():
    some = SUBSETS.sum(axis=1) != 4
    assert np.isnan(analysis.shapley(UTILITY[some], SUBSETS[some])).all()
    gone = np.where(some, UTILITY, np.nan)
    assert np.isnan(analysis.shapley(gone, SUBSETS)).all()


def plain_influence(correct, included):
    """Return the difference of means, network by network."""
    table = np.full((included.shape[1], correct.shape[1]), np.nan)
    for i, j in np.ndindex(table.shape):
        with_it = [c for c, has in zip(correct[:, j], included[:, i], strict=True) if has and not np.isnan(c)]
        without = [
            c for c, has in zip(correct[:, j], included[:, i], strict=True) if not (has or np.isnan(c))
        ]
        if with_it and without:
            table[i, j] = np.mean(with_it) - np.mean(without)
    return table


def test_influence_and_memorization_are_differences_of_means():
    rng = np.random.default_rng(2)
    included = rng.random((40, 6)) < 0.6
    included[:, 0] = True
    included[:, 1] = False
    correct = (rng.random((40, 6)) < 0.5).astype(float)
    correct[rng.random(correct.shape) < 0.1] = np.nan
    expected = plain_influence(correct, included)
    np.testing.assert_allclose(analysis.influence(correct, included), expected, atol=1e-12)
    np.testing.assert_allclose(analysis.memorization(correct, included), np.diag(expected), atol=1e-12)
    assert np.isnan(expected[:2]).all() and np.isfinite(expected[2:]).all()
