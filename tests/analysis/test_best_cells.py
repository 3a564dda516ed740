"""The best cell of each subset equals the best cell of a sweep on this subset alone."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from helpers import make_programs, make_result, make_sampled, select_members

import jfnn
from jfnn.analysis import best_of_subsets

GROUPS = {"group": np.array(["a", "b", "c"])}


def alone(result, fold):
    """Return the result of one subset, as a sweep of several seeds."""
    return select_members(result, np.s_[..., fold], folds=None, subset_values={})


def with_pruned(result, index):
    pruned = np.zeros(result.pruned.shape, bool)
    pruned[index] = True
    return dataclasses.replace(result, pruned=pruned)


@pytest.mark.parametrize("score", [None, "train_loss"])
def test_best_cell_of_a_subset_equals_that_of_a_sweep_on_it_alone(score):
    results = [
        make_result((3, 4), seeds=3, folds=3, diverged=[(0, 1, 2, 0), (2, 3, 0, 1)]),
        make_programs(seeds=2, folds=3, batch_sizes=(50, 0), shape=(2, 3)),
        make_sampled(seeds=2, folds=3),
    ]
    results.append(with_pruned(results[0], np.s_[1:, 2:]))
    for result in results:
        table = best_of_subsets(dataclasses.replace(result, subset_values=GROUPS), score)
        assert list(table)[:3] == ["fold", "group", "cell"]
        frame = pd.DataFrame(table)
        for fold, row in frame.iterrows():
            of_one = alone(result, fold)
            ranked = dataclasses.replace(of_one, ranked_by=score or of_one.ranked_by)
            best = ranked.best()
            assert np.unravel_index(row["cell"], result.cell_shape) == best.index
            assert {name: row[name] for name in result.axes} == best.axes
            assert row[best.ranked_by] == best.score
            for name in ("test_loss", "test_accuracy"):
                assert row[name] == of_one.cell_scores(name)[best.index]
        assert (frame["seeds"] == len(result.seeds)).all() and list(frame["group"]) == ["a", "b", "c"]


def test_subset_without_a_ranked_cell_has_no_best_cell():
    result = make_programs(seeds=2, folds=2, shape=(1, 2), batch_sizes=(50, 0))
    lost = {name: np.where(np.arange(2) == 1, np.nan, values) for name, values in result.scores.items()}
    table = best_of_subsets(dataclasses.replace(result, scores=lost))
    assert table["cell"][1] == -1 and table["network"][1] == "" and table["batch_size"][1] == -1
    assert np.isnan([table[name][1] for name in ("learning_rate", "validation_accuracy", "test_loss")]).all()
    assert table["cell"][0] >= 0 and np.isfinite(table["test_loss"][0])
    for wrong in (make_result(), alone(result, 0)):
        with pytest.raises(jfnn.ArgumentError, match="sweep of subsets or folds"):
            best_of_subsets(wrong)
