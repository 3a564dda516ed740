"""Tile layouts: how they follow from the problem, and how they affect the bits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import noise_split, same_bits

import jfnn
from jfnn.core.engine.plan import Layout
from jfnn.numerics.compiling import compiled

DATA = noise_split()
NET = jfnn.mlp((5, 6, 3))


@pytest.mark.thorough
def test_network_alone_has_the_bits_it_has_in_a_large_grid():
    # Sums of forty terms, so that members are not on the last axis, where every width gives the same bits.
    common = dict(epochs=3, batch_size=40)
    rates = np.geomspace(1e-3, 1, 256)
    grid = jfnn.sweep(NET, DATA, learning_rate=rates, **common)
    assert grid.execution == jfnn.Execution(tile=64, shared=True)
    for i in (0, 100, 255):
        alone = jfnn.train(NET, *DATA[:2], learning_rate=rates[i], **common).params
        assert same_bits(alone, grid.member(i, 0, 0))


NETWORKS = {
    "glorot": jfnn.mlp((4, 10, 3), "tanh", init="glorot_uniform"),
    "recurrent": jfnn.rnn((5, 1), 3, 3),
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", NETWORKS)
def test_starts_equal_init_compiled_alone_for_any_number_of_seeds(name):
    network = NETWORKS[name]
    shape = network.input_shape
    split = jfnn.Split(np.zeros((8, *shape), np.float32), np.arange(8) % 3)
    seeds = [*range(64), 2**32 - 1, 2**31]  # more than one call draws
    result = jfnn.sweep(network, split, learning_rate=0.1, epochs=0, batch_size=8, seeds=seeds)
    init = compiled(network.init)
    for index in (0, 1, 63, 64, 65):
        assert same_bits(result.member(0, 0, index), init(jax.random.key(seeds[index])))


def init(key):
    student, teacher = jax.random.normal(key, (2, 2, 6))
    return {"student": student, "teacher": jfnn.Constant(teacher)}


def committee(w, x):
    return jax.scipy.special.erf(x @ w.T).sum(axis=-1)


def disagreement(params, batch, key):
    x = jax.random.normal(key, (1, 6))
    return jnp.mean((committee(params["student"], x) - committee(params["teacher"].value, x)) ** 2)


@pytest.mark.thorough
def test_few_cells_of_many_seeds_train_in_tiles_of_several_seeds():
    learner = jfnn.learner(init, disagreement, random=True)
    rates = [0.1, 0.3, 1e30, 1.0]
    common = dict(batch_size=jfnn.Minibatches(None, steps=5), epochs=8)
    result = jfnn.sweep(learner, jfnn.Split(), learning_rate=rates, seeds=6, **common)
    assert result.execution == jfnn.Execution(tile=12, shared=4)
    assert (result.diverged_at[2] >= 0).all()
    for cell, seed in ((0, 0), (1, 3), (3, 5)):
        options = dict(learning_rate=rates[cell], seed=seed, execution=result.execution)
        alone = jfnn.train(learner, None, **options, **common)
        assert same_bits(alone.params, result.member(cell, 0, seed))


def test_layout_contains_the_number_of_members_that_share_minibatches():
    assert Layout(12, groups=3).shared == 4
    assert Layout(12, groups=12).shared is False and Layout(12).shared is True
    assert jfnn.Execution(tile=np.int64(12), shared=np.int64(4)).shared == 4
    for tile, shared in ((12, 5), (None, 2), (12, 1), (12, 0), (12, 24)):
        with pytest.raises(jfnn.ArgumentError, match="shared"):
            jfnn.Execution(tile=tile, shared=shared)


def noisy(params, batch, key):
    noise = 0.1 * jax.random.normal(key, batch.shape, batch.dtype)
    return (((batch + noise) @ params - batch) ** 2).mean()


@pytest.mark.thorough
@pytest.mark.parametrize("own", [False, True], ids=["dense", "own loss"])
def test_separate_minibatches_equal_those_shared_in_other_layouts(own, x64):
    """Members agree only up to rounding, since the programs differ."""
    x = DATA.x_train.astype(np.float64)
    network = jfnn.learner(lambda key: jax.random.normal(key, (5, 5)) / 5, noisy, random=True) if own else NET
    split = jfnn.Split(x, None if own else DATA.y_train)
    options = dict(learning_rate=[0.01, 0.05], l2=0.01, seeds=[0, 1, 2**32 - 1], epochs=3, batch_size=16)
    forms = [jfnn.Execution(tile=4, shared=shared) for shared in (False, True, 2)]
    expected, *results = [jfnn.sweep(network, split, execution=form, **options) for form in forms]
    for result in results:
        for one, other in zip(*map(jax.tree.leaves, (result.params, expected.params)), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)
    assert [result.execution for result in (expected, *results)] == forms
