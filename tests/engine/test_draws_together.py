"""Tiles of several replicates whose members draw once for each: their forms, and the bits of members."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import same_bits

import jfnn
from jfnn.core.engine.plan import Layout

RATES = [0.1, 0.3, 1e30, 1.0]


def init(key):
    """A student, and a teacher that is not trained."""
    student, teacher = jax.random.normal(key, (2, 2, 6))
    return {"student": student, "teacher": jfnn.Constant(teacher)}


def committee(w, x):
    return jax.scipy.special.erf(x @ w.T).sum(axis=-1)


def disagreement(params, batch, key):
    """On a row that each step draws."""
    x = jax.random.normal(key, (1, 6))
    return jnp.mean((committee(params["student"], x) - committee(params["teacher"].value, x)) ** 2)


def score(params, rows):
    return {"loss": jnp.sum((params["student"] - params["teacher"].value) ** 2)}


LEARNER = jfnn.learner(init, disagreement, random=True, score=score)
COMMON = dict(batch_size=jfnn.Minibatches(None, steps=5), epochs=8)


def trained(rates=RATES, seeds=6, **options):
    """Students of teachers: seeds with few cells."""
    return jfnn.sweep(LEARNER, jfnn.Split(), learning_rate=rates, seeds=seeds, **COMMON, **options)


@pytest.mark.thorough
def test_few_cells_of_many_seeds_train_in_tiles_of_several_seeds():
    result = trained()
    assert result.execution == jfnn.Execution(tile=12, shared=4)
    assert (result.diverged_at[2] >= 0).all()
    for cell, seed in ((0, 0), (1, 3), (3, 5)):
        options = dict(learning_rate=RATES[cell], seed=seed, execution=result.execution)
        alone = jfnn.train(LEARNER, None, **options, **COMMON)
        assert same_bits(alone.params, result.member(cell, 0, seed))


def test_a_form_says_how_many_neighbours_share():
    assert Layout(12, separate=True, together=4).shared == 4
    assert Layout(12, separate=True).shared is False and Layout(12, separate=False).shared is True
    assert jfnn.Execution(tile=np.int64(12), shared=np.int64(4)).shared == 4
    for tile, shared in ((12, 5), (None, 2), (12, 1), (12, 0), (12, 24)):
        with pytest.raises(jfnn.ArgumentError, match="shared"):
            jfnn.Execution(tile=tile, shared=shared)
