"""The comparison and the growth curves as pictures."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench_parts.contenders import CONTENDERS, FLOOR
from bench_parts.growth import Point
from bench_parts.measure import Comparison

OURS, OTHERS, FLOOR_COLOUR = "#1f77b4", "#999999", "#000000"
LINE_COLOURS = {"vmap": OTHERS, "jfnn": "#8fc1e3", "jfnn_backprop": OURS, FLOOR: FLOOR_COLOUR}
AXIS_LABELS = {
    "members": "members",
    "batch": "rows a step",
    "width": "hidden units",
    "devices": "CPU devices",
}


def comparisons(found: dict[str, Comparison]) -> Figure:
    """A panel a workload: a bar a contender (median, with least and most), and a line at the floor."""
    figure = Figure(figsize=(9, 0.7 * len(found) + 0.27 * sum(len(c.measurements) for c in found.values())))
    figure.set_layout_engine("constrained")
    sizes = [len(comparison.measurements) for comparison in found.values()]
    panels = figure.subplots(len(found), 1, squeeze=False, height_ratios=sizes)[:, 0]
    for panel, comparison in zip(panels, found.values(), strict=True):
        _bars(panel, comparison)
    panels[-1].set_xlabel("seconds, warm, logarithmic (median of the runs; whiskers: fastest and slowest)")
    return figure


def _bars(panel: Axes, comparison: Comparison) -> None:
    bars = sorted(
        ((name, m) for name, m in comparison.measurements.items() if name != FLOOR),
        key=lambda item: item[1].median,
    )
    for place, (_, m) in enumerate(bars):
        hatch = None if m.all_work else "////"
        panel.barh(place, m.median, color=OURS if m.ours else OTHERS, hatch=hatch, edgecolor="white")
        panel.plot([min(m.seconds), max(m.seconds)], [place, place], color="black", linewidth=1)
        panel.annotate(f" {m.median:.3g}", (max(m.seconds), place), va="center", fontsize=8)
    panel.set_yticks(range(len(bars)), [m.title for _, m in bars], fontsize=8)
    panel.invert_yaxis()
    panel.set_xscale("log")
    panel.margins(x=0.12)
    if FLOOR in comparison.measurements:
        floor = comparison.measurements[FLOOR].median
        panel.axvline(floor, color=FLOOR_COLOUR, linestyle=":", linewidth=1)
    panel.set_title(comparison.workload.title, fontsize=9, loc="left")
    panel.spines[["top", "right"]].set_visible(False)


def growth(points: list[Point]) -> Figure:
    """A panel an axis: time of one step of one member; with devices, the speed relative to one device."""
    axes = list(dict.fromkeys(point.axis for point in points))
    figure = Figure(figsize=(3.6 * len(axes), 4))
    figure.set_layout_engine("constrained")
    for panel, axis in zip(figure.subplots(1, len(axes), squeeze=False)[0], axes, strict=True):
        of_axis = [point for point in points if point.axis == axis]
        for contender in dict.fromkeys(point.contender for point in of_axis):
            _line(panel, axis, contender, [p for p in of_axis if p.contender == contender])
        panel.set_xlabel(AXIS_LABELS[axis])
        values = sorted({point.value for point in of_axis})
        panel.set_xticks(values, [f"{value:,}" for value in values])
        panel.set_xticks([], minor=True)
        panel.grid(color="0.92")
        panel.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("µs for a step of a member")
    figure.legend(
        *figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False
    )
    return figure


def _line(panel: Axes, axis: str, contender: str, points: list[Point]) -> None:
    values = [point.value for point in points]
    style: dict[str, Any] = {
        "color": LINE_COLOURS[contender],
        "label": CONTENDERS[contender].title,
        "marker": "o",
        "markersize": 3,
    }
    if axis == "devices":
        panel.plot(values, [points[0].median_s / point.median_s for point in points], **style)
        panel.set_ylabel("speed, relative to the first")
        panel.set_ylim(bottom=0)
        return
    panel.plot(values, [p.us_per_member_step for p in points], **style)
    scale = [p.us_per_member_step / p.median_s for p in points]
    low = [p.fastest_s * s for p, s in zip(points, scale, strict=True)]
    high = [p.slowest_s * s for p, s in zip(points, scale, strict=True)]
    panel.fill_between(values, low, high, color=style["color"], alpha=0.2)
    panel.set_xscale("log")
    panel.set_yscale("log")
