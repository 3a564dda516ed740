"""The digits, the gates, where splits cut; that they keep pairs, and one-hot rows, are errata."""

import numpy as np
import pytest

from jfnn import datasets


def test_digits_are_scikit_learns_unscaled_and_split_as_in_the_notes(digits):
    assert digits.x_train.shape == (1437, 64)
    assert digits.x_test.shape == (360, 64)
    assert (digits.x_train.min(), digits.x_train.max()) == (0, 16)
    assert set(digits.y_train) == set(digits.y_test) == set(range(10))


def test_digits_follow_the_global_stream_of_the_notes():
    """The notes seed NumPy's generator, pick five images to show, then split: these are their counts."""
    before = np.random.get_state()
    np.random.seed(0)
    assert np.random.choice(range(1797), size=5).tolist() == [684, 559, 1653, 1216, 835]
    split = datasets.digits(random_state=None)
    np.random.set_state(before)
    assert split.y_train[0] == 6
    assert ((split.y_train == 0).sum(), (split.y_test == 0).sum()) == (150, 28)


def test_digits_split_is_a_function_of_its_seed(digits):
    np.testing.assert_array_equal(datasets.digits().x_test, digits.x_test)
    assert (datasets.digits(random_state=1).y_test != digits.y_test).any()


@pytest.mark.parametrize(("test_size", "expected"), [(0.25, 5), (7, 7)])
def test_split_cuts_where_asked(test_size, expected):
    split = datasets.split(np.arange(40).reshape(20, 2), np.arange(20), test_size=test_size)
    assert (len(split.y_train), len(split.y_test)) == (20 - expected, expected)


def test_one_hot_rows_take_memory_for_the_labels_alone():
    """A square of n_classes would be 40 GB."""
    rows = datasets.one_hot(np.array([3, 99_999], ">i8"), 100_000)
    assert rows.shape == (2, 100_000) and rows.dtype == np.float32
    assert np.argwhere(rows).tolist() == [[0, 3], [1, 99_999]] and rows.sum() == 2


def test_gates_are_their_truth_tables():
    for gate, truth in ((datasets.or_gate, int.__or__), (datasets.xor_gate, int.__xor__)):
        x, t = gate()
        assert x.dtype == np.float64
        assert {(int(a), int(b)) for a, b in x} == {(0, 0), (0, 1), (1, 0), (1, 1)}
        assert [truth(int(a), int(b)) for a, b in x] == t.tolist()
