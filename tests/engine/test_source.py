"""Rows that a compiled program draws: those of `Minibatches.epoch`, number for number."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compiled, representatives

from jfnn.minibatches import PADDING, Minibatches
from jfnn.numerics.permutation import Domain, domain
from jfnn.steps.source import Sources, padded_length, rows_of_steps

SIZE = 5
LENGTHS = (23, 21, 64, 7)
SEEDS = (0, 7, 2**32 - 1, 5, 5)
FOLDS = (0, 2, 1, 0, 3)
EPOCHS = (0, 3, 100_000)
CHUNK = 4  # epochs, and steps that are drawn together
DRAWN = [
    Minibatches(SIZE, "subset"),
    *(Minibatches(SIZE, scheme, drop) for scheme in ("permutation", "in_order") for drop in (True, False)),
]


def make_sources(batches, lengths=LENGTHS):
    """Of five replicates; each fold learns from rows in an order of its own, of a hundred."""
    rng = np.random.default_rng(1)
    train = np.zeros((len(lengths), padded_length(max(lengths))), np.int32)
    for fold, n in enumerate(lengths):
        train[fold, :n] = rng.permutation(100)[:n]
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
    """Row numbers of all data ``[steps, batch]``, by NumPy."""
    fold = sources.fold[replicate]
    rows = sources.batches.epoch(int(sources.domain.n[fold]), int(sources.seed[replicate]), epoch)
    return np.where(rows == PADDING, PADDING, sources.train[fold][rows])


def drawn_rows(sources, replicates, axis):
    """``epoch -> row numbers`` of a compiled program, of as many steps as the longest epoch has."""

    @compiled
    def draw(source, train, epoch, first):
        return rows_of_steps(sources.batches, source, train, epoch, first + jnp.arange(CHUNK), axis)

    source = sources.take(replicates)

    def of_epoch(epoch):
        firsts = range(0, int(sources.steps.max()), CHUNK)
        chunks = [draw(source, sources.train, np.int32(epoch), np.int32(first)) for first in firsts]
        return np.concatenate(chunks)

    return of_epoch


@pytest.mark.parametrize("batches", DRAWN, ids=str)
def test_shared_rows_are_those_of_numpy(batches, dtype):
    """In 32 bits and where JAX's whole numbers have 64."""
    sources = make_sources(batches)
    for replicate in range(len(SEEDS)):
        draw = drawn_rows(sources, replicate, 0)
        for epoch in EPOCHS:
            expected = expected_rows(sources, replicate, epoch)
            np.testing.assert_array_equal(draw(epoch)[: len(expected)], expected)


@pytest.mark.parametrize("axis", representatives([0, -1], -1))
@pytest.mark.parametrize("batches", DRAWN, ids=str)
def test_rows_of_each_member_are_those_that_it_shares_elsewhere(batches, axis):
    """Beside members of other seeds and of folds of other lengths, a replicate twice among them."""
    sources = make_sources(batches)
    replicates = np.array([3, 0, 1, 4, 2, 1])
    draw = drawn_rows(sources, replicates, axis)
    for epoch in EPOCHS:
        members_first = np.moveaxis(draw(epoch), 1 if axis == 0 else -1, 0)
        assert members_first.shape == (6, members_first.shape[1], SIZE)
        for rows, replicate in zip(members_first, replicates, strict=True):
            expected = expected_rows(sources, replicate, epoch)
            np.testing.assert_array_equal(rows[: len(expected)], expected)
            assert (expected == PADDING).any() == (batches.padded and LENGTHS[FOLDS[replicate]] % SIZE > 0)


@pytest.mark.parametrize("own, axis", [(False, 0), (True, 0), (True, -1)])
def test_given_rows_are_taken_from_the_epoch_that_they_begin_with(own, axis):
    rng = np.random.default_rng(2)
    first = 4
    steps = 3
    given = rng.integers(0, 50, (2, 3 * steps, SIZE), dtype=np.int32)  # of two replicates
    sources = make_sources(Minibatches(15))._replace(steps=np.full(len(SEEDS), steps, np.int32))
    source = sources.take(np.array([1, 0]) if own else 0, first, given if own else given[0])
    draw = compiled(functools.partial(rows_of_steps, None, axis=axis))
    for epoch in (4, 5, 6):
        rows = draw(source, sources.train, np.int32(epoch), np.arange(steps))
        expected = given[:, (epoch - first) * steps :][:, :steps]
        shapes = {(True, 0): (1, 0, 2), (True, -1): (1, 2, 0)}
        wanted = expected.transpose(shapes[own, axis]) if own else expected[0]
        np.testing.assert_array_equal(rows, wanted)


def test_room_is_an_eighth_at_most_and_of_few_lengths():
    lengths = np.array([padded_length(n) for n in range(1, 5000)])
    counts = np.arange(1, 5000)
    assert (lengths >= counts).all() and (8 * (lengths - counts) <= counts).all()
    assert [padded_length(n) for n in lengths.tolist()] == lengths.tolist()
    assert (np.diff(lengths) >= 0).all()
    assert len(np.unique(lengths)) < 100
