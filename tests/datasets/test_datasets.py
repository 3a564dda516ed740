"""The digits, MNIST-1D, the gates, splits and standardized rows."""

import random
import sys

import numpy as np
import pandas
import pytest
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.utils import shuffle

from jfnn import datasets


def test_digits_follow_the_global_stream_of_the_notes():
    """The notes seed NumPy's generator, pick five images to show, then split; these are their counts."""
    before = np.random.get_state()
    np.random.seed(0)
    assert np.random.choice(range(1797), size=5).tolist() == [684, 559, 1653, 1216, 835]
    split = datasets.digits(random_state=None)
    np.random.set_state(before)
    assert split.y_train[0] == 6
    assert ((split.y_train == 0).sum(), (split.y_test == 0).sum()) == (150, 28)


def test_digits_split_depends_only_on_its_seed(digits):
    np.testing.assert_array_equal(datasets.digits().x_test, digits.x_test)
    assert (datasets.digits(random_state=1).y_test != digits.y_test).any()


@pytest.mark.parametrize(("share", "n"), [(0.07, 100), (0.55, 100), (0.14, 50), (0.28, 25), (0.3, 10)])
def test_fraction_of_test_rows_gives_as_many_rows_as_scikit_learn(share, n):
    x = np.arange(n)[:, None]
    assert len(datasets.split(x, x, share).x_test) == len(train_test_split(x, test_size=share)[1])


@pytest.mark.parametrize("test_size", [0, 0.0])
def test_all_rows_train_without_a_test_set(test_size):
    """They are shuffled, since regression folds are cut in row order."""
    x = np.arange(40).reshape(20, 2)
    y = np.arange(20) % 2
    weights = np.arange(20)
    for stratify in (None, True):
        split = datasets.split(x, y, test_size, 3, weights, stratify)
        expected = shuffle(x, y, weights, random_state=3)
        for part, rows in zip((split.x_train, split.y_train, split.weights), expected, strict=True):
            np.testing.assert_array_equal(part, rows)
        assert split.x_test is None and split.y_test is None
    assert datasets.digits(0).x_train.shape == (1797, 64) and datasets.digits(0).x_test is None


@pytest.mark.parametrize("labels", [[3] * 50 + [7] * 8 + [1] * 5, ["no"] * 50 + ["yes"] * 8 + ["?"] * 5])
def test_splits_are_stratified_as_in_scikit_learn(labels):
    y = np.random.default_rng(0).permutation(labels)
    x = np.arange(len(y))[:, None]
    expected = train_test_split(x, y, test_size=0.2, random_state=5, stratify=y)
    split = datasets.split(x, y, 0.2, 5, stratify=True)
    for part, rows in zip((split.x_train, split.x_test, split.y_train, split.y_test), expected, strict=True):
        np.testing.assert_array_equal(part, rows)
    groups = pandas.Series(y, dtype=object)
    other = datasets.split(x, np.zeros(len(y)), 0.2, 5, stratify=groups)
    np.testing.assert_array_equal(other.x_test, split.x_test)
    one, two = datasets.digits(stratify=True), datasets.digits()
    assert np.ptp(np.bincount(one.y_test)) < np.ptp(np.bincount(two.y_test))


def test_one_hot_takes_memory_only_for_its_labels():
    """A square matrix of n_classes would take 40 GB."""
    rows = datasets.one_hot(np.array([3, 99_999], ">i8"), 100_000)
    assert rows.shape == (2, 100_000) and rows.dtype == np.float32
    assert np.argwhere(rows).tolist() == [[0, 3], [1, 99_999]] and rows.sum() == 2


def test_gates_equal_their_truth_tables():
    for gate, truth in ((datasets.or_gate, int.__or__), (datasets.xor_gate, int.__xor__)):
        x, t = gate()
        assert x.dtype == np.float64
        assert {(int(a), int(b)) for a, b in x} == {(0, 0), (0, 1), (1, 0), (1, 1)}
        assert [truth(int(a), int(b)) for a, b in x] == t.tolist()


@pytest.mark.parametrize("targets", ["labels", "several", "no test rows"])
def test_standardize_equals_scikit_learns_scaler_fitted_on_the_training_rows(targets):
    rng = np.random.default_rng(0)
    x_train, x_test = (rng.normal(3, [1, 50, 0.1], (n, 3)) for n in (30, 9))
    shape = {"several": (2,)}.get(targets, ())
    y_train, y_test = (rng.normal(9, 4, (n, *shape)) for n in (30, 9))
    if targets == "labels":
        y_train, y_test = (rng.integers(0, 3, n) for n in (30, 9))
    if targets == "no test rows":
        x_test = y_test = None
    weights = np.arange(30)
    scaled = datasets.standardize(datasets.Split(x_train, y_train, x_test, y_test, weights))
    assert scaled.weights is weights

    def expected(train, part):
        if part is None:
            return None
        scaler = StandardScaler().fit(train.reshape(len(train), -1))
        return scaler.transform(part.reshape(len(part), -1)).reshape(part.shape)

    np.testing.assert_array_equal(scaled.x_train, expected(x_train, x_train))
    np.testing.assert_array_equal(scaled.x_test, expected(x_train, x_test))
    for part, now in ((y_train, scaled.y_train), (y_test, scaled.y_test)):
        np.testing.assert_array_equal(now, part if targets == "labels" else expected(y_train, part))


def test_arrays_of_any_byte_order_are_accepted():
    x = np.arange(40.0).reshape(20, 2)
    y = np.arange(20) % 3
    native = datasets.split(x, y)
    swapped = datasets.split(x.astype(x.dtype.newbyteorder()), y.astype(y.dtype.newbyteorder()))
    for one, other in zip(native[:4], swapped[:4], strict=True):
        np.testing.assert_array_equal(one, other)
        assert other.dtype.isnative


@pytest.mark.thorough
def test_mnist1d_is_as_published_and_does_not_change_global_generators():
    pytest.importorskip("mnist1d")
    np.random.seed(5)
    random.seed(5)
    states = np.random.get_state()[1].copy(), random.getstate()
    plain = datasets.mnist1d()
    shuffled = datasets.mnist1d(shuffled=True)
    np.testing.assert_array_equal(np.random.get_state()[1], states[0])
    assert random.getstate() == states[1]
    assert (plain.x_train.shape, plain.x_test.shape) == ((4000, 40), (1000, 40))
    everything = np.concatenate([plain.x_train, plain.x_test])
    assert abs(everything.mean()) < 1e-12 and abs(everything.std() - 1) < 1e-12
    labels = np.concatenate([plain.y_train, plain.y_test])
    np.testing.assert_array_equal(np.bincount(labels), np.full(10, 500))
    assert plain.y_train[:10].tolist() == [2, 6, 4, 5, 6, 6, 6, 0, 3, 1]
    np.testing.assert_array_equal(labels, np.concatenate([shuffled.y_train, shuffled.y_test]))
    order = [int(np.abs(plain.x_train.T - column).sum(1).argmin()) for column in shuffled.x_train.T]
    assert sorted(order) == list(range(40)) != order
    # With points in another order, its filter sums in another order and rounds differently, at least with
    # NumPy 2.0.
    np.testing.assert_allclose(plain.x_test[:, order], shuffled.x_test, rtol=0, atol=1e-15)


def test_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "mnist1d", None)
    monkeypatch.setitem(sys.modules, "mnist1d.data", None)
    with pytest.raises(ImportError, match=r"^mnist1d: .*pip install 'jfnn\[data\]'"):
        datasets.mnist1d()
