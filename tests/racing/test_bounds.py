"""When one cell is better than another: SciPy's tests, seed by seed, and no decision from 0/0."""

import numpy as np
import pytest
from scipy import stats

from jfnn.racing import bounds

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("n", [2, 6, 20])
def test_t_test_equals_scipys_paired_test(n):
    ones = RNG.normal(0.6, 1, (200, n))
    other = RNG.normal(size=n)
    expected = stats.ttest_rel(ones, other, axis=1, alternative="greater").pvalue < 0.01
    assert 0 < expected.sum() < 200
    np.testing.assert_array_equal(bounds.is_greater(ones, other, 0.01), expected)


def test_sign_test_equals_scipys_binomial_of_differences_if_the_mean_is_higher():
    ones = RNG.integers(0, 4, (300, 12)) * 1.0
    other = RNG.integers(0, 3, 12) * 1.0
    differences = ones - other
    expected = [
        stats.binomtest(int((d > 0).sum()), max(int((d != 0).sum()), 1), 0.5, "greater").pvalue <= 0.05
        and (d != 0).any()
        and d.mean() > 0
        for d in differences
    ]
    assert 0 < sum(expected) < 300
    np.testing.assert_array_equal(bounds.is_greater(ones, other, 0.05, "sign"), expected)


@pytest.mark.parametrize("test", bounds.TESTS)
def test_differences_without_a_spread_are_decided_by_their_signs(test):
    scores = RNG.random(12).astype(np.float32)
    higher = scores + np.float32(0.01)  # each difference is rounded differently
    assert len(np.unique(higher - scores)) > 1
    for error, told in ((2.0**-12, True), (2.0**-12.1, False)):
        assert bool(bounds.is_greater(higher[None], scores, error, test)[0]) == told
    assert not bounds.is_greater(scores[None], higher, 0.5, test)[0]
    assert not bounds.is_greater(scores[None], scores, 0.5, test)[0]  # 0/0


def test_cell_with_more_wins_but_a_lower_mean_is_not_better():
    ones = np.array([*[1.0] * 19, -100.0])
    assert not bounds.is_greater(ones[None], np.zeros(20), 0.4, "sign")[0]


@pytest.mark.parametrize(("first", "most"), [(6, 32), (6, 6), (2, 3), (9, 4), (5, 1000)])
def test_looks_are_evenly_spaced_from_first_to_last(first, most):
    looks = bounds.looks(first, most)
    assert looks[0] == min(first, most) and looks[-1] == most
    ratios = np.divide(looks[1:], looks[:-1])
    assert (ratios > 1).all() and (ratios < 2).all()


def test_all_comparisons_of_one_cell_share_the_error():
    assert bounds.level(0.05, 49, 5) * 48 * 5 == pytest.approx(0.05)
    assert bounds.level(0.05, 1, 5) > 0
