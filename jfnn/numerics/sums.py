"""Sums and uniform numbers, written so that XLA computes them fast on CPUs.

`row_uniforms` draws the numbers of `jax.random.uniform`, bit for bit, a dozen times as fast on a CPU. JAX
draws by hashing counters with threefry (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
On CPUs it runs the rounds of that hash as a loop, which compiles faster, but sends every round through
memory: sampling then takes as long as the products in a Boltzmann machine's step. Here one kernel does all
rounds.
"""

import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA
ONE = 0x3F800000  # the bits of 1.0 as a float32
MANTISSA = 23  # mantissa bits of a float32
# Number of parts of an array that `_sum_in_few_passes` adds entry by entry. Fewer take more passes; more make
# the last sum longer and slower. Changing it also changes the last bits of results; benchmark with the
# workload notes of scripts/bench.py.
TERMS = 16


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def sum_of_products(t: jax.Array, z: jax.Array, axis: int) -> jax.Array:
    """``Σ t z`` over an axis; terms with ``t = 0`` are omitted.

    The `jnp.where` keeps the products and the sum apart on CPUs: XLA would otherwise fuse them into one
    kernel, ten times as slow as the two if many members share their targets. Derivatives ignore `where`.
    """
    return jnp.sum(jnp.where(t == 0, 0, t * z), axis=axis)


@sum_of_products.defjvp
def _d_sum_of_products(
    axis: int, values: tuple[jax.Array, jax.Array], tangents: tuple[jax.Array, jax.Array]
) -> tuple[jax.Array, jax.Array]:
    (t, z) = values
    (dt, dz) = tangents
    # The jnp.where changes no finite number; it hides the products of the backward pass from the compiler. In
    # a sum of two bare products, the compiler may round either one before adding the other, and with AVX-512
    # its choice differed between the members of a tile (`tests/laws/test_slots.py`). The condition is on t,
    # since XLA would compute z again to test it.
    return sum_of_products(t, z, axis), jnp.sum(dt * z + t * jnp.where(t != jnp.inf, dz, 0), axis=axis)


@jax.custom_jvp
def sum_of_squares(w: jax.Array) -> jax.Array:
    """``Σ w²`` in few passes: `TERMS` numbers at a time are added entry by entry, in whole vectors.

    A plain sum takes XLA ten times as long on CPUs, a fifth of a step of the workload notes. The derivative
    is that of the plain sum, without the barrier that keeps XLA from merging the passes.
    """
    return _sum_in_few_passes(w, lambda part: part * part)


@jax.custom_jvp
def sum_of_sizes(w: jax.Array) -> jax.Array:
    """``Σ |w|`` in few passes, like `sum_of_squares`; the derivative is ``sign(w)``, 0 at 0."""
    return _sum_in_few_passes(w, jnp.abs)


def _sum_in_few_passes(w: jax.Array, term: Callable[[jax.Array], jax.Array]) -> jax.Array:
    """Sum a function of each entry; the function of 0 must be 0. On accelerators, one kernel sums all."""

    def in_few_passes(w: jax.Array) -> jax.Array:
        terms = functools.reduce(operator.add, map(term, _parts(jnp.ravel(w))))
        while terms.size > TERMS**2:
            terms = functools.reduce(operator.add, _parts(jax.lax.optimization_barrier(terms)))
        return jnp.sum(jax.lax.optimization_barrier(terms))

    total: jax.Array = jax.lax.platform_dependent(w, cpu=in_few_passes, default=lambda w: jnp.sum(term(w)))
    return total


def _parts(a: jax.Array) -> list[jax.Array]:
    """Split ``a [n]`` into `TERMS` parts of equal length, padded with zeros."""
    length = -(-a.size // TERMS)
    a = jnp.pad(a, (0, TERMS * length - a.size))
    return [a[i * length : (i + 1) * length] for i in range(TERMS)]


@sum_of_squares.defjvp
def _d_sum_of_squares(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    (w,) = primals
    (dw,) = tangents
    return sum_of_squares(w), jnp.sum(2 * w * dw)


@sum_of_sizes.defjvp
def _d_sum_of_sizes(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    (w,) = primals
    (dw,) = tangents
    return sum_of_sizes(w), jnp.sum(jnp.sign(w) * dw)


def row_uniforms(key: jax.Array, shape: Sequence[int], n: int, dtype: Any) -> jax.Array:
    """Return uniform numbers in [0, 1) for n rows on the last axis: ``[*shape, n]``.

    Row j is ``jax.random.uniform(key, (n, *shape), dtype)[j]``. It does not depend on n, so that a row gets
    the same numbers however long the minibatch is padded.

    Args:
        key: A random key.
        shape: Shape of one row's numbers.
        n: Number of rows.
        dtype: float32; for other float dtypes, JAX itself draws the numbers.
    """
    size = math.prod(shape)

    def by_jax(key: jax.Array) -> jax.Array:
        return jnp.moveaxis(jax.random.uniform(key, (n, *shape), dtype), 0, -1)

    def in_one_kernel(key: jax.Array) -> jax.Array:
        rows = jnp.arange(n, dtype=jnp.uint32)
        offsets = jnp.arange(size, dtype=jnp.uint32)
        bits = _bits(jax.random.key_data(key), (size * rows + offsets[:, None]).reshape(-1))
        one_to_two = jax.lax.bitcast_convert_type((bits >> (32 - MANTISSA)) | jnp.uint32(ONE), jnp.float32)
        return (one_to_two - 1).reshape(*shape, n)

    by_counters = jax.config.jax_threefry_partitionable  # type: ignore[attr-defined]
    if jax.random.key_impl(key) != "threefry2x32" or not by_counters or jnp.dtype(dtype) != jnp.float32:
        return by_jax(key)
    drawn: jax.Array = jax.lax.platform_dependent(key, cpu=in_one_kernel, default=by_jax)
    return drawn


def _bits(key: jax.Array, counters: jax.Array) -> jax.Array:
    """Return the random 32-bit words of `jax.random` at ``counters [size]``, for a key's data ``[2]``.

    A loop computes two halves: XLA recomputes anything but a loop's result for each member that reads it.
    """
    size = counters.size
    halves = jnp.pad(counters, (0, size % 2)).reshape(2, -1)
    words: jax.Array = jax.lax.map(lambda half: _hash(key, half), halves)
    return words.reshape(-1)[:size]


def _hash(key: jax.Array, counters: jax.Array) -> jax.Array:
    """Threefry-2x32 with 20 rounds, for counters below 2³², with both output words combined by xor."""
    keys = (key[0], key[1], key[0] ^ key[1] ^ jnp.uint32(PARITY))
    x = jnp.full_like(counters, keys[0])
    y = counters + keys[1]
    for group in range(5):
        for rotation in ROTATIONS[group % 2]:
            x = x + y
            y = x ^ ((y << rotation) | (y >> (32 - rotation)))
        x = x + keys[(group + 1) % 3]
        y = y + keys[(group + 2) % 3] + jnp.uint32(group + 1)
    return x ^ y
