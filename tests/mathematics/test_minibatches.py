"""Which rows each step sees: purity, coverage, remainders."""

import collections

import numpy as np
import pytest

from jfnn import minibatches
from jfnn.minibatches import PADDING, SCHEMES, Minibatches

N, SIZE = 23, 5
EVERY = [Minibatches(scheme, SIZE, remainder) for scheme in SCHEMES for remainder in minibatches.REMAINDERS]


@pytest.mark.parametrize("batches", EVERY)
def test_rows_are_a_pure_function_of_seed_and_epoch(batches):
    state = np.random.get_state()[1].copy()
    first = batches.epoch(N, 3, 7)
    batches.epoch(N, 3, 8)
    np.testing.assert_array_equal(batches.epoch(N, 3, 7), first)
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    assert first.dtype == np.int32
    assert first.shape == (batches.steps(N), batches.rows_a_step(N))
    assert batches.pads == bool((first == PADDING).any())


@pytest.mark.parametrize("batches", [b for b in EVERY if b.scheme != "full"])
def test_other_seeds_and_epochs_see_other_rows(batches):
    drawn = [batches.epoch(N, seed, epoch).tobytes() for seed in range(5) for epoch in range(5)]
    assert len(set(drawn)) == 25


def test_subset_draws_without_replacement_and_evenly():
    counts = collections.Counter()
    epochs, batches = 2000, Minibatches("subset", SIZE)
    for epoch in range(epochs):
        for rows in batches.epoch(N, 0, epoch):
            assert len(set(rows.tolist())) == SIZE
            counts.update(rows.tolist())
    assert set(counts) == set(range(N))
    steps = epochs * (N // SIZE)
    expected, deviation = steps * SIZE / N, np.sqrt(steps * SIZE / N * (1 - SIZE / N))
    assert np.abs(np.array(list(counts.values())) - expected).max() < 5 * deviation


def test_subset_is_drawn_afresh_each_step_and_is_no_pass_over_the_data():
    batches = Minibatches("subset", SIZE)
    assert any(len(np.unique(batches.epoch(N, 0, epoch))) < 20 for epoch in range(5))


def test_permutation_covers_each_row_once_and_drops_the_remainder():
    rows = Minibatches("permutation", SIZE, "drop").epoch(N, 0, 0)
    assert rows.shape == (4, SIZE)
    assert len(np.unique(rows)) == 20
    assert set(rows.ravel()) <= set(range(N))
    assert rows.ravel().tolist() != sorted(rows.ravel())


def test_permutation_keeps_the_remainder_in_a_last_padded_step():
    rows = Minibatches("permutation", SIZE, "keep").epoch(N, 0, 0)
    assert rows.shape == (5, SIZE)
    assert (rows[:-1] != PADDING).all()
    assert rows[-1, 3:].tolist() == [PADDING] * 2
    assert sorted(rows[rows != PADDING].tolist()) == list(range(N))


def test_every_row_is_dropped_in_some_epoch():
    batches = Minibatches("permutation", SIZE, "drop")
    dropped = [set(range(N)) - set(batches.epoch(N, 0, epoch).ravel()) for epoch in range(60)]
    assert set.union(*dropped) == set(range(N))


@pytest.mark.parametrize("remainder", minibatches.REMAINDERS)
def test_permutation_without_a_remainder_is_one_pass(remainder):
    rows = Minibatches("permutation", SIZE, remainder).epoch(20, 0, 0)
    assert rows.shape == (4, SIZE)
    assert sorted(rows.ravel().tolist()) == list(range(20))


def test_full_is_all_rows_in_their_order():
    for batches in (Minibatches("full"), minibatches.make("subset", None, N), minibatches.make("full", 5, N)):
        np.testing.assert_array_equal(batches.epoch(N, 1, 2), [np.arange(N)])


def test_make_gives_what_was_asked_for():
    assert minibatches.make("permutation", SIZE, N, "keep") == Minibatches("permutation", SIZE, "keep")
    assert minibatches.make("subset", N, N).steps(N) == 1
