"""Early stopping in a run: scores at each member's best epoch, and its rank at later rungs."""

import numpy as np
import pytest
from noisy_classes import HELD, SCORES, SPLIT, sweep

from jfnn import EarlyStopping, Halving

pytestmark = pytest.mark.unoptimized

PATIENCE = 3
LONG = 40
FIFTY = {"learning_rate": [0.02, 0.05, 0.1, 0.2, 0.5], "l2": [0.0, 0.1], "seeds": 5}
STOPPING = {"epochs": LONG, "validation": HELD, "schedulers": [EarlyStopping(PATIENCE)]}


def stop_by_hand(losses_by_epoch):
    """Return ``(best epoch, stopping epoch or -1)`` of one member from its validation losses."""
    best = np.inf
    best_epoch = 0
    for epoch, loss in enumerate(losses_by_epoch, start=1):
        if loss < best:
            best = loss
            best_epoch = epoch
        if epoch - best_epoch >= PATIENCE:
            return best_epoch, epoch
    return best_epoch, -1


@pytest.fixture(scope="module")
def history():
    """Return the scores of the fifty members after every epoch, without stopping."""
    return sweep(SPLIT, {"eval_every": 1}, **FIFTY, validation=HELD, epochs=LONG).history


@pytest.mark.thorough
@pytest.mark.parametrize("execution", [{}, {"eval_every": 7, "devices": 1}], ids=str)
def test_each_member_has_the_scores_of_its_best_epoch(history, execution):
    result = sweep(SPLIT, execution, **FIFTY, **STOPPING)
    for place in np.ndindex(result.stopped_at.shape):
        best_epoch, stopped_at = stop_by_hand(history["validation_loss"][place])
        assert (result.epochs[place], result.stopped_at[place]) == (best_epoch, stopped_at)
        for name in SCORES:
            np.testing.assert_array_equal(result.scores[name][place], history[name][place][best_epoch - 1])
    assert not result.pruned.any()
    assert result.stopped_at.size == 50 and len(np.unique(result.stopped_at)) > 10


@pytest.mark.thorough
@pytest.mark.parametrize("is_reversed", [False, True])
def test_members_stopped_early_still_compete_at_later_rungs(is_reversed):
    """With both rules, in either order, a member competes with the score of its best epoch."""
    rates = [0.01, 0.05, 0.2, 0.5, 2.0, 1e38]
    seeds = [4, 5, 6]
    options = {"learning_rate": rates, "l2": 0.0, "seeds": seeds, "epochs": LONG, "validation": HELD}
    rules = [EarlyStopping(PATIENCE), Halving(2)]
    result = sweep(schedulers=rules[::-1] if is_reversed else rules, **options)
    every_epoch = sweep(SPLIT, {"eval_every": 1}, **options)
    loss, accuracy = (every_epoch.history[f"validation_{metric}"][:, 0] for metric in ("loss", "accuracy"))
    diverged = every_epoch.diverged_at[:, 0] >= 0
    rungs = Halving(2).rungs(6, LONG)
    stopped_at = np.full((6, 3), -1)
    best_epoch = np.zeros((6, 3), int)
    still = list(range(6))
    for epoch in range(1, LONG + 1):
        if not ((stopped_at < 0) & ~diverged).any():  # none reaches later rungs
            break
        for member in zip(*np.nonzero((stopped_at < 0) & ~diverged), strict=True):
            best_epoch[member], stopped_at[member] = stop_by_hand(loss[member][:epoch])
        if epoch in rungs:
            of_best = np.take_along_axis(accuracy, best_epoch[..., None] - 1, 2)[..., 0]
            score = np.where(diverged, -np.inf, of_best)
            still = sorted(still, key=lambda cell: -score[cell].mean())[: rungs[epoch]]
            stops = (stopped_at < 0) & ~diverged & ~np.isin(np.arange(6), still)[:, None]
            stopped_at[stops] = epoch
    assert (stopped_at[still] >= 0).any()
    np.testing.assert_array_equal(result.stopped_at[:, 0], stopped_at)
    np.testing.assert_array_equal(result.epochs[:, 0], best_epoch)
    np.testing.assert_array_equal(result.pruned_cells[:, 0], ~np.isin(np.arange(6), still))
    assert result.best().index[0] in still
