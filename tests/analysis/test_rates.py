"""The best learning rate of every network, compared with a search by hand."""

import dataclasses

import numpy as np
import pytest
from helpers import make_programs, make_result

from jfnn.analysis import best_rates


def by_hand(result, index, score):
    """Return the rate of the best cell after an index on the leading axes; ties go to the first."""
    part = result.cell_scores(score)[index]
    part = part.reshape(len(part), -1)
    best = part.max(axis=-1).argmax() if "accuracy" in score else part.min(axis=-1).argmin()
    return result.learning_rate[best]


@pytest.mark.parametrize("score", ["train_loss", "test_accuracy"])
@pytest.mark.parametrize("batch_sizes", [(), (50, 0)])
def test_rates_are_those_of_each_programs_best_cell_over_all_other_axes(score, batch_sizes):
    further = {"momentum": np.array([0.0, 0.9])}
    result = make_programs(("a", "b", "c"), batch_sizes, shape=(5, 3), further=further)
    rates = best_rates(result, score)
    assert rates.shape == (3, *(2,) * (len(batch_sizes) > 0))
    for index in np.ndindex(rates.shape):
        assert rates[index] == by_hand(result, index, score)
    assert len(np.unique(rates)) > 1


def test_ranking_score_is_the_default_and_one_network_has_one_rate():
    result = make_result((6, 2))
    best = result.best()
    rate = best_rates(result)
    assert rate.shape == () and rate == best.axes["learning_rate"]
    result.test_accuracy[:, 1] = 2.0
    assert best_rates(result) == result.learning_rate[0]  # ties go to the first


def test_networks_diverged_or_pruned_everywhere_have_no_rate():
    result = make_programs(("a", "b", "c"), shape=(3, 2))
    result.test_accuracy[0, ..., 0] = np.nan  # one seed of every cell
    result.test_accuracy[1, 0, 0, 1] = np.nan
    pruned = np.zeros_like(result.pruned)
    pruned[2] = True
    rates = best_rates(dataclasses.replace(result, pruned=pruned))
    assert np.isnan(rates).tolist() == [True, False, True]
    result.test_accuracy[1, 1, 1] = 2.0
    assert best_rates(result)[1] == result.learning_rate[1]
