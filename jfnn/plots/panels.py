"""Panels, colours, scales, legends and captions, as all figures have them.

Every figure has one width, at which 360 pixels, a phone's, show a point of a font as a pixel: wide things are
stacked, legends and colour bars lie below. Another width is that of ``rcParams["figure.figsize"]``, and all
other lengths and fonts are in proportion to ``rcParams["font.size"]``: below they are those of 10 points.
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
from jfnn.analysis.wording import in_words
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.texts import value_texts
from jfnn.core.search.result import SweepResult
from jfnn.datasets.fields import as_number

BEST = "#e6002e"

WIDTH = 5.0  # inches of all figures, unless rcParams have another
FONT = 10.0  # matplotlib's, to which all others are in proportion
POINTS_PER_INCH = 72
# Of a digit in the default font, in units of the font size; of a dot half that, of an m one and a half times.
CHARACTER_WIDTH = 0.64
CAPTION_FONT = 9.0
CAPTION_LINES = 3  # for which figures have space
LISTED = 10  # names in a caption; of more their number
TITLE_FONT = 10.0
BESIDE_TITLE = 0.625  # inches, of the figure's width
TICK_FONT = 10.0
MARGIN = 0.85  # inches beside a panel
GAP = 3.0  # points between labels of an axis
HANDLE = 42.0  # points beside a name in a legend

FEW_POINTS = 25  # curves of so few have a mark at each
NAMED = 10  # more curves have no legend
MOST_TICKS = 14  # values of an axis that all have a tick; longer ones have ticks at round values
FEWEST_LABELS = 3  # of a logarithmic scale; where decades have fewer, there are labels between them too
MOST_WORDS = 20  # below a panel or a bar of colours; of more, some
STATISTICS = {"mean": "mean", "median": "median", "iqm": "interquartile mean"}

BAR: dict[str, Any] = {"location": "bottom", "pad": 0.02, "aspect": 40, "shrink": 0.95}  # of colours

DASHES = ("--", "-.", ":")  # of other models' lines
SHADES = (0.2, 0.55)

SPACE = 0.05  # beside a range, as a share of it
NEARLY_EQUAL = 1e-9  # a difference as a share of scores, which are equal but for rounding
HIGHEST = 1e4  # losses beyond this many times the median are out of sight
LOWEST_END = 0.1  # bars that reach below this part of the least value run out of a logarithmic panel
LOWEST = -1.0  # and so are values below this of metrics up to 1, such as R²


def as_sweep(result: SweepResult) -> SweepResult:
    """A sweep with its axes as readers call them.

    Raises:
        ValueError, TypeError: Another type; or the result of `jfnn.train`, which has no axes and no cells.
    """
    checks.check_instance(result, SweepResult, "result")
    if not result.cell_shape:
        raise ArgumentError("result", "expected a sweep, got one network; plots.loss_curves draws it")
    return in_words(result)


def scaled(length: float) -> float:
    """A length, or the size of a font, in proportion to the font of ``rcParams``."""
    return length * float(matplotlib.rcParams["font.size"]) / FONT


def figure_width() -> float:
    """The width of figures in inches: of ``rcParams["figure.figsize"]``, if somebody has set it."""
    width, default = (each["figure.figsize"][0] for each in (matplotlib.rcParams, matplotlib.rcParamsDefault))
    return WIDTH if width == default else float(width)


def figure_of(artist: Artist) -> Figure:
    """The figure of an axis or a panel."""
    figure = artist.get_figure(root=True)
    assert figure is not None
    return figure


def panels(height: float, rows: int = 1, columns: int = 1, **shared: Any) -> tuple[Figure, Any]:
    """A figure of a height in inches, of a font of 10 points, and its panels ``[rows, columns]``."""
    figure = Figure(figsize=(figure_width(), scaled(height)), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **shared)


def set_title(axes: Axes, title: str, font: float = TITLE_FONT) -> None:
    """Writes a title above a panel as wide as the figure, in lines if one has no space for it."""
    width = figure_of(axes).get_figwidth()
    fits = text_width(title) * scaled(font) < (width - scaled(BESIDE_TITLE)) * POINTS_PER_INCH
    axes.set_title(title if fits else in_lines(title, width - scaled(MARGIN), font), fontsize=scaled(font))


def label_epochs(axes: Axes, score: str, title: str) -> None:
    """Labels a panel of curves over the epochs."""
    axes.set(xlabel="epochs", ylabel=score)
    set_title(axes, title)
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    axes.label_outer()
    axes.grid(alpha=0.3)


def ordered_colours(count: int) -> np.ndarray:
    """Colours for curves in order ``[count, 4]``."""
    return np.asarray(matplotlib.colormaps["viridis"](np.linspace(0, 0.9, count)))


def legend_below(figure: Figure, axes: Axes, title: str | None = None) -> None:
    """Names of a panel's curves below all panels, long ones in lines; the figure grows by them."""
    handles, labels = axes.get_legend_handles_labels()
    width = figure.get_figwidth()
    longest = max(map(text_width, labels), default=0)
    space = width * POINTS_PER_INCH / scaled(longest * CAPTION_FONT + HANDLE)
    if space < 1:
        labels = [in_lines(label, width - scaled(HANDLE) / POINTS_PER_INCH) for label in labels]
    columns = max(1, min(len(labels), int(space)))
    breaks = sum(label.count("\n") for label in labels)
    lines = math.ceil(len(labels) / columns) + breaks + (title is not None)
    figure.set_figheight(figure.get_figheight() + 1.45 * lines * scaled(CAPTION_FONT) / POINTS_PER_INCH)
    style: dict[str, Any] = {"columnspacing": 1.2, "frameon": False, "fontsize": scaled(CAPTION_FONT)}
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, title=title, **style)


def text_width(text: str) -> float:
    """Approximate width of a text in the default font, in units of the font size."""
    narrow = sum(character in ".,-' il" for character in text)
    wide = sum(character in "mwMW%" for character in text)
    return CHARACTER_WIDTH * (len(text) - narrow / 2 + wide / 2)


def add_caption(figure: Figure, parts: Iterable[str]) -> None:
    """Writes a caption, if any, above all panels, in lines as long as the figure is wide; it may grow."""
    text = in_lines("; ".join(parts), figure.get_figwidth())
    more = max(0, text.count("\n") + 1 - CAPTION_LINES)
    figure.set_figheight(figure.get_figheight() + 1.2 * more * scaled(CAPTION_FONT) / POINTS_PER_INCH)
    if text:
        figure.suptitle(text, fontsize=scaled(CAPTION_FONT))


def not_shown(names: Sequence[str], count: int, noun: str) -> list[str]:
    """What is not drawn: "not shown: η = 0.1, η = 10 (div)", or "not shown: 34 of 40 cells".

    ``count`` is the number of all of them, drawn or not.
    """
    if not names:
        return []
    return [f"not shown: {', '.join(names) if len(names) <= LISTED else f'{len(names)} of {count} {noun}'}"]


def out_of_sight(
    axes: Axes, names: Sequence[str], values: Sequence[np.ndarray] | np.ndarray, what: str = ""
) -> list[str]:
    """Curves or points that have values, but none in the range of a panel: "loss out of sight: η = 10".

    ``what`` is the name of the values.
    """
    low, high = axes.get_ylim()
    hidden = []
    for name, numbers in zip(names, values, strict=True):
        finite = numbers[np.isfinite(numbers)]
        if finite.size and not ((finite >= low) & (finite <= high)).any():
            hidden.append(name)
    if not hidden:
        return []
    listed = " and ".join(hidden) if len(hidden) <= LISTED else f"{len(hidden)} of {len(names)}"
    return [f"{what} out of sight: {listed}".lstrip()]


def in_lines(text: str, width: float, font: float = CAPTION_FONT) -> str:
    """A text in lines of a width in inches, which do not break within "η = 0.01"."""
    line = int(width * POINTS_PER_INCH / (0.9 * CHARACTER_WIDTH * scaled(font)))
    return textwrap.fill(text.replace(" = ", "\u00a0=\u00a0"), line)


def value_scale(values: np.ndarray) -> dict[str, Any]:
    """The scale on which values spread more evenly, for ``Axes.set_xscale``.

    Logarithmic where the median is nearer to the geometric middle; zeros are then at its end.
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
    """Numbers at which values of an axis are drawn, and their labels where they are words."""
    if values.dtype.kind != "U":
        return values, []
    numbers = [as_number(text) for text in values.tolist()]
    if axis == "network" and None not in numbers:  # networks named by their widths
        return np.array(numbers, np.float64), []
    return np.arange(len(values)), values.tolist()


def round_values(low: Any, high: Any, log: bool) -> np.ndarray:
    """A few round values between two; on a logarithmic scale decades, if there are some between."""
    decades = [LogLocator(), LogLocator(subs=(1.0, 2.0, 5.0))] if log else []
    for locator in (*decades, MaxNLocator(7, steps=[1, 2, 5, 10])):
        ticks = np.asarray(locator.tick_values(low, high))
        inside = (ticks >= low - 1e-9 * abs(low)) & (ticks <= high + 1e-9 * abs(high))
        if inside.sum() >= FEWEST_LABELS:
            break
    return np.asarray(ticks[inside])


def tick_round(axis: Axis, width: float | None = None) -> None:
    """Ticks of a linear or logarithmic axis at round values in its range; ``width`` as in `tick_values`."""
    _tick(axis, round_values(*axis.get_view_interval(), axis.get_scale() == "log"), width)


def tick_values(axis: Axis, values: np.ndarray, width: float | None = None) -> None:
    """Ticks of an axis at its values, if they are few; of many at round ones.

    ``width`` is the panel's, with margins, in inches; None for the figure's.
    """
    values = np.unique(values)
    if len(values) <= MOST_TICKS:
        _tick(axis, values, width)
    elif axis.get_scale() in ("linear", "log"):
        tick_round(axis, width)


def tick_words(axis: Axis, words: Sequence[str], width: float | None = None) -> None:
    """Ticks of a horizontal axis at words, whose places are 0, 1, …; of many at some.

    They are upright where they have no space side by side, and the figure grows by their height. ``width`` is
    as in `tick_values`.
    """
    shown = range(0, len(words), math.ceil(len(words) / MOST_WORDS))
    labels = [words[i] for i in shown]
    longest = max(map(text_width, labels)) * scaled(CAPTION_FONT) / POINTS_PER_INCH
    figure = figure_of(axis)
    width = figure.get_figwidth() if width is None else width
    crowded = longest > 0.8 * (width - scaled(MARGIN)) / len(labels)
    axis.set_ticks(list(shown), labels=labels, rotation=90 * crowded, fontsize=scaled(CAPTION_FONT))
    figure.set_figheight(figure.get_figheight() + longest * crowded)


def scale_and_tick(axes: Axes, values: np.ndarray, words: Sequence[str], width: float | None = None) -> None:
    """The horizontal scale of a panel, and its ticks: at values, or at words, whose places are 0, 1, …

    ``width`` is as in `tick_values`.
    """
    if words:
        axes.set_xlim(-0.5, len(words) - 0.5)
        tick_words(axes.xaxis, words, width)
    else:
        axes.set_xscale(**value_scale(values))
        tick_values(axes.xaxis, values, width)


def _tick(axis: Axis, ticks: np.ndarray, width: float | None) -> None:
    """Ticks with labels as other numbers have them; below each other all, else those with space."""
    labels = value_texts(ticks.tolist())
    axis.set_ticks(ticks.tolist())  # which the range takes in, if no point is drawn there
    if isinstance(axis, XAxis):
        scale = axis.get_transform().transform
        low, high = scale(axis.get_view_interval())
        width = figure_of(axis).get_figwidth() if width is None else width
        points = POINTS_PER_INCH * (width - scaled(MARGIN)) * (scale(ticks) - low) / (high - low)
        end = -np.inf
        for i, point in enumerate(points.tolist()):
            half = text_width(labels[i]) * scaled(TICK_FONT) / 2
            labels[i] = labels[i] if point - half > end else ""
            end = point + half + scaled(GAP) if labels[i] else end
    axis.set_ticks(ticks.tolist(), labels=labels)
    axis.set_ticks([], minor=True)


def bar_width(figure: Figure) -> float:
    """The width of a bar of colours in inches, with margins."""
    margin = scaled(MARGIN)
    return margin + float(BAR["shrink"]) * (figure.get_figwidth() - margin)


def colour_by(
    figure: Figure, axes: Any, values: np.ndarray, label: str, words: Sequence[str] = ()
) -> np.ndarray:
    """A colour for each value ``[n, 4]``, and the bar that explains them below one or more panels.

    With ``words``, which the bar shows instead of numbers, values are their places from 0 on.
    """
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
    """Whether scores are drawn on a logarithmic scale: losses and the like, none of them negative."""
    finite = values[np.isfinite(values)]
    return bool(not higher_is_better and (finite >= 0).all() and (finite > 0).any())


def are_nearly_equal(low: float, high: float) -> bool:
    """Whether the least and the largest of some scores differ by rounding alone; they are drawn as equal."""
    return bool(high - low <= NEARLY_EQUAL * abs(high))


def limit_scores(
    axes: Axes,
    lines: np.ndarray,
    higher_is_better: bool,
    bands: np.ndarray | None = None,
    bars: np.ndarray | None = None,
) -> None:
    """Sets the scale and range of a panel of curves; losses get a logarithmic scale.

    A curve on its way to infinity does not flatten all others, nor do bands of few runs, which are much wider
    than the curves differ. Bars are in sight as a whole, but of accuracies only from 0 to 1, and on a
    logarithmic scale down to a part of the least value: there they run out of the panel.

    ``lines`` are all values of the curves, and ``bands`` and ``bars`` all of their ends, NaN among them.
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
    """How much a range of scores has to show: its length, or where they are nearly equal, their size."""
    return (abs(high) or 1.0) if are_nearly_equal(low, high) else high - low


def draw_baselines(axes: Axes, baselines: Mapping[str, Score]) -> None:
    """A horizontal line for each other model, in a band of its interval where it has one."""
    for i, (name, score) in enumerate(baselines.items()):
        shade = str(SHADES[i // len(DASHES) % len(SHADES)])
        style: dict[str, Any] = {"color": shade, "ls": DASHES[i % len(DASHES)], "lw": 1.4, "zorder": 2.5}
        axes.axhline(score.mean, label=name, **style)
        if np.isfinite(score.low):
            axes.axhspan(score.low, score.high, color=shade, alpha=0.12, lw=0, zorder=0.5)


def ends(statistics: CellStatistics, runs: int) -> tuple[np.ndarray, np.ndarray]:
    """What bars and bands reach to: the ends of intervals; where no point has more than two runs, both."""
    return statistics.both() if runs < LEAST else (statistics.low, statistics.high)


def interval_title(over: str, runs: int, kind: Interval) -> str:
    """The statistic of curves ``over`` replicates ("5 seeds", "" for one) and its interval in words.

    ``runs`` is the largest number of values behind a point.
    """
    reach = "to both" if runs < LEAST else f"{kind.confidence:.0%} interval"
    return f"{STATISTICS[kind.statistic]} over {over}, {reach}" if over else "one run"
