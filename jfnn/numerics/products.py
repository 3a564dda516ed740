"""Matrix products whose last bits are the same for every member of a tile."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

# Up to this size, XLA writes out matrix products on CPUs, which changes the order of terms in the last rows.
WRITTEN_OUT = 7

Product = Callable[[jax.Array, jax.Array], jax.Array]
# (number of members, whether w and a have a leading axis of members, w, a) -> the products of all members.
Rule = Callable[[int, list[bool], jax.Array, jax.Array], jax.Array]


def matrix_product(of_members: Rule) -> Product:
    """Return a differentiable function ``w @ a`` that `jax.vmap` computes by a rule."""

    @jax.custom_batching.custom_vmap
    def mapped(w: jax.Array, a: jax.Array) -> jax.Array:
        return jnp.matmul(w, a, precision="highest")

    @mapped.def_vmap
    def by_rule(members: int, leads: list[bool], w: jax.Array, a: jax.Array) -> tuple[jax.Array, bool]:
        return of_members(members, leads, w, a), True

    @jax.custom_vjp
    def product(w: jax.Array, a: jax.Array) -> jax.Array:
        result: jax.Array = mapped(w, a)
        return result

    product.defvjp(lambda w, a: (product(w, a), (w, a)), _pull_back)
    return product


def _pull_back(residuals: tuple[jax.Array, jax.Array], d: jax.Array) -> tuple[jax.Array, jax.Array]:
    w, a = residuals
    return jnp.matmul(d, a.T, precision="highest"), jnp.matmul(w.T, d, precision="highest")


def products(members: int, leads: list[bool], w: jax.Array, a: jax.Array) -> jax.Array:
    """Return ``w @ a`` of every member ``[members, m, k]``: one product of all rows if members share ``a``.

    The CPU's routines for products with one column, and for tiny products, add the terms of the last rows in
    another order, which would make a member's bits depend on its slot. In these cases, every member gets
    its own product, too (the barrier keeps XLA from joining them). A product of one row and one column gets a
    second column, because XLA would otherwise write it as a sum into the kernel of all members.

    Args:
        members: Number of members.
        leads: Whether each of the two matrices has a leading axis of members.
        w: ``[m, n]``, or with that axis.
        a: ``[n, k]``, or with that axis.
    """
    n_out, n_in = w.shape[-2:]
    columns = a.shape[-1]
    tiny = max(members * n_out, n_in, columns) <= WRITTEN_OUT
    if leads == [True, False] and (columns == 1 or tiny):
        a = jax.lax.optimization_barrier(jnp.broadcast_to(a, (members, n_in, columns)))
    if n_out == columns == 1 < n_in:
        twice = jax.lax.optimization_barrier(jnp.broadcast_to(a, (*a.shape[:-1], 2)))
        both: jax.Array = jax.lax.optimization_barrier(jnp.matmul(w, twice, precision="highest"))
        return both[..., :1]
    return jnp.matmul(w, a, precision="highest")


product = matrix_product(products)
