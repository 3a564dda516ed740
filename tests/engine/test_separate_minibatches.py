"""Members with minibatches of their own are those that share them elsewhere, to rounding or to the bit."""

import jax
import numpy as np
import pytest
from helpers import noise_split

import jfnn

DATA = noise_split()


def own_init(key):
    """A linear autoencoder's starting parameters."""
    return {"w": jax.random.normal(key, (5, 5)) / 5, "b": np.zeros(5)}


def own_loss(params, batch, key):
    """Of inputs with noise on them."""
    noise = 0.1 * jax.random.normal(key, batch.shape, batch.dtype)
    return (((batch + noise) @ params["w"] + params["b"] - batch) ** 2).mean()


@pytest.mark.thorough
@pytest.mark.parametrize("own", [False, True], ids=["dense", "own loss"])
def test_minibatches_of_their_own_are_those_that_members_share_elsewhere(own, x64):
    """The same members to rounding, since the programs are two."""
    x = DATA.x_train.astype(np.float64)
    network = jfnn.learner(own_init, own_loss, random=True) if own else jfnn.mlp((5, 6, 3))
    split = jfnn.Split(x, None if own else DATA.y_train)
    options = dict(learning_rate=[0.01, 0.05], l2=0.01, seeds=[0, 1, 2**32 - 1], epochs=3, batch_size=16)
    forms = [jfnn.Execution(tile=4, shared=shared) for shared in (False, True, 2)]
    expected, *results = [jfnn.sweep(network, split, execution=form, **options) for form in forms]
    for result in results:
        for one, other in zip(*map(jax.tree.leaves, (result.params, expected.params)), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)
    assert [result.execution for result in (expected, *results)] == forms
