"""Scores against the learning rate for every width, and changes of activations against the width."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from jfnn.analysis import summary
from jfnn.arguments import checks
from jfnn.plots.panels import AXIS_LABELS, ordered_colours, panels, side_legend
from jfnn.widths.coordinates import CoordinateCheck
from jfnn.widths.transfers import LOSS, Transfer

TITLES = {"standard": "standard parametrisation", "maximal_update": "maximal-update parametrisation"}
MOST_TICKS = 8


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
    figure, (row,) = panels(4.4 * len(members) + 1.2, 4.0, columns=len(members), sharey=True)
    for p, (axes, parametrisation) in enumerate(zip(row, transfer.parametrisations, strict=True)):
        for w, (width, colour) in enumerate(zip(transfer.width, colours, strict=True)):
            axes.plot(rates, means[p, w], color=colour, label=str(width))
            axes.fill_between(
                rates, members[p, w].min(axis=-1), members[p, w].max(axis=-1), color=colour, alpha=0.15, lw=0
            )
            if np.isfinite(best[p, w]):
                at = int(np.argmax(rates == best[p, w]))
                axes.plot(best[p, w], means[p, w, at], "o", color=colour, markeredgecolor="black", zorder=3)
        axes.set(xscale="log", xlabel=AXIS_LABELS["learning_rate"], title=TITLES[parametrisation])
        axes.grid(alpha=0.3)
    if not transfer.groups.results[0].higher_is_better(name):
        row[0].set_yscale("log")
        row[0].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        row[0].yaxis.set_major_formatter(ScalarFormatter())
        row[0].yaxis.set_minor_formatter(NullFormatter())
    row[0].set_ylabel(summary.name_text(name))
    side_legend(figure, row[0], title="width")
    return figure


def coordinate_curves(check: CoordinateCheck) -> Figure:
    """By how much activations have changed against the width, one curve a step; a panel for each layer.

    Rows are parametrisations. Lines are means over seeds, of \\|a_t - a_0\\|; a panel's title has
    the exponent of the last step's.

    Args:
        check: From `jfnn.coordinate_check`.
    """
    checks.check_instance(check, CoordinateCheck, "check")
    change, slopes = check.change.mean(axis=2), check.slopes()  # [P, W, T, L]
    rows, _, steps, columns = change.shape
    size = 2.7 * columns + 1.6, 2.5 * rows + 0.5
    figure, places = panels(*size, rows, columns, sharex=True, sharey="col")
    for p, layer in np.ndindex(rows, columns):
        axes = places[p, layer]
        for step, colour in enumerate(ordered_colours(steps)):
            axes.plot(check.width, change[p, :, step, layer], ".-", color=colour, label=str(step + 1))
        name = "outputs" if layer == columns - 1 else f"layer {layer + 1}"
        axes.set_title(f"{name}, exponent {slopes[p, layer]:+.2f}", fontsize=10)
        moves = (change[..., layer] > 0).any()  # in the first steps some layers may stay as they are
        axes.set(xscale="log", yscale="log" if moves else "linear")
        axes.grid(alpha=0.3, which="both")
        _tick_widths(axes, check.width)
        if p == rows - 1:
            axes.set_xlabel("width")
    for first, parametrisation in zip(places[:, 0], check.parametrisations, strict=True):
        first.set_ylabel(f"{parametrisation.replace('_', ' ')}\nmean $|a_t - a_0|$")
    side_legend(figure, places[0, 0], title="step t")
    return figure


def _tick_widths(axes: Axes, width: np.ndarray) -> None:
    """Ticks at the widths themselves; of many, at some."""
    shown = width[:: -(-len(width) // MOST_TICKS)]
    axes.set_xticks(shown, list(map(str, shown)))
    axes.minorticks_off()
    axes.tick_params(axis="x", labelrotation=45 if len(shown) > 4 else 0)
