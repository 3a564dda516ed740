"""Panels, and curves with bands, for the pictures of all sections."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure


def panels(width: float, height: float, columns: int = 1, **options: Any) -> list[Axes]:
    """Panels in a row of a new figure, in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return list(np.ravel(figure.subplots(1, columns, squeeze=False, **options)))


def save(axes: Axes, path: Path, **legend: Any) -> None:
    """Writes the figure of a panel, with a legend in that panel if it has labels."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(**({"frameon": False, "fontsize": "small"} | legend))
    figure: Any = axes.figure
    figure.savefig(path, dpi=150)


def band(
    axes: Axes, x: np.ndarray, curves: np.ndarray, colour: str, label: str, middle: np.ndarray | None = None
) -> None:
    """A curve, by default the mean, in a band that holds 95% of all curves."""
    low, high = np.nanpercentile(curves, [2.5, 97.5], axis=0)
    axes.fill_between(x, low, high, color=colour, alpha=0.25, linewidth=0)
    axes.plot(x, curves.mean(axis=0) if middle is None else middle, color=colour, label=label, linewidth=1.2)
