"""Hyperband: the paper's table, brackets that are halvings of their own cells, survivors' bits."""

import itertools

import numpy as np
import pytest
from helpers import same_bits
from noisy_classes import EPOCHS, SPLIT, sweep
from reports import report

from jfnn import Halving, Hyperband

pytestmark = pytest.mark.unoptimized

# Table 1 of Li et al. (2018): for R = 81 and η = 3, (n_i, r_i) of the brackets s = 4, …, 0.
PAPER = [
    [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
    [(34, 3), (11, 9), (3, 27), (1, 81)],
    [(15, 9), (5, 27), (1, 81)],
    [(8, 27), (2, 81)],
    [(5, 81)],
]


def test_brackets_are_those_of_the_paper_and_contain_every_cell_once():
    brackets = Hyperband(3).brackets(143, 81)
    for (cells, rungs), rounds in zip(brackets, PAPER, strict=True):
        assert len(cells) == rounds[0][0]
        ends = [(r, n) for (_, r), (n, _) in itertools.pairwise(rounds)]
        assert list(rungs.items()) == ends
    dealt = np.concatenate([cells for cells, _ in brackets])
    np.testing.assert_array_equal(np.sort(dealt), np.arange(143))
    assert np.unique(brackets[0][0] // 30).size == 5  # cells of a bracket are spread over the whole grid


@pytest.mark.parametrize(
    ("cells", "factor", "epochs", "least"), [(7, 2, 9, 1), (500, 3, 100, 5), (1, 4, 64, 2)]
)
def test_any_number_of_cells_is_distributed_in_proportion(cells, factor, epochs, least):
    hyperband = Hyperband(factor, least)
    brackets = hyperband.brackets(cells, epochs)
    assert least * factor ** (len(brackets) - 1) <= epochs < least * factor ** len(brackets)
    dealt = np.concatenate([part for part, _ in brackets])
    np.testing.assert_array_equal(np.sort(dealt), np.arange(cells))
    full = [-(-len(brackets) * factor**s // (s + 1)) for s in range(len(brackets))][::-1]
    for (part, rungs), size in zip(brackets, full, strict=True):
        assert abs(len(part) - cells * size / sum(full)) <= 1
        assert list(rungs) == sorted(rungs) and min([least, *rungs]) == least
        counts = [len(part), *rungs.values()]
        assert all(0 < after < before for before, after in itertools.pairwise(counts))


def test_bracket_is_a_halving_of_its_own_cells():
    """With 81 cells the thirds are whole, so rounding up and down agree."""
    hyperband = Hyperband(3)
    halving = Halving(3, 1)
    cells = hyperband.brackets(143, 81)[0][0]
    everywhere = np.zeros((143, 2), bool)
    alone = np.zeros((81, 2), bool)
    for epoch in halving.rungs(81, 81):
        score = np.random.default_rng(epoch).random((143, 2))
        score[7] = np.nan
        _, actions = hyperband.update((), report(score, epoch, 81, 2, pruned=everywhere.ravel()))
        _, own = halving.update((), report(score[cells], epoch, 81, 2, pruned=alone.ravel()))
        everywhere |= actions.prune.reshape(143, 2)
        alone |= own.prune.reshape(81, 2)
        np.testing.assert_array_equal(everywhere[cells], alone)
        np.testing.assert_array_equal(actions.stop, actions.prune)
    assert alone.sum() == 2 * 80


def test_enough_cells_without_a_round_raise_an_error():
    Hyperband(3).check(2, 2, ())
    with pytest.raises(ValueError, match=r"^no round of Hyperband\(.*ends within 8 epochs"):
        Hyperband(3, 3).check(9, 8, ())


def test_run_equals_the_full_grid_pruned_at_each_brackets_rungs():
    hyperband = Hyperband(2, 2)
    result = sweep(SPLIT, seeds=2, schedulers=[hyperband])
    full = sweep(SPLIT, {"eval_every": 1}, seeds=2)
    scores = full.history[full.ranked_by].reshape(12, 2, EPOCHS).mean(axis=1)
    stopped_at = np.full(12, -1)
    for cells, rungs in hyperband.brackets(12, EPOCHS):
        for epoch, going_on in rungs.items():
            still = [cell for cell in cells if stopped_at[cell] < 0]
            at_rung = {cell: scores[cell, epoch - 1] for cell in still}
            ranked = sorted(still, key=lambda cell: np.inf if np.isnan(at_rung[cell]) else -at_rung[cell])
            stopped_at[ranked[going_on:]] = epoch
    np.testing.assert_array_equal(result.pruned_cells.ravel(), stopped_at >= 0)
    finite = (result.diverged_at < 0).reshape(12, 2)
    np.testing.assert_array_equal(
        result.stopped_at.reshape(12, 2)[finite], np.broadcast_to(stopped_at[:, None], (12, 2))[finite]
    )
    assert len(np.unique(stopped_at)) >= 3
    for index in zip(*np.nonzero((result.stopped_at < 0) & (full.diverged_at < 0)), strict=True):
        assert same_bits(result.member(*index), full.member(*index))
