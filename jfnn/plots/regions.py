"""Decision regions of a classifier of two inputs."""

from collections.abc import Callable
from typing import Any

import matplotlib
import numpy as np
from matplotlib.colors import ListedColormap, Normalize, to_rgb
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from jfnn import checks, memory
from jfnn.checks import ArgumentError, ArgumentTypeError
from jfnn.plots.pictures import as_labels


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
    labels, side = as_labels(labels, len(x), "labels"), checks.as_count(resolution, "resolution", 2)
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
    figure = Figure(figsize=(4.8, 4.2), layout="constrained")
    axes = figure.subplots()
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
    figure.legend(*axes.get_legend_handles_labels(), title="class", loc="outside right upper", frameon=False)
    return figure
