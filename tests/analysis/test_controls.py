"""Control targets are permutations; p-values count them and are uniform over all orders of scores."""

import itertools

import numpy as np
import pytest

import jfnn
from jfnn.analysis import permutation_p, selectivity
from jfnn.subsets import control_task, shuffled


def test_p_value_counts_controls_that_are_at_least_as_good():
    rng = np.random.default_rng(0)
    scores = rng.integers(5, size=(2, 3)) / 5  # with ties
    controls = rng.integers(5, size=(2, 3, 19)) / 5
    for higher_is_better, as_good in ((True, np.greater_equal), (False, np.less_equal)):
        p = permutation_p(scores, controls, higher_is_better)
        for place in np.ndindex(2, 3):
            count = sum(as_good(control, scores[place]) for control in controls[place])
            assert p[place] == (1 + count) / 20
    assert permutation_p(1.0, [0.5, 0.2, 0.1]) == 1 / 4
    missing = permutation_p([0.5, np.nan, 0.5], [[0.1, 0.2], [0.1, 0.2], [0.1, np.nan]])
    np.testing.assert_array_equal(missing, [1 / 3, np.nan, np.nan])


def test_p_values_are_uniform_over_all_orders_of_exchangeable_scores():
    orders = np.array(list(itertools.permutations(range(5))))
    p = permutation_p(orders[:, 0], orders[:, 1:])
    np.testing.assert_array_equal(np.unique(p, return_counts=True), [np.arange(1, 6) / 5, [24] * 5])


def test_selectivity_is_the_score_minus_the_mean_of_its_controls():
    controls = [[0.5, 0.25], [0.75, 0.5]]
    np.testing.assert_array_equal(selectivity([0.75, 0.5], controls), [0.375, -0.125])
    np.testing.assert_array_equal(selectivity([0.75, 0.5], np.array(controls)[:, :1]), [0.25, -0.25])
    for wrong, said in (([0.5, 0.25, 0.75, 0.5], r"reshape\(2, -1\)"), ([[0.5], [np.inf]], "finite")):
        with pytest.raises(jfnn.ArgumentError, match=said):
            selectivity([0.75, 0.5], wrong)


def test_shuffled_labels_are_permuted_within_each_group():
    rng = np.random.default_rng(2)
    Y = np.column_stack([np.arange(40), rng.integers(3, size=40)])
    groups = rng.integers(4, size=40)
    rng = np.random.default_rng(7)
    plain = shuffled(Y, 3, seed=7)
    within = shuffled(Y, 3, seed=7, groups=np.array(["x", "b", "c", "a"])[groups])
    assert plain.shape == within.shape == (40, 6) and plain.dtype == Y.dtype
    for column in range(6):
        order = rng.permutation(40)
        labels = Y[:, column // 3]
        np.testing.assert_array_equal(plain[:, column], labels[np.argsort(order)])
        for group in range(4):
            rows = np.flatnonzero(groups == group)
            np.testing.assert_array_equal(within[rows, column], labels[rows[np.argsort(order[rows])]])
    assert len({column.tobytes() for column in plain.T}) == 6
    np.testing.assert_array_equal(shuffled(Y[:, 0], 2, seed=7), plain[:, :2])  # one target
    np.testing.assert_array_equal(shuffled(Y, 2, groups=np.arange(40)), Y[:, [0, 0, 1, 1]])  # each row alone


def test_control_task_has_one_class_for_each_word():
    words = np.random.default_rng(3).choice(["the", "a", "runs", "ran", "far"], size=200)
    labels = control_task(words, 4, seed=5)
    of_word = dict(zip(np.unique(words), np.random.default_rng(5).integers(4, size=5), strict=True))
    assert [of_word[word] for word in words] == labels.tolist()
