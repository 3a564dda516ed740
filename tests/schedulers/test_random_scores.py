"""Decisions of schedulers on random scores, compared with plain loops over cells and members."""

import math

import numpy as np
from examples import examples
from hypothesis import strategies
from reports import report

import jfnn

small = strategies.integers(1, 12)
seeds = strategies.integers(0, 2**32 - 1)


def random_scores(rng, cells, replicates):
    """Return scores ``[members]`` without ties, some of them NaN."""
    scores = rng.permutation(cells * replicates) / 7
    return np.where(rng.random(len(scores)) < 0.1, np.nan, scores)


@examples((50, 1), (400, 1), few=(15, 1))
def test_halving_keeps_the_best_cells_reduced_by_the_factor(examples):
    def check(cells, replicates, factor, min_epochs, epochs, seed):
        halving = jfnn.Halving(factor, min_epochs)
        rungs = halving.rungs(cells, epochs)
        left = cells
        assert len(rungs) <= max(0, math.floor(math.log(cells, factor) + 1e-9))
        assert list(rungs) == sorted(rungs) and all(epoch * factor <= epochs for epoch in rungs)
        assert min_epochs is None or min([min_epochs, *rungs]) == min_epochs
        for epoch, going_on in rungs.items():
            assert going_on == math.ceil(left / factor)
            scores = random_scores(np.random.default_rng([seed, epoch]), cells, replicates)
            _, actions = halving.update((), report(scores, epoch, epochs, replicates))
            means = scores.reshape(cells, replicates).mean(axis=1)
            kept = ~actions.stop.reshape(cells, replicates)
            np.testing.assert_array_equal(actions.stop, actions.prune)
            assert (kept == kept[:, :1]).all() and kept[:, 0].sum() == going_on
            of_kept = means[kept[:, 0]]
            of_others = means[~kept[:, 0]]
            if not np.isnan(of_others).all():
                assert np.nanmax(of_others) <= np.where(np.isnan(of_kept), -np.inf, of_kept).min()
            left = going_on

    examples.check(
        check,
        cells=strategies.integers(1, 30),
        replicates=strategies.integers(1, 3),
        factor=strategies.integers(2, 4),
        min_epochs=strategies.none() | small,
        epochs=strategies.integers(1, 60),
        seed=seeds,
    )


@examples((30, 1), (300, 1), few=(10, 1))
def test_early_stopping_equals_a_plain_loop_over_each_member(examples):
    def check_member(members, patience, epochs, seed):
        losses = np.random.default_rng(seed).integers(0, 6, (epochs, members)).astype(float)
        stopping = jfnn.EarlyStopping(patience)
        state = stopping.init(members, 1)
        active = np.ones(members, bool)
        seen = []
        kept = np.zeros(members, int)
        for epoch in range(1, epochs + 1):
            state, actions = stopping.update(state, report(-losses[epoch - 1], epoch, epochs, active=active))
            kept = np.where(actions.keep, epoch, kept)
            active &= ~actions.stop
            seen.append(active.copy())
        for member, of_member in enumerate(losses.T):
            best = math.inf
            since = 0
            stopped = None
            for epoch, loss in enumerate(of_member, 1):
                if loss < best:
                    best = loss
                    since = epoch
                if epoch - since >= patience:
                    stopped = epoch
                    break
            alone = [stopped is None or epoch < stopped for epoch in range(1, epochs + 1)]
            assert [bool(of_epoch[member]) for of_epoch in seen] == alone
            assert kept[member] == since

    examples.check(check_member, members=small, patience=small, epochs=strategies.integers(1, 30), seed=seeds)
