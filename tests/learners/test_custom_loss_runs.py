"""Losses of one's own in whole runs: rows of any form, and random ones."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jfnn
from jfnn.core.experiment.replicates import step_key

pytestmark = pytest.mark.thorough

EPOCHS = 4
RNG = np.random.default_rng(0)
# Pictures of rank 3 with a weight of each row: a batch is a dictionary.
ROWS = {"picture": RNG.normal(size=(30, 4, 3)), "scale": RNG.integers(1, 4, 30)}
TEST_ROWS = {"picture": RNG.normal(size=(10, 4, 3)), "scale": RNG.integers(1, 4, 10)}


def init(key):
    return {"code": jax.random.normal(key, (4, 3, 2)), "rebuild": jnp.ones((2, 4, 3)) / 4}


def rebuilt(params, pictures):
    assert pictures.ndim == 3 and pictures.shape[1:] == (4, 3)
    return jnp.einsum("nk,kij->nij", jnp.einsum("nij,ijk->nk", pictures, params["code"]), params["rebuild"])


def denoising(params, batch, key, noise):
    assert jnp.issubdtype(batch["scale"].dtype, jnp.integer)
    noisy = batch["picture"] + noise * jax.random.normal(key, batch["picture"].shape)
    errors = jnp.sum((rebuilt(params, noisy) - batch["picture"]) ** 2, (1, 2))
    return jnp.mean(batch["scale"] * errors)


def without_noise(params, rows):
    errors = jnp.sum((rebuilt(params, rows["picture"]) - rows["picture"]) ** 2, (1, 2))
    return {"loss": rows["scale"] * errors, "error": errors}


LEARNER = jfnn.learner(
    *(init, denoising),
    **dict(optimizer="adam", hyper=["noise"], random=True, score=without_noise),
    metrics=[jfnn.Metric("error")],
)
SPLIT = jfnn.Split(ROWS, x_test=TEST_ROWS)
OPTIONS = dict(
    learning_rate=[1e-3, 1e-2, 1e30],
    hyper={"noise": [0.0, 0.5]},
    seeds=3,
    epochs=EPOCHS,
    batch_size=10,
    validation=jfnn.Validation(8, rank_by="error"),
)


def test_scores_are_the_losses_of_rows_of_any_rank():
    result = jfnn.sweep(LEARNER, SPLIT, **OPTIONS)
    assert list(result.axes) == ["learning_rate", "l2", "noise"]
    assert result.ranked_by == "validation_error"
    for index in itertools.product([0, 1], [0], [0, 1], range(3)):
        params = result.member(*index)
        code = np.einsum("nij,ijk->nk", TEST_ROWS["picture"], params["code"])
        errors = ((code @ params["rebuild"].reshape(2, 12) - TEST_ROWS["picture"].reshape(10, 12)) ** 2).sum(
            1
        )
        np.testing.assert_allclose(result.test_error[index], errors.mean(), rtol=1e-5)
        np.testing.assert_allclose(result.test_loss[index], (TEST_ROWS["scale"] * errors).mean(), rtol=1e-5)
    assert len(np.unique(result.test_error[:2])) == 12  # noise matters
    assert (result.diverged_at[2] >= 0).all() and np.isnan(result.test_error[2]).all()


# What a random loss draws


def drift(params, batch, key):
    """Its gradient is what it draws, whatever the rows are."""
    return jnp.sum(params["w"] * jax.random.normal(key, (3,)))


def draws(seed, fold, epochs, steps):
    """Sum of the draws of all steps ``[3]``."""
    key = jax.random.wrap_key_data(step_key(seed, fold))
    keys = [jax.random.fold_in(jax.random.fold_in(key, i), j) for i in range(epochs) for j in range(steps)]
    return sum(jax.random.normal(key, (3,)) for key in keys)


@pytest.mark.thorough
@pytest.mark.unoptimised
@pytest.mark.parametrize(("batch_size", "eval_every"), [(10, None), (None, 1)])
def test_members_of_a_replicate_draw_the_same_and_others_not(batch_size, eval_every, x64):
    """Also where all replicates see the same rows, and where each epoch is a call of its own."""
    learner = jfnn.learner(lambda key: {"w": jnp.zeros(3)}, drift, random=True)
    rates = np.array([0.1, 0.7, 3.0])
    result = jfnn.sweep(
        *(learner, jfnn.Split(RNG.normal(size=(40, 2)))),
        **dict(learning_rate=rates, seeds=[5, 2], folds=2, epochs=3, batch_size=batch_size),
        execution=jfnn.Execution(eval_every=eval_every),
    )
    drawn = -result.params["w"] / rates[:, None, None, None, None]
    steps = 1 if batch_size is None else 2
    expected = [[draws(seed, fold, 3, steps) for fold in range(2)] for seed in (5, 2)]
    np.testing.assert_allclose(drawn[:, 0], np.broadcast_to(expected, (3, 2, 2, 3)), rtol=1e-12)
    assert len(np.unique(np.round(drawn, 9))) == 2 * 2 * 3
