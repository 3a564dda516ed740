"""The one-standard-error rule compared with definitions in books, glmnet and scikit-learn's example."""

import math

import numpy as np
import pandas as pd
import pytest
from helpers import make_programs, make_result, make_sampled, same_bits, with_scores

import jfnn

pytestmark = pytest.mark.unoptimized

TILE = jfnn.Execution(tile=4)
ORDER = {"l2": "most", "learning_rate": "least"}


def by_the_book(result, order, errors):
    """Return the axis values of the simplest cell (ESL, 7.10) from the member table; scores are losses."""
    table = pd.DataFrame(result.to_dict())
    names = list(result.axes)
    runs = table.groupby([*names, "fold" if result.folds else "seed"])[result.ranked_by].mean()
    means = runs.groupby(names).mean()
    best = runs.groupby(names).get_group(means.idxmin())
    near = means[means <= means.min() + errors * best.std(ddof=1) / math.sqrt(len(best))]
    near = near.reset_index().sort_values(
        [*order, result.ranked_by], ascending=[*(end == "least" for end in order.values()), True]
    )
    return near.iloc[0][names].to_dict()


@pytest.mark.parametrize("errors", [0.0, 0.5, 1.0, 4.0, 100.0])
@pytest.mark.parametrize("order", [{"l2": "most"}, ORDER, dict(reversed(ORDER.items()))], ids=list)
def test_cell_equals_the_books_choice(order, errors):
    for draw, options in enumerate([{"seeds": 5}, {"seeds": 2, "folds": 4}]):
        result = make_result(rank_by="loss", draw=draw, **options)
        best = result.best(jfnn.Simplest(order, errors))
        assert best.axes == result.axes_at(best.index) == by_the_book(result, order, errors)
        assert best.score == result.cell_scores()[best.index]
    assert errors > 0 or best == result.best()


def lambda_1se(lambdas, cvraw):
    """Return ``lambda.1se`` as glmnet's documentation defines it with ``cvsd``; ``cvraw [K, lambdas]``."""
    cvm = cvraw.mean(axis=0)
    cvsd = np.sqrt(np.mean((cvraw - cvm) ** 2, axis=0) / (len(cvraw) - 1))
    at = np.argmin(cvm)
    return max(lambdas[cvm <= cvm[at] + cvsd[at]])


@pytest.mark.parametrize("draw", range(8))
def test_penalty_equals_glmnets_choice(draw):
    for options in (dict(seeds=6), dict(seeds=1, folds=6)):
        result = make_result((1, 40), rank_by="loss", draw=draw, **options)
        cvraw = result.scores[result.ranked_by].reshape(40, 6).T
        expected = lambda_1se(result.axes["l2"], cvraw)
        assert result.best(jfnn.Simplest({"l2": "most"})).axes["l2"] == expected


def test_higher_accuracies_are_better():
    values = np.array([0.8, 0.88, 0.9, 0.87])[:, None, None] + [-0.02, 0.0, 0.02]  # s / √3 is 0.02 / √3
    result = with_scores(make_result((4, 1), 3), {"test_accuracy": values})
    rule = {"order": {"learning_rate": "least"}}
    assert result.best(jfnn.Simplest(**rule)).index == (2, 0)
    assert result.best(jfnn.Simplest(**rule, errors=0.99 * math.sqrt(3))).index == (2, 0)
    assert result.best(jfnn.Simplest(**rule, errors=1.01 * math.sqrt(3))).index == (1, 0)
    assert result.best(jfnn.Simplest(**rule, errors=99)).index == (0, 0)


def test_diverged_and_pruned_cells_do_not_rank():
    result = make_result((5, 1), diverged=[np.s_[4, 0, 1]], rank_by="loss")
    pruned = np.zeros((5, 1, 2), bool)
    pruned[3] = True
    rule = jfnn.Simplest({"learning_rate": "most"}, errors=1e9)
    assert with_scores(result, {}, pruned=pruned).best(rule).index == (2, 0)
    nothing = make_result((2, 2), diverged=[np.s_[:]])
    assert nothing.best_or_none(rule) is None
    with pytest.raises(ValueError, match="no best cell"):
        nothing.best(rule)


def test_drawn_cells_and_programs_are_ordered():
    drawn = make_sampled()
    assert drawn.best(jfnn.Simplest({"l2": "most"}, errors=1e9)).index == (0,)
    result = make_programs(("20", "10-10", "3"), batch_sizes=(50, 0))
    for network, batch_size in (("least", "most"), ("most", "least")):
        rule = jfnn.Simplest({"network": network, "batch_size": batch_size, "l2": "most"}, errors=1e9)
        best = result.best(rule)
        expected = {"network": "20" if network == "least" else "3"}
        expected["batch_size"] = 50 if batch_size == "least" else 0
        assert best.axes.items() >= expected.items()
        assert best.index[-1] == 6
        # the best among equally simple cells
        assert best.score == result.cell_scores()[best.index[:2]][:, -1].max()


@pytest.mark.thorough
def test_simplest_cell_is_refit_on_all_rows(split):
    networks = {
        "6": jfnn.mlp((5, 6, 3), "sigmoid", init="normal"),
        "4-4": jfnn.mlp((5, 4, 4, 3), init="normal"),
    }
    options = dict(
        reduction="sum", learning_rate=[1e-5, 0.01], seeds=2, batch_size=16, epochs=4, execution=TILE
    )
    rule = jfnn.Simplest({"network": "most", "learning_rate": "least"}, errors=1e9)
    swept = jfnn.sweep(networks, split, validation=0.3, refit=rule, **options)
    alone = jfnn.sweep(networks["4-4"], split, **options | {"learning_rate": [1e-5]})
    assert swept.best(rule).index == (1, 0, 0) and swept.best().index[1] == 1
    assert same_bits(swept.refit.params, alone.params)


def untrained(progress):
    raise AssertionError("trained")


@pytest.mark.parametrize(
    ("options", "order", "message"),
    [
        ({"seeds": 1}, {"l2": "most"}, "refit: expected several seeds or folds"),
        ({"seeds": 2}, {"network": "least"}, "refit: expected axes among learning_rate, l2, got 'network'"),
        ({"seeds": 2}, {"momentum": "least"}, "refit: expected axes among learning_rate, l2, got 'momentum'"),
    ],
)
def test_rule_that_cannot_choose_is_refused_before_training(split, options, order, message):
    execution = jfnn.Execution(progress=untrained)
    shared = dict(learning_rate=[0.1, 0.2], validation=0.2, epochs=1, batch_size=16, execution=execution)
    with pytest.raises(ValueError, match=message):
        jfnn.sweep(jfnn.mlp((5, 6, 3)), split, refit=jfnn.Simplest(order), **shared | options)
    result = make_result((2, 1), options["seeds"])
    with pytest.raises(ValueError, match=message.replace("refit", "rule")):
        result.best(jfnn.Simplest(order))
