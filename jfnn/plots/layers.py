"""Statistics of layers over depth, epochs or a hyperparameter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from jfnn.analysis.layer_statistics import LayerStatistics
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.texts import axis_label, describe
from jfnn.plots.panels import (
    FEW_POINTS,
    NAMED,
    add_caption,
    color_by,
    legend_below,
    not_shown,
    ordered_colors,
    panels,
    places,
    scale_and_tick,
    set_title,
    takes_log_scale,
    tick_round,
)
from jfnn.plots.slices import as_indices

#: Quantity -> its label; shares have a range from 0 to 1.
QUANTITIES = {
    "mean": "mean activation",
    "std": "standard deviation of activations",
    "dead": "share of dead units",
    "saturated": "share of saturated activations",
    "gradient_norm": "norm of the gradient",
    "delta_norm": "norm of δ",
    "update": "relative update of weights",
}
LAST = ("epoch", "layer")  # by default, other curves are drawn at the last epoch or layer
RUNS = ("seed", "fold")


def layers(
    statistics: LayerStatistics,
    quantity: str = "delta_norm",
    against: str = "layer",
    *,
    by: str | None = None,
    at: Mapping[str, int] | None = None,
) -> Figure:
    """Plot a statistic of layers against the depth, the epochs or another axis.

    Lines are medians over seeds and folds, and bands extend from the smallest to the largest value. Diverged
    networks are left out. Scales are logarithmic for quantities that are never negative, except shares.

    Args:
        statistics: From `jfnn.analysis.layer_statistics`.
        quantity: "mean", "std", "dead", "saturated", "gradient_norm", "delta_norm" or "update".
        against: The horizontal axis: "layer", "epoch" or a name in ``statistics.axes``.
        by: Another such axis, with a curve for each of its values; None for "epoch", or if that is the
            horizontal axis, "layer".
        at: Indices on other axes; the default is the last epoch and layer, and the first value of others.

    Raises:
        ValueError, TypeError: No such quantity, axis or index; or only NaN, as the update of one epoch.
    """
    checks.check_instance(statistics, LayerStatistics, "statistics")
    values = np.asarray(statistics._asdict()[checks.as_choice(quantity, "quantity", QUANTITIES)])
    axes = {"epoch": statistics.epochs, "layer": np.array(statistics.layers), **statistics.axes}
    against = checks.as_choice(against, "against", [name for name in axes if name not in RUNS])
    others = [name for name in axes if name not in (against, *RUNS)]
    by = others[0] if by is None else checks.as_choice(by, "by", others)
    indices = dict.fromkeys([name for name in others if name != by], 0)
    indices |= {name: len(axes[name]) - 1 for name in LAST if name in indices}
    indices |= as_indices(at, {name: len(axes[name]) for name in indices})
    for position, name in reversed([*enumerate(axes)]):
        values = values.take(indices[name], axis=position) if name in indices else values
    left = [name for name in axes if name not in indices]
    order = [left.index(name) for name in (by, against, *RUNS) if name in left]
    values = values.transpose(order).reshape(len(axes[by]), len(axes[against]), -1)
    if not np.isfinite(values).any():
        expected = "expected a quantity with numbers here; the update needs two epochs"
        raise ArgumentError("quantity", expected, got=repr(quantity))
    low = np.fmin.reduce(values, axis=-1)  # NaN only where all values are
    high = np.fmax.reduce(values, axis=-1)
    lacks = np.isnan(low)
    center = np.where(lacks, np.nan, np.nanmedian(np.where(lacks[..., None], 0, values), axis=-1))
    positions, words = places(against, axes[against])
    numbers, names = places(by, axes[by])
    figure, ((panel,),) = panels(3.6)
    few = len(numbers) <= NAMED
    colors = ordered_colors(len(numbers)) if few else color_by(figure, panel, numbers, axis_label(by), names)
    curves = [_describe(by, value) for value in axes[by].tolist()]
    for i, color in enumerate(colors):
        style: dict[str, Any] = {"color": color, "label": curves[i] if few else None}
        panel.fill_between(positions, low[i], high[i], color=color, alpha=0.2, lw=0)
        panel.plot(positions, center[i], marker="o" if len(positions) <= FEW_POINTS else "", ms=4, **style)
    if quantity in ("dead", "saturated"):
        panel.set_ylim(-0.02, 1.02)
    elif takes_log_scale(center, higher_is_better=False):
        panel.set_yscale("log")
        tick_round(panel.yaxis)
    scale_and_tick(panel, positions, words)
    panel.set(xlabel=axis_label(against), ylabel=QUANTITIES[quantity])
    runs = values.shape[-1]
    set_title(panel, f"median and range of {runs} networks" if runs > 1 else "one network")
    panel.grid(alpha=0.3)
    if few:
        legend_below(figure, panel)
    fixed = {name: axes[name][i] for name, i in indices.items() if len(axes[name]) > 1}
    lacking = [name for name, curve in zip(curves, center, strict=True) if np.isnan(curve).all()]
    fixed_texts = [", ".join(_describe(name, value) for name, value in fixed.items())] * bool(fixed)
    add_caption(figure, [*fixed_texts, *not_shown(lacking, len(curves), "curves")])
    return figure


def _describe(axis: str, value: Any) -> str:
    """Return an axis and its value: "epoch = 2", and "layer 1: Dense" for the layer "1 Dense"."""
    return f"layer {value.replace(' ', ': ', 1)}" if axis == "layer" else describe({axis: value})
