"""Panels, colours, scales, legends and captions, as all figures have them."""

import math
import textwrap
from collections.abc import Iterable
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

AXIS_LABELS = {"learning_rate": "learning rate η", "l2": "L2 penalty λ"}
BEST = "#e6002e"

POINTS_PER_INCH = 72
CHARACTER_WIDTH = 0.64  # of a digit in the default font, in units of the font size
CAPTION_FONT = 10.0

HIGHEST = 1e4  # losses beyond this many times the median are out of sight
LOWEST = -1.0  # and so are values below this of metrics up to 1, such as R²


def panels(width: float, height: float, rows: int = 1, columns: int = 1, **shared: Any) -> tuple[Figure, Any]:
    """A figure of a size in inches, and its panels ``[rows, columns]``."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **shared)


def gallery(
    count: int, columns: int, size: tuple[float, float], margin: tuple[float, float], **shared: Any
) -> tuple[Figure, list[Axes]]:
    """A figure with ``count`` panels in rows of ``columns``; the last row may have fewer.

    ``size`` of a panel and ``margin`` around all are widths and heights in inches.
    """
    rows = math.ceil(count / columns)
    figure, places = panels(
        columns * size[0] + margin[0], rows * size[1] + margin[1], rows, columns, **shared
    )
    for axes in places.ravel()[count:]:
        axes.remove()
    return figure, places.ravel()[:count].tolist()


def label_epochs(axes: Axes, score: str, title: str) -> None:
    """Labels a panel of curves over the epochs."""
    axes.set(xlabel="epochs", ylabel=score, title=title)
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    axes.grid(alpha=0.3)


def ordered_colours(count: int) -> np.ndarray:
    """Colours for curves in order ``[count, 4]``."""
    return np.asarray(matplotlib.colormaps["viridis"](np.linspace(0, 0.9, count)))


def side_legend(figure: Figure, axes: Axes, title: str | None = None) -> None:
    """Names of a panel's curves, beside all panels."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", title=title, frameon=False)


def add_caption(figure: Figure, parts: Iterable[str]) -> None:
    """Writes a caption above all panels, in lines as long as the figure is wide."""
    line = int(figure.get_figwidth() * POINTS_PER_INCH / (CHARACTER_WIDTH * CAPTION_FONT))
    figure.suptitle(textwrap.fill("; ".join(parts), line), fontsize=CAPTION_FONT)


def value_scale(values: np.ndarray) -> dict[str, Any]:
    """The scale on which values spread more evenly, for ``Axes.set_xscale``.

    Logarithmic where the median is nearer to the geometric middle; zeros are then at its end.
    """
    positive = values[values > 0]
    if not positive.size or (values < 0).any():
        return {"value": "linear"}
    low, high = positive.min(), positive.max()
    if low == high or np.median(positive) > math.sqrt(math.sqrt(low * high) * (low + high) / 2):
        return {"value": "linear"}
    return {"value": "log"} if positive.size == values.size else {"value": "symlog", "linthresh": low}


def colour_by(figure: Figure, axes: Any, values: np.ndarray, label: str) -> np.ndarray:
    """A colour for each value ``[n, 4]``, and the bar that explains them beside one or more panels."""
    norm = LogNorm if value_scale(values)["value"] == "log" else Normalize
    scale = ScalarMappable(norm(values.min(), values.max()), "viridis")
    bar = figure.colorbar(scale, ax=axes, pad=0.01)
    bar.set_label(label, rotation=0 if len(label) == 1 else 90)
    return np.asarray(scale.to_rgba(values))


def takes_log_scale(values: np.ndarray, higher_is_better: bool) -> bool:
    """Whether scores are drawn on a logarithmic scale: losses and the like, none of them negative."""
    finite = values[np.isfinite(values)]
    return bool(not higher_is_better and (finite >= 0).all() and (finite > 0).any())


def limit_scores(
    axes: Axes, lines: np.ndarray, higher_is_better: bool, bands: np.ndarray | None = None
) -> None:
    """Sets the scale and range of a panel of curves; losses get a logarithmic scale.

    A curve on its way to infinity does not flatten all others, nor do bands of few runs, which are much wider
    than the curves differ.

    Args:
        axes: The panel.
        lines: All values of the curves, NaN among them.
        higher_is_better: Direction of the score.
        bands: All values of the bands' ends; None without bands.
    """
    lines = lines[np.isfinite(lines)]
    if not lines.size:
        return
    least, most = lines.min(), lines.max()
    if takes_log_scale(lines, higher_is_better):
        positive = lines[lines > 0]
        axes.set_yscale("log")
        axes.set_ylim(positive.min() / 1.5, 1.5 * min(most, HIGHEST * np.median(positive)))
    elif higher_is_better and least < LOWEST < 0 < most <= 1:
        axes.set_ylim(LOWEST, 1.05)
    elif bands is not None:
        room = max((most - least) / 2, 1e-9)
        low = max(np.nanmin(np.append(bands, least)), least - room) - 0.02 * room
        high = min(np.nanmax(np.append(bands, most)), most + room) + 0.02 * room
        if higher_is_better and most <= 1:  # accuracies, R²
            low, high = max(low, -0.02) if least >= 0 else low, min(high, 1.02)
        axes.set_ylim(low, high)
