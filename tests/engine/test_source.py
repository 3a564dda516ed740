"""Row numbers drawn by a compiled program equal those of `Minibatches.epoch`."""

import jax
import numpy as np
import pytest

from jfnn.core.engine.minibatches import Sources, padded_length, row_drawing_program, rows_of_all_steps
from jfnn.minibatches import PADDING, Minibatches
from jfnn.numerics.permutation import Domain, domain

SIZE = 5
LENGTHS = (23, 21, 64, 7)
SEEDS = (0, 7, 2**32 - 1, 5, 5)
FOLDS = (0, 2, 1, 0, 3)
EPOCHS = (0, 3, 100_000)
CALL = 2  # epochs of a call
DRAWN = [
    Minibatches(SIZE, "subset"),
    *(Minibatches(SIZE, scheme, drop) for scheme in ("permutation", "in_order") for drop in (True, False)),
]


def make_sources(batches, lengths=LENGTHS):
    """Return sources of five replicates; each fold has its own row order, of a hundred rows or more."""
    rng = np.random.default_rng(1)
    train = np.zeros((len(lengths), padded_length(max(lengths))), np.int32)
    for fold, n in enumerate(lengths):
        train[fold, :n] = rng.permutation(max(n, 100))[:n]
    replicate_rows = [lengths[fold] for fold in FOLDS]
    return Sources(
        seed=np.array(SEEDS, np.uint32),
        key=np.stack([jax.random.key_data(jax.random.key(seed)) for seed in SEEDS]),
        fold=np.array(FOLDS, np.int32),
        domain=Domain(*(np.array(sides, np.uint32) for sides in zip(*map(domain, lengths), strict=True))),
        train=train,
        steps=np.array([batches.n_steps(n) for n in replicate_rows], np.int32),
        batch=np.array([batches.rows_a_step(n) for n in replicate_rows]),
        batches=batches,
        padded=batches.padded,
    )


def expected_rows(sources, replicate, epoch):
    """Return row numbers into all data, ``[steps, batch]``, by NumPy."""
    fold = sources.fold[replicate]
    rows = sources.batches.epoch(int(sources.domain.n[fold]), int(sources.seed[replicate]), epoch)
    return np.where(rows == PADDING, PADDING, sources.train[fold][rows])


def drawn_rows(sources, replicates, first):
    """Return row numbers ``[CALL, steps, groups, batch]`` drawn from an epoch on, with spare steps.

    There are as many steps per epoch as in the longest one.
    """
    steps = int(sources.steps.max())
    draw = row_drawing_program(sources.batches, CALL * steps + 3, "cpu")
    draws = sources.draws(np.array(replicates), first)._replace(steps=np.int32(steps))
    rows = np.asarray(draw(draws, sources.train, np.int32(CALL * steps)))
    assert len(rows) == CALL * steps + 3
    return rows[: CALL * steps].reshape(CALL, steps, *rows.shape[1:])


@pytest.mark.thorough
@pytest.mark.parametrize("batches", DRAWN, ids=str)
def test_shared_rows_equal_those_of_numpy(batches, dtype):
    """In 32 bits, and where JAX's integers have 64."""
    sources = make_sources(batches)
    for replicate in range(len(SEEDS)):
        for first in EPOCHS:
            for epoch, rows in enumerate(drawn_rows(sources, [replicate], first), first):
                expected = expected_rows(sources, replicate, epoch)
                np.testing.assert_array_equal(rows[: len(expected), 0], expected)


@pytest.mark.thorough
@pytest.mark.parametrize("batches", DRAWN, ids=str)
def test_rows_of_several_groups_equal_those_of_each_alone(batches):
    """Beside groups with other seeds and folds of other lengths; one replicate occurs twice."""
    sources = make_sources(batches)
    replicates = [3, 0, 1, 4, 2, 1]
    for first in EPOCHS:
        groups_first = np.moveaxis(drawn_rows(sources, replicates, first), 2, 0)
        assert groups_first.shape == (6, CALL, sources.steps.max(), SIZE)
        for of_group, replicate in zip(groups_first, replicates, strict=True):
            for epoch, rows in enumerate(of_group, first):
                expected = expected_rows(sources, replicate, epoch)
                np.testing.assert_array_equal(rows[: len(expected)], expected)
                partial = batches.padded and LENGTHS[FOLDS[replicate]] % SIZE > 0
                assert (expected == PADDING).any() == partial


@pytest.mark.thorough
@pytest.mark.parametrize("scheme", ["subset", "permutation"])
def test_many_groups_are_drawn_in_parts(scheme):
    """Each step has more numbers than are drawn at once, and the groups do not divide into equal parts."""
    n = 300
    replicates = np.arange(7)
    batches = Minibatches(250, scheme)
    sources = make_sources(batches, lengths=(n,) * 4)._replace(
        seed=np.arange(7, dtype=np.uint32), fold=np.zeros(7, np.int32), batch=np.full(7, 250)
    )
    drawn = drawn_rows(sources._replace(steps=np.ones(7, np.int32)), replicates, 5)
    for epoch, rows in enumerate(drawn, 5):
        for group in replicates:
            expected = sources.train[0][batches.epoch(n, int(group), epoch)]
            np.testing.assert_array_equal(rows[:, group], expected)


@pytest.mark.thorough
@pytest.mark.parametrize("scheme", ["subset", "permutation"])
def test_steps_that_do_not_divide_into_turns_keep_their_rows(scheme):
    """Each turn draws the rows of twelve steps, and there is room for 21."""
    n = 900
    batches = Minibatches(100, scheme)
    sources = make_sources(batches, lengths=(n,) * 4)
    drawn = drawn_rows(sources, [1], 5)
    for epoch, rows in enumerate(drawn, 5):
        np.testing.assert_array_equal(rows[:, 0], expected_rows(sources, 1, epoch))


def test_rows_of_all_steps_equal_those_of_numpy():
    """Folds have different lengths, and the shorter ones are padded."""
    sources = make_sources(Minibatches(64, "full", drop_last=False))
    replicates = np.array([3, 0, 1, 4])
    rows = rows_of_all_steps(sources.batches, sources.draws(replicates, 7), sources.train)
    assert rows.shape == (1, 4, 64)
    for member, replicate in zip(rows[0], replicates, strict=True):
        np.testing.assert_array_equal(member, expected_rows(sources, replicate, 7)[0])
    alone = rows_of_all_steps(sources.batches, sources.draws(replicates[:1], 7), sources.train)
    np.testing.assert_array_equal(alone[0, 0], rows[0, 0])


def test_spare_room_is_at_most_an_eighth_and_lengths_are_few():
    lengths = np.array([padded_length(n) for n in range(1, 5000)])
    counts = np.arange(1, 5000)
    assert (lengths >= counts).all() and (8 * (lengths - counts) <= counts).all()
    assert [padded_length(n) for n in lengths.tolist()] == lengths.tolist()
    assert (np.diff(lengths) >= 0).all()
    assert len(np.unique(lengths)) < 100
