"""Loss barriers on the straight line between two networks, and matching of hidden units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment

from jfnn.analysis.sharpness import Surface, by_blocks, rows_of
from jfnn.arguments import checks, texts
from jfnn.arguments.checks import ArgumentError
from jfnn.layers import Dense, Layer, Params
from jfnn.losses import Loss, as_objective
from jfnn.network import Network

ROUNDING = 1e-12  # relative; smaller gains are rounding errors, with which matching might never end


@texts.without_arrays
class Barrier(NamedTuple):
    """The loss between pairs of networks, with the leading axes of the parameters.

    Attributes:
        alpha: Positions on the line ``[points]``, from 0 (a) to 1 (b).
        loss: Loss at these positions ``[…, points]``.
        height: ``max over α of L(θ_α) - ((1 - α) L(θ_a) + α L(θ_b))`` ``[…]``, at least 0.
    """

    alpha: np.ndarray
    loss: np.ndarray
    height: np.ndarray


def barrier(
    network: Network,
    a: Params,
    b: Params,
    x: Any,
    y: ArrayLike,
    loss: str | Loss = "cross_entropy",
    *,
    points: int = 25,
) -> Barrier:
    """Return the loss along the line ``θ_α = (1 - α) θ_a + α θ_b`` between networks, and its barrier.

    The loss is the mean data loss per row without penalty, as in the scores of a sweep. Networks whose
    barrier does not exceed the noise are linearly connected (Frankle et al. 2020, "Linear mode connectivity
    and the lottery ticket hypothesis", arXiv 1912.05671).

    Args:
        network: The network.
        a: Parameters, with any leading axes, the same on every array.
        b: Parameters at the other ends; the leading axes of ``a`` and ``b`` are broadcast as in NumPy.
        x: Inputs ``[n, …]``, shared by all networks.
        y: Labels ``[n]`` or targets ``[n, n_out]``.
        loss: As in `jfnn.objective`.
        points: Number of positions α, evenly spaced from 0 to 1, at least 2.

    Returns:
        Losses and heights in the dtype of the parameters; NaN where an end is not finite.

    """
    points = checks.as_count(points, "points", 2)
    leading, ends, _ = _pairs(network, a, b)
    surface = Surface.of(network, a, x, y, as_objective(loss, "mean", 0.0))
    alpha = np.linspace(0, 1, points, dtype=ends[0].dtype)

    def line(a: jax.Array, b: jax.Array, alpha: jax.Array, *data: Any) -> Any:
        return jax.lax.map(lambda at: surface.value((1 - at) * a + at * b, *data), alpha)

    values = by_blocks(line, ends, (alpha, *surface.data), surface.floats(*surface.data))
    values = values.reshape(*leading, points)
    chord = (1 - alpha) * values[..., :1] + alpha * values[..., -1:]
    return Barrier(alpha, values, (values - chord).max(axis=-1))


def matched(network: Network, a: Params, b: Params) -> Params:
    """Return the networks ``b`` with their hidden units permuted to be closest to ``a``.

    Permuting the units of a hidden layer does not change the outputs. Weight matching (Ainsworth et al. 2022,
    "Git Re-Basin", arXiv 2209.04836) minimizes the squared distance between all parameters exactly for one
    layer at a time (`scipy.optimize.linear_sum_assignment`), until no layer improves. With one hidden layer
    this is the global minimum; with more it is a local minimum that depends on the order of b's units.

    Args:
        network: A network of dense layers.
        a: Parameters, with any leading axes.
        b: Parameters whose units are permuted; the leading axes of ``a`` and ``b`` are broadcast.

    Returns:
        Parameters of ``b``, with the broadcast leading axes.

    Raises:
        ValueError, TypeError: Not dense layers with biases; parameters that do not fit or are not finite.
    """
    checks.check_instance(network, Network, "network")
    layers = network.layers or (None,)
    if not all(isinstance(layer, Dense) and layer.bias for layer in layers):
        raise ArgumentError("network", "expected dense layers with biases, whose units can be permuted")
    leading, ends, whole = _pairs(network, a, b)
    for name, points in zip("ab", ends, strict=True):
        checks.check_values(points, name, points.dtype)
    nets = [jax.tree.map(np.asarray, jax.vmap(whole)(points)) for points in ends]
    pairs = [[jax.tree.map(lambda leaf: leaf[i], net) for net in nets] for i in range(len(ends[0]))]  # noqa: B023
    orders = [_closest(*pair) for pair in pairs]
    return jax.tree.map(lambda *leaves: np.stack(leaves).reshape(*leading, *leaves[0].shape), *orders)


def _pairs(network: Network, a: Params, b: Params) -> tuple[tuple[int, ...], list[np.ndarray], Any]:
    """Return leading axes of the pairs, parameters of both ends ``[pairs, size]``, and ``unravel``."""
    axes_a, first, whole = rows_of(network, a, "a")
    axes_b, second, _ = rows_of(network, b, "b", first.dtype)
    try:
        leading = np.broadcast_shapes(axes_a, axes_b)
    except ValueError:
        reason = f"expected leading axes that broadcast with those of a, {list(axes_a)}, got {list(axes_b)}"
        raise ArgumentError("b", reason) from None
    ends = []
    for axes, points in ((axes_a, first), (axes_b, second)):
        size = points.shape[-1]
        ends.append(np.broadcast_to(points.reshape(*axes, size), (*leading, size)).reshape(-1, size))
    return leading, ends, whole


def _closest(a: Sequence[Layer], given: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return one network's layers with hidden units permuted to be closest to another's."""
    b = list(given)
    goal = [Layer(*(array.astype(np.float64) for array in layer)) for layer in a]
    moves = True
    while moves:
        moves = False
        for i in range(len(b) - 1):
            # gains[j, k]: increase of the networks' inner product if unit k of b moves to place j.
            gains = goal[i].w.T @ b[i].w + np.outer(goal[i].b, b[i].b) + goal[i + 1].w @ b[i + 1].w.T
            order = linear_sum_assignment(gains, maximize=True)[1]
            better = gains[np.arange(len(order)), order].sum() - np.trace(gains)
            if better > ROUNDING * np.abs(gains).sum():
                b[i] = Layer(b[i].w[:, order], b[i].b[order])
                b[i + 1] = b[i + 1]._replace(w=b[i + 1].w[order])
                moves = True
    return tuple(b)
