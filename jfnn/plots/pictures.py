"""Images in rows, data with their labels and first-layer weights; decision regions of two inputs."""

import math
from collections.abc import Callable
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, Normalize, to_rgb
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from jfnn.arguments import checks, memory
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.plots.panels import BAR, WIDTH, gallery, legend_below, panels

WRONG = "#c00020"


def images(x: ArrayLike, labels: ArrayLike, predicted: ArrayLike | None = None) -> Figure:
    """Square images in rows of up to six, each with its label above it.

    Args:
        x: Images ``[n, side²]`` or ``[n, side, side]``; larger values are darker.
        labels: ``[n]``.
        predicted: Optional ``[n]``; a wrong one stands behind the label, "6 → 5", in a red frame.

    Raises:
        ValueError: No images, images that are not square, or lengths that differ.
    """
    pictures = _squares(x, "x")
    labels = _as_labels(labels, len(pictures), "labels")
    guesses = labels if predicted is None else _as_labels(predicted, len(pictures), "predicted")
    figure, places = gallery(len(pictures), min(6, len(pictures)), (1.1, 0.2))
    for axes, picture, label, guess in zip(places, pictures, labels, guesses, strict=True):
        axes.imshow(picture, cmap="gray_r")
        wrong = guess != label
        axes.set_title(f"{label} → {guess}" if wrong else f"{label}", color=WRONG if wrong else "black")
        _frame(axes, WRONG if wrong else "0.7", 2.5 if wrong else 0.5)
    return figure


def weights_as_images(w: ArrayLike) -> Figure:
    """Each unit's incoming weights as an image, one colour scale for all, symmetric about zero.

    Args:
        w: First-layer weights ``[side², units]``.

    Raises:
        ValueError: ``w`` is no matrix of finite numbers, or its inputs do not form a square.
    """
    weights = np.asarray(checks.as_inputs(w, "w"))
    if weights.ndim != 2:
        raise ArgumentError("w", f"expected weights [side², units], got shape {weights.shape}")
    pictures = _squares(weights.T, "w")
    limit = float(np.abs(weights).max()) or 1.0
    columns = min(math.ceil(math.sqrt(len(pictures))), len(pictures))
    figure, places = gallery(len(pictures), columns, (0.95 * WIDTH / columns, 0.8))
    for axes, picture in zip(places, pictures, strict=True):
        image = axes.imshow(picture, cmap="RdBu_r", norm=Normalize(-limit, limit))
        _frame(axes, "0.7", 0.5)
    figure.colorbar(image, ax=places, label="weight", **BAR)
    return figure


def decision_regions(
    predict_function: Callable[[np.ndarray], Any], x: ArrayLike, labels: ArrayLike, resolution: int = 300
) -> Figure:
    """The regions that a classifier of two inputs assigns to each class, and the points themselves.

    Args:
        predict_function: ``[m, 2] -> labels [m]``.
        x: Points ``[n, 2]``.
        labels: Their classes ``[n]``.
        resolution: Points a side at which the classifier predicts.

    Raises:
        ValueError: Points without two coordinates each, or lengths that differ.
    """
    if not callable(predict_function):
        raise ArgumentTypeError(
            "predict_function", f"expected a function, got {checks.shown(predict_function)}"
        )
    x = np.asarray(checks.as_inputs(x))
    if x.ndim != 2 or x.shape[1] != 2:
        raise ArgumentError("x", f"expected points [n, 2], got shape {x.shape}")
    labels, side = _as_labels(labels, len(x), "labels"), checks.as_count(resolution, "resolution", 2)
    memory.check("resolution", 4.0 * x.itemsize * side**2)
    span = np.ptp(x, axis=0)
    margin = np.where(span > 0, 0.25 * span, 0.5)
    low, high = x.min(axis=0) - margin, x.max(axis=0) + margin
    mesh = np.stack(np.meshgrid(*np.linspace(low, high, side).T), axis=-1)
    predicted = np.asarray(predict_function(mesh.reshape(-1, 2)))
    if predicted.shape != (side**2,):
        raise ArgumentError("predict_function", f"expected {side**2} labels, got shape {predicted.shape}")
    regions = predicted.reshape(side, side)

    classes = np.unique(np.concatenate([labels, regions.ravel()]))
    strong = [to_rgb(matplotlib.colormaps["tab10"](i % 10)) for i in range(len(classes))]
    pale = ListedColormap([tuple(0.3 * part + 0.7 for part in colour) for colour in strong])
    figure, ((axes,),) = panels(4.2)
    axes.imshow(
        np.searchsorted(classes, regions),
        cmap=pale,
        norm=Normalize(-0.5, len(classes) - 0.5),
        extent=(low[0], high[0], low[1], high[1]),
        origin="lower",
        aspect="auto",
    )
    for label, colour in zip(classes, strong, strict=True):
        points = x[labels == label]
        axes.scatter(points[:, 0], points[:, 1], color=[colour], edgecolor="black", s=45, label=f"{label}")
    axes.set(xlabel="$x_1$", ylabel="$x_2$")
    legend_below(figure, axes, title="class")
    return figure


def _as_labels(labels: ArrayLike, n: int, argument: str) -> np.ndarray:
    """Labels ``[n]``, of any kind but objects.

    Raises:
        TypeError, ValueError: Objects, or another number of them.
    """
    array = np.asarray(checks.as_array(labels, argument))
    if array.shape != (n,):
        raise ArgumentError(argument, f"expected {n}, one for each row of x, got shape {array.shape}")
    if array.dtype.kind == "O":
        raise ArgumentTypeError(argument, f"expected numbers or words, got {checks.shown(labels)}")
    return array


def _squares(x: ArrayLike, argument: str) -> np.ndarray:
    """``[n, side²]`` or ``[n, side, side]`` as ``[n, side, side]``, finite."""
    x = np.asarray(checks.as_inputs(x, argument))
    side = math.isqrt(math.prod(x.shape[1:]))
    if x.ndim not in (2, 3) or x.shape[1:] not in ((side * side,), (side, side)):
        raise ArgumentError(argument, f"expected square images, side² numbers each, got shape {x.shape}")
    return x.reshape(len(x), side, side)


def _frame(axes: Axes, colour: str, width: float) -> None:
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(edgecolor=colour, linewidth=width)
