"""Values of training rows compared with their definitions over all subsets and networks."""

import itertools

import numpy as np

from jfnn import analysis

N = 10
SUBSETS = np.array(list(itertools.product([False, True], repeat=N)))


def game(subset):
    """A utility that is not additive: a squared share of weights, and a pair that only helps together."""
    weights = np.arange(1, N + 1)
    return (weights[subset].sum() / weights.sum()) ** 2 + 0.5 * (subset[0] and subset[3])


def test_influence_on_a_utility_of_all_subsets_is_the_banzhaf_value():
    utility = np.array([game(subset) for subset in SUBSETS])
    gains = []
    for row in range(N):
        with_row = SUBSETS | (np.arange(N) == row)
        gains.append(
            2 * np.mean([game(more) - game(subset) for more, subset in zip(with_row, SUBSETS, strict=True)])
        )
    np.testing.assert_allclose(analysis.influence(utility[:, None], SUBSETS)[:, 0], gains, atol=1e-12)


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
