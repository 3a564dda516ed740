"""MNIST-1D: what the package generates, what is left alone, what is said where it is missing."""

import random
import sys

import numpy as np
import pytest

import jfnn


@pytest.fixture(scope="module")
def states():
    np.random.seed(5)
    random.seed(5)
    return np.random.get_state()[1].copy(), random.getstate()


@pytest.fixture(scope="module")
def splits(states):
    pytest.importorskip("mnist1d")
    return jfnn.datasets.mnist1d(), jfnn.datasets.mnist1d(shuffled=True)


def test_the_published_shapes_and_scale(splits):
    split, _ = splits
    assert split.x_train.shape == (4000, 40)
    assert split.x_test.shape == (1000, 40)
    everything = np.concatenate([split.x_train, split.x_test])
    assert abs(everything.mean()) < 1e-12
    assert abs(everything.std() - 1) < 1e-12
    labels = np.concatenate([split.y_train, split.y_test])
    np.testing.assert_array_equal(np.bincount(labels), np.full(10, 500))


def test_rows_come_in_no_order_of_their_labels(splits):
    assert splits[0].y_train[:10].tolist() == [2, 6, 4, 5, 6, 6, 6, 0, 3, 1]


def test_shuffled_rows_are_the_same_points_in_one_other_order(splits):
    plain, shuffled = splits
    for part in ("y_train", "y_test"):
        np.testing.assert_array_equal(getattr(plain, part), getattr(shuffled, part))
    order = [int(np.abs(plain.x_train.T - column).sum(1).argmin()) for column in shuffled.x_train.T]
    assert sorted(order) == list(range(40)) != order
    # Of points in another order its filter rounds sums in another order, with NumPy 2.0 at least.
    np.testing.assert_allclose(plain.x_test[:, order], shuffled.x_test, rtol=0, atol=1e-15)


def test_the_global_generators_are_as_they_were(states, splits):
    np.testing.assert_array_equal(np.random.get_state()[1], states[0])
    assert random.getstate() == states[1]


def test_a_missing_package_is_named_with_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "mnist1d", None)
    monkeypatch.setitem(sys.modules, "mnist1d.data", None)
    with pytest.raises(ImportError, match=r"^mnist1d: .*pip install 'jfnn\[data\]'"):
        jfnn.datasets.mnist1d()
