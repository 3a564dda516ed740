"""Bias, variance and noise along an axis of complexity."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from jfnn.analysis.bias_variance import BiasVariance
from jfnn.analysis.summary import extent_text
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.texts import axis_label, describe
from jfnn.plots.omissions import not_shown, out_of_sight
from jfnn.plots.panels import (
    FEW_POINTS,
    add_caption,
    legend_below,
    limit_scores,
    panels,
    places,
    tick_values,
    tick_words,
    value_scale,
)

#: Part -> its name and colour, for each kind of loss.
NAMES = {
    "squared": {"error": "error", "bias": "bias²", "variance": "variance", "noise": "noise"},
    "zero_one": {"error": "error", "bias": "bias", "variance": "net variance", "noise": "noise"},
}
COLOURS = {"error": "black", "bias": "C0", "variance": "C1", "noise": "0.6"}
LABELS = {"squared": "squared error", "zero_one": "share of rows"}


def bias_variance(
    parts: BiasVariance, axis: str | None = None, *, at: Mapping[str, int] | None = None
) -> Figure:
    """Error, bias, variance and noise along an axis, in bands of their intervals over draws.

    The caption says what is fixed, how many draws there are, and which points lack a decomposition.

    Args:
        parts: From `jfnn.analysis.bias_variance` or `jfnn.analysis.bias_variance_of`.
        axis: A name of ``parts.axes``; None for the longest.
        at: Indices on other axes; those not named are as where the error is least.

    Raises:
        ValueError, TypeError: Something else, parts without an axis, or no such axis or index.
    """
    checks.check_instance(parts, BiasVariance, "parts")
    if not parts.axes:
        raise ArgumentError("parts", "expected parts along an axis, got those of one cell")
    longest = max(parts.axes, key=lambda name: len(parts.axes[name]))
    axis = longest if axis is None else checks.as_choice(axis, "axis", parts.axes)
    indices = _fixed(parts, axis, at)
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
        style = {"color": COLOURS[name], "ls": "--" if name == "noise" else "-"}
        style["marker"] = "" if name == "noise" else marker
        axes.plot(positions[order], lines[name], ms=4, label=text, **style)
        if name in parts.low:
            ends = [np.asarray(end[name][index])[order] for end in (parts.low, parts.high)]
            bands += ends
            axes.fill_between(positions[order], *ends, color=COLOURS[name], alpha=0.2, linewidth=0)
    everywhere = np.stack([positions, positions], axis=1)  # also where there is nothing to draw
    axes.update_datalim(everywhere, updatey=False)
    axes.autoscale_view(scaley=False)
    drawn = np.stack([lines[name] for name in names])
    limit_scores(axes, drawn, parts.kind == "zero_one", np.stack(bands))
    axes.set_xscale(**value_scale(positions))
    if words:
        figure.set_figheight(figure.get_figheight() + tick_words(axes.xaxis, words))
    else:
        tick_values(axes.xaxis, positions)
    axes.set(xlabel=axis_label(axis), ylabel=LABELS[parts.kind])
    axes.grid(alpha=0.3)
    legend_below(figure, axes)
    caption = _caption(parts, axis, indices, index, order)
    add_caption(figure, caption + out_of_sight(axes, list(names.values()), drawn))
    return figure


def _fixed(parts: BiasVariance, axis: str, at: Mapping[str, int] | None) -> dict[str, int]:
    """The index on each other axis."""
    finite = np.isfinite(parts.error)
    best = int(np.where(finite, parts.error, np.inf).argmin())
    found = np.unravel_index(best, parts.error.shape)
    indices = {name: int(i) for name, i in zip(parts.axes, found, strict=True) if name != axis}
    given = {} if at is None else checks.as_mapping(at, "at")
    for name, number in given.items():
        if name not in indices:
            got = checks.shown(name)
            raise ArgumentError("at", f"expected axes that are not shown ({', '.join(indices)})", got=got)
        indices[name] = checks.as_count(number, "at", 0, len(parts.axes[name]) - 1)
    return indices


def _caption(
    parts: BiasVariance,
    axis: str,
    indices: Mapping[str, int],
    index: tuple[int | slice, ...],
    order: np.ndarray,
) -> list[str]:
    """How many draws there are, what is fixed, and the points without a decomposition."""
    counts = np.asarray(parts.draws[index])[order]
    values = np.asarray(parts.axes[axis])[order]
    lacking = ~np.isfinite(np.asarray(parts.error[index])[order])
    there = counts[~lacking].tolist()
    fixed = {name: parts.axes[name][i] for name, i in indices.items() if len(parts.axes[name]) > 1}
    names = [f"{describe({axis: value})} (div)" for value in values[lacking].tolist()]
    draws = f"{extent_text((min(there), max(there)))} draws" if there else ""
    told = [f"{draws}, {parts.confidence:.0%} intervals"] if there else []
    told += [describe(fixed)] if fixed else []
    return told + not_shown(names, len(values), "points")
