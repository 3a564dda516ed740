"""Plots of the comparison and of the crossings."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from benchmarks import crossings
from benchmarks.contenders import FLOOR, GRID
from benchmarks.first_call import CROSSINGS
from benchmarks.first_calls import CONTENDERS, KEPT

FLOOR_LINE: dict[str, Any] = {"color": "black", "linestyle": "--", "linewidth": 1}
# Others in greys, yellows and reds, jfnn in blues and green; contenders without a colour are not drawn.
COLOURS = {
    "numpy": "#4d4d4d",
    "sklearn": "#8c8c8c",
    "mlpack": "#a67c52",
    "torch": "#d9a441",
    "torch_vmap": "#e8c580",
    "torch_compile": "#f3e0bb",
    "vmap": "#c4c4c4",
    "vmap_drawn": "#dcdcdc",
    "vmap_numpy": "#b0b0b0",
    "jit": "#8c8c8c",
    "ispc": "#c0504d",
    "jfnn_1": "#a6cbe8",
    "jfnn": "#1f77b4",
    "jfnn_backprop": "#0b3c5d",
    "jfnn_halving": "#5bbfae",
    "jfnn_permutation": "#3d6fb6",
    "jfnn_tile_1": "#7f9fd6",
    "jfnn_grid": "#b5d99c",
}


def bars(workloads: Sequence[Mapping[str, Any]]) -> Figure:
    """A group of bars a workload, a bar a contender (its median), and a line at the floor.

    Args:
        workloads: Figures of `report.as_json`.
    """
    figure = Figure(figsize=(max(4.0, 2.4 * len(workloads)), 4.2), layout="constrained")
    axes = figure.subplots()
    titles = {name: c["title"] for w in workloads for name, c in w["contenders"].items()}
    names = [name for name in COLOURS if name in titles]
    width = 0.85 / max(len(names), 1)
    for position, name in enumerate(names):
        groups, medians = _medians(workloads, name)
        x = groups + (position - (len(names) - 1) / 2) * width
        drawn = axes.bar(x, medians, 0.92 * width, color=COLOURS[name], label=titles[name])
        texts = [f"{median:.2g}" if median < 10 else f"{median:.0f}" for median in medians]
        axes.bar_label(drawn, texts, padding=1, fontsize=6.5)
    groups, floors = _medians(workloads, FLOOR)
    axes.hlines(floors, groups - 0.45, groups + 0.45, **FLOOR_LINE, label=GRID[FLOOR].title)
    parts = [w["title"].partition(": ") for w in workloads]
    lines = [name + ":\n" + details.replace(", ", ",\n", 1) for name, _, details in parts]
    axes.set_xticks(range(len(workloads)), lines, fontsize=8)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_ylabel("seconds, warm, median")
    axes.grid(axis="y", color="0.9")
    axes.set_axisbelow(True)
    axes.margins(x=0.01, y=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    ncols = min(4, max(1, 2 * len(workloads) // 3))  # a title is wider than a group
    figure.legend(loc="outside upper center", ncols=ncols, frameon=False, fontsize=8)
    return figure


def _medians(workloads: Sequence[Mapping[str, Any]], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the workloads that a contender was measured on, and its medians."""
    measured = [(i, w["contenders"].get(name)) for i, w in enumerate(workloads)]
    pairs = [(i, m["median_s"]) for i, m in measured if m is not None]
    groups, medians = np.array(pairs).reshape(-1, 2).T
    return groups, medians


def curves(figures: Mapping[str, Any]) -> Figure:
    """Seconds of whole processes against the number of networks, a panel a network.

    Args:
        figures: Of crossings, as the bench writes them.
    """
    found = {name: crossings.curves(name, figures) for name in CROSSINGS}
    shown = {name: lines for name, lines in found.items() if lines}
    figure = Figure(figsize=(4.8 * len(shown), 4.2), layout="constrained")
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axes, (name, lines) in zip(panels, shown.items(), strict=True):
        for contender, line in lines.items():
            style = "--" if contender == "jfnn" else "-"
            label = CONTENDERS[contender]
            colour = COLOURS["jfnn" if contender == KEPT else contender]
            axes.plot([*line], [*line.values()], style, marker="o", markersize=4, color=colour, label=label)
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
