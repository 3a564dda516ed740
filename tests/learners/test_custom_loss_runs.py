"""Random numbers drawn by custom losses in whole runs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jfnn
from jfnn.core.experiment.replicates import step_key


def drift(params, batch, key):
    """Return a loss whose gradient is what it draws, whatever the rows are."""
    return jnp.sum(params["w"] * jax.random.normal(key, (3,)))


def draws(seed, fold, epochs, steps):
    """Return the sum of the draws of all steps, ``[3]``."""
    key = jax.random.wrap_key_data(step_key(seed, fold))
    keys = [jax.random.fold_in(jax.random.fold_in(key, i), j) for i in range(epochs) for j in range(steps)]
    return sum(jax.random.normal(key, (3,)) for key in keys)


@pytest.mark.thorough
@pytest.mark.unoptimized
@pytest.mark.parametrize(("batch_size", "eval_every"), [(10, None), (None, 1)])
def test_members_of_a_replicate_and_only_they_draw_the_same_numbers(batch_size, eval_every, x64):
    """Even if all replicates have the same rows, and if each epoch is a separate call."""
    learner = jfnn.learner(lambda key: {"w": jnp.zeros(3)}, drift, random=True)
    rates = np.array([0.1, 0.7, 3.0])
    result = jfnn.sweep(
        *(learner, jfnn.Split(np.random.default_rng(0).normal(size=(40, 2)))),
        **dict(learning_rate=rates, seeds=[5, 2], folds=2, epochs=3, batch_size=batch_size),
        execution=jfnn.Execution(eval_every=eval_every),
    )
    drawn = -result.params["w"] / rates[:, None, None, None, None]
    steps = 1 if batch_size is None else 2
    expected = [[draws(seed, fold, 3, steps) for fold in range(2)] for seed in (5, 2)]
    np.testing.assert_allclose(drawn[:, 0], np.broadcast_to(expected, (3, 2, 2, 3)), rtol=1e-12)
    assert len(np.unique(np.round(drawn, 9))) == 2 * 2 * 3
