"""Members with minibatches of their own are those that share them elsewhere, to rounding or to the bit."""

import jax
import numpy as np
import pytest
from helpers import noise_split, same_bits

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


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("gradient", "dtype"), [("autodiff", "float64"), ("backprop", "float32")], indirect=["dtype"]
)
def test_small_networks_have_the_same_bits_in_tiles_of_every_width_shared_or_not(gradient, dtype):
    """Where members lie on the last axis, a member's numbers take the same instructions in any of them."""
    data = jfnn.Split(DATA.x_train[:, :4].astype(dtype), DATA.y_train)
    net = jfnn.mlp((4, 10, 3), "tanh")

    def of_form(tile, shared):
        options = dict(learning_rate=[0.01, 0.05], l2=0.01, seeds=3, epochs=4, batch_size=16)
        execution = jfnn.Execution(tile=tile, shared=shared)
        return jfnn.sweep(net, data, gradient=gradient, execution=execution, **options).params

    expected = of_form(16, True)
    for form in ((16, False), (48, False), (64, True)):
        assert same_bits(of_form(*form), expected)
