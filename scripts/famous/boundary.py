"""The boundary of trainability: convergence of gradient descent over the learning rates of two layers.

Sohl-Dickstein (2024, arXiv 2402.06184): one hidden layer of width n in the mean-field parametrization ``V
tanh(√2 W x / √n) / n``, with normal weights, and as many normal rows as parameters, in float64. Each pixel is
one network, with the same initial weights and rows but its own pair of learning rates.
"""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy.ndimage import uniform_filter

import jfnn
from famous.picture import Picture, published, seconds, statement

Window = tuple[float, float, float, float]  # log10 of the smallest and largest rate of each layer

WHOLE: Window = (-3.0, 6.0, -3.0, 6.0)
ZOOM = 8  # each image shows 1/ZOOM of the previous one in each direction
MOST = 1e6  # larger losses are clipped to this
LAST = 20  # final steps whose mean loss decides convergence
BINS = 10  # number of box lengths, from 10 pixels to the whole image


class Scale(NamedTuple):
    """Size of the computation."""

    resolution: int = 512
    width: int = 8
    steps: int = 100
    zooms: int = 2


SCALES = {"quick": Scale(resolution=64), "usual": Scale(), "paper": Scale(width=16, steps=500)}


def run(runs: Path, size: str) -> Picture:
    """Compute the boundary, zooms into it, and its dimension."""
    scale = SCALES[size]
    figures = published("boundary")
    windows = [WHOLE]
    images = []
    results = []
    # The author sampled with a JAX before version 0.5.
    with jax.enable_x64(True), jax.threefry_partitionable(False):
        for zoom in range(scale.zooms + 1):
            results.append(trained(scale, windows[zoom]))
            assert results[-1].objective is not None
            images.append(convergence(results[-1].objective[:, 0, :, 0]))
            windows.append(zoomed(images[-1], windows[zoom]))
    slopes = np.concatenate([box_dimensions(edges(image)) for image in images])
    dimension = float(np.median(slopes))
    (low, high) = figures["dimensions"]
    row = statement(
        "fractal dimension",
        f"{low} to {high}",
        f"{dimension:.2f}",
        low <= dimension <= high,
        f"{low} to {high}, the range of all his conditions; median of {len(slopes)} slopes of box counts in"
        f" {len(images)} images",
        size != "quick",
    )
    members = sum(result.diverged_at.size for result in results)
    description = f"{members:,} networks of {scale.width} units, {scale.steps} steps each"
    return Picture(draw(images, windows), [row], description, seconds(*results))


def layerwise(learning_rate: Any, output_rate: Any) -> optax.GradientTransformation:
    """Return gradient descent with a separate rate for the output layer."""

    def update(gradients: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        return (-learning_rate * gradients[0], -output_rate * gradients[1]), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def outputs(params: Any, x: jax.Array) -> jax.Array:
    """Return outputs ``[rows, 1]``."""
    width = x.shape[1]
    hidden: jax.Array = jnp.tanh(x @ params[0] * np.sqrt(2 / width))
    outputs: jax.Array = hidden @ params[1] / width
    return outputs


def loss(params: Any, batch: Any, key: Any) -> jax.Array:
    """Return the mean squared error."""
    x, y = batch
    return jnp.mean((outputs(params, x) - y) ** 2)


def start(key: jax.Array, width: int) -> tuple[jax.Array, jax.Array]:
    """Return initial weights of both layers."""
    first, second = jax.random.split(key)
    return jax.random.normal(first, (width, width)), jax.random.normal(second, (width, 1))


def setting(width: int) -> tuple[tuple[jax.Array, jax.Array], jfnn.Split]:
    """Return the initial weights and rows of all networks, from the author's keys."""
    key, own = jax.random.split(jax.random.PRNGKey(0))
    params = start(own, width)
    key, own = jax.random.split(key)
    x = jax.random.normal(own, (width * width + width, width))
    _, own = jax.random.split(key)
    return params, jfnn.Split(np.asarray(x), np.asarray(jax.random.normal(own, (len(x), 1))))


def trained(scale: Scale, window: Window) -> jfnn.SweepResult:
    """Train all networks of a window; return the loss before each step."""
    params, split = setting(scale.width)
    rates = np.logspace(*window[:2], scale.resolution), np.logspace(*window[2:], scale.resolution)
    network = jfnn.learner(
        lambda key: start(key, scale.width), loss, optimizer=jfnn.Optimizer(layerwise, output_rate=rates[1])
    )
    return jfnn.sweep(
        network,
        split,
        learning_rate=rates[0],
        epochs=scale.steps,
        batch_size=None,
        initial_params=params,
        execution=jfnn.Execution(objective=True, keep_params="none"),
    )


def convergence(losses: np.ndarray) -> np.ndarray:
    """Return the author's measure of losses ``[…, steps]``: minus their sum if converged, else of 1/loss.

    Losses are divided by the first loss and clipped to `MOST`; they converge if the mean of the last ones is
    below 1.
    """
    relative = np.minimum(np.where(np.isfinite(losses), losses, MOST) / losses[..., :1], MOST)
    converged = relative[..., -LAST:].mean(axis=-1) < 1
    return np.asarray(np.where(converged, -relative.sum(axis=-1), (1 / relative).sum(axis=-1)))


def edges(image: np.ndarray) -> np.ndarray:
    """Return squares of four pixels that neither all converge nor all diverge ``[n - 1, n - 1]``."""
    signs = np.stack([image[1:, 1:], image[:-1, 1:], image[1:, :-1], image[:-1, :-1]]) < 0
    return np.asarray(signs.any(axis=0) & ~signs.all(axis=0))


def box_dimensions(boundary: np.ndarray) -> np.ndarray:
    """Return slopes ``-d log N / d log length`` of the number N of boxes with both edges and non-edges.

    Counts as `porespy.metrics.boxcount`, which the author used; empty if there is no boundary.
    """
    lengths = np.unique(np.logspace(1, np.log10(min(boundary.shape)), BINS).astype(int))
    numbers = []
    for length in lengths:
        corners = [np.arange(0, n, length) for n in boundary.shape]
        sums = np.add.reduceat(np.add.reduceat(boundary.astype(int), corners[0], 0), corners[1], 1)
        areas = np.outer(*(np.diff(at, append=n) for at, n in zip(corners, boundary.shape, strict=True)))
        numbers.append(((sums > 0) & (sums < areas)).sum())
    if min(numbers) == 0 or len(lengths) < 2:
        return np.zeros(0)
    return np.asarray(-np.gradient(np.log(numbers), np.log(lengths)))


def zoomed(image: np.ndarray, window: Window) -> Window:
    """Return the part of a window, `ZOOM` times smaller, with the longest boundary.

    Chooses the part with the most edges among those where 35 to 65% of the networks converge, since the
    author zooms into intricate parts.
    """
    boundary = edges(image)
    n = len(image) - 1
    length = max(n // ZOOM, 2)
    shares = [
        uniform_filter(part.astype(float), length, mode="constant") for part in (boundary, image[1:, 1:] < 0)
    ]
    inside = slice(length // 2, n - length // 2)
    edge_share, converged = (share[inside, inside] for share in shares)
    length_inside = edge_share + (abs(converged - 0.5) < 0.15)
    corners = np.unravel_index(length_inside.argmax(), length_inside.shape)
    sides = []
    for corner, low, high in zip(corners, window[::2], window[1::2], strict=True):
        half = (high - low) / ZOOM / 2
        center = low + (high - low) * (corner + length // 2 + 0.5) / n
        sides += [center - half, center + half]
    return sides[0], sides[1], sides[2], sides[3]


def spread(image: np.ndarray) -> np.ndarray:
    """Replace values by signed ranks from -1 to 1, so that all colors are used equally."""
    ranked = np.sort(image.ravel())
    below = int((ranked < 0).sum())
    levels = np.concatenate([np.linspace(-1, -0.25, below), np.linspace(0.25, 1, ranked.size - below)])
    return np.asarray(-np.interp(image, ranked, levels))


def draw(images: list[np.ndarray], windows: list[Window]) -> Figure:
    """Draw images: blue where training converges, red where it does not; a frame marks the next image."""
    figure = Figure(figsize=(2.7 * len(images), 3.0), layout="constrained")
    for number, axes in enumerate(figure.subplots(1, len(images), squeeze=False)[0]):
        axes.imshow(
            spread(images[number]).T,
            extent=windows[number],
            origin="lower",
            cmap="Spectral",
            vmin=-1,
            vmax=1,
            interpolation="nearest",
        )
        axes.set(xlabel="log₁₀ η, input layer", title=f"{ZOOM**number}×")
        axes.ticklabel_format(useOffset=False)
        axes.locator_params(nbins=3)
        if number + 1 < len(images):
            left, right, low, high = windows[number + 1]
            axes.add_patch(Rectangle((left, low), right - left, high - low, fill=False, linewidth=1.5))
        if number == 0:
            axes.set_ylabel("log₁₀ η, output layer")
    return figure
