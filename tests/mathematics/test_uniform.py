"""Uniform random numbers equal JAX's bit by bit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jfnn.numerics.sums import row_uniforms

SHAPES = [(), (7,), (3, 5), (2, 0)]
ROWS = 11


@pytest.mark.thorough
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("seed", [0, 2**31 - 1])
def test_every_bit_equals_jax(shape, seed, dtype):
    key = jax.random.fold_in(jax.random.key(seed), 5)
    numbers = row_uniforms(key, shape, ROWS, dtype)
    assert numbers.dtype == dtype and numbers.shape == (*shape, ROWS)
    expected = jax.random.uniform(key, (ROWS, *shape), dtype)
    np.testing.assert_array_equal(np.moveaxis(numbers, -1, 0), expected)


@pytest.mark.thorough
def test_row_draws_the_same_numbers_beside_any_number_of_others(dtype):
    key = jax.random.key(8)
    longest = row_uniforms(key, (3,), 40, dtype)
    for n in (1, 7, 39):
        np.testing.assert_array_equal(row_uniforms(key, (3,), n, dtype), longest[:, :n])


@pytest.mark.thorough
def test_many_keys_and_a_key_within_a_compiled_function():
    keys = jax.random.split(jax.random.key(3), 6)
    drawn = jax.jit(jax.vmap(lambda key: row_uniforms(key, (4,), 5, jnp.float32)))(keys)
    for key, numbers in zip(keys, drawn, strict=True):
        np.testing.assert_array_equal(numbers.T, jax.random.uniform(key, (5, 4), jnp.float32))


@pytest.mark.thorough
def test_keys_of_another_implementation_draw_as_jax_does():
    key = jax.random.key(1, impl="rbg")
    np.testing.assert_array_equal(
        row_uniforms(key, (), 5, jnp.float32), jax.random.uniform(key, (5,), jnp.float32)
    )
    key = jax.random.key(1)
    with jax.threefry_partitionable(False):
        expected = jax.random.uniform(key, (5,), jnp.float32)
        np.testing.assert_array_equal(row_uniforms(key, (), 5, jnp.float32), expected)
    assert not np.array_equal(expected, row_uniforms(key, (), 5, jnp.float32))
