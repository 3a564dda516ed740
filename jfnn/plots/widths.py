"""Changes of activations against the width."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jfnn.arguments import checks
from jfnn.plots.panels import legend_below, ordered_colours, panels, scaled
from jfnn.studies.coordinates import CoordinateCheck

MOST_TICKS = 8
TITLE_FONT = 9.0


def coordinate_curves(check: CoordinateCheck) -> Figure:
    """By how much activations have changed against the width, one curve a step; a panel for each layer.

    Columns are parametrisations. Lines are means over seeds, of \\|a_t - a_0\\|; a panel's title has
    the exponent of the last step's.

    Args:
        check: From `jfnn.coordinate_check`.
    """
    checks.check_instance(check, CoordinateCheck, "check")
    change = check.change.mean(axis=2)
    slopes = check.slopes()  # [P, W, T, L]
    columns, _, steps, rows = change.shape
    figure, grid = panels(1.9 * rows + 0.6, rows, columns, sharex=True, sharey="row")
    for p, layer in np.ndindex(columns, rows):
        axes = grid[layer, p]
        for step, colour in enumerate(ordered_colours(steps)):
            axes.plot(check.width, change[p, :, step, layer], ".-", color=colour, label=str(step + 1))
        name = "outputs" if layer == rows - 1 else f"layer {layer + 1}"
        above = "" if layer else f"{check.parametrisations[p].replace('_', ' ')}\n"
        axes.set_title(f"{above}{name}, exponent {slopes[p, layer]:+.2f}", fontsize=scaled(TITLE_FONT))
        moves = (change[..., layer] > 0).any()  # in the first steps some layers may stay as they are
        axes.set(xscale="log", yscale="log" if moves else "linear")
        axes.grid(alpha=0.3, which="both")
        _tick_widths(axes, check.width)
        if layer == rows - 1:
            axes.set_xlabel("width")
        if p == 0:
            axes.set_ylabel("mean $|a_t - a_0|$")
    legend_below(figure, grid[0, 0], title="step t")
    return figure


def _tick_widths(axes: Axes, width: np.ndarray) -> None:
    """Ticks at the widths themselves; of many, at some."""
    ticks = width[:: -(-len(width) // MOST_TICKS)]
    axes.set_xticks(ticks, list(map(str, ticks)))
    axes.minorticks_off()
    axes.tick_params(axis="x", labelrotation=45 if len(ticks) > 4 else 0)
