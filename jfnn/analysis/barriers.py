"""Barriers of the loss on the straight line between two networks, and networks with matched hidden units."""

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
from jfnn.losses import Loss
from jfnn.network import Network

ROUNDING = 1e-12  # of a sum of products; smaller gains are none, so that the matching ends


@texts.without_arrays
class Barrier(NamedTuple):
    """The loss between pairs of networks, with the leading axes of the parameters.

    Attributes:
        alpha: Places on the line ``[points]``, from 0 (a) to 1 (b).
        loss: The loss there ``[…, points]``.
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
    """The loss along the straight line ``θ_α = (1 - α) θ_a + α θ_b`` between networks, and its barrier.

    The loss is the mean of the data loss per row, without penalty, as the scores of a sweep are. Networks
    whose barrier is no higher than noise are linearly connected (Frankle et al. 2020, "Linear mode
    connectivity and the lottery ticket hypothesis", arXiv 1912.05671).

    Args:
        network: The network.
        a: Parameters, with any leading axes, the same on every array.
        b: Parameters of the other ends; leading axes of ``a`` and ``b`` are broadcast as NumPy does.
        x: Inputs ``[n, …]``, the same for all.
        y: Labels ``[n]`` or targets ``[n, n_out]``.
        loss: As in `jfnn.objective`.
        points: How many α, evenly from 0 to 1, at least 2.

    Returns:
        Losses and heights in the dtype of the parameters; NaN where an end is not finite.

    Raises:
        ValueError, TypeError: An invalid argument.
    """
    points = checks.as_count(points, "points", 2)
    leading, ends, _ = _pairs(network, a, b)
    surface = Surface.of(network, a, x, y, loss, 0.0, "mean")
    alpha = np.linspace(0, 1, points, dtype=ends[0].dtype)

    def line(a: jax.Array, b: jax.Array, alpha: jax.Array, *data: Any) -> Any:
        return jax.lax.map(lambda at: surface.value((1 - at) * a + at * b, *data), alpha)

    values = by_blocks(line, ends, (alpha, *surface.data), surface.floats(*surface.data))
    values = values.reshape(*leading, points)
    chord = (1 - alpha) * values[..., :1] + alpha * values[..., -1:]
    return Barrier(alpha, values, (values - chord).max(axis=-1))


def matched(network: Network, a: Params, b: Params) -> Params:
    """The networks ``b`` with their hidden units in the order in which they are closest to ``a``.

    The order of the units of a hidden layer changes no output. The squared distance of all numbers is made
    least for one layer at a time, exactly (`scipy.optimize.linear_sum_assignment`), until no layer gains:
    weight matching (Ainsworth et al. 2022, "Git Re-Basin", arXiv 2209.04836). For one hidden layer that is
    the least of all; for more a local minimum, which begins from the given order.

    Args:
        network: A network of dense layers.
        a: Parameters, with any leading axes.
        b: Parameters whose units are ordered; leading axes of ``a`` and ``b`` are broadcast.

    Returns:
        Parameters of ``b``, with the leading axes of both.

    Raises:
        ValueError, TypeError: Other layers; parameters that do not fit or are not finite.
    """
    checks.check_instance(network, Network, "network")
    layers = network.layers or (None,)
    if not all(isinstance(layer, Dense) and layer.bias for layer in layers):
        raise ArgumentError("network", "expected one of dense layers with biases, whose units may move")
    leading, ends, whole = _pairs(network, a, b)
    for name, points in zip("ab", ends, strict=True):
        checks.check_values(points, name, points.dtype)
    nets = [jax.tree.map(np.asarray, jax.vmap(whole)(points)) for points in ends]
    pairs = [[jax.tree.map(lambda leaf: leaf[i], net) for net in nets] for i in range(len(ends[0]))]  # noqa: B023
    orders = [_closest(*pair) for pair in pairs]
    return jax.tree.map(lambda *leaves: np.stack(leaves).reshape(*leading, *leaves[0].shape), *orders)


def _pairs(network: Network, a: Params, b: Params) -> tuple[tuple[int, ...], list[np.ndarray], Any]:
    """Leading axes of pairs, the numbers of their ends ``[pairs, size]``, and their form, see `rows_of`."""
    axes_a, first, whole = rows_of(network, a, "a")
    axes_b, second, _ = rows_of(network, b, "b", first.dtype)
    try:
        leading = np.broadcast_shapes(axes_a, axes_b)
    except ValueError:
        reason = f"expected leading axes that go with those of a, {list(axes_a)}, got {list(axes_b)}"
        raise ArgumentError("b", reason) from None
    ends = []
    for axes, points in ((axes_a, first), (axes_b, second)):
        size = points.shape[-1]
        ends.append(np.broadcast_to(points.reshape(*axes, size), (*leading, size)).reshape(-1, size))
    return leading, ends, whole


def _closest(a: Sequence[Layer], given: Sequence[Layer]) -> tuple[Layer, ...]:
    """One network's layers with hidden units in the order closest to another's."""
    b = list(given)
    goal = [Layer(*(array.astype(np.float64) for array in layer)) for layer in a]
    moves = True
    while moves:
        moves = False
        for i in range(len(b) - 1):
            # What unit k of b at the place of unit j of a adds to the product of both networks' numbers.
            gains = goal[i].w.T @ b[i].w + np.outer(goal[i].b, b[i].b) + goal[i + 1].w @ b[i + 1].w.T
            order = linear_sum_assignment(gains, maximize=True)[1]
            better = gains[np.arange(len(order)), order].sum() - np.trace(gains)
            if better > ROUNDING * np.abs(gains).sum():
                b[i] = Layer(b[i].w[:, order], b[i].b[order])
                b[i + 1] = b[i + 1]._replace(w=b[i + 1].w[order])
                moves = True
    return tuple(b)
