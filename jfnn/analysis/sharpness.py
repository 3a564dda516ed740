"""Sharpness: the largest eigenvalues of the Hessian of the objective, of many networks at once."""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from numpy.typing import ArrayLike

from jfnn import losses, training
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.identity.traces import Trace
from jfnn.layers.constant import has_constants
from jfnn.layers.kind import Params
from jfnn.losses import Loss
from jfnn.network import Network, as_inputs, check_output
from jfnn.numerics.compiling import compiled, key_shape
from jfnn.targets import as_penalty, as_targets

# Bytes of Lanczos vectors and of activations of the networks that are computed at once. More may not fit into
# a device's memory; with fewer, many small networks run one after another.
BLOCK_BYTES = 64_000_000
START = 0x5A  # fixes the first direction, the same for all networks


class Sharpness(NamedTuple):
    """Eigenvalues of Hessians, arrays ``[…, k]`` with the leading axes of the parameters.

    Attributes:
        eigenvalues: The largest, in falling order.
        residuals: ``|H v - λ v|`` of each with its eigenvector v of length 1, computed by one more product:
            an eigenvalue of H lies within this distance of λ (Parlett 1998, "The symmetric eigenvalue
            problem", theorem 4.5.1).
    """

    eigenvalues: np.ndarray
    residuals: np.ndarray


def sharpness(
    network: Network,
    params: Params,
    x: Any,
    y: ArrayLike,
    loss: str | Loss = "cross_entropy",
    *,
    l2: float = 0.0,
    reduction: str = "sum",
    k: int = 1,
    iterations: int = 30,
) -> Sharpness:
    """The k largest eigenvalues of the Hessian of `jfnn.objective`, by Lanczos iterations.

    The Hessian is never formed: a step takes one product of it with a vector, by pulling the vector back
    through the gradient, and makes the next vector orthogonal to all before it. The extreme eigenvalues come
    first; where ``residuals`` are too large for the purpose, take more iterations. As many as there are
    parameters give all eigenvalues.

    Gradient descent with a rate η is stable where the largest is below 2 / η (Cohen et al. 2021, "Gradient
    descent on neural networks typically occurs at the edge of stability", arXiv 2103.00065).

    Args:
        network: The network.
        params: Its parameters, with any leading axes, the same on every array: those of a sweep, or with
            ``keep_params="evaluations"`` those of every evaluation. Networks are computed in blocks.
        x: Inputs ``[n, …]``, the same for all.
        y: Labels ``[n]`` or targets ``[n, n_out]``.
        loss: As in `jfnn.objective`.
        l2: λ, one number.
        reduction: As in `jfnn.objective`.
        k: How many eigenvalues, at most the number of parameters.
        iterations: Lanczos iterations, at least k; at most the number of parameters are made. Of 64-50-10 on
            the digits 20 gave the largest eigenvalue to rounding, 50 the five largest.

    Returns:
        Eigenvalues and residuals in the dtype of the parameters; NaN for networks that are not finite.

    Raises:
        ValueError, TypeError: An invalid argument.
    """
    loss = losses.get(loss)
    check_output(network, loss)
    checks.as_choice(reduction, "reduction", losses.REDUCTIONS)
    x = as_inputs(network, x)
    l2 = as_penalty(l2)
    shapes = jax.eval_shape(network.init, key_shape())
    leading, points = as_points(params, shapes)
    size = points.shape[1]
    k = checks.as_count(k, "k", maximum=size)
    iterations = min(checks.as_count(iterations, "iterations", k), size)
    unravel = ravel_pytree(jax.tree.map(lambda leaf: np.zeros(leaf.shape, points.dtype), shapes))[1]
    outputs = jax.eval_shape(lambda point: network.apply(unravel(point), x), points[0])
    targets = as_targets(y, outputs.shape, loss, outputs.dtype)

    def value(point: jax.Array, x: jax.Array, targets: jax.Array, l2: jax.Array) -> jax.Array:
        return training.objective(network, unravel(point), x, targets, loss, l2, reduction)

    def pull_back(point: jax.Array, *rest: Any) -> Callable[[jax.Array], tuple[jax.Array]]:
        return jax.vjp(lambda point: jax.grad(value)(point, *rest), point)[1]

    def one(point: jax.Array, *rest: Any) -> tuple[jax.Array, jax.Array]:
        product = pull_back(point, *rest)
        return largest(lambda v: product(v)[0], point, k, iterations)

    rest = (x, targets, np.asarray(l2, points.dtype))
    leaves = jax.tree.leaves(jax.eval_shape(pull_back, points[0], *rest))
    most = max(1, BLOCK_BYTES // ((iterations * size + sum(leaf.size for leaf in leaves)) * points.itemsize))
    blocks = -(-len(points) // most)
    width = -(-len(points) // blocks)
    parts = np.split(np.resize(points, (blocks * width, size)), blocks)
    program = _program(Trace(jax.vmap(one, (0, None, None, None)), parts[0], *rest))
    results = [program(part, *rest) for part in parts]
    whole = (np.concatenate(values)[: len(points)] for values in zip(*results, strict=True))
    return Sharpness(*(values.reshape(*leading, k) for values in whole))


_program = functools.lru_cache(maxsize=32)(compiled)


def as_points(params: Params, shapes: Params) -> tuple[tuple[int, ...], np.ndarray]:
    """Leading axes of parameters, and all numbers of each network in a row ``[networks, size]``."""
    if has_constants(shapes):
        raise ArgumentError("network", "expected one without constants, since derivatives by all are taken")
    arrays = [np.asarray(checks.as_array(leaf, "params")) for leaf in jax.tree.leaves(params)]
    inner = [leaf.shape for leaf in jax.tree.leaves(shapes)]
    leading = arrays[0].shape[: arrays[0].ndim - len(inner[0])] if arrays else ()
    expected = jax.tree.unflatten(jax.tree.structure(shapes), [(*leading, *shape) for shape in inner])
    got = jax.tree.unflatten(jax.tree.structure(params), [array.shape for array in arrays])
    if str(got) != str(expected) or not math.prod(leading) or any(a.dtype.kind != "f" for a in arrays):
        raise ArgumentError(
            "params", f"expected floats of shapes {expected}, at least one network, got {got}"
        )
    rows = [array.reshape(math.prod(leading), -1) for array in arrays]
    return leading, np.concatenate(rows, axis=1).astype(checks.float_dtype(arrays[0]))


def largest(
    product: Callable[[jax.Array], jax.Array], like: jax.Array, k: int, iterations: int
) -> tuple[jax.Array, jax.Array]:
    """The k largest eigenvalues of ``product: v -> A v``, in falling order, and their residuals.

    ``like`` is any vector of the size and dtype; ``iterations`` are from k to the size.
    """
    first = jax.random.normal(jax.random.key(START), like.shape, like.dtype)
    rounding = 100 * np.finfo(like.dtype).eps

    def step(i: jax.Array, carry: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        basis, diagonal, beside, direction = carry
        basis = basis.at[i].set(direction)
        image = product(direction)
        rest = image - basis.T @ (basis @ image)
        length = jnp.linalg.norm(rest)
        # All vectors so far may span an invariant subspace: then go on from any other direction.
        ended = length <= rounding * jnp.linalg.norm(image)
        rest = jnp.where(ended, jnp.roll(first, i + 1), rest / length)
        for _ in range(2):  # "twice is enough" (Parlett 1998, section 6.9)
            rest = rest - basis.T @ (basis @ rest)
        again = jnp.linalg.norm(rest)
        beta = jnp.where(ended, 0, length * again)
        return basis, diagonal.at[i].set(direction @ image), beside.at[i].set(beta), rest / again

    zeros = jnp.zeros(iterations, like.dtype)
    start = jnp.zeros((iterations, len(like)), like.dtype), zeros, zeros, first / jnp.linalg.norm(first)
    basis, diagonal, beside, _ = jax.lax.fori_loop(0, iterations, step, start)
    tridiagonal = jnp.diag(diagonal) + jnp.diag(beside[:-1], 1) + jnp.diag(beside[:-1], -1)
    values, vectors = jnp.linalg.eigh(tridiagonal)
    values = values[::-1][:k]
    vectors = (basis.T @ vectors[:, ::-1][:, :k]).T
    errors = jax.lax.map(product, vectors) - values[:, None] * vectors
    return values, jnp.linalg.norm(errors, axis=1)
