"""Curves with confidence bands: scores of cells over the epochs, and performance profiles.

A few curves have a legend; many have a colour bar, or where no number tells them apart the best alone a name.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from jfnn import checks
from jfnn.analysis import summary
from jfnn.analysis.profiles import Profile
from jfnn.analysis.runs import Curves, Interval, centre, curve_statistics
from jfnn.checks import ArgumentError, ArgumentTypeError
from jfnn.plots.curves import as_cells
from jfnn.plots.grids import takes_log_scale
from jfnn.search.result import SweepResult

NAMED = 10  # more curves have no legend
SHADED = 30  # more curves over the epochs have no bands but that of the best
STATISTICS = {"mean": "mean", "median": "median", "iqm": "interquartile mean"}
BEST = "#b00020"


class _Band(NamedTuple):
    name: str
    x: np.ndarray
    line: np.ndarray
    low: np.ndarray
    high: np.ndarray
    colour: Any


def interval_curves(
    result: SweepResult,
    score: str | None = None,
    cells: Sequence[tuple[int, ...]] | str | None = None,
    interval: Interval | str | None = None,
    missing: str | float = "nan",
) -> Figure:
    """A score of cells over the epochs: its mean, median or interquartile mean, in a band of its interval.

    Of more than ten cells colours stand for the hyperparameter that varies most; of more than thirty the best
    cell alone has a band.

    Args:
        result: A sweep that kept its history, of several seeds or folds (of one there are no bands).
        score: Such as "test_accuracy"; None for the one that ranks.
        cells: Places on every axis but the seeds and folds; "all"; None for up to six, as in `loss_curves`.
        interval: The statistic drawn, or an `Interval` with more; None for the mean and its t interval.
        missing: What becomes of runs that diverged; see `jfnn.analysis.runs.final_statistics`.

    Raises:
        ValueError: No history, no such cell, or as in `curve_statistics`.
    """
    curves = curve_statistics(result, score, interval, missing)
    chosen = _chosen(result, cells)
    norm, name = _colour_axis(result, chosen)
    best = result.best_or_none()
    place = chosen.index(best.index) if best is not None and best.index in chosen else None
    bands = _bands(result, curves, chosen, name, norm)
    figure, axes = _panel(len(bands))
    _draw(figure, axes, bands, place, SHADED)
    if len(bands) > NAMED and name is not None:
        bar = figure.colorbar(ScalarMappable(norm, matplotlib.colormaps["viridis"]), ax=axes, pad=0.02)
        symbol = summary.SYMBOLS.get(name, name)
        bar.set_label(symbol, rotation=0 if len(symbol) == 1 else 90)
    higher_is_better = result.higher_is_better(curves.score)
    _limit(axes, bands, higher_is_better)
    kind, text = curves.interval, summary.name_text(curves.score)
    axes.set(
        xlabel="epochs",
        ylabel=text,
        title=f"{STATISTICS[kind.statistic]} over {summary.averaged_over(result) or 'one run'}, "
        f"{kind.confidence:.0%} interval",
    )
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    return figure


def profile_curves(profiles: Mapping[str, Profile], score: str = "score") -> Figure:
    """The share of runs better than each threshold, in bands of its interval.

    Of more than ten profiles the best on average over the thresholds alone has a name and a band; the others'
    colours are in the order of these averages.

    Args:
        profiles: Name -> profile, from `jfnn.analysis.profiles.performance_profiles`.
        score: What the thresholds are of.

    Raises:
        ValueError: There are none.
    """
    if not isinstance(profiles, Mapping) or not all(isinstance(v, Profile) for v in profiles.values()):
        raise ArgumentTypeError(
            "profiles", f"expected names to jfnn.analysis.Profile, got {checks.shown(profiles)}"
        )
    if not profiles:
        raise ArgumentError("profiles", "expected at least one")
    checks.check_instance(score, str, "score")
    means = np.array([profile.share.mean() for profile in profiles.values()])
    ranks = np.argsort(np.argsort(means, kind="stable"))
    map_, most = matplotlib.colormaps["viridis"], max(len(means) - 1, 1)
    places = range(len(means)) if len(means) <= NAMED else ranks
    bands = [
        _Band(name, profile.thresholds, *profile[1:], map_(0.9 * place / most))
        for (name, profile), place in zip(profiles.items(), places, strict=True)
    ]
    figure, axes = _panel(len(bands))
    _draw(figure, axes, bands, int(means.argmax()), NAMED, step="post")
    axes.set(xlabel=f"threshold ({score})", ylabel="share of runs that are better", ylim=(-0.02, 1.02))
    return figure


def _chosen(result: SweepResult, cells: Sequence[tuple[int, ...]] | str | None) -> list[tuple[int, ...]]:
    """Places of cells, checked."""
    if isinstance(cells, str):
        if cells != "all":
            raise ArgumentError("cells", f"expected places or 'all', got {cells!r}")
        return list(np.ndindex(*result.cell_shape))
    return as_cells(cells, result)


def _colour_axis(result: SweepResult, cells: Sequence[tuple[int, ...]]) -> tuple[Normalize, str | None]:
    """The scale of colours, and the name of the axis with the most values among cells, if it has two."""
    of_cells = [result.axes_at(cell) for cell in cells]
    values = {name: np.array([axes[name] for axes in of_cells]) for name in result.axes}
    name = max(values, key=lambda name: len(np.unique(values[name])))
    least, most = values[name].min(), values[name].max()
    if least == most:
        return Normalize(0, 1), None
    return (LogNorm if least > 0 and most / least > 20 else Normalize)(least, most), name


def _bands(
    result: SweepResult,
    curves: Curves,
    cells: Sequence[tuple[int, ...]],
    name: str | None,
    norm: Normalize,
) -> list[_Band]:
    """Lines and bands of cells; a few have colours in order, many those of the axis."""
    lines = centre(curves.runs, curves.interval.statistic)
    map_ = matplotlib.colormaps["viridis"]
    bands = []
    for place, cell in enumerate(cells):
        at = result.axes_at(cell)
        share = 0.9 * place / max(len(cells) - 1, 1)
        colour = map_(float(norm(at[name]))) if len(cells) > NAMED and name is not None else map_(share)
        low, high = curves.runs.low[cell], curves.runs.high[cell]
        bands.append(_Band(summary.describe(at), curves.epoch, lines[cell], low, high, colour))
    return bands


def _panel(curves: int) -> tuple[Figure, Axes]:
    """A figure with one panel, with room for the names of a few."""
    figure = Figure(figsize=(9.6 if curves <= NAMED else 7.6, 4.4), layout="constrained")
    return figure, figure.subplots()


def _draw(
    figure: Figure,
    axes: Axes,
    bands: Sequence[_Band],
    best: int | None,
    shaded: int,
    step: Literal["post"] | None = None,
) -> None:
    """Lines with their bands, the best on top, and names for a few."""
    few = len(bands) <= NAMED
    for place, band in enumerate(bands):
        is_best = place == best
        stands_out = is_best and not few
        colour = BEST if stands_out else band.colour
        if len(bands) <= shaded or is_best:
            alpha = 0.25 if few or stands_out else 0.1
            shade: dict[str, Any] = {
                "color": colour,
                "alpha": alpha,
                "linewidth": 0,
                "zorder": 3 if is_best else 1,
            }
            axes.fill_between(band.x, band.low, band.high, step=step, **shade)
        axes.plot(
            band.x,
            band.line,
            drawstyle="default" if step is None else f"steps-{step}",
            color=colour,
            linewidth=2.2 if is_best else (1.4 if few else 0.7),
            alpha=1 if few or is_best else 0.75,
            marker="o" if len(band.x) == 1 else "",
            label=band.name + " (best)" * is_best if few or is_best else None,
            zorder=4 if is_best else 2,
        )
    axes.grid(alpha=0.3)
    if few:
        figure.legend(loc="outside right upper", frameon=False)
    elif best is not None:
        axes.legend(loc="best", frameon=True, framealpha=0.9)


def _limit(axes: Axes, bands: Sequence[_Band], higher_is_better: bool) -> None:
    """Keeps the lines in sight, where bands of few runs are much wider than these differ."""
    lines = np.concatenate([band.line for band in bands])
    lines = lines[np.isfinite(lines)]
    if not lines.size:
        return
    least, most = lines.min(), lines.max()
    if takes_log_scale(lines, higher_is_better):
        axes.set_yscale("log")
        least = lines[lines > 0].min()
        axes.set_ylim(least / 2, 2 * min(most, 1e4 * float(np.median(lines))))
        return
    lows = np.concatenate([band.low for band in bands])
    highs = np.concatenate([band.high for band in bands])
    room = max((most - least) / 2, 1e-9)
    low = max(np.nanmin(np.append(lows, least)), least - room) - 0.02 * room
    high = min(np.nanmax(np.append(highs, most)), most + room) + 0.02 * room
    if higher_is_better and most <= 1:  # accuracies, R²
        high = min(high, 1.02)
        low = max(low, -0.02) if least >= 0 else low
    axes.set_ylim(low, high)
