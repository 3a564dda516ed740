"""Cells of a random search: a panel for each hyperparameter that varies, the score over its values."""

import math
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from jfnn import checks
from jfnn.analysis import summary
from jfnn.plots.grids import AXIS_LABELS, BEST, add_caption, takes_log_scale
from jfnn.search.result import SweepResult

PANELS_A_ROW = 3  # at most
DIVERGED_AT = 0.03  # height of the marks of diverged cells, as a part of the panel's


def scatter(result: SweepResult) -> Figure:
    """The score that ranks over each hyperparameter that varies, averaged over seeds and folds.

    Colours stand for the learning rate, if that varies. An axis is logarithmic where the values spread evenly
    on a logarithmic one; so is that of losses. Cells that diverged with any seed or fold are crosses at the
    bottom; pruned ones are hollow, as their score was taken after fewer epochs. The cell of
    `SweepResult.best` has a ring.

    Args:
        result: A sweep, in particular a random search.
    """
    checks.check_instance(result, SweepResult, "result")
    places = [result.axes_at(place) for place in np.ndindex(result.cell_shape)]
    cells = {name: np.array([axes[name] for axes in places]) for name in result.axes}
    scores, pruned = result.cell_scores().ravel(), result.pruned_cells.ravel()
    shown = [name for name, values in cells.items() if np.ptp(values) > 0] or ["learning_rate"]
    rows = math.ceil(len(shown) / PANELS_A_ROW)
    columns = math.ceil(len(shown) / rows)
    figure = Figure(figsize=(3.3 * columns + 1.2, 3.0 * rows + 0.6), layout="constrained")
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel().tolist()
    for axes in panels[len(shown) :]:
        axes.remove()
    panels = panels[: len(shown)]
    colours = _colours(figure, panels, cells["learning_rate"])
    for axes, name in zip(panels, shown, strict=True):
        _draw_cells(axes, cells[name], scores, pruned, colours)
        _draw_best(axes, result, name)
        axes.set_xscale(**_scale(cells[name]))
        axes.set_xlabel(AXIS_LABELS.get(name, name))
    if takes_log_scale(scores, result.higher_is_better()):
        panels[0].set_yscale("log")
    for axes in panels[::columns]:
        axes.set_ylabel(summary.name_text(result.ranked_by))
    add_caption(figure, _caption(result, scores, pruned))
    return figure


def _colours(figure: Figure, panels: list[Axes], learning_rate: np.ndarray) -> np.ndarray:
    """A colour for each cell ``[cells, 4]``, and the bar that explains them if they differ."""
    low, high = learning_rate.min(), learning_rate.max()
    if low == high:
        return np.asarray(matplotlib.colormaps["viridis"](np.full(len(learning_rate), 0.4)))
    logarithmic = _scale(learning_rate)["value"] == "log"
    colours = ScalarMappable((LogNorm if logarithmic else Normalize)(low, high), "viridis")
    figure.colorbar(colours, ax=panels, label=AXIS_LABELS["learning_rate"], pad=0.01)
    return np.asarray(colours.to_rgba(learning_rate))


def _scale(values: np.ndarray) -> dict[str, Any]:
    """A logarithmic axis where the median is nearer to the middle of one; zeros are at its end."""
    positive = values[values > 0]
    if not positive.size or (values < 0).any():
        return {"value": "linear"}
    low, high = positive.min(), positive.max()
    if low == high or np.median(positive) > math.sqrt(math.sqrt(low * high) * (low + high) / 2):
        return {"value": "linear"}
    return {"value": "log"} if positive.size == values.size else {"value": "symlog", "linthresh": low}


def _draw_cells(
    axes: Axes, values: np.ndarray, scores: np.ndarray, pruned: np.ndarray, colours: np.ndarray
) -> None:
    diverged = np.isnan(scores)
    for cells, filled in ((~diverged & ~pruned, True), (~diverged & pruned, False)):
        faces = colours[cells] if filled else "none"
        axes.scatter(values[cells], scores[cells], s=28, facecolors=faces, edgecolors=colours[cells])
    bottom = axes.get_xaxis_transform()
    heights = np.full(diverged.sum(), DIVERGED_AT)
    axes.plot(values[diverged], heights, "x", color="0.4", transform=bottom)
    axes.grid(alpha=0.3)


def _draw_best(axes: Axes, result: SweepResult, name: str) -> None:
    best = result.best_or_none()
    if best is not None:
        place = best.axes[name], best.score
        axes.scatter(*place, s=120, facecolors="none", edgecolors=BEST, linewidths=2, zorder=3)


def _caption(result: SweepResult, scores: np.ndarray, pruned: np.ndarray) -> list[str]:
    diverged, members = np.isnan(scores), summary.members_text(result)
    parts = [f"{len(scores)} cells", f"{members} averaged" if members else "1 seed"]
    parts.append(summary.best_text(result))
    if diverged.any():
        parts.append(f"crosses: {diverged.sum()} diverged")
    if (pruned & ~diverged).any():
        parts.append("hollow: pruned")
    return parts
