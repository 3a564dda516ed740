"""Bias, variance and noise along an axis of model complexity."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from jfnn.analysis.bias_variance import BiasVariance
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.texts import axis_label, describe, extent_text
from jfnn.plots.panels import (
    FEW_POINTS,
    add_caption,
    legend_below,
    limit_scores,
    not_shown,
    out_of_sight,
    panels,
    places,
    scale_and_tick,
)
from jfnn.plots.slices import as_indices

#: Part -> its name and color, for each kind of loss.
NAMES = {
    "squared": {"error": "error", "bias": "bias²", "variance": "variance", "noise": "noise"},
    "zero_one": {"error": "error", "bias": "bias", "variance": "net variance", "noise": "noise"},
}
COLORS = {"error": "black", "bias": "C0", "variance": "C1", "noise": "0.6"}
LABELS = {"squared": "squared error", "zero_one": "share of rows"}


def bias_variance(
    parts: BiasVariance, axis: str | None = None, *, at: Mapping[str, int] | None = None
) -> Figure:
    """Plot error, bias, variance and noise along an axis, with bands for their intervals over draws.

    The caption states what is fixed, the number of draws, and the points without a decomposition.

    Args:
        parts: From `jfnn.analysis.bias_variance` or `jfnn.analysis.bias_variance_of`.
        axis: A name in ``parts.axes``; None for the longest axis.
        at: Indices on other axes; the default is where the error is smallest.

    Raises:
        ValueError, TypeError: Not a decomposition, one without an axis, or no such axis or index.
    """
    checks.check_instance(parts, BiasVariance, "parts")
    if not parts.axes:
        raise ArgumentError("parts", "expected a decomposition along an axis, got a single cell")
    longest = max(parts.axes, key=lambda name: len(parts.axes[name]))
    axis = longest if axis is None else checks.as_choice(axis, "axis", parts.axes)
    best = int(np.where(np.isfinite(parts.error), parts.error, np.inf).argmin())
    indices = dict(zip(parts.axes, map(int, np.unravel_index(best, parts.error.shape)), strict=True))
    del indices[axis]
    indices |= as_indices(at, {name: len(parts.axes[name]) for name in indices})
    index = tuple(slice(None) if name == axis else indices[name] for name in parts.axes)
    all_values = np.asarray(parts.axes[axis])
    positions, words = places(axis, all_values)
    order = np.argsort(positions, kind="stable")
    names = NAMES[parts.kind]
    lines = {name: np.asarray(getattr(parts, name)[index])[order] for name in names}
    lines["noise"] = np.where(np.isnan(lines["error"]), np.nan, lines["noise"])
    names = {
        name: text for name, text in names.items() if name != "noise" or np.nan_to_num(lines["noise"]).any()
    }
    figure, ((axes,),) = panels(3.6)
    marker = "o" if len(positions) <= FEW_POINTS else ""
    bands = []
    for name, text in names.items():
        style = {"color": COLORS[name], "ls": "--" if name == "noise" else "-"}
        style["marker"] = "" if name == "noise" else marker
        axes.plot(positions[order], lines[name], ms=4, label=text, **style)
        if name in parts.low:
            ends = [np.asarray(end[name][index])[order] for end in (parts.low, parts.high)]
            bands += ends
            axes.fill_between(positions[order], *ends, color=COLORS[name], alpha=0.2, linewidth=0)
    everywhere = np.stack([positions, positions], axis=1)  # include points without values in the range
    axes.update_datalim(everywhere, updatey=False)
    axes.autoscale_view(scaley=False)
    drawn = np.stack([lines[name] for name in names])
    limit_scores(axes, drawn, parts.kind == "zero_one", np.stack(bands))
    scale_and_tick(axes, positions, words)
    axes.set(xlabel=axis_label(axis), ylabel=LABELS[parts.kind])
    axes.grid(alpha=0.3)
    legend_below(figure, axes)
    lacking = ~np.isfinite(lines["error"])
    there = np.asarray(parts.draws[index])[order][~lacking].tolist()
    caption = [f"{extent_text(there)} draws, {parts.confidence:.0%} intervals"] if there else []
    fixed = {name: parts.axes[name][i] for name, i in indices.items() if len(parts.axes[name]) > 1}
    caption += [describe(fixed)] if fixed else []
    missing = all_values[order][lacking].tolist()
    caption += not_shown([f"{describe({axis: value})} (div)" for value in missing], len(order), "points")
    add_caption(figure, caption + out_of_sight(axes, list(names.values()), drawn))
    return figure
