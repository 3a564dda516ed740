"""Sharpness: the largest eigenvalues of the Hessian of the objective, for many networks at once."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from numpy.typing import ArrayLike

from jfnn import losses, minibatches, training
from jfnn.arguments import checks, texts
from jfnn.arguments.checks import ArgumentError
from jfnn.identity.traces import Trace
from jfnn.layers import Params
from jfnn.losses import Loss
from jfnn.network import Network, as_inputs, check_output
from jfnn.numerics.compiling import compiled
from jfnn.params import has_constants, key_shape
from jfnn.targets import as_targets

# Largest size of Lanczos vectors and activations in a block of networks, in bytes. Larger blocks may not fit
# into a device's memory; with smaller ones, small networks run one after another.
BLOCK_BYTES = 64_000_000
START = 0x5A  # seed of the first direction, the same for all networks


@texts.without_arrays
class Sharpness(NamedTuple):
    """Eigenvalues of Hessians, arrays ``[…, k]`` with the leading axes of the parameters.

    Attributes:
        eigenvalues: The largest ones, in decreasing order.
        residuals: ``|H v - λ v|`` for each unit eigenvector v, computed with one more product: an eigenvalue
            of H lies within this distance of λ (Parlett 1998, "The symmetric eigenvalue problem", theorem
            4.5.1).
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
    reduction: str = "mean",
    k: int = 1,
    iterations: int = 30,
) -> Sharpness:
    """Return the k largest eigenvalues of the Hessian of `jfnn.objective`, by Lanczos iterations.

    The Hessian is never formed: each step computes one Hessian-vector product and orthogonalizes the next
    vector against all previous ones. The extreme eigenvalues converge first; if ``residuals`` are too large,
    use more iterations. As many iterations as parameters give all eigenvalues.

    Gradient descent with learning rate η is stable if the largest eigenvalue is below 2 / η (Cohen et al.
    2021, "Gradient descent on neural networks typically occurs at the edge of stability", arXiv 2103.00065).

    Args:
        network: The network.
        params: Its parameters, with any leading axes, the same on every array, such as ``result.params`` of a
            sweep, also with ``keep_params="evaluations"``. Networks are computed in blocks.
        x: Inputs ``[n, …]``, shared by all networks.
        y: Labels ``[n]`` or targets ``[n, n_out]``.
        loss: As in `jfnn.objective`.
        l2: λ, one number.
        reduction: As in `jfnn.objective`.
        k: Number of eigenvalues, at most the number of parameters.
        iterations: Lanczos iterations, at least k; limited to the number of parameters. For a 64-50-10
            network on the digits, 20 gave the largest eigenvalue to rounding, 50 the five largest.

    Returns:
        Eigenvalues and residuals in the dtype of the parameters; NaN for networks that are not finite.
    """
    surface = Surface.of(network, params, x, y, losses.as_objective(loss, reduction, l2))
    size = surface.points.shape[1]
    k = checks.as_count(k, "k", maximum=size)
    iterations = min(checks.as_count(iterations, "iterations", k), size)

    def one(point: jax.Array, *rest: Any) -> tuple[jax.Array, jax.Array]:
        product = surface.gradient(point, *rest)[1]
        return largest(lambda v: product(v)[0], point, k, iterations)

    floats = iterations * size + surface.floats(*surface.data)
    found = by_blocks(one, (surface.points,), surface.data, floats)
    return Sharpness(*(values.reshape(*surface.leading, k) for values in found))


def batch_sharpness(
    network: Network,
    params: Params,
    x: Any,
    y: ArrayLike,
    batches: ArrayLike,
    loss: str | Loss = "cross_entropy",
    *,
    l2: float = 0.0,
    reduction: str = "mean",
) -> np.ndarray:
    """Return the curvature of `jfnn.objective` on minibatches along their gradients, ``E[gᵀ H g / |g|²]``.

    g and H are gradient and Hessian on the rows of a minibatch; H is never formed. Stochastic gradient
    descent with learning rate η settles where this is 2 / η, while the `sharpness` on all rows stays below
    (Andreyev & Beneventano 2024, "Edge of stochastic stability", arXiv 2412.20553).

    Args:
        network: The network.
        params: Its parameters, with any leading axes, as in `sharpness`.
        x: Inputs ``[n, …]``, shared by all networks.
        y: Labels ``[n]`` or targets ``[n, n_out]``.
        batches: Row numbers of the minibatches ``[k, batch_size]``, such as
            ``rng.permutation(n).reshape(-1, batch_size)`` with a NumPy generator for one epoch.
        loss: As in `jfnn.objective`.
        l2: λ, one number.
        reduction: As in `jfnn.objective`, and as in training.

    Returns:
        ``[…]``, the mean over minibatches, in the dtype of the parameters; NaN for networks that are not
        finite or have a minibatch with gradient 0.
    """
    surface = Surface.of(network, params, x, y, losses.as_objective(loss, reduction, l2))
    inputs, targets, penalty = surface.data
    rows = minibatches.as_rows(batches, len(inputs))
    if rows.ndim != 2 or not rows.size:
        raise ArgumentError("batches", f"expected row numbers [k, batch_size], got shape {list(rows.shape)}")

    def one(point: jax.Array, rows: jax.Array, x: jax.Array, targets: jax.Array, l2: jax.Array) -> Any:
        def along(batch: jax.Array) -> jax.Array:
            gradient, product = surface.gradient(point, x[batch], targets[batch], l2)
            return gradient @ product(gradient)[0] / (gradient @ gradient)

        return jax.lax.map(along, rows).mean()

    floats = surface.floats(inputs[rows[0]], targets[rows[0]], penalty)
    means = by_blocks(one, (surface.points,), (rows, *surface.data), floats)
    return np.asarray(means.reshape(surface.leading))


class Surface(NamedTuple):
    """The objective as a function of a network's flattened parameters (a point), and many such points."""

    leading: tuple[int, ...]  # leading axes of the parameters
    points: np.ndarray  # [networks, size]
    unravel: Callable[[jax.Array], Params]  # point [size] -> parameters
    value: Callable[..., jax.Array]  # (point [size], x, targets, l2) -> objective
    data: tuple[Any, Any, np.ndarray]  # (x, targets, l2) of all rows

    @classmethod
    def of(
        cls, network: Network, params: Params, x: Any, y: ArrayLike, objective: losses.Objective
    ) -> Surface:
        """Return the surface of an objective with L2, given the other arguments of `sharpness`."""
        loss, reduction, strengths, _ = objective
        check_output(network, loss)
        x = as_inputs(network, x)
        leading, points, unravel = rows_of(network, params)
        if has_constants(unravel(points[0])):
            reason = "expected a network without constants, since all numbers are differentiated"
            raise ArgumentError("network", reason)
        outputs = jax.eval_shape(lambda point: network.apply(unravel(point), x), points[0])
        targets = as_targets(y, outputs.shape, loss, outputs.dtype)

        def value(point: jax.Array, x: jax.Array, targets: jax.Array, l2: jax.Array) -> jax.Array:
            return training.objective(network, unravel(point), x, targets, loss, l2, reduction)

        return cls(leading, points, unravel, value, (x, targets, np.asarray(strengths["l2"], points.dtype)))

    def gradient(self, point: jax.Array, *data: Any) -> tuple[jax.Array, Callable[..., tuple[jax.Array]]]:
        """Return the gradient at a point, and ``product: v -> (H v,)``, the gradient's pull-back."""
        at: tuple[jax.Array, Any] = jax.vjp(lambda point: jax.grad(self.value)(point, *data), point)
        return at

    def floats(self, *data: Any) -> int:
        """Return how many numbers a Hessian-vector product of one network keeps in memory."""
        product = jax.eval_shape(lambda point: self.gradient(point, *data)[1], self.points[0])
        return sum(leaf.size for leaf in jax.tree.leaves(product))


def by_blocks(function: Callable[..., Any], each: Sequence[np.ndarray], rest: Any, floats: int) -> Any:
    """Return arrays ``function(*each, *rest)`` of all networks, computed block by block.

    ``each`` has one entry per network; each holds ``floats`` numbers during the computation.
    """
    count = len(each[0])
    most = max(1, BLOCK_BYTES // (floats * each[0].itemsize))
    blocks = -(-count // most)
    width = -(-count // blocks)
    parts = [np.split(np.resize(array, (blocks * width, *array.shape[1:])), blocks) for array in each]
    axes = (*(0 for _ in each), *(None for _ in rest))
    program = _program(Trace(jax.vmap(function, axes), *(part[0] for part in parts), *rest))
    results = [program(*part, *rest) for part in zip(*parts, strict=True)]
    return jax.tree.map(lambda *values: np.concatenate(values)[:count], *results)


_program = functools.lru_cache(maxsize=32)(compiled)


def rows_of(
    network: Network, params: Params, argument: str = "params", dtype: np.dtype | None = None
) -> tuple[tuple[int, ...], np.ndarray, Any]:
    """Return leading axes, parameters of each network ``[networks, size]``, and ``unravel``: row -> params.

    ``dtype`` is None for the one used in arithmetic. Numbers outside its range become infinite; callers
    reject them or return NaN.
    """
    checks.check_instance(network, Network, "network")
    shapes = jax.eval_shape(network.init, key_shape())
    params = checks.as_arrays(params, None, argument, "network.init")
    arrays = [np.asarray(leaf) for leaf in jax.tree.leaves(params)]
    inner = [leaf.shape for leaf in jax.tree.leaves(shapes)]
    leading = arrays[0].shape[: arrays[0].ndim - len(inner[0])] if arrays else ()
    expected = jax.tree.unflatten(jax.tree.structure(shapes), [(*leading, *shape) for shape in inner])
    got = jax.tree.unflatten(jax.tree.structure(params), [array.shape for array in arrays])
    if str(got) != str(expected) or not math.prod(leading) or any(a.dtype.kind != "f" for a in arrays):
        raise ArgumentError(
            argument, f"expected floats of shapes {expected}, at least one network, got {got}"
        )
    rows = [array.reshape(math.prod(leading), -1) for array in arrays]
    with np.errstate(over="ignore"):
        points = np.concatenate(rows, axis=1).astype(dtype or checks.float_dtype(arrays[0]))
    zeros = jax.tree.map(lambda leaf: np.zeros(leaf.shape, points.dtype), shapes)
    return leading, points, ravel_pytree(zeros)[1]


def largest(
    product: Callable[[jax.Array], jax.Array], like: jax.Array, k: int, iterations: int
) -> tuple[jax.Array, jax.Array]:
    """Return the k largest eigenvalues of ``product: v -> A v``, in decreasing order, and their residuals.

    ``like`` is any vector of the right size and dtype; ``iterations`` range from k to the size.
    """
    first = jax.random.normal(jax.random.key(START), like.shape, like.dtype)
    rounding = 100 * np.finfo(like.dtype).eps

    def step(i: jax.Array, carry: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        basis, diagonal, beside, direction = carry
        basis = basis.at[i].set(direction)
        image = product(direction)
        rest = image - basis.T @ (basis @ image)
        length = jnp.linalg.norm(rest)
        # If the vectors so far span an invariant subspace, continue from any other direction.
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
