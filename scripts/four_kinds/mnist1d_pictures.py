"""Pictures of the section on MNIST-1D."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

import jfnn

DIGITS_SHOWN = (0, 3, 7)


def half_interval(values: np.ndarray) -> float:
    """Half of Student's 95% interval of a mean."""
    return float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))


def samples(split: jfnn.Split) -> Figure:
    """Three training rows of each digit."""
    figure = Figure(figsize=(11, 3.2), layout="constrained")
    for digit, column in enumerate(figure.subplots(3, 10, sharex=True, sharey=True).T):
        rows = split.x_train[split.y_train == digit]
        column[0].set_title(str(digit))
        for axes, row in zip(column, rows, strict=False):
            axes.plot(row, color="black", linewidth=1)
            axes.set_xticks([])
            axes.set_yticks([])
    return figure


def table(
    accuracies: Mapping[str, Mapping[str, np.ndarray]], published: Mapping[str, Mapping[str, Any]]
) -> Figure:
    """Every seed's test accuracy, the mean with its interval, and the published figures.

    Args:
        accuracies: Order of the points -> network -> ``[seeds]``; a panel an order.
        published: Order of the points -> source -> network -> figure.
    """
    figure = Figure(figsize=(13, 3.4), layout="constrained")
    panels = figure.subplots(1, len(accuracies), sharey=True)
    for axes, (order, of_order) in zip(panels, accuracies.items(), strict=True):
        figures = {name: [of[name] for of in published[order].values()] for name in of_order}
        _strips(axes, of_order, figures, f"points {order}")
    panels[0].invert_yaxis()
    panels[0].legend(loc="lower left", fontsize="small")
    return figure


def _strips(
    axes: Axes, accuracies: Mapping[str, np.ndarray], figures: Mapping[str, list[float]], title: str
) -> None:
    for place, (name, values) in enumerate(accuracies.items()):
        height = place + np.linspace(-0.25, 0.25, len(values))
        seeds, mean, printed = (
            ("one seed", "mean and 95% interval", "published") if place == 0 else [None] * 3
        )
        axes.plot(values, height, ".", color="0.7", markersize=3, label=seeds)
        half = half_interval(values)
        axes.errorbar(values.mean(), place, xerr=half, fmt="o", color="tab:blue", capsize=4, label=mean)
        published = figures[name]
        axes.plot(published, [place] * len(published), "|", color="tab:red", markersize=18, label=printed)
    axes.set_yticks(range(len(accuracies)), accuracies)
    axes.set_xlabel("test accuracy, %")
    axes.set_title(title, fontsize="medium")


def states(network: jfnn.Network, params: Any, split: jfnn.Split) -> Figure:
    """A trained recurrent network's states over the time, below the rows that it reads."""
    layer = (network.layers or ())[0]
    places = [int(np.flatnonzero(split.y_test == digit)[0]) for digit in DIGITS_SHOWN]
    rows = split.x_test[places]
    of_rows = np.asarray(layer.apply(params[0], jnp.asarray(rows[..., None], jnp.float32)))
    figure = Figure(figsize=(10, 4), layout="constrained")
    panels = figure.subplots(2, len(rows), sharex=True, height_ratios=(1, 2))
    for column, digit, row, of_row in zip(panels.T, DIGITS_SHOWN, rows, of_rows, strict=True):
        column[0].plot(row, color="black", linewidth=1)
        column[0].set_title(f"a {digit}", fontsize="medium")
        shown = column[1].imshow(of_row.T, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")
        column[1].axhline(of_row.shape[1] / 2 - 0.5, color="black", linewidth=1)
        column[1].set_xlabel("time")
    panels[1, 0].set_ylabel("units: backward | forward")
    figure.colorbar(shown, ax=panels[1], label="state")
    return figure
