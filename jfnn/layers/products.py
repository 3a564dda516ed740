"""The products and sums of a dense layer, of one network's matrices or of many small networks' at once.

Of many, members lie on a further, last axis (`jfnn.layers.small`), and each sum is written out term by term.
"""

import functools
import operator

import jax
import jax.numpy as jnp

from jfnn.numerics.products import matrix_product, product, products

# Rows of activations for each row of δ from which on the product of both is turned round, so that the CPU
# reads the smaller of the two against its order. Another number makes steps slower, and changes last bits:
# compare by the workloads notes and cnn of scripts/bench.py.
TURNED = 4


@jax.custom_vjp
def affine(w: jax.Array, b: jax.Array, a: jax.Array) -> jax.Array:
    """``w @ a + b``: ``w [n_out, n_in]``, ``b [n_out]``, ``a [n_in, batch]``; or members on a last axis."""
    return (_written_out(w, a) if w.ndim == 3 else product(w, a)) + b[:, None]


def affine_gradients(w: jax.Array, a: jax.Array, delta: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """``∂C/∂w``, ``∂C/∂b`` and ``∂C/∂a`` of `affine`, from ``δ [n_out, batch]``, the gradient by its value.

    Of many small networks XLA would compute δ, which takes few operations, anew in every kernel that reads
    it: behind the barrier it does so once, and they train in a fifth less time (compare by the workload xor
    of scripts/bench.py). Products of matrices read it from memory anyway.
    """
    if w.ndim == 3:
        delta = jax.lax.optimization_barrier(delta)
    return weight_gradient(delta, a), bias_gradient(delta), transposed_product(w, delta)


def transposed_product(w: jax.Array, delta: jax.Array) -> jax.Array:
    """``wᵀ @ δ``: how errors at the outputs of `affine` reach its inputs.

    The transposed weights are laid out anew first (the barrier keeps XLA from undoing that): a small matrix
    is quickly turned, and the CPU's product of a matrix read against its order runs at half speed.
    """
    if w.ndim == 3:
        return _written_out(w.swapaxes(0, 1), delta)
    return product(jax.lax.optimization_barrier(w.T), delta)


def weight_gradient(delta: jax.Array, a: jax.Array) -> jax.Array:
    """``δ @ aᵀ``: the gradient of the weights in `affine`."""
    if a.ndim == 3:
        return _written_out(delta, a.swapaxes(0, 1))
    return _over_samples(delta, a.T)


def _over_samples_of_members(members: int, leads: list[bool], delta: jax.Array, a: jax.Array) -> jax.Array:
    """``δ @ a`` of every member, ``δ [n_out, batch]`` and ``a [batch, n_in]``.

    It is one product where members share ``a``, the network's inputs; of others one each. In those the CPU
    reads its second matrix against its order, at half speed, which costs less where that is a far smaller
    ``δ``; the barrier keeps XLA from turning the product round.

    Of one sample it is a product of two numbers, to which the kernel adds the penalty's: the selection, which
    no finite number needs, keeps the compiler from rounding that sum in two ways, by the slot.
    """
    if delta.shape[-1] == 1:
        outer = jnp.matmul(delta, a, precision="highest")
        return jnp.where(delta < jnp.inf, outer, jnp.nan)
    if not all(leads) or TURNED * delta.shape[-2] > a.shape[-1]:
        return products(members, leads, delta, a)
    turned = jnp.matmul(a.swapaxes(-1, -2), delta.swapaxes(-1, -2), precision="highest")
    behind: jax.Array = jax.lax.optimization_barrier(turned)
    return behind.swapaxes(-1, -2)


_over_samples = matrix_product(_over_samples_of_members)


def bias_gradient(delta: jax.Array) -> jax.Array:
    """``Σ_samples δ``: the gradient of the biases in `affine`."""
    return _sum_of_terms(delta, 1) if delta.ndim == 3 else jnp.sum(delta, axis=1)


@jax.custom_vjp
def members_sum(a: jax.Array) -> jax.Array:
    """Sum over all axes but the last, that of members: ``a [..., members] -> [members]``."""
    while a.ndim > 1:
        a = _sum_of_terms(a, 0)
    return a


def _sum_of_terms(a: jax.Array, axis: int) -> jax.Array:
    """Sum over an axis, term by term in its order."""
    terms = [jax.lax.index_in_dim(a, i, axis, keepdims=False) for i in range(a.shape[axis])]
    return functools.reduce(operator.add, terms)


def _written_out(a: jax.Array, b: jax.Array) -> jax.Array:
    """``a @ b`` of each member: ``a [m, n, members]``, ``b [n, k, members]`` -> ``[m, k, members]``."""
    return functools.reduce(operator.add, [a[:, i, None] * b[i] for i in range(a.shape[1])])


def _pull_back_affine(
    residuals: tuple[jax.Array, jax.Array], delta: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    return affine_gradients(*residuals, delta)


# By jax.grad a layer takes the same products and sums that the hand derivation does.
affine.defvjp(lambda w, b, a: (affine(w, b, a), (w, a)), _pull_back_affine)
members_sum.defvjp(lambda a: (members_sum(a), a.shape), lambda shape, d: (jnp.broadcast_to(d, shape),))
