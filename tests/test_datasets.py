"""The digits, the gates, splits that keep pairs, one-hot rows of a given width."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from jfnn import datasets


def test_digits_are_scikit_learns_unscaled_and_split_as_in_the_notes(digits):
    assert digits.x_train.shape == (1437, 64)
    assert digits.x_test.shape == (360, 64)
    assert (digits.x_train.min(), digits.x_train.max()) == (0, 16)
    assert set(digits.y_train) == set(digits.y_test) == set(range(10))


def test_digits_keep_each_image_with_its_label_and_lose_none(digits):
    def pairs(x, y):
        return sorted((image.tobytes(), int(label)) for image, label in zip(x, y, strict=True))

    together = (
        np.concatenate([digits.x_train, digits.x_test]),
        np.concatenate([digits.y_train, digits.y_test]),
    )
    assert pairs(*together) == pairs(*load_digits(return_X_y=True))


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
def test_split_keeps_pairs_and_cuts_where_asked(test_size, expected):
    x = np.arange(40).reshape(20, 2)
    split = datasets.split(x, x[:, 0] * 10, test_size=test_size, random_state=3)
    assert len(split.y_test) == expected
    for part_x, part_y in ((split.x_train, split.y_train), (split.x_test, split.y_test)):
        np.testing.assert_array_equal(part_y, part_x[:, 0] * 10)
    assert sorted([*split.y_train, *split.y_test]) == (x[:, 0] * 10).tolist()
    assert split.y_train.tolist() != sorted(split.y_train)


def test_one_hot_has_the_width_given_even_if_the_largest_class_is_missing():
    rows = datasets.one_hot([1, 0, 1], 4)
    assert rows.dtype == np.float32
    assert rows.tolist() == [[0, 1, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0]]
    assert datasets.one_hot(np.zeros(0, int), 3).shape == (0, 3)


def test_gates_are_their_truth_tables():
    for gate, truth in ((datasets.or_gate, int.__or__), (datasets.xor_gate, int.__xor__)):
        x, t = gate()
        assert x.dtype == np.float64
        assert {(int(a), int(b)) for a, b in x} == {(0, 0), (0, 1), (1, 0), (1, 1)}
        assert [truth(int(a), int(b)) for a, b in x] == t.tolist()
