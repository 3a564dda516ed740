"""Scores against the learning rate for every width, and changes of activations against the width."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from jfnn.analysis import summary
from jfnn.arguments import checks
from jfnn.plots.panels import AXIS_LABELS, legend_below, ordered_colours, panels
from jfnn.widths.coordinates import CoordinateCheck
from jfnn.widths.transfers import LOSS, Transfer

TITLES = {"standard": "standard parametrisation", "maximal_update": "maximal-update parametrisation"}
MOST_TICKS = 8
TITLE_FONT = 9.0


def transfer_curves(transfer: Transfer, name: str = LOSS) -> Figure:
    """A score against the learning rate, one curve a width, a panel for each parametrisation.

    Means over seeds and folds, with a band from the least to the greatest of them; a dot marks each width's
    best learning rate. A curve has no points where a member diverged.

    Args:
        transfer: The sweeps.
        name: The score, such as "train_loss" or "test_accuracy".
    """
    checks.check_instance(transfer, Transfer, "transfer")
    members = transfer.scores(name, seeds=True)
    means, rates = members.mean(axis=-1), transfer.learning_rate
    best, colours = transfer.best_rates(name), ordered_colours(len(transfer.width))
    figure, column = panels(3.2 * len(members), len(members), sharex=True, sharey=True)
    row = column[:, 0]
    for p, (axes, parametrisation) in enumerate(zip(row, transfer.parametrisations, strict=True)):
        for w, (width, colour) in enumerate(zip(transfer.width, colours, strict=True)):
            axes.plot(rates, means[p, w], color=colour, label=str(width))
            axes.fill_between(
                rates, members[p, w].min(axis=-1), members[p, w].max(axis=-1), color=colour, alpha=0.15, lw=0
            )
            if np.isfinite(best[p, w]):
                at = int(np.argmax(rates == best[p, w]))
                axes.plot(best[p, w], means[p, w, at], "o", color=colour, markeredgecolor="black", zorder=3)
        axes.set(xscale="log", title=TITLES[parametrisation], ylabel=summary.name_text(name))
        axes.grid(alpha=0.3)
    if not transfer.groups.results[0].higher_is_better(name):
        row[0].set_yscale("log")
        row[0].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        row[0].yaxis.set_major_formatter(ScalarFormatter())
        row[0].yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(AXIS_LABELS["learning_rate"])
    legend_below(figure, axes, title="width")
    return figure


def coordinate_curves(check: CoordinateCheck) -> Figure:
    """By how much activations have changed against the width, one curve a step; a panel for each layer.

    Columns are parametrisations. Lines are means over seeds, of \\|a_t - a_0\\|; a panel's title has
    the exponent of the last step's.

    Args:
        check: From `jfnn.coordinate_check`.
    """
    checks.check_instance(check, CoordinateCheck, "check")
    change, slopes = check.change.mean(axis=2), check.slopes()  # [P, W, T, L]
    columns, _, steps, rows = change.shape
    figure, places = panels(1.9 * rows + 0.6, rows, columns, sharex=True, sharey="row")
    for p, layer in np.ndindex(columns, rows):
        axes = places[layer, p]
        for step, colour in enumerate(ordered_colours(steps)):
            axes.plot(check.width, change[p, :, step, layer], ".-", color=colour, label=str(step + 1))
        name = "outputs" if layer == rows - 1 else f"layer {layer + 1}"
        above = "" if layer else f"{check.parametrisations[p].replace('_', ' ')}\n"
        axes.set_title(f"{above}{name}, exponent {slopes[p, layer]:+.2f}", fontsize=TITLE_FONT)
        moves = (change[..., layer] > 0).any()  # in the first steps some layers may stay as they are
        axes.set(xscale="log", yscale="log" if moves else "linear")
        axes.grid(alpha=0.3, which="both")
        _tick_widths(axes, check.width)
        if layer == rows - 1:
            axes.set_xlabel("width")
        if p == 0:
            axes.set_ylabel("mean $|a_t - a_0|$")
    legend_below(figure, places[0, 0], title="step t")
    return figure


def _tick_widths(axes: Axes, width: np.ndarray) -> None:
    """Ticks at the widths themselves; of many, at some."""
    ticks = width[:: -(-len(width) // MOST_TICKS)]
    axes.set_xticks(ticks, list(map(str, ticks)))
    axes.minorticks_off()
    axes.tick_params(axis="x", labelrotation=45 if len(ticks) > 4 else 0)
