"""Kept on the way: the objective of each epoch, scores at any epochs, parameters at every evaluation."""

import jax
import numpy as np
import optax
import pytest
from helpers import compiled, same_bits

import jfnn
from jfnn import losses, training
from jfnn.minibatches import Minibatches

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 4)), np.arange(60) % 3
NET = jfnn.mlp((4, 6, 3), "tanh")
OPTIONS = {"learning_rate": [0.01, 0.05], "l2": [0.0, 0.1], "seeds": 3, "batch_size": 20}


def sweep(epochs=6, dtype=np.float32, out=None, rates=OPTIONS["learning_rate"], **execution):
    options = OPTIONS | {"learning_rate": rates, "epochs": epochs, "execution": jfnn.Execution(**execution)}
    return jfnn.sweep(NET, jfnn.Split(X.astype(dtype), Y), out=out, **options)


def test_the_objective_is_the_mean_over_the_steps_of_a_plain_loop(x64):
    result = sweep(dtype=np.float64, objective=True)
    assert result.objective.shape == (2, 2, 3, 6)
    value_and_grad = training.autodiff(NET, losses.get("cross_entropy"), "sum")
    for i, j, seed in np.ndindex(2, 2, 3):
        optimizer = optax.sgd(OPTIONS["learning_rate"][i])
        params = jax.tree.map(lambda leaf: leaf.astype(np.float64), compiled(NET.init)(jax.random.key(seed)))
        state = jfnn.State(params, optimizer.init(params))
        for epoch in range(6):
            rows = Minibatches(20).epoch(60, seed, epoch)
            state, values = training.epoch(
                state, optimizer, value_and_grad, X, np.eye(3)[Y], OPTIONS["l2"][j], rows
            )
            np.testing.assert_allclose(result.objective[i, j, seed, epoch], values.mean(), rtol=1e-9)


def test_what_is_kept_changes_no_bit_and_comes_back_from_disk(tmp_path):
    plain = sweep()
    kept = sweep(out=tmp_path / "run", objective=True, eval_every=[1, 4, 6], keep_params="evaluations")
    assert plain.objective is None and kept.history["epoch"].tolist() == [1, 4, 6]
    assert same_bits(jax.tree.map(lambda leaf: leaf[:, :, :, -1], kept.params), plain.params)
    assert same_bits(kept.scores, plain.scores)
    for place, epochs in enumerate((1, 4)):
        shorter = sweep(epochs)
        assert same_bits(jax.tree.map(lambda leaf, at=place: leaf[:, :, :, at], kept.params), shorter.params)
        assert same_bits(kept.history["train_loss"][..., place], shorter.train_loss)
    loaded = jfnn.load(tmp_path / "run")
    assert same_bits((loaded.params, loaded.objective), (kept.params, kept.objective))


def test_a_member_that_diverged_has_no_objective_afterwards():
    result = sweep(rates=[0.01, 1e38], objective=True)
    ended = result.diverged_at[1, 0, 0]
    assert ended >= 0 and np.isnan(result.objective[1, 0, 0, ended + 1 :]).all()
    assert np.isfinite(result.objective[0]).all()


@pytest.mark.parametrize(
    "execution, argument",
    [
        ({"eval_every": [0, 2]}, "eval_every"),
        ({"eval_every": [7]}, "eval_every"),
        ({"eval_every": []}, "eval_every"),
        ({"keep_params": "evaluations"}, "keep_params"),
        ({"objective": 1}, "objective"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(execution, argument):
    with pytest.raises((ValueError, TypeError), match=f"^{argument}: "):
        sweep(**execution)
