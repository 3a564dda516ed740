"""Sums in a form that XLA's CPU computes fast."""

import functools
import operator

import jax
import jax.numpy as jnp

TERMS = 16  # see `sum_of_squares`


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def sum_of_products(t: jax.Array, z: jax.Array, axis: int) -> jax.Array:
    """``Σ t z`` over an axis; terms with ``t = 0`` are left out.

    That choice keeps products and sum apart on a CPU, where XLA would else take one kernel for both, and one
    that is ten times as slow as the two if many members share their targets. Derivatives do not see it.
    """
    return jnp.sum(jnp.where(t == 0, 0, t * z), axis=axis)


@sum_of_products.defjvp
def _d_sum_of_products(
    axis: int, values: tuple[jax.Array, jax.Array], tangents: tuple[jax.Array, jax.Array]
) -> tuple[jax.Array, jax.Array]:
    (t, z), (dt, dz) = values, tangents
    return sum_of_products(t, z, axis), jnp.sum(dt * z + t * dz, axis=axis)


@jax.custom_jvp
def sum_of_squares(w: jax.Array) -> jax.Array:
    """``Σ w²`` in few passes: `TERMS` numbers at a time are added place by place, by whole vectors.

    A plain sum takes XLA's CPU ten times as long, a fifth of a step of the notes' network. Its derivative is
    that of the plain sum: no gradient sees the barrier, which keeps XLA from making one sum of all.
    """
    parts = _parts(jnp.ravel(w))
    terms = functools.reduce(operator.add, [part * part for part in parts])
    while terms.size > TERMS**2:
        terms = functools.reduce(operator.add, _parts(jax.lax.optimization_barrier(terms)))
    return jnp.sum(jax.lax.optimization_barrier(terms))


def _parts(a: jax.Array) -> list[jax.Array]:
    """``a [n]`` in `TERMS` parts of one length, zeros behind the last."""
    length = -(-a.size // TERMS)
    a = jnp.pad(a, (0, TERMS * length - a.size))
    return [a[i * length : (i + 1) * length] for i in range(TERMS)]


@sum_of_squares.defjvp
def _d_sum_of_squares(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    (w,), (dw,) = primals, tangents
    return sum_of_squares(w), jnp.sum(2 * w * dw)
