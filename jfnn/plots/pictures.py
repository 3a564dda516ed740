"""Images in rows: data with their labels, and first-layer weights."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from jfnn import checks
from jfnn.checks import ArgumentError, ArgumentTypeError

WRONG = "#c00020"


def images(x: ArrayLike, labels: ArrayLike, predicted: ArrayLike | None = None) -> Figure:
    """Square images in rows of up to ten, each with its label above it.

    Args:
        x: Images ``[n, side²]`` or ``[n, side, side]``; larger values are darker.
        labels: ``[n]``.
        predicted: Optional ``[n]``; a wrong one stands behind the label, "6 → 5", in a red frame.

    Raises:
        ValueError: No images, images that are not square, or lengths that differ.
    """
    pictures = _squares(x, "x")
    labels = as_labels(labels, len(pictures), "labels")
    guesses = labels if predicted is None else as_labels(predicted, len(pictures), "predicted")
    figure, panels = _gallery(len(pictures), columns=10, height=1.3)
    for axes, picture, label, guess in zip(panels, pictures, labels, guesses, strict=True):
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
    figure, panels = _gallery(len(pictures), columns=math.ceil(math.sqrt(2 * len(pictures))), height=0.85)
    for axes, picture in zip(panels, pictures, strict=True):
        image = axes.imshow(picture, cmap="RdBu_r", norm=Normalize(-limit, limit))
        _frame(axes, "0.7", 0.5)
    figure.colorbar(image, ax=panels, label="weight", pad=0.02, fraction=0.05)
    return figure


def as_labels(labels: ArrayLike, n: int, argument: str) -> np.ndarray:
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


def _gallery(n: int, columns: int, height: float) -> tuple[Figure, list[Axes]]:
    """A figure with a panel for each of ``n`` images; the last row may have empty places."""
    columns = min(columns, n)
    rows = math.ceil(n / columns)
    figure = Figure(figsize=(columns + 0.6, rows * height + 0.2), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for axes in panels[n:]:
        axes.set_axis_off()
    return figure, panels[:n]


def _frame(axes: Axes, colour: str, width: float) -> None:
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(edgecolor=colour, linewidth=width)
