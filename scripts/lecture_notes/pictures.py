"""Pictures of the notes: images with labels, weights as images, decision regions of two inputs."""

import math
from collections.abc import Callable

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

WIDTH = 5.0  # width of all figures in inches
WRONG = "#c00020"


def images(x: np.ndarray, labels: np.ndarray, predicted: np.ndarray | None = None) -> Figure:
    """Draw square images ``[n, side²]`` in rows of up to six, each below its label.

    A wrong prediction follows the label, "6 → 5", and the frame is red.
    """
    columns = min(6, len(x))
    rows = math.ceil(len(x) / columns)
    figure = Figure(figsize=(WIDTH, 1.3 * rows), layout="constrained")
    guesses = labels if predicted is None else predicted
    panels = _panels(figure, rows, columns)
    for axes, picture, label, guess in zip(panels, _squares(x), labels, guesses, strict=False):
        axes.imshow(picture, cmap="gray_r")
        if guess == label:
            axes.set_title(f"{label}")
            _frame(axes, "0.7", 0.5)
        else:
            axes.set_title(f"{label} → {guess}", color=WRONG)
            _frame(axes, WRONG, 2.5)
    return figure


def weights_as_images(w: np.ndarray) -> Figure:
    """Draw the incoming weights ``[side², units]`` of each unit as an image, on a scale symmetric about 0."""
    pictures = _squares(np.asarray(w).T)
    limit = np.abs(pictures).max()
    columns = math.ceil(math.sqrt(len(pictures)))
    rows = math.ceil(len(pictures) / columns)
    figure = Figure(figsize=(WIDTH, WIDTH * rows / columns + 0.8), layout="constrained")
    panels = _panels(figure, rows, columns)
    for axes, picture in zip(panels, pictures, strict=False):
        shown = axes.imshow(picture, cmap="RdBu_r", vmin=-limit, vmax=limit)
        _frame(axes, "0.7", 0.5)
    figure.colorbar(shown, ax=panels, label="weight", location="bottom", aspect=40)
    return figure


def decision_regions(
    predict: Callable[[np.ndarray], ArrayLike], x: np.ndarray, labels: np.ndarray, resolution: int = 300
) -> Figure:
    """Draw the decision regions of a classifier of points ``[m, 2]``, and points ``x [n, 2]``."""
    margin = 0.25 * np.ptp(x, axis=0)
    low = x.min(axis=0) - margin
    high = x.max(axis=0) + margin
    mesh = np.stack(np.meshgrid(*np.linspace(low, high, resolution).T), axis=-1)
    regions = np.asarray(predict(mesh.reshape(-1, 2))).reshape(resolution, resolution)
    classes = np.unique(np.concatenate([labels, regions.ravel()]))
    strong = [to_rgb(matplotlib.colormaps["tab10"](i % 10)) for i in range(len(classes))]
    pale = ListedColormap([tuple(0.3 * part + 0.7 for part in color) for color in strong])
    figure = Figure(figsize=(WIDTH, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.imshow(
        np.searchsorted(classes, regions),
        cmap=pale,
        vmin=-0.5,
        vmax=len(classes) - 0.5,
        extent=(low[0], high[0], low[1], high[1]),
        origin="lower",
        aspect="auto",
    )
    for label, color in zip(classes, strong, strict=True):
        points = x[labels == label]
        axes.scatter(points[:, 0], points[:, 1], color=[color], edgecolor="black", s=45, label=f"{label}")
    axes.set(xlabel="$x_1$", ylabel="$x_2$")
    figure.legend(loc="outside lower center", ncols=len(classes), title="class", frameon=False)
    return figure


def _panels(figure: Figure, rows: int, columns: int) -> list[Axes]:
    """Return axes without ticks; axes after the last picture are invisible."""
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in panels:
        axes.set_axis_off()
    return panels


def _squares(x: np.ndarray) -> np.ndarray:
    """Reshape ``[n, side²]`` to ``[n, side, side]``."""
    side = math.isqrt(x.shape[1])
    return x.reshape(len(x), side, side)


def _frame(axes: Axes, color: str, width: float) -> None:
    axes.set_axis_on()
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(edgecolor=color, linewidth=width)
