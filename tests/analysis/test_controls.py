"""Control targets are permutations within groups."""

import numpy as np

from jfnn.subsets import shuffled


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
