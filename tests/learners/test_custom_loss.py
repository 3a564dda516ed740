"""Custom losses on rows of any structure, compared with known answers."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import same_bits

import jfnn

pytestmark = pytest.mark.unoptimized


def lookup(params, batch, key):
    """Return the mean of ``(value at the row's number - y)² / 2`` over a batch of integer rows."""
    numbers, y = batch
    return 0.5 * jnp.mean((params["value"][numbers] - y) ** 2)


def test_rows_may_be_integers():
    """With a rate of 1, each one-row batch moves the value at its number to y, so the last y remains."""
    numbers = np.repeat(np.arange(7), 2)
    y = np.arange(14.0)
    learner = jfnn.learner(lambda key: {"value": jnp.full(7, -1.0)}, lookup)
    batches = np.arange(14)[::-1].reshape(1, 14, 1)
    trained = jfnn.train(learner, numbers, y, learning_rate=1.0, epochs=1, batches=batches)
    params = trained.params
    np.testing.assert_array_equal(params["value"], y[::2])
    assert trained.history["train_loss"] == np.mean(0.5 * (y[::2][numbers] - y) ** 2)


def test_integer_rows_are_learned_from_in_the_precision_in_use(dtype):
    """Each step has rate 1 and one number, so each value ends at a tenth, within the dtype's precision."""
    learner = jfnn.learner(
        lambda key: {"value": jnp.full(7, -1.0)},
        lambda params, numbers, key: 0.5 * jnp.sum((params["value"][numbers] - 0.1) ** 2),
    )
    batches = np.arange(7).reshape(1, 7, 1)
    params = jfnn.train(learner, np.arange(7), learning_rate=1.0, epochs=1, batches=batches).params
    assert params["value"].dtype == dtype
    np.testing.assert_allclose(params["value"], 0.1, rtol=4 * np.finfo(dtype).eps)


def strong_squares(params, batch, key, strength):
    return 0.5 * strength * jnp.sum((batch["x"] @ params["w"] - batch["y"]) ** 2)


def squares_of_rows(params, rows):
    return {"loss": 0.5 * jnp.sum((rows["x"] @ params["w"] - rows["y"]) ** 2, axis=-1)}


@pytest.mark.thorough
def test_hyperparameter_of_the_loss_is_separate_for_each_member(x64):
    """A factor of the loss is equivalent to a factor of the learning rate."""
    rng = np.random.default_rng(0)
    split = jfnn.Split({"x": rng.normal(size=(30, 4)), "y": rng.normal(size=(30, 1))})
    learner = jfnn.learner(
        lambda key: {"w": jax.random.normal(key, (4, 1))},
        strong_squares,
        hyper=["strength"],
        score=squares_of_rows,
    )
    factors = np.array([0.5, 1.0, 3.0])
    options = dict(epochs=3, batch_size=10)
    strengths = jfnn.sweep(learner, split, learning_rate=0.01, hyper={"strength": factors}, **options)
    rates = jfnn.sweep(learner, split, learning_rate=0.01 * factors, hyper={"strength": 1.0}, **options)
    assert list(strengths.axes) == ["learning_rate", "l2", "strength"]
    np.testing.assert_allclose(strengths.params["w"][0, 0], rates.params["w"][:, 0], rtol=1e-12)
    np.testing.assert_allclose(strengths.train_loss[0, 0], rates.train_loss[:, 0], rtol=1e-12)
    assert len(np.unique(strengths.train_loss)) == 3


SCORES = {
    "the loss itself": None,
    "a function of a key": lambda params, rows, *, key, **numbers: {
        "loss": numbers["strength"] * squares_of_rows(params, rows)["loss"] + jax.random.normal(key)
    },
}


@pytest.mark.thorough
@pytest.mark.optimized
@pytest.mark.parametrize("kind", SCORES)
def test_scores_use_each_members_hyperparameter_as_in_a_separate_run(kind):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 4))
    y = rng.normal(size=(30, 2))
    init = lambda key: {"w": jax.random.normal(key, (4, 2))}  # noqa: E731
    learner = jfnn.learner(init, strong_squares, hyper=["strength"], score=SCORES[kind])
    factors = [0.5, 1.0, 3.0]
    options = dict(learning_rate=0.01, epochs=2, batch_size=10)
    split = jfnn.Split({"x": x, "y": y})
    result = jfnn.sweep(learner, split, hyper={"strength": factors}, seeds=2, **options)
    drawn = jax.random.normal(jax.random.key(0)) if "key" in kind else 0.0
    for (i, factor), seed in itertools.product(enumerate(factors), range(2)):
        params = result.member(0, 0, i, seed)
        by_hand = factor * 0.5 * ((x @ params["w"] - y) ** 2).sum(axis=1).mean() + drawn
        np.testing.assert_allclose(result.train_loss[0, 0, i, seed], by_hand, rtol=1e-5)
    trained = jfnn.train(
        learner, split.x_train, hyper={"strength": 3.0}, seed=1, execution=result.execution, **options
    )
    alone = trained.params
    assert same_bits(alone, result.member(0, 0, 2, 1))
    assert trained.history["train_loss"][-1] == result.train_loss[0, 0, 2, 1]
