"""How well probabilities order the rows: ROC curves and cumulative gains, in bands over networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from jfnn.analysis.calibration import with_labels
from jfnn.analysis.intervals import LEAST, STATISTICS, Interval, as_interval
from jfnn.analysis.intervals import interval as confidence_interval
from jfnn.analysis.summary import extent_text
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.plots.panels import (
    NAMED,
    NEARLY_EQUAL,
    add_caption,
    colour_by,
    interval_title,
    legend_below,
    ordered_colours,
    panels,
    set_title,
)

GRID = np.linspace(0, 1, 501)  # where curves are known
FEW = 3  # curves; bands of more are paler
WITHIN = (0.0, 1.0)


class _Curve(NamedTuple):
    """One curve of several networks.

    Attributes:
        name: What it is of; empty for the only one.
        y: Values of each network on `GRID` ``[R, P]``.
        areas: Areas under the ROC curve of each ``[R]``.
        best: The best gains that there can be ``[P]``.
    """

    name: str
    y: np.ndarray
    areas: np.ndarray
    best: np.ndarray


def roc_curves(
    probabilities: ArrayLike | Mapping[str, ArrayLike],
    labels: ArrayLike,
    *,
    classes: Sequence[str] | None = None,
    interval: Interval | str | None = None,
) -> Figure:
    """Share of a class's rows that are found against the share of all others taken for it, by any threshold.

    Each network's curve is scikit-learn's ``roc_curve``; drawn is their mean at each share of others
    (Fawcett, Pattern Recognition Letters 27, 2006, "vertical averaging"), in a band of its interval. The
    legend has the area under it, the AUC that ranks sweeps as "auc", with its interval.

    Args:
        probabilities: ``[…, n, k]`` as `SweepResult.predict_proba` gives them, of one cell: all axes before
            the rows are of networks that count as one each. A curve is of class 1 where there are two, else
            of each class against all others. Or several by name, such as a network and scikit-learn's
            logistic regression: a curve each, of more than two classes the mean over classes.
        labels: Integers ``[n]``, or ``[…, n]`` where networks have rows of their own.
        classes: Names of the classes for the legend; None for their numbers.
        interval: The statistic drawn, or an `jfnn.analysis.Interval` with more; None for the mean.

    Raises:
        ValueError, TypeError: No probabilities, labels that do not fit them or lack a class, or no network
            that did not diverge.
    """
    kind, curves, notes = _curves(probabilities, labels, classes, interval, gains=False)
    figure, ((axes,),) = panels(4.6)
    _draw(figure, axes, curves, kind, gains=False)
    axes.set(xlabel="share of others taken for the class", ylabel="share of the class found")
    return _finished(figure, axes, curves, kind, notes)


def cumulative_gains(
    probabilities: ArrayLike | Mapping[str, ArrayLike],
    labels: ArrayLike,
    *,
    classes: Sequence[str] | None = None,
    interval: Interval | str | None = None,
) -> Figure:
    """Share of a class's rows that are found among the rows that are most likely of it.

    The rows are taken in the order of their probability, rows of equal ones in no order. The mean over
    networks is drawn in a band of its interval; a dotted line has the best that any order can reach.

    Args:
        probabilities: As in `roc_curves`.
        labels: The same.
        classes: The same.
        interval: The same.

    Raises:
        ValueError, TypeError: As there.
    """
    kind, curves, notes = _curves(probabilities, labels, classes, interval, gains=True)
    figure, ((axes,),) = panels(4.6)
    _draw(figure, axes, curves, kind, gains=True)
    axes.set(xlabel="share of all rows, most likely first", ylabel="share of the class found")
    return _finished(figure, axes, curves, kind, notes)


def _curves(
    probabilities: ArrayLike | Mapping[str, ArrayLike],
    labels: ArrayLike,
    classes: Sequence[str] | None,
    interval: Interval | str | None,
    gains: bool,
) -> tuple[Interval, list[_Curve], list[str]]:
    """The kind of interval, the curves, and what a caption says of networks left out."""
    kind = as_interval(interval)
    by_name = probabilities if isinstance(probabilities, Mapping) else {"": probabilities}
    if not by_name:
        raise ArgumentError("probabilities", "expected at least one, got none")
    curves = []
    notes = []
    for name, given in by_name.items():
        p, y = with_labels(given, labels)
        n, k = p.shape[-2:]
        p, y = p.reshape(-1, n, k), y.reshape(-1, n)
        failed = np.isnan(p).any(axis=(1, 2))
        if failed.all():
            raise ArgumentError("probabilities", "expected a network that did not diverge, got none")
        if failed.any():
            notes.append(f"{name} not shown: {failed.sum()} of {len(p)} networks, which diverged".lstrip())
        columns = _of_classes(p[~failed], y[~failed], _class_names(classes, max(k, 2)), gains)
        if isinstance(probabilities, Mapping):
            columns = [_mean(str(name), columns)]
        curves += columns
    return kind, curves, notes


def _mean(name: str, curves: Sequence[_Curve]) -> _Curve:
    """The mean of the curves of classes, at most 1 also where it is rounded."""
    arrays = zip(*(curve[1:] for curve in curves), strict=True)
    y, areas, best = (np.minimum(np.mean(each, axis=0), 1) for each in arrays)
    return _Curve(name, y, areas, best)


def _class_names(classes: Sequence[str] | None, k: int) -> list[str]:
    if classes is None:
        return [f"class {label}" for label in range(k)]
    if not checks.is_several(classes) or not all(isinstance(name, str) for name in classes):
        raise ArgumentTypeError("classes", f"expected {k} names", got=checks.shown(classes))
    if len(classes) != k:
        raise ArgumentError("classes", f"expected {k} names", got=str(len(classes)))
    return list(classes)


def _of_classes(p: np.ndarray, y: np.ndarray, names: Sequence[str], gains: bool) -> list[_Curve]:
    """A curve of each class of probabilities ``[R, n, k]``; of two classes one, of class 1."""
    k = p.shape[-1]
    if k <= 2:
        return [_curve("", p[..., -1], y == 1, gains)]
    return [_curve(names[label], p[..., label], y == label, gains) for label in range(k)]


def _curve(name: str, sure: np.ndarray, positive: np.ndarray, gains: bool) -> _Curve:
    """The curve of numbers ``[R, n]`` that order the rows, of which some are positive ``[R, n]``."""
    from sklearn.metrics import auc, roc_curve

    share = positive.mean(axis=1)
    if ((share == 0) | (share == 1)).any():
        raise ArgumentError(
            "labels", f"expected rows of every class and of others, {name or 'one'} lacks some"
        )
    values = []
    areas = []
    for numbers, is_positive, part in zip(sure, positive, share.tolist(), strict=True):
        false, true, _ = roc_curve(is_positive, numbers)
        areas.append(auc(false, true))
        taken = (1 - part) * false + part * true if gains else false
        values.append(np.interp(GRID, taken, true))
    best = np.minimum(GRID / share[:, None], 1).mean(axis=0)
    return _Curve(name, np.array(values), np.array(areas), best)


def _draw(figure: Figure, axes: Axes, curves: Sequence[_Curve], kind: Interval, gains: bool) -> None:
    """Curves in their bands; of many classes a bar of colours says which."""
    few = len(curves) <= NAMED
    names = [curve.name for curve in curves]
    numbers = np.arange(len(curves), dtype=float)
    colours = ordered_colours(len(curves)) if few else colour_by(figure, axes, numbers, "", names)
    axes.plot([0, 1], [0, 1], color="0.5", ls="--", lw=1, label="by chance")
    several = any(np.abs(curve.best - curves[0].best).max() > NEARLY_EQUAL for curve in curves)
    for i, curve in enumerate((curves if several else curves[:1]) if gains else []):
        label = None if i else "best possible"
        axes.plot(GRID, curve.best, ":", color=colours[i] if several else "0.3", lw=1, label=label)
    fewest = min(LEAST, max(len(curve.y) for curve in curves))
    for curve, colour in zip(curves, colours, strict=True):
        is_banded = 1 < len(curve.y) >= fewest
        if is_banded:
            low, high = _ends(curve.y.T, kind)
            alpha = 0.25 if len(curves) <= FEW else 0.12
            axes.fill_between(GRID, low, high, color=colour, alpha=alpha, lw=0)
        centre = STATISTICS[kind.statistic](curve.y, axis=0)
        area = "" if gains else _area(curve.areas, kind, is_banded)
        label = ": ".join(filter(None, [curve.name, area])) if few else ""
        axes.plot(np.append(0, GRID), np.append(0, centre), color=colour, lw=1.6, label=label or None)


def _ends(values: np.ndarray, kind: Interval) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the interval of values ``[…, R]``; of two values these."""
    if values.shape[-1] < LEAST:
        return values.min(axis=-1), values.max(axis=-1)
    return confidence_interval(values, kind, None, WITHIN)


def _area(areas: np.ndarray, kind: Interval, has_interval: bool) -> str:
    """The area under a curve, with its interval where there is one."""
    text = f"AUC {STATISTICS[kind.statistic](areas):.3f}"
    if not has_interval:
        return text
    low, high = _ends(areas, kind)
    return f"{text} ({low:.3f} to {high:.3f})"


def _finished(
    figure: Figure, axes: Axes, curves: Sequence[_Curve], kind: Interval, notes: Sequence[str]
) -> Figure:
    """The figure with its scales, title, legend and caption."""
    counts = [len(curve.y) for curve in curves]
    over = f"{extent_text((min(counts), max(counts)))} networks" if max(counts) > 1 else ""
    set_title(axes, interval_title(over, max(counts), kind) if over else "one network")
    ticks = np.linspace(0, 1, 6)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xticks=ticks, yticks=ticks)
    axes.grid(alpha=0.3)
    legend_below(figure, axes)
    if notes:
        add_caption(figure, notes)
    return figure
