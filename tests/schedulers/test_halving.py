"""Successive halving: scikit-learn's rounds, whole cells ranked by mean score, survivors' bits."""

import functools

import numpy as np
import pytest
from noisy_classes import EPOCHS, SPLIT, sweep
from reports import report
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingGridSearchCV

import jfnn
from jfnn import Halving

pytestmark = pytest.mark.unoptimized


class Constant(ClassifierMixin, BaseEstimator):
    """An estimator that learns nothing, for counting the rounds of scikit-learn's search."""

    def __init__(self, candidate=0, n_iter=1):
        self.candidate = candidate
        self.n_iter = n_iter

    def fit(self, x, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, x):
        return np.zeros(len(x))


def scikit_learns_rungs(cells, factor, epochs, min_epochs):
    """Return ``(n_resources_, n_candidates_)`` of scikit-learn's search with exhausted resources."""
    for min_resources in ("exhaust", min_epochs):
        search = HalvingGridSearchCV(
            Constant(),
            {"candidate": list(range(cells))},
            resource="n_iter",
            factor=factor,
            max_resources=epochs,
            min_resources=min_resources,
            cv=[(np.array([0]), np.array([1]))],
            refit=False,
        ).fit(np.zeros((2, 1)), np.array([0, 1]))
        if search.min_resources_ >= min_epochs:
            return search.n_resources_, search.n_candidates_
    raise AssertionError


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("cells", "factor", "epochs", "min_epochs"),
    [
        (9, 3, 27, 1),  # a power of the factor, with matching epochs
        (10, 3, 27, 1),  # one cell more than a power
        (26, 3, 27, 1),  # one cell fewer
        (49, 2, 100, 1),
        (40, 3, 100, 5),  # too few epochs for all rounds
        (9, 3, 100, 60),  # too few for any
        (60, 4, 3, 1),
        (5, 7, 50, 1),
    ],
)
def test_rungs_are_scikit_learns(cells, factor, epochs, min_epochs):
    """Scikit-learn's last round is the training of the survivors to the end."""
    resources, candidates = scikit_learns_rungs(cells, factor, epochs, min_epochs)
    expected = dict(zip(resources[:-1], candidates[1:], strict=True))
    halving = Halving(factor, min_epochs)
    assert halving.rungs(cells, epochs) == expected
    evaluations = {halving.next_epoch(epoch, cells, epochs) for epoch in range(epochs + 1)}
    assert evaluations == {*expected, epochs + 1}


@pytest.mark.parametrize(
    ("factor", "epochs", "first"), [(3, 100, 5), (2, 8, 2), (3, 30, 3), (4, 10, 1), (2, 3, 1), (2, 1000, 5)]
)
def test_first_rung_is_at_five_epochs_or_where_two_rounds_fit(factor, epochs, first):
    rungs = Halving(factor).rungs(5000, epochs)
    assert min(rungs) == first
    assert len(rungs) >= 2 or epochs < factor**2


def test_cells_with_a_nan_stop_before_the_worst_and_ties_stop_the_last():
    nan = np.nan
    score = np.array([[0.5, 0.5], [0.9, nan], [0.1, 0.2], [0.5, 0.5], [0.6, 0.4]])
    halving = Halving(2)
    (rung, going_on), *_ = halving.rungs(5, 8).items()
    assert going_on == 3
    _, actions = halving.update((), report(score, rung, 8, 2))
    assert actions.stop.reshape(5, 2)[:, 0].tolist() == [False, True, True, False, False]
    np.testing.assert_array_equal(*actions.stop.reshape(5, 2).T)
    np.testing.assert_array_equal(actions.prune, actions.stop)
    score[2] = nan
    _, again = halving.update((), report(score, rung, 8, 2))
    np.testing.assert_array_equal(again.stop, actions.stop)


def test_pruned_cell_stays_pruned():
    halving = Halving(2, 1)
    assert halving.rungs(4, 4) == {1: 2, 2: 1}
    pruned = np.array([True, False, False, True])
    _, actions = halving.update((), report([0.9, 0.1, 0.2, 0.8], 2, 4, pruned=pruned, active=~pruned))
    assert actions.prune.tolist() == [True, True, False, True]


def test_enough_cells_without_a_round_raise_an_error():
    for cells, epochs in [(3, 3), (2, 2), (1, 1)]:
        Halving(3).check(cells, epochs, ())
    for halving, cells, epochs in [(Halving(3), 3, 2), (Halving(2, 8), 9, 15)]:
        with pytest.raises(ValueError, match=rf"^no round of Halving\(.*ends within {epochs} epochs"):
            halving.check(cells, epochs, ())


@pytest.fixture(scope="module")
def full():
    """Return ``ranking metric -> `` the whole grid trained to the end, scored after every epoch."""

    @functools.cache
    def of_metric(rank_by):
        validation = jfnn.Validation(rank_by=rank_by)
        return sweep(SPLIT, {"eval_every": 1}, folds=5, seeds=2, validation=validation)

    return of_metric


def halved_by_hand(full, rungs):
    """Return the rung at which each cell stops, from the scores of the full grid; -1 for never."""
    sign = 1 if full.higher_is_better() else -1
    stopped_at = np.full(full.diverged_at.shape[:2], -1).ravel()
    for epoch, going_on in rungs.items():
        scores = sign * full.history[full.ranked_by][..., epoch - 1].reshape(len(stopped_at), -1).mean(axis=1)
        still = [cell for cell in range(len(stopped_at)) if stopped_at[cell] == -1]
        ranked = sorted(still, key=lambda cell: np.inf if np.isnan(scores[cell]) else -scores[cell])
        stopped_at[ranked[going_on:]] = epoch
    return stopped_at.reshape(full.diverged_at.shape[:2])


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("halving", "rank_by"), [(Halving(3), None), (Halving(2, min_epochs=2), "loss")], ids=str
)
def test_whole_cells_stop_by_mean_score_with_nan_first(full, halving, rank_by):
    """Diverged members stopped training at once, before any rung."""
    result = sweep(folds=5, seeds=2, schedulers=[halving], validation=jfnn.Validation(rank_by=rank_by))
    rungs = halving.rungs(12, EPOCHS)
    by_hand = halved_by_hand(full(rank_by), rungs)
    of_members = np.broadcast_to(by_hand[..., None, None], result.stopped_at.shape)
    diverged = result.diverged_at >= 0
    assert diverged.any()
    assert (of_members[diverged] == min(rungs)).all()
    np.testing.assert_array_equal(result.stopped_at, np.where(diverged, -1, of_members))
    np.testing.assert_array_equal(result.pruned, of_members >= 0)
    np.testing.assert_array_equal(result.pruned_cells, by_hand >= 0)
    assert len(np.unique(result.stopped_at)) > 2
