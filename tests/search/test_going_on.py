"""Continuing from a grid's parameters: same bits as one long run if the optimizer has no memory."""

import jax
import numpy as np
import pytest
from helpers import same_bits

import jfnn
from jfnn.core.search.programs import combine

pytestmark = pytest.mark.unoptimized

NETWORK = jfnn.mlp((5, 6, 3))
OPTIONS = dict(learning_rate=[0.1, 0.3], l2=[0.0, 0.1], seeds=2)
TILE = jfnn.Execution(tile=2)


@pytest.mark.thorough
def test_members_ended_by_a_scheduler_stay_ended(split):
    options = OPTIONS | {"batch_size": 16, "execution": TILE, "validation": 0.2}
    half = jfnn.sweep(NETWORK, split, epochs=6, schedulers=jfnn.Halving(2, 1), **options)
    rest = jfnn.sweep(NETWORK, split, epochs=range(6, 8), initial_params=half, **options)
    out = half.stopped_at >= 0
    assert out.any() and not out.all()
    assert same_bits(rest.pruned, half.pruned) and same_bits(rest.stopped_at, half.stopped_at)
    assert (rest.epochs == np.where(out, half.epochs, 8)).all() and rest.best().index == half.best().index
    jax.tree.map(lambda old, new: np.testing.assert_array_equal(old[out], new[out]), half.params, rest.params)
    np.testing.assert_array_equal(rest.validation_loss[out], half.validation_loss[out])
    patient = jfnn.sweep(NETWORK, split, epochs=6, schedulers=jfnn.EarlyStopping(1), **options)
    with pytest.raises(ValueError, match=r"^initial_params: .*earlier epochs.*result\.params"):
        jfnn.sweep(NETWORK, split, epochs=range(6, 8), initial_params=patient, **options)


def test_results_that_cannot_be_continued_are_refused_with_a_remedy(split):
    options = OPTIONS | {"batch_size": 16, "execution": TILE}
    half = jfnn.sweep(NETWORK, split, epochs=2, **options)
    others = {"hyper": {"init_scale": [1.0, 2.0]}, "learning_rate": 0.1}
    sizes = combine({"batch_size": np.array([16, 8])}, [half, half])
    for result, changed, epochs, named in (
        (half, {}, 2, r"initial_params: .*range\(first, end\).*result\.params"),
        (half, {}, range(3, 4), r"epochs: expected range\(2, "),
        (half, others, range(2, 4), "initial_params: expected a result with the axes"),
        (half, {"folds": 3}, range(2, 4), "initial_params: expected a result with the axes"),
        (sizes, {}, range(2, 4), r"initial_params: .*result\.program"),
        (half.of_cell(0, 0), {}, range(2, 4), "initial_params: .*keep_params"),
    ):
        with pytest.raises(ValueError, match=rf"^{named}"):
            jfnn.sweep(NETWORK, split, epochs=epochs, initial_params=result, **options | changed)


def test_continued_run_can_be_resumed_and_refit(split, tmp_path):
    options = OPTIONS | {"batch_size": 16, "execution": TILE, "validation": 0.2}
    half = jfnn.sweep(NETWORK, split, epochs=2, **options)
    options |= {"epochs": range(2, 4), "initial_params": half, "refit": True}
    rest = jfnn.sweep(NETWORK, split, out=tmp_path, **options)
    best = rest.best()
    alone = jax.tree.map(lambda leaf: leaf[best.index], half.params)
    given = {name: best.axes[name] for name in ("learning_rate", "l2")} | {"batch_size": 16, "seeds": 2}
    again = jfnn.sweep(
        NETWORK, split, epochs=range(2, 4), initial_params=alone, execution=rest.refit.execution, **given
    )
    assert same_bits(again.params[0], rest.refit.params[0])
    assert same_bits(jfnn.load(tmp_path).refit.params, rest.refit.params)
    cure = r"; to train a result further, pass initial_params=result, epochs=range\(first, end\)"
    with pytest.raises(ValueError, match=rf"settings\.epochs is 4 there and 6 here{cure}$"):
        jfnn.sweep(NETWORK, split, out=tmp_path, resume=True, **options | {"epochs": range(2, 6)})
    with pytest.raises(ValueError, match=r"settings\.seeds is \[0, 1\] there and \[1, 0\] here$"):
        jfnn.sweep(NETWORK, split, out=tmp_path, resume=True, **options | {"seeds": [1, 0]})


def test_minibatches_are_requested_for_the_trained_epochs(split):
    epochs_requested = []

    def rows(seed, epoch):
        epochs_requested.append(epoch)
        return np.arange(60).reshape(3, 20)

    options = {"learning_rate": [0.1], "batches": rows}
    half = jfnn.sweep(NETWORK, split, epochs=4, **options)
    assert sorted(epochs_requested) == [0, 0, 1, 2, 3]  # the first for its shape too
    epochs_requested.clear()
    jfnn.sweep(NETWORK, split, epochs=range(4, 8), initial_params=half.params, **options)
    assert sorted(epochs_requested) == [4, 4, 5, 6, 7]


def test_schedulers_count_from_the_start_of_the_continuation(split):
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
    with pytest.raises(ValueError, match=r"^initial_params: .*the grid's axes \[2, 1, 2\]"):
        jfnn.sweep(NETWORK, split, initial_params=half.params, **OPTIONS | {"l2": 0.0, "batch_size": 16})
    starts = jax.tree.map(lambda leaf: np.stack([leaf] * 3, axis=3), half.params)
    one_cell = jax.tree.map(lambda leaf: leaf[:1, :1], starts)
    for params, rates in ((starts, OPTIONS), (one_cell, {"learning_rate": 0.1, "seeds": 2})):
        with pytest.raises(ValueError, match=r"^refit: initial_params differ between folds"):
            jfnn.sweep(NETWORK, split, initial_params=params, folds=3, refit=True, batch_size=16, **rates)
    for epochs in (range(1, 3), range(3, 1), range(0, 9, 3), range(-1, 4), 2.5):
        with pytest.raises((ValueError, TypeError), match=r"^epochs: "):
            jfnn.sweep(NETWORK, split, epochs=epochs, **OPTIONS)


@pytest.mark.thorough
def test_winner_of_several_programs_continues_from_its_own_parameters(split):
    options = OPTIONS | {"l2": 0.0, "epochs": range(2, 3)}
    sizes = {"batch_size": [16, 8], "validation": 0.2}
    half = jfnn.sweep(NETWORK, split, **options | sizes | {"epochs": 2})
    starts = (half, half.params)
    rests = [
        jfnn.sweep(NETWORK, split, initial_params=start, refit=True, **options | sizes) for start in starts
    ]
    best = rests[0].best()
    size = best.axes["batch_size"]
    options |= {"learning_rate": [best.axes["learning_rate"]], "batch_size": size}
    start = half.program(batch_size=size).of_cell(*best.index[1:]).params
    execution = rests[0].refit.execution
    alone = jfnn.sweep(NETWORK, split, initial_params=start, execution=execution, **options)
    assert all(same_bits(rest.refit.params, alone.params) for rest in rests)
