"""Panels, colors, scales, legends and captions shared by all figures.

Figures are 360 points wide, so that a phone 360 pixels wide shows a font's point as one pixel. Panels are
therefore stacked, with legends and color bars below. ``rcParams["figure.figsize"]`` sets another width. All
other lengths and fonts scale with ``rcParams["font.size"]``; the constants are for 10 points.
"""

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis, XAxis
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

from jfnn.analysis.intervals import LEAST, Interval
from jfnn.analysis.statistics import CellStatistics
from jfnn.analysis.summary import Score
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.texts import value_texts
from jfnn.core.search.result import SweepResult
from jfnn.datasets.fields import as_number

BEST = "#e6002e"

WIDTH = 5.0  # inches, default of all figures
FONT = 10.0  # matplotlib's default, to which all others are relative
POINTS_PER_INCH = 72
CHARACTER_WIDTH = 0.64  # a digit's width in the default font, in units of the font size
CAPTION_FONT = 9.0
CAPTION_LINES = 3  # number of lines of a caption that fit without a taller figure
LISTED = 10  # largest number of names in a caption; with more names, only their number is shown
TITLE_FONT = 10.0
BESIDE_TITLE = 0.625  # width of the figure that a title leaves free, in inches
TICK_FONT = 10.0
MARGIN = 0.85  # width beside a panel, in inches
GAP = 3.0  # least space between labels of an axis, in points
HANDLE = 42.0  # width beside a name in a legend, in points

FEW_POINTS = 25  # curves of up to this many points have markers
NAMED = 10  # largest number of curves with a legend
MOST_TICKS = 14  # largest number of values that all have ticks; longer axes have ticks at round values
FEWEST_LABELS = 3  # smallest number of labeled decades; with fewer, values between them have labels, too
MOST_WORDS = 20  # largest number of labels below a panel or color bar; with more, some are left out
STATISTICS = {"mean": "mean", "median": "median", "iqm": "interquartile mean"}

BAR: dict[str, Any] = {"location": "bottom", "pad": 0.02, "aspect": 40, "shrink": 0.95}  # color bars

DASHES = ("--", "-.", ":")  # line styles of baselines
SHADES = (0.2, 0.55)

SPACE = 0.05  # margin on each side of a range, as a fraction of it
NEARLY_EQUAL = 1e-9  # relative difference up to which scores are equal
HIGHEST = 1e4  # losses above this multiple of the median are out of range
LOWEST_END = 0.1  # on a logarithmic scale, bars are cut off below this fraction of the smallest value
LOWEST = -1.0  # values below this are out of range for metrics up to 1, such as R²


def check_sweep(result: SweepResult) -> None:
    """Raise ArgumentError unless a result has axes, as `jfnn.train` results do not."""
    checks.check_instance(result, SweepResult, "result")
    if not result.cell_shape:
        raise ArgumentError("result", "expected a sweep, got one network; plots.loss_curves draws it")


def scale_length(length: float) -> float:
    """Scale a length or font size to the font size of ``rcParams``."""
    return length * float(matplotlib.rcParams["font.size"]) / FONT


def figure_width() -> float:
    """Return the width of figures in inches, ``rcParams["figure.figsize"]`` if it is not the default."""
    width, default = (each["figure.figsize"][0] for each in (matplotlib.rcParams, matplotlib.rcParamsDefault))
    return WIDTH if width == default else float(width)


def figure_of(artist: Artist) -> Figure:
    """Return the figure of an axis or panel."""
    figure = artist.get_figure(root=True)
    assert figure is not None
    return figure


def panels(height: float, rows: int = 1, columns: int = 1, **shared: Any) -> tuple[Figure, Any]:
    """Return a figure of a height in inches, for a font of 10 points, and its panels ``[rows, columns]``."""
    figure = Figure(figsize=(figure_width(), scale_length(height)), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **shared)


def set_title(axes: Axes, title: str, font: float = TITLE_FONT) -> None:
    """Write a title above a panel as wide as the figure, wrapped if necessary."""
    width = figure_of(axes).get_figwidth()
    fits = text_width(title) * scale_length(font) < (width - scale_length(BESIDE_TITLE)) * POINTS_PER_INCH
    axes.set_title(
        title if fits else wrap_lines(title, width - scale_length(MARGIN), font),
        fontsize=scale_length(font),
    )


def label_epochs(axes: Axes, epochs: np.ndarray, score: str, title: str) -> None:
    """Label a panel of curves over these epochs, with a logarithmic axis if they are spaced so."""
    axes.set(xlabel="epochs", ylabel=score)
    set_title(axes, title)
    if value_scale(epochs)["value"] == "linear":
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    else:
        scale_and_tick(axes, epochs, ())
    axes.label_outer()
    axes.grid(alpha=0.3)


def ordered_colors(count: int) -> np.ndarray:
    """Return colors for curves in order ``[count, 4]``."""
    return np.asarray(matplotlib.colormaps["viridis"](np.linspace(0, 0.9, count)))


def legend_below(figure: Figure, axes: Axes, title: str | None = None) -> None:
    """Write a legend of a panel's curves below all panels, long names wrapped; the figure grows to fit it."""
    handles, labels = axes.get_legend_handles_labels()
    width = figure.get_figwidth()
    longest = max(map(text_width, labels), default=0)
    space = width * POINTS_PER_INCH / scale_length(longest * CAPTION_FONT + HANDLE)
    if space < 1:
        labels = [wrap_lines(label, width - scale_length(HANDLE) / POINTS_PER_INCH) for label in labels]
    columns = max(1, min(len(labels), int(space)))
    breaks = sum(label.count("\n") for label in labels)
    lines = math.ceil(len(labels) / columns) + breaks + (title is not None)
    figure.set_figheight(figure.get_figheight() + 1.45 * lines * scale_length(CAPTION_FONT) / POINTS_PER_INCH)
    style: dict[str, Any] = {"columnspacing": 1.2, "frameon": False, "fontsize": scale_length(CAPTION_FONT)}
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, title=title, **style)


def text_width(text: str) -> float:
    """Return the approximate width of a text in the default font, in units of the font size."""
    narrow = sum(character in ".,-' il" for character in text)
    wide = sum(character in "mwMW%" for character in text)
    return CHARACTER_WIDTH * (len(text) - narrow / 2 + wide / 2)


def add_caption(figure: Figure, parts: Iterable[str]) -> None:
    """Write a caption, if any, above all panels, wrapped at the figure's width; the figure may grow."""
    text = wrap_lines("; ".join(parts), figure.get_figwidth())
    more = max(0, text.count("\n") + 1 - CAPTION_LINES)
    figure.set_figheight(figure.get_figheight() + 1.2 * more * scale_length(CAPTION_FONT) / POINTS_PER_INCH)
    if text:
        figure.suptitle(text, fontsize=scale_length(CAPTION_FONT))


def not_shown(names: Sequence[str], count: int, noun: str) -> list[str]:
    """List what is not drawn: "not shown: η = 0.1 (div)", or "not shown: 34 of 40 cells" (``count``)."""
    if not names:
        return []
    return [f"not shown: {', '.join(names) if len(names) <= LISTED else f'{len(names)} of {count} {noun}'}"]


def out_of_sight(
    axes: Axes, names: Sequence[str], values: Sequence[np.ndarray] | np.ndarray, what: str = ""
) -> list[str]:
    """List curves or points with values but none in the panel's range: "loss out of range: η = 10"."""
    low, high = axes.get_ylim()
    hidden = []
    for name, numbers in zip(names, values, strict=True):
        finite = numbers[np.isfinite(numbers)]
        if finite.size and not ((finite >= low) & (finite <= high)).any():
            hidden.append(name)
    if not hidden:
        return []
    listed = " and ".join(hidden) if len(hidden) <= LISTED else f"{len(hidden)} of {len(names)}"
    return [f"{what} out of range: {listed}".lstrip()]


def wrap_lines(text: str, width: float, font: float = CAPTION_FONT) -> str:
    """Wrap a text to a width in inches, without breaking within "η = 0.01"."""
    line = int(width * POINTS_PER_INCH / (0.9 * CHARACTER_WIDTH * scale_length(font)))
    return textwrap.fill(text.replace(" = ", "\u00a0=\u00a0"), line)


def value_scale(values: np.ndarray) -> dict[str, Any]:
    """Return the keywords of ``Axes.set_xscale`` for the scale on which values spread more evenly.

    It is logarithmic if the median is closer to the geometric middle, with zeros at the end.
    """
    positive = values[values > 0]
    if not positive.size or (values < 0).any():
        return {"value": "linear"}
    low = positive.min()
    high = positive.max()
    if low == high or np.median(positive) > math.sqrt(math.sqrt(low * high) * (low + high) / 2):
        return {"value": "linear"}
    return {"value": "log"} if positive.size == values.size else {"value": "symlog", "linthresh": low}


def places(axis: str, values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Return the positions at which values of an axis are drawn, and labels if they are words."""
    if values.dtype.kind != "U":
        return values, []
    numbers = [as_number(text) for text in values.tolist()]
    if axis == "network" and None not in numbers:  # networks named by their widths
        return np.array(numbers, np.float64), []
    return np.arange(len(values)), values.tolist()


def round_values(low: Any, high: Any, log: bool) -> np.ndarray:
    """Return a few round values in a range; on a logarithmic scale decades, if the range contains enough."""
    decades = [LogLocator(), LogLocator(subs=(1.0, 2.0, 5.0))] if log else []
    for locator in (*decades, MaxNLocator(7, steps=[1, 2, 5, 10])):
        ticks = np.asarray(locator.tick_values(low, high))
        inside = (ticks >= low - 1e-9 * abs(low)) & (ticks <= high + 1e-9 * abs(high))
        if inside.sum() >= FEWEST_LABELS:
            break
    return np.asarray(ticks[inside])


def tick_round(axis: Axis, width: float | None = None) -> None:
    """Place ticks of a linear or logarithmic axis at round values; ``width`` as in `tick_values`."""
    _tick(axis, round_values(*axis.get_view_interval(), axis.get_scale() == "log"), width)


def tick_values(axis: Axis, values: np.ndarray, width: float | None = None) -> None:
    """Place ticks at the values of an axis if they are few, otherwise at round values.

    ``width`` is the panel's width with margins in inches; None for the figure's.
    """
    values = np.unique(values)
    if len(values) <= MOST_TICKS:
        _tick(axis, values, width)
    elif axis.get_scale() in ("linear", "log"):
        tick_round(axis, width)


def tick_words(axis: Axis, words: Sequence[str], width: float | None = None) -> None:
    """Place words as ticks at 0, 1, … of a horizontal axis; only some of them if there are many.

    If they do not fit side by side they are vertical, and the figure grows by their height. ``width`` is as
    in `tick_values`.
    """
    shown = range(0, len(words), math.ceil(len(words) / MOST_WORDS))
    labels = [words[i] for i in shown]
    longest = max(map(text_width, labels)) * scale_length(CAPTION_FONT) / POINTS_PER_INCH
    figure = figure_of(axis)
    width = figure.get_figwidth() if width is None else width
    crowded = longest > 0.8 * (width - scale_length(MARGIN)) / len(labels)
    axis.set_ticks(list(shown), labels=labels, rotation=90 * crowded, fontsize=scale_length(CAPTION_FONT))
    figure.set_figheight(figure.get_figheight() + longest * crowded)


def scale_and_tick(axes: Axes, values: np.ndarray, words: Sequence[str], width: float | None = None) -> None:
    """Set the scale of a horizontal axis and its ticks: at values, or at words with positions 0, 1, …."""
    if words:
        axes.set_xlim(-0.5, len(words) - 0.5)
        tick_words(axes.xaxis, words, width)
    else:
        axes.set_xscale(**value_scale(values))
        tick_values(axes.xaxis, values, width)


def _tick(axis: Axis, ticks: np.ndarray, width: float | None) -> None:
    """Place formatted ticks; on a horizontal axis, labels without space are left out."""
    labels = value_texts(ticks.tolist())
    axis.set_ticks(ticks.tolist())  # first, as ticks may extend the view
    if isinstance(axis, XAxis):
        scale = axis.get_transform().transform
        low, high = scale(axis.get_view_interval())
        width = figure_of(axis).get_figwidth() if width is None else width
        points = POINTS_PER_INCH * (width - scale_length(MARGIN)) * (scale(ticks) - low) / (high - low)
        end = -np.inf
        for i, point in enumerate(points.tolist()):
            half = text_width(labels[i]) * scale_length(TICK_FONT) / 2
            labels[i] = labels[i] if point - half > end else ""
            end = point + half + scale_length(GAP) if labels[i] else end
    axis.set_ticks(ticks.tolist(), labels=labels)
    axis.set_ticks([], minor=True)


def bar_width(figure: Figure) -> float:
    """Return the width of a color bar in inches, with margins."""
    margin = scale_length(MARGIN)
    return margin + float(BAR["shrink"]) * (figure.get_figwidth() - margin)


def color_by(
    figure: Figure, axes: Any, values: np.ndarray, label: str, words: Sequence[str] = ()
) -> np.ndarray:
    """Return a color for each value ``[n, 4]`` (or position of ``words``), and draw a color bar below."""
    if words:
        norm = Normalize(0, len(words) - 1)
    else:
        kind = LogNorm if value_scale(values)["value"] == "log" else Normalize
        norm = kind(values.min(), values.max())
    scale = ScalarMappable(norm, "viridis")
    bar = figure.colorbar(scale, ax=axes, label=label, **BAR)
    if words:
        tick_words(bar.ax.xaxis, words)
        bar.minorticks_off()
    else:
        tick_round(bar.ax.xaxis, bar_width(figure))
    return np.asarray(scale.to_rgba(values))


def takes_log_scale(values: np.ndarray, higher_is_better: bool) -> bool:
    """Return whether scores are drawn on a logarithmic scale: losses and the like, none negative."""
    finite = values[np.isfinite(values)]
    return bool(not higher_is_better and (finite >= 0).all() and (finite > 0).any())


def are_nearly_equal(low: float, high: float) -> bool:
    """Return whether the range of some scores is rounding error only, so that they are drawn as equal."""
    return bool(high - low <= NEARLY_EQUAL * abs(high))


def limit_scores(
    axes: Axes,
    lines: np.ndarray,
    higher_is_better: bool,
    bands: np.ndarray | None = None,
    bars: np.ndarray | None = None,
) -> None:
    """Set the scale and range of a panel of curves; losses get a logarithmic scale.

    Diverging curves do not flatten the others, nor do bands of few runs, which are much wider than the
    differences between curves. Bars are shown whole, but for accuracies only from 0 to 1, and on a
    logarithmic scale only down to a fraction of the smallest value, where the panel cuts them off.

    ``lines`` are the values of all curves; ``bands`` and ``bars`` are the ends of all bands and error bars.
    NaN is ignored.
    """
    lines = lines[np.isfinite(lines)]
    if not lines.size:
        return
    least = lines.min()
    most = lines.max()
    ends = lines if bars is None else np.append(bars[np.isfinite(bars)], lines)
    if takes_log_scale(lines, higher_is_better):
        positive = lines[lines > 0]
        low = max(ends[ends > 0].min(), positive.min() * LOWEST_END) / 1.5
        axes.set_yscale("log")
        axes.set_ylim(low, 1.5 * min(ends.max(), HIGHEST * np.median(positive)))
        tick_round(axes.yaxis)
    elif higher_is_better and least < LOWEST < 0 < most <= 1:
        axes.set_ylim(LOWEST, 1.05)
    elif bands is not None:
        space = _extent(least, most) / 2
        low = max(np.nanmin(np.append(bands, least)), least - space) - 0.02 * space
        high = min(np.nanmax(np.append(bands, most)), most + space) + 0.02 * space
        if higher_is_better and most <= 1:  # accuracies, R²
            low = max(low, -0.02) if least >= 0 else low
            high = min(high, 1.02)
        axes.set_ylim(low, high)
    else:
        low = ends.min()
        high = ends.max()
        if higher_is_better and most <= 1:  # accuracies, R²
            low = max(low, 0.0 if least >= 0 else min(LOWEST, least))
            high = min(high, 1.0)
        space = SPACE * _extent(low, high)
        axes.set_ylim(low - space, high + space)


def _extent(low: float, high: float) -> float:
    """Return the length of a range of scores, or their size if they are nearly equal."""
    return (abs(high) or 1.0) if are_nearly_equal(low, high) else high - low


def draw_baselines(axes: Axes, baselines: Mapping[str, Score]) -> None:
    """Draw a horizontal line for each other model, with a band for its interval if it has one."""
    for i, (name, score) in enumerate(baselines.items()):
        shade = str(SHADES[i // len(DASHES) % len(SHADES)])
        style: dict[str, Any] = {"color": shade, "ls": DASHES[i % len(DASHES)], "lw": 1.4, "zorder": 2.5}
        axes.axhline(score.mean, label=name, **style)
        if np.isfinite(score.low):
            axes.axhspan(score.low, score.high, color=shade, alpha=0.12, lw=0, zorder=0.5)


def ends(statistics: CellStatistics, runs: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of bars and bands: intervals, or both values if no point has more than two runs."""
    return statistics.both() if runs < LEAST else (statistics.low, statistics.high)


def interval_title(over: str, runs: int, kind: Interval) -> str:
    """Describe the statistic of curves and its interval, over replicates ("5 seeds", "" for one).

    ``runs`` is the largest number of values behind a point.
    """
    reach = "range" if runs < LEAST else f"{kind.confidence:.0%} interval"
    return f"{STATISTICS[kind.statistic]} over {over}, {reach}" if over else "one run"
