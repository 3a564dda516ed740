"""Pictures of the section on MNIST-1D."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from verdicts import mean_interval

import jfnn
from four_kinds.pictures import panels, save

DIGITS_SHOWN = (0, 3, 7)


def samples(split: jfnn.Split, path: Path) -> None:
    """Three training rows of each digit."""
    figure = Figure(figsize=(11, 3.2), layout="constrained")
    for digit, column in enumerate(figure.subplots(3, 10, sharex=True, sharey=True).T):
        column[0].set_title(str(digit))
        for axes, row in zip(column, split.x_train[split.y_train == digit], strict=False):
            axes.plot(row, color="black", linewidth=1)
            axes.set(xticks=[], yticks=[])
    figure.savefig(path, dpi=150)


def table(
    accuracies: Mapping[str, Mapping[str, np.ndarray]],
    published: Mapping[str, Mapping[str, Mapping[str, float]]],
    path: Path,
) -> None:
    """Every seed's test accuracy, the mean with its interval, and the published figures.

    Args:
        accuracies: Order of the points -> network -> ``[seeds]``; a panel an order.
        published: Order of the points -> source -> network -> figure.
        path: The file.
    """
    columns = panels(13, 3.4, len(accuracies), sharey=True)
    for axes, (order, networks) in zip(columns, accuracies.items(), strict=True):
        for place, (name, values) in enumerate(networks.items()):
            first = place == 0
            labels = ("one seed", "mean and 95% interval", "published") if first else (None, None, None)
            height = place + np.linspace(-0.25, 0.25, len(values))
            axes.plot(values, height, ".", color="0.7", markersize=3, label=labels[0])
            bar: dict[str, Any] = {"fmt": "o", "color": "tab:blue", "capsize": 4, "label": labels[1]}
            mean, half = mean_interval(values)
            axes.errorbar(mean, place, xerr=half, **bar)
            figures = [source[name] for source in published[order].values()]
            mark: dict[str, Any] = {"color": "tab:red", "markersize": 18, "label": labels[2]}
            axes.plot(figures, [place] * len(figures), "|", **mark)
        axes.set_yticks(range(len(networks)), networks)
        axes.set_xlabel("test accuracy, %")
        axes.set_title(f"points {order}", fontsize="medium")
    columns[0].invert_yaxis()
    save(columns[0], path, loc="lower left", frameon=True)


def states(network: jfnn.Network, params: Any, split: jfnn.Split, path: Path) -> None:
    """A trained recurrent network's states over the time, below the rows that it reads."""
    layer = (network.layers or ())[0]
    rows = split.x_test[[int(np.flatnonzero(split.y_test == digit)[0]) for digit in DIGITS_SHOWN]]
    activity = np.asarray(layer.apply(params[0], jnp.asarray(rows[..., None], jnp.float32)))
    figure = Figure(figsize=(10, 4), layout="constrained")
    grid = figure.subplots(2, len(rows), sharex=True, height_ratios=(1, 2))
    for (upper, lower), digit, row, units in zip(grid.T, DIGITS_SHOWN, rows, activity, strict=True):
        upper.plot(row, color="black", linewidth=1)
        upper.set_title(f"a {digit}", fontsize="medium")
        shown = lower.imshow(units.T, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")
        lower.axhline(units.shape[1] / 2 - 0.5, color="black", linewidth=1)
        lower.set_xlabel("time")
    grid[1, 0].set_ylabel("units: backward | forward")
    figure.colorbar(shown, ax=grid[1], label="state")
    figure.savefig(path, dpi=150)
