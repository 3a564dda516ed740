"""Which rows each step uses: purity, coverage, remaining rows."""

import collections

import numpy as np
import pytest

from jfnn.minibatches import PADDING, SCHEME_NAMES, Minibatches

N = 23
SIZE = 5
EVERY = [
    *(Minibatches(SIZE, scheme) for scheme in SCHEME_NAMES),
    Minibatches(SIZE, "permutation", drop_last=False),
    Minibatches(SIZE, "in_order", drop_last=False),
]


@pytest.mark.parametrize("batches", EVERY)
def test_rows_are_a_pure_function_of_seed_and_epoch(batches):
    state = np.random.get_state()[1].copy()
    first = batches.epoch(N, 3, 7)
    batches.epoch(N, 3, 8)
    np.testing.assert_array_equal(batches.epoch(N, 3, 7), first)
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    assert first.dtype == np.int32
    assert first.shape == (batches.n_steps(N), batches.rows_a_step(N))
    assert (first == PADDING).any() == (not batches.drop_last)


@pytest.mark.parametrize("batches", [b for b in EVERY if b.scheme in ("subset", "permutation")])
def test_other_seeds_and_epochs_use_other_rows(batches):
    drawn = [batches.epoch(N, seed, epoch).tobytes() for seed in range(5) for epoch in range(5)]
    assert len(set(drawn)) == 25


@pytest.mark.thorough
def test_subset_draws_without_replacement_and_evenly():
    counts = collections.Counter()
    epochs = 2000
    batches = Minibatches(SIZE, "subset")
    for epoch in range(epochs):
        for rows in batches.epoch(N, 0, epoch):
            assert len(set(rows.tolist())) == SIZE
            counts.update(rows.tolist())
    assert set(counts) == set(range(N))
    steps = epochs * (N // SIZE)
    expected = steps * SIZE / N
    deviation = np.sqrt(steps * SIZE / N * (1 - SIZE / N))
    assert np.abs(np.array(list(counts.values())) - expected).max() < 5 * deviation


def test_permutation_covers_each_row_once_and_drops_or_pads_the_last_step():
    kept, dropped = (
        Minibatches(SIZE, "permutation", drop_last=drop).epoch(N, 0, 0) for drop in (False, True)
    )
    np.testing.assert_array_equal(kept[:-1], dropped)
    assert kept[-1, 3:].tolist() == [PADDING] * 2
    rows = kept.ravel()[:N].tolist()
    assert sorted(rows) == list(range(N)) != rows


def test_every_row_is_dropped_in_some_epoch():
    batches = Minibatches(SIZE, "permutation")
    dropped = [set(range(N)) - set(batches.epoch(N, 0, epoch).ravel()) for epoch in range(60)]
    assert set.union(*dropped) == set(range(N))


def test_rows_in_order_are_the_same_for_every_seed_and_epoch():
    kept = Minibatches(SIZE, "in_order", drop_last=False).epoch(N, 3, 7)
    np.testing.assert_array_equal(kept.ravel(), [*range(N), PADDING, PADDING])
    np.testing.assert_array_equal(Minibatches(SIZE, "in_order").epoch(N, 0, 0), kept[:-1])
    assert [b.draws for b in EVERY] == [b.epoch(N, 0, 0).tolist() != b.epoch(N, 1, 0).tolist() for b in EVERY]


@pytest.mark.parametrize("batches", [Minibatches(SIZE, "full"), Minibatches(None), Minibatches(None, "full")])
def test_full_batches_are_all_rows_in_order(batches):
    np.testing.assert_array_equal(batches.fitted(N).epoch(N, 1, 2), [np.arange(N)])


def test_fitted_minibatches_are_the_same_or_those_of_the_smallest_fold():
    batches = Minibatches(SIZE, "permutation", drop_last=False)
    assert batches.fitted(N) == batches
    assert Minibatches(N).fitted(N).n_steps(N) == 1
    assert Minibatches(None).fitted(20).batch_size == 20


@pytest.mark.parametrize(("n", "size"), [(1, 1), (3, 1), (96, 24), (399, 99), (400, 100), (1437, 100)])
def test_default_batch_size_is_100_or_a_quarter_of_few_rows(n, size):
    for batches in (Minibatches(), Minibatches("auto"), Minibatches(scheme="permutation")):
        assert batches.fitted(n) == Minibatches(size, batches.scheme)
        np.testing.assert_array_equal(batches.epoch(n, 3, 7), batches.fitted(n).epoch(n, 3, 7))
        assert (
            batches.epoch(n, 3, 7).shape == (batches.n_steps(n), batches.rows_a_step(n)) == (n // size, size)
        )
    assert Minibatches("auto", "full").fitted(n) == Minibatches(None).fitted(n)


def test_error_of_a_large_batch_size_suggests_the_default():
    with pytest.raises(ValueError, match="batch_size=24 "):
        Minibatches(97).fitted(96)
