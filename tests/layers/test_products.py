"""Products of a dense layer and their derivatives compared with a single sum, whatever members share."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jfnn.layers.products import weight_gradient

pytestmark = pytest.mark.unoptimized

MEMBERS = 3
SAMPLES = 7
# The first is far smaller than the activations.
OUTPUTS_AND_INPUTS = [
    (2, 9),
    *(pytest.param(sizes, marks=pytest.mark.thorough) for sizes in ((8, 9), (9, 2))),
]


def by_sum(delta, a):
    return jnp.einsum("...ob,...ib->...oi", delta, a, precision="highest")


@pytest.mark.thorough
@pytest.mark.parametrize("sizes", OUTPUTS_AND_INPUTS)
@pytest.mark.parametrize("axes", [(0, 0), (0, None), (None, 0)], ids=["own", "shared inputs", "shared delta"])
def test_weight_gradients_and_their_derivatives_equal_those_of_the_sum(x64, sizes, axes):
    rng = np.random.default_rng(0)
    shapes = [
        (MEMBERS, n, SAMPLES) if axis == 0 else (n, SAMPLES) for n, axis in zip(sizes, axes, strict=True)
    ]
    delta, a = (rng.normal(size=shape) for shape in shapes)
    error = rng.normal(size=(MEMBERS, *sizes))

    def of_members(function):
        return lambda delta, a: jax.vmap(function, axes)(delta, a)

    def pulled(function):
        value, pull_back = jax.vjp(of_members(function), delta, a)
        again, pull_again = jax.vjp(pull_back, error)
        return value, again, pull_again((delta, a))

    for found, expected in zip(
        jax.tree.leaves(pulled(weight_gradient)), jax.tree.leaves(pulled(by_sum)), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
