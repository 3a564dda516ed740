"""Uniform numbers against JAX's own, bit by bit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jfnn.numerics.sums import uniform

SHAPES = [(), (7,), (3, 5, 11), (2, 0)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("seed", [0, 2**31 - 1])
def test_every_bit_is_that_of_jax(shape, seed, dtype):
    key = jax.random.fold_in(jax.random.key(seed), 5)
    numbers = uniform(key, shape, dtype)
    assert numbers.dtype == dtype and numbers.shape == shape
    np.testing.assert_array_equal(numbers, jax.random.uniform(key, shape, dtype))


def test_many_keys_and_a_key_within_a_compiled_function():
    keys, shape = jax.random.split(jax.random.key(3), 6), (4, 5)
    drawn = jax.jit(jax.vmap(lambda key: uniform(key, shape, jnp.float32)))(keys)
    for key, numbers in zip(keys, drawn, strict=True):
        np.testing.assert_array_equal(numbers, jax.random.uniform(key, shape, jnp.float32))


def test_keys_of_another_hash_draw_as_jax_does():
    key = jax.random.key(1, impl="rbg")
    np.testing.assert_array_equal(uniform(key, (5,), jnp.float32), jax.random.uniform(key, (5,), jnp.float32))
    key = jax.random.key(1)
    with jax.threefry_partitionable(False):
        expected = jax.random.uniform(key, (5,), jnp.float32)
        np.testing.assert_array_equal(uniform(key, (5,), jnp.float32), expected)
    assert not np.array_equal(expected, uniform(key, (5,), jnp.float32))
