"""Products and sums of a dense layer, for one network or for many small networks at once.

With many, members are on an additional last axis (`jfnn.layers.small`) and sums are written term by term.
"""

import functools
import operator

import jax
import jax.numpy as jnp

from jfnn.numerics.barriers import computed_once
from jfnn.numerics.products import matrix_product, product, products

# The transposed product is computed if the activations have at least `TURNED` times as many rows as δ, so
# that the CPU reads the smaller matrix against its memory order. With `jaxlib` 0.10.2, steps of the workloads
# notes and cnn of scripts/bench.py take 3% longer without this; with 0.12 there is no difference. Other
# values change the last bits of results.
TURNED = 4


@jax.custom_vjp
def affine(w: jax.Array, b: jax.Array, a: jax.Array) -> jax.Array:
    """``w @ a + b``: ``w [n_out, n_in]``, ``b [n_out]``, ``a [n_in, batch]``, or members on a last axis."""
    z: jax.Array = _written_out(w, a) if w.ndim == 3 else product(w, a)
    return z + b[:, None]


def affine_gradients(w: jax.Array, a: jax.Array, delta: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return ``∂C/∂w``, ``∂C/∂b`` and ``∂C/∂a`` of `affine` from its output gradient ``δ [n_out, batch]``.

    XLA would recompute δ in every kernel that reads it, because δ is cheap. The barrier makes XLA compute it
    once, which cuts training time by a fifth for many small networks (workload xor of scripts/bench.py). It
    also keeps sums of δ out of the kernel of δ, where the compiler rounded some slots of a tile differently
    (`tests/laws/test_slots.py`).
    """
    delta = computed_once(delta)
    return weight_gradient(delta, a), bias_gradient(delta), transposed_product(w, delta)


def transposed_product(w: jax.Array, delta: jax.Array) -> jax.Array:
    """Return ``wᵀ @ δ``, the gradient of the inputs of `affine`.

    The transposed weights are first copied (the barrier keeps XLA from undoing that): transposing a small
    matrix is cheap, and a CPU product that reads a matrix against its memory order runs at half speed.
    """
    if w.ndim == 3:
        return _written_out(w.swapaxes(0, 1), delta)
    return product(computed_once(w.T), delta)


def weight_gradient(delta: jax.Array, a: jax.Array) -> jax.Array:
    """Return ``δ @ aᵀ``, the gradient of the weights of `affine`."""
    if a.ndim == 3:
        return _written_out(delta, a.swapaxes(0, 1))
    return _over_samples(delta, a.T)


def _over_samples_of_members(members: int, leads: list[bool], delta: jax.Array, a: jax.Array) -> jax.Array:
    """Return ``δ @ a`` of every member, ``δ [n_out, batch]`` and ``a [batch, n_in]``.

    If members share ``a``, the network's inputs, this is one product. Otherwise it is one per member, which
    reads its second matrix against the memory order, at half speed. If ``δ`` is much smaller than ``a``, the
    product is transposed to make ``δ`` the second matrix; the barrier keeps XLA from undoing that.

    With one sample, each entry is a product of two numbers, to which the fused kernel adds the penalty's
    gradient. The `jnp.where` changes no finite number; it keeps the compiler from rounding that sum
    differently in some slots of a tile.
    """
    if delta.shape[-1] == 1:
        outer = jnp.matmul(delta, a, precision="highest")
        return jnp.where(delta < jnp.inf, outer, jnp.nan)
    if not all(leads) or TURNED * delta.shape[-2] > a.shape[-1]:
        return products(members, leads, delta, a)
    turned = jnp.matmul(a.swapaxes(-1, -2), delta.swapaxes(-1, -2), precision="highest")
    return computed_once(turned).swapaxes(-1, -2)


_over_samples = matrix_product(_over_samples_of_members)


def bias_gradient(delta: jax.Array) -> jax.Array:
    """Return ``Σ_samples δ``, the gradient of the biases of `affine`."""
    return _sum_of_terms(delta, 1) if delta.ndim == 3 else jnp.sum(delta, axis=1)


@jax.custom_vjp
def members_sum(a: jax.Array) -> jax.Array:
    """Sum over all axes except the last, the members: ``a [..., members] -> [members]``."""
    while a.ndim > 1:
        a = _sum_of_terms(a, 0)
    return a


def _sum_of_terms(a: jax.Array, axis: int) -> jax.Array:
    """Sum over an axis term by term, in order."""
    terms = [jax.lax.index_in_dim(a, i, axis, keepdims=False) for i in range(a.shape[axis])]
    return functools.reduce(operator.add, terms)


def _written_out(a: jax.Array, b: jax.Array) -> jax.Array:
    """``a @ b`` of each member: ``a [m, n, members]``, ``b [n, k, members]`` -> ``[m, k, members]``."""
    return functools.reduce(operator.add, [a[:, i, None] * b[i] for i in range(a.shape[1])])


def _pull_back_affine(
    residuals: tuple[jax.Array, jax.Array], delta: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    return affine_gradients(*residuals, delta)


# This makes jax.grad of a layer use the same products and sums as the derivation by hand.
affine.defvjp(lambda w, b, a: (affine(w, b, a), (w, a)), _pull_back_affine)
members_sum.defvjp(lambda a: (members_sum(a), a.shape), lambda shape, d: (jnp.broadcast_to(d, shape),))
