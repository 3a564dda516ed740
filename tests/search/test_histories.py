"""Histories: the objective of each epoch, scores at any epochs, parameters at every evaluation."""

import jax
import numpy as np
import optax
import pytest
from helpers import compiled

import jfnn
from jfnn import losses, training
from jfnn.minibatches import Minibatches

pytestmark = pytest.mark.unoptimised

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
Y = np.arange(60) % 3
NET = jfnn.mlp((4, 6, 3), "tanh")
OPTIONS = {"learning_rate": [0.01, 0.05], "l2": [0.0, 0.1], "seeds": 3, "batch_size": 20}


def sweep(epochs=6, dtype=np.float32, out=None, rates=OPTIONS["learning_rate"], **execution):
    options = OPTIONS | {"learning_rate": rates, "epochs": epochs, "execution": jfnn.Execution(**execution)}
    return jfnn.sweep(NET, jfnn.Split(X.astype(dtype), Y), out=out, **options)


@pytest.mark.thorough
def test_the_objective_is_the_mean_over_the_steps_of_a_plain_loop(x64):
    result = sweep(dtype=np.float64, objective=True)
    assert result.objective.shape == (2, 2, 3, 6)
    value_and_grad = training.autodiff(NET, losses.get("cross_entropy"), "mean")
    rows = np.stack([[Minibatches(20).epoch(60, seed, epoch) for epoch in range(6)] for seed in range(3)])

    @compiled
    def plain_loop(rate, l2, params, rows):
        optimizer = optax.sgd(rate)

        def epoch(state, rows):
            options = value_and_grad, X, np.eye(3)[Y], l2
            state, values = training.epoch(state, optimizer, *options, rows)
            return state, values.mean()

        return jax.lax.scan(epoch, jfnn.State(params, optimizer.init(params)), rows)[1]

    for seed in range(3):
        params = jax.tree.map(lambda leaf: leaf.astype(np.float64), compiled(NET.init)(jax.random.key(seed)))
        for i, j in np.ndindex(2, 2):
            expected = plain_loop(OPTIONS["learning_rate"][i], OPTIONS["l2"][j], params, rows[seed])
            np.testing.assert_allclose(result.objective[i, j, seed], expected, rtol=1e-9)


@pytest.mark.thorough
def test_a_member_that_diverged_has_no_objective_afterwards():
    result = sweep(rates=[0.01, 1e38], objective=True)
    ended = result.diverged_at[1, 0, 0]
    assert ended >= 0 and np.isnan(result.objective[1, 0, 0, ended + 1 :]).all()
    assert np.isfinite(result.objective[0]).all()
