"""Plots of the comparison and of the crossings."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from benchmarks import crossings
from benchmarks.contenders import FLOOR, GRID
from benchmarks.first_call import CROSSINGS
from benchmarks.first_calls import CONTENDERS, WARM
from benchmarks.report import seconds

# Bars: inches per bar, per character of a label and of parts of the figure; font size in points; characters
# per heading line; and the factor that leaves room for the number of the longest bar.
WIDTH, CHARACTER, BAR, HEADING, FOOT = 2.4, 0.075, 0.27, 0.2, 0.3
FONT, LINE = 9, 30
ROOM = 6.0
FLOOR_LINE: dict[str, Any] = {"color": "black", "linestyle": "--", "linewidth": 1}
# Others are gray, yellow and red, jfnn is blue and green; contenders without a color are not drawn.
COLORS = {
    "numpy": "#4d4d4d",
    "sklearn": "#8c8c8c",
    "torch": "#d9a441",
    "torch_vmap": "#e8c580",
    "torch_compile": "#f3e0bb",
    "vmap": "#c4c4c4",
    "vmap_drawn": "#dcdcdc",
    "vmap_numpy": "#b0b0b0",
    "jit": "#8c8c8c",
    "jfnn_1": "#a6cbe8",
    "jfnn": "#1f77b4",
    "jfnn_permutation": "#3d6fb6",
    "jfnn_tile_1": "#7f9fd6",
    "jfnn_grid": "#b5d99c",
}


def bars(workloads: Sequence[Mapping[str, Any]]) -> Figure:
    """Plot one panel per workload, stacked for narrow windows, with a bar and its median per contender.

    Args:
        workloads: Figures from `report.as_json`.
    """
    names = [[name for name in COLORS if name in workload["contenders"]] for workload in workloads]
    numbers = [max(len(group), 1) for group in names]
    headings = [textwrap.fill(workload["title"], LINE) for workload in workloads]
    lines_of_headings = sum(1.8 + heading.count("\n") for heading in headings)
    titles = [
        w["contenders"][name]["title"] for w, group in zip(workloads, names, strict=True) for name in group
    ]
    width = WIDTH + CHARACTER * max(map(len, titles), default=0)
    height = BAR * sum(numbers) + HEADING * lines_of_headings + FOOT
    figure = Figure(figsize=(width, height), layout="constrained")
    panels = figure.subplots(len(workloads), sharex=True, squeeze=False, height_ratios=numbers)[:, 0]
    for axes, workload, group, heading in zip(panels, workloads, names, headings, strict=True):
        contenders = workload["contenders"]
        medians = [contenders[name]["median_s"] for name in group]
        colors = [COLORS[name] for name in group]
        drawn = axes.barh(range(len(group)), medians, 0.8, color=colors)
        axes.bar_label(drawn, [f"{seconds(median)} s" for median in medians], padding=3, fontsize=FONT)
        axes.set_yticks(range(len(group)), [contenders[name]["title"] for name in group], fontsize=FONT)
        axes.set_title(heading, fontsize=FONT, fontweight="bold", loc="left")
        axes.set_ylim(len(group) - 0.4, -0.6)
        axes.tick_params(length=0)
        axes.grid(axis="x", color="0.9")
        axes.set_axisbelow(True)
        axes.spines[["top", "right", "bottom"]].set_visible(False)
        if FLOOR in contenders:
            axes.axvline(contenders[FLOOR]["median_s"], **FLOOR_LINE, label=GRID[FLOOR].title)
    panels[-1].set_xscale("log")
    low, high = panels[-1].get_xlim()
    panels[-1].set_xlim(low / 2, high * ROOM)
    panels[-1].set_xticks([], minor=True)
    panels[-1].xaxis.set_major_formatter("{x:g}")
    panels[-1].tick_params(axis="x", labelsize=FONT)
    panels[-1].set_xlabel("seconds, warm, median; logarithmic", fontsize=FONT, loc="left")
    lines = next((found for found in (axes.get_legend_handles_labels() for axes in panels) if found[0]), None)
    if lines:
        figure.legend(*lines, loc="outside lower center", frameon=False, fontsize=FONT)
    return figure


def curves(figures: Mapping[str, Any]) -> Figure:
    """Plot seconds of whole processes against the number of networks, one panel per network.

    Args:
        figures: Crossings, as the benchmark writes them.
    """
    found = {name: crossings.curves(name, figures) for name in CROSSINGS}
    shown = {name: lines for name, lines in found.items() if lines}
    figure = Figure(figsize=(4.8 * len(shown), 4.2), layout="constrained")
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axes, (name, lines) in zip(panels, shown.items(), strict=True):
        for contender, line in lines.items():
            style = "--" if contender in WARM.values() else "-"
            label = CONTENDERS[contender]
            color = COLORS[WARM.get(contender, contender)]
            axes.plot([*line], [*line.values()], style, marker="o", markersize=4, color=color, label=label)
        axes.set_title(CROSSINGS[name][1].title.partition(" of ")[2], fontsize=9)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("")
        axes.set_xlabel("networks")
        axes.grid(color="0.9")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("seconds, the whole process")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    return figure
