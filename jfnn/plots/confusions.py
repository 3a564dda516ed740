"""Confusion matrices of classifiers with their spread over seeds."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from jfnn.analysis.confusion import Confusion
from jfnn.analysis.summary import extent_text
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.texts import compact
from jfnn.plots.grids import readable_on
from jfnn.plots.panels import (
    BAR,
    MARGIN,
    MOST_TICKS,
    POINTS_PER_INCH,
    add_caption,
    panels,
    scaled,
    set_title,
    text_width,
    tick_words,
)

CELL_HEIGHT = 0.42  # inches, which holds two lines
LONGEST_PANEL = 4.4  # inches; cells of more classes shrink
LARGEST_FONT = 11.0
SMALLEST_FONT = 7.5
TICK_FONT = 9.0
SHORT = 0.3  # inches of names for which the margin beside a panel has space
LINE = 1.2  # height of a line, in units of the font size
# What is counted, by `Confusion.normalize`.
LABELS = {None: "rows", "true": "share of the true class", "pred": "share of those predicted"}
LABELS["all"] = "share of all rows"
DIGITS = {None: 0, "true": 2, "pred": 2, "all": 3}


def confusion_matrix(confusion: Confusion | Mapping[str, Confusion]) -> Figure:
    """Which true classes, from above, are predicted as which: the mean over networks, and its spread.

    A cell has the mean over the seeds and below it, with ±, the standard deviation where there is some. Where
    these do not fit, as with more than about 12 classes, colours alone say the mean.

    Args:
        confusion: From `jfnn.analysis.confusion`, of one network or of several seeds of it; or several by
            name, a panel each, of the same classes and normalised alike.

    Raises:
        ValueError, TypeError: Something else, of cells besides the seeds, or without any network.
    """
    several = confusion if isinstance(confusion, Mapping) else {"": confusion}
    if not several:
        raise ArgumentError("confusion", "expected at least one, got none")
    for each in several.values():
        _check(each)
    first = next(iter(several.values()))
    for each in several.values():
        if each.normalize != first.normalize or not np.array_equal(each.classes, first.classes):
            raise ArgumentError("confusion", "expected the same classes, normalised alike, got others")
    words = list(map(str, first.classes.tolist()))
    k = len(words)
    height = min(CELL_HEIGHT, LONGEST_PANEL / k)
    figure, column = panels(len(several) * (k * height + 0.35) + 1.6, len(several), sharex=True)
    norm = Normalize(0, max(each.mean.max() for each in several.values()) or 1)
    texts = {name: _texts(each) for name, each in several.items()}
    beside = max(map(text_width, words)) * TICK_FONT / POINTS_PER_INCH
    width = figure.get_figwidth() - scaled(max(0.0, beside - SHORT))
    font = _fitting(list(texts.values()), (width - scaled(MARGIN)) / k, scaled(height))
    for axes, (name, each) in zip(column[:, 0], several.items(), strict=True):
        image = axes.imshow(each.mean, norm=norm, cmap=matplotlib.colormaps["viridis"], aspect="auto")
        if font:
            _write(axes, texts[name], image.to_rgba(each.mean), font)
        step = -(-k // MOST_TICKS)
        axes.set_yticks(range(0, k, step), words[::step], fontsize=scaled(TICK_FONT))
        axes.set_ylabel("true")
        if name:
            set_title(axes, name)
    figure.set_figheight(figure.get_figheight() + tick_words(axes.xaxis, words, width))
    axes.set_xlabel("predicted")
    figure.colorbar(image, ax=list(column[:, 0]), label=LABELS[first.normalize], **BAR)
    add_caption(figure, _caption(several, font > 0))
    return figure


def _check(confusion: Confusion) -> None:
    """Raises ArgumentError unless it is of one network, or of the seeds of one cell."""
    checks.check_instance(confusion, Confusion, "confusion")
    if confusion.mean.ndim != 2:
        got = f"shape {list(confusion.matrix.shape)}"
        raise ArgumentError(
            "confusion", "expected one cell's seeds [S, k, k] or one network's [k, k]", got=got
        )
    if not confusion.n:
        raise ArgumentError("confusion", "expected at least one network with a label for every row")


def _texts(confusion: Confusion) -> np.ndarray:
    """What is written into cells ``[k, k]``: the mean, below it the standard deviation where there is one."""
    digits = DIGITS[confusion.normalize]
    texts = np.empty(confusion.mean.shape, object)
    for (i, j), mean in np.ndenumerate(confusion.mean):
        std = float(confusion.std[i, j])
        varies = std > 0
        texts[i, j] = _number(float(mean), digits, varies)
        if varies:
            texts[i, j] += f"\n±{_number(std, digits, varies)}"
    return texts


def _number(value: float, digits: int, varies: bool) -> str:
    """A share with some decimals; a number of rows with one or, where all networks have the same, none."""
    if digits:
        return f"{value:.{digits}f}" if value or varies else "0"
    return compact(value, 3) if value >= 1e3 else f"{value:.{int(varies)}f}"


def _fitting(texts: list[np.ndarray], width: float, height: float) -> float:
    """The font with which texts fit into cells of a size in inches; 0 where one would be too small."""
    lines = [line for array in texts for text in array.ravel() for line in text.split("\n")]
    most = max(text.count("\n") + 1 for array in texts for text in array.ravel())
    widest = 0.9 * width / max(map(text_width, lines))
    font = min(scaled(LARGEST_FONT), POINTS_PER_INCH * min(widest, 0.9 * height / (LINE * most)))
    return font if font >= scaled(SMALLEST_FONT) else 0.0


def _write(axes: Axes, texts: np.ndarray, colours: np.ndarray, font: float) -> None:
    """Writes texts into cells, in a colour that stands out from theirs."""
    for (i, j), text in np.ndenumerate(texts):
        colour = readable_on(colours[i, j])
        axes.text(j, i, text, ha="center", va="center", color=colour, fontsize=font, linespacing=1.0)


def _caption(several: Mapping[str, Confusion], is_written: bool) -> list[str]:
    """Over how many networks means are, and how many are left out."""
    counts = [int(each.n) for each in several.values()]
    every = sum(len(each.matrix) if each.matrix.ndim > 2 else 1 for each in several.values())
    of = extent_text((min(counts), max(counts)))
    what = "mean ± standard deviation" if is_written else "mean"
    parts = [f"{what} of {of} networks"] if max(counts) > 1 else []
    missing = every - sum(counts)
    return parts + [f"not shown: {missing} of {every} networks, which diverged"] * (missing > 0)
