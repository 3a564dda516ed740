"""Going on from parameters of a grid: with the bits of one long run where an optimizer has no memory."""

import jax
import numpy as np
import pytest
from helpers import representatives, same_bits

import jfnn

pytestmark = pytest.mark.unoptimised

NETWORK = jfnn.mlp((5, 6, 3))
OPTIONS = dict(learning_rate=[0.1, 0.3], l2=[0.0, 0.1], seeds=2)
TILE = jfnn.Execution(tile=2)
HISTORY = jfnn.Execution(tile=2, eval_every=2, objective=True, keep_params="evaluations")
RUNS = {
    "drawn minibatches": {"batch_size": 16},
    "a permutation": {"batch_size": jfnn.Minibatches(16, "permutation", drop_last=False)},
    "all rows": {"batch_size": None},
    "folds": {"batch_size": 16, "folds": 3},
    "dropout": {"batch_size": 16, "hyper": {"dropout": [0.0, 0.3]}},
    "listed cells": {
        "batch_size": 16,
        "learning_rate": None,
        "l2": 0.1,
        "cells": {"learning_rate": [0.1, 0.3]},
    },
    "given minibatches": {
        "batches": lambda seed, epoch: (np.arange(32).reshape(2, 16) * 7 + epoch + seed) % 60
    },
    "several programs": {"batch_size": [16, 8]},
}


@pytest.mark.parametrize("name", representatives(RUNS, "drawn minibatches", "dropout", "several programs"))
def test_two_halves_have_the_bits_of_the_whole(name, split):
    options = OPTIONS | {"execution": TILE} | RUNS[name]
    whole = jfnn.sweep(NETWORK, split, epochs=6, **options)
    half = jfnn.sweep(NETWORK, split, epochs=4, **options)
    rest = jfnn.sweep(NETWORK, split, epochs=range(4, 6), initial_params=half.params, **options)
    assert same_bits(rest.params, whole.params)
    assert same_bits(rest.scores, whole.scores)
    assert same_bits(rest.epochs, whole.epochs)
    fresh = jfnn.sweep(NETWORK, split, epochs=2, initial_params=half.params, **options)
    assert same_bits(fresh.params, whole.params) == (name == "all rows")


def test_histories_go_on_with_the_numbers_of_their_epochs(split):
    options = OPTIONS | {"batch_size": 16, "execution": HISTORY}
    whole = jfnn.sweep(NETWORK, split, epochs=8, **options)
    at_four = jax.tree.map(lambda leaf: leaf[:, :, :, 1], whole.params)
    rest = jfnn.sweep(NETWORK, split, epochs=range(4, 8), initial_params=at_four, **options)
    assert rest.evaluations.tolist() == [6, 8]
    assert same_bits(rest.objective, whole.objective[..., 4:])
    for score, values in rest.history.items():
        assert same_bits(values, whole.history[score][..., 2:])


def test_a_member_that_diverges_later_does_so_in_the_same_epoch(split):
    options = OPTIONS | {"batch_size": 16, "execution": TILE}
    loss = {
        "loss": "quadratic",
        "split": jfnn.Split(split.x_train, np.eye(3, dtype=np.float32)[split.y_train]),
    }
    options |= {"l2": [1.0, 0.0], "learning_rate": [2.0, 0.1], "reduction": "sum"}
    network = jfnn.mlp((5, 6, 3), "sigmoid", init="normal")
    whole = jfnn.sweep(network, epochs=60, **options | loss)
    assert (whole.diverged_at > 2).any() and (whole.diverged_at < 0).any()
    half = jfnn.sweep(network, epochs=2, **options | loss)
    rest = jfnn.sweep(network, epochs=range(2, 60), initial_params=half.params, **options | loss)
    assert same_bits(rest.diverged_at, whole.diverged_at)
    assert same_bits(rest.params, whole.params)


def test_going_on_is_resumed_and_its_best_cell_refitted(split, tmp_path):
    options = OPTIONS | {"batch_size": 16, "execution": TILE, "validation": 0.2}
    half = jfnn.sweep(NETWORK, split, epochs=2, **options)
    options |= {"epochs": range(2, 4), "initial_params": half.params, "refit": True}
    rest = jfnn.sweep(NETWORK, split, out=tmp_path, **options)
    best = rest.best()
    alone = jax.tree.map(lambda leaf: leaf[best.index], half.params)
    given = {name: best.axes[name] for name in ("learning_rate", "l2")} | {"batch_size": 16, "seeds": 2}
    again = jfnn.sweep(
        NETWORK, split, epochs=range(2, 4), initial_params=alone, execution=rest.refit.execution, **given
    )
    assert same_bits(again.params[0], rest.refit.params[0])
    assert same_bits(jfnn.load(tmp_path).refit.params, rest.refit.params)
    cure = r"; a result trains on by initial_params=result\.params, epochs=range\(first, end\)"
    with pytest.raises(ValueError, match=rf"settings\.epochs is 4 there and 6 here{cure}$"):
        jfnn.sweep(NETWORK, split, out=tmp_path, resume=True, **options | {"epochs": range(2, 6)})
    with pytest.raises(ValueError, match=r"settings\.seeds is \[0, 1\] there and \[1, 0\] here$"):
        jfnn.sweep(NETWORK, split, out=tmp_path, resume=True, **options | {"seeds": [1, 0]})


def test_minibatches_are_asked_of_the_epochs_that_are_trained(split):
    asked = []

    def rows(seed, epoch):
        asked.append(epoch)
        return np.arange(60).reshape(3, 20)

    options = {"learning_rate": [0.1], "batches": rows}
    half = jfnn.sweep(NETWORK, split, epochs=4, **options)
    assert sorted(asked) == [0, 0, 1, 2, 3]  # the first for its shape too
    asked.clear()
    jfnn.sweep(NETWORK, split, epochs=range(4, 8), initial_params=half.params, **options)
    assert sorted(asked) == [4, 4, 5, 6, 7]


def test_schedulers_count_from_where_it_goes_on(split):
    options = OPTIONS | {"batch_size": 16, "execution": TILE, "validation": 0.2}
    half = jfnn.sweep(NETWORK, split, epochs=3, **options)
    halving = {"schedulers": [jfnn.Halving(2, 1)], "initial_params": half.params}
    rest = jfnn.sweep(NETWORK, split, epochs=range(3, 7), **options | halving)
    fresh = jfnn.sweep(NETWORK, split, epochs=4, **options | halving)
    assert sorted({*rest.stopped_at.ravel()} - {-1}) == sorted(
        3 + n for n in {*fresh.stopped_at.ravel()} - {-1}
    )


def test_parameters_of_another_grid_are_refused(split):
    half = jfnn.sweep(NETWORK, split, epochs=1, batch_size=16, **OPTIONS)
    with pytest.raises(ValueError, match=r"^initial_params: .*behind the grid's axes \[2, 1, 2\]"):
        jfnn.sweep(NETWORK, split, initial_params=half.params, **OPTIONS | {"l2": 0.0, "batch_size": 16})
    starts = jax.tree.map(lambda leaf: np.stack([leaf] * 3, axis=3), half.params)
    one_cell = jax.tree.map(lambda leaf: leaf[:1, :1], starts)
    for params, rates in ((starts, OPTIONS), (one_cell, {"learning_rate": 0.1, "seeds": 2})):
        with pytest.raises(ValueError, match=r"^refit: initial_params are of each fold"):
            jfnn.sweep(NETWORK, split, initial_params=params, folds=3, refit=True, batch_size=16, **rates)
    for epochs in (range(1, 3), range(3, 1), range(0, 9, 3), range(-1, 4), 2.5):
        with pytest.raises((ValueError, TypeError), match=r"^epochs: "):
            jfnn.sweep(NETWORK, split, epochs=epochs, **OPTIONS)
