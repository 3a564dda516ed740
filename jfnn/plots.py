"""Figures of sweeps, training runs and small classifiers.

Every function builds a new `matplotlib.figure.Figure` and returns it: nothing is shown, nothing is kept, and
pyplot's global state stays out of it. ``figure.savefig(path)`` writes one; a notebook shows one by itself.
"""

import math
import textwrap
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap, LogNorm, Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from jfnn.engine.result import Best, SweepResult
from jfnn.engine.sweep import History

PARTS = ("train", "test")
SYMBOLS = {"learning_rate": "η", "l2": "λ"}
AXIS_LABELS = {"learning_rate": "learning rate η", "l2": "L2 penalty λ"}

POINTS_PER_INCH = 72
# The width of a character in units of the font size: the digits of the default font take 0.64.
CHARACTER_WIDTH = 0.64
# A heat map's cells, in inches, and the longest side of one panel, where cells must shrink instead.
CELL_RANGE = (0.44, 0.85)
LONGEST_PANEL = 12.0
CAPTION_FONT = 10.0
SMALLEST_FONT, LARGEST_FONT = 5.0, 11.0

DIVERGED = "0.9"
BEST = "#e6002e"
WRONG = "#c00020"


def heat_map(result: SweepResult, at: dict[str, int] | None = None) -> Figure:
    """The η×λ grid, train and test side by side, averaged over the seeds, values written in the cells.

    Shows accuracies; where the targets are no classes, losses on a logarithmic scale. Brighter is better. A
    cell that diverged with any seed is hatched and says "div", as it does not rank either. The cell that
    `SweepResult.best` names is outlined, if it lies in what is shown.

    Args:
        result: A sweep.
        at: Where it has further axes: the place (from 0) on each of them, name -> index. Axes of length one
            need not be named.

    Raises:
        ValueError: ``at`` lacks one of the further axes, names another, or there is no such place.
    """
    further = _places(result, at or {})
    best = _best(result)
    kind = "accuracy" if best is None or best.ranked_by == "test_accuracy" else "loss"
    values = {
        part: np.asarray(getattr(result, f"{part}_{kind}"), np.float64).mean(axis=-1)[:, :, *further]
        for part in PARTS
    }
    norm, colours = _colour_scale(kind, np.stack(list(values.values())))
    texts = {part: _texts(cells, kind) for part, cells in values.items()}
    rows, columns = values["test"].shape
    cell = float(np.clip(6.0 / max(rows, columns), *CELL_RANGE))
    cell = min(cell, LONGEST_PANEL / max(rows, columns))
    font = _fitting_font([text for part in PARTS for text in texts[part].ravel()], cell)

    figure = Figure(figsize=(2 * columns * cell + 2.6, rows * cell + 1.6), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, (part, cells) in zip(panels, values.items(), strict=True):
        image = axes.imshow(np.ma.masked_invalid(cells), cmap=colours, norm=norm, aspect="equal")
        axes.set_title(f"{part} {kind}")
        _write_values(axes, cells, texts[part], font, lambda value: colours(norm(value)))
        _label_ticks(axes, result, cell)
        if best is not None and best.index[2:] == further:
            _outline(axes, best.index[0], best.index[1])
    panels[0].set_ylabel(AXIS_LABELS["learning_rate"])
    figure.colorbar(image, ax=panels, label=kind, shrink=0.9, pad=0.01, fraction=0.05)
    line = int(figure.get_figwidth() * POINTS_PER_INCH / (CHARACTER_WIDTH * CAPTION_FONT))
    figure.suptitle(textwrap.fill(_caption(result, best, further), line), fontsize=CAPTION_FONT)
    return figure


def loss_curves(run: SweepResult | History, cells: list[tuple[int, ...]] | None = None) -> Figure:
    """Loss and accuracy over the epochs, train solid and test dashed, averaged over the seeds.

    A curve ends where its member diverged. There is no panel for accuracies where the targets are no classes.

    Args:
        run: A sweep that kept its history, or the `History` of `jfnn.train`.
        cells: For a sweep, the cells to show: places on every axis but the seeds. The default takes up to six
            learning rates, the best cell's among them, all else as in the best cell.

    Raises:
        ValueError: No history was kept, or there is no such cell.
    """
    curves = _history_curves(run) if isinstance(run, History) else _cell_curves(run, cells)
    kinds = [
        kind
        for kind in ("loss", "accuracy")
        if kind == "loss" or any(np.isfinite(curve.scores["train_accuracy"]).any() for curve in curves)
    ]
    labelled = any(curve.label for curve in curves)
    figure = Figure(figsize=(4.8 * len(kinds) + 2.4 * labelled, 3.8), layout="constrained")
    for axes, kind in zip(figure.subplots(1, len(kinds), squeeze=False)[0], kinds, strict=True):
        for curve, colour in zip(curves, _sequence_of_colours(len(curves)), strict=True):
            for part, line in zip(PARTS, ("-", "--"), strict=True):
                scores = curve.scores[f"{part}_{kind}"]
                label = curve.label if part == "train" else None
                marker = "." if len(curve.epochs) <= 20 else ""
                axes.plot(curve.epochs, scores, line, color=colour, marker=marker, label=label)
        if kind == "loss":
            axes.set_yscale("log")
        axes.set(xlabel="epochs", ylabel=kind, title=f"{kind} (train solid, test dashed)")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
    if labelled:
        figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper", frameon=False)
    return figure


def images(x, labels, predicted=None) -> Figure:
    """Square images in rows of up to ten, each with its label above it.

    Args:
        x: Images ``[n, side²]`` or ``[n, side, side]``; larger values are darker.
        labels: ``[n]``.
        predicted: Optional ``[n]``; a wrong one is written behind the label, "6 → 5", and framed in red.

    Raises:
        ValueError: No images, images that are not square, or lengths that differ.
    """
    pictures = _squares(np.asarray(x), "x")
    labels = np.asarray(labels)
    given = labels if predicted is None else np.asarray(predicted)
    for name, array in (("labels", labels), ("predicted", given)):
        if array.shape != (len(pictures),):
            raise ValueError(f"{name}: expected {len(pictures)}, one for each image, got shape {array.shape}")
    figure, panels = _gallery(len(pictures), columns=10, height=1.3)
    for axes, picture, label, guess in zip(panels, pictures, labels, given, strict=True):
        axes.imshow(picture, cmap="gray_r")
        wrong = guess != label
        axes.set_title(f"{label} → {guess}" if wrong else f"{label}", color=WRONG if wrong else "black")
        _frame(axes, WRONG if wrong else "0.7", 2.5 if wrong else 0.5)
    return figure


def decision_regions(predict_function, x, labels, resolution: int = 300) -> Figure:
    """The regions that a classifier of two inputs assigns to each class, and the points themselves.

    Args:
        predict_function: ``[m, 2] -> labels [m]``.
        x: Points ``[n, 2]``.
        labels: Their classes ``[n]``.
        resolution: Points a side at which the classifier is asked.

    Raises:
        ValueError: Points that do not have two coordinates, or lengths that differ.
    """
    x, labels = np.asarray(x), np.asarray(labels)
    if x.ndim != 2 or x.shape[1] != 2 or len(x) == 0:
        raise ValueError(f"x: expected points [n, 2], got shape {x.shape}")
    if labels.shape != (len(x),):
        raise ValueError(f"labels: expected {len(x)}, one for each point, got shape {labels.shape}")
    span = np.ptp(x, axis=0)
    margin = np.where(span > 0, 0.25 * span, 0.5)
    low, high = x.min(axis=0) - margin, x.max(axis=0) + margin
    sides = np.linspace(low, high, resolution).T
    mesh = np.stack(np.meshgrid(*sides), axis=-1)
    regions = np.asarray(predict_function(mesh.reshape(-1, 2))).reshape(resolution, resolution)

    classes = np.unique(np.concatenate([labels, regions.ravel()]))
    strong = [to_rgb(matplotlib.colormaps["tab10"](i % 10)) for i in range(len(classes))]
    pale = ListedColormap([tuple(0.3 * part + 0.7 for part in colour) for colour in strong])
    figure = Figure(figsize=(4.8, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.imshow(
        np.searchsorted(classes, regions),
        cmap=pale,
        norm=Normalize(-0.5, len(classes) - 0.5),
        extent=(low[0], high[0], low[1], high[1]),
        origin="lower",
        aspect="auto",
    )
    for label, colour in zip(classes, strong, strict=True):
        points = x[labels == label]
        axes.scatter(points[:, 0], points[:, 1], color=[colour], edgecolor="black", s=45, label=f"{label}")
    axes.set(xlabel="$x_1$", ylabel="$x_2$")
    figure.legend(*axes.get_legend_handles_labels(), title="class", loc="outside right upper", frameon=False)
    return figure


def weights_as_images(w) -> Figure:
    """Each unit's incoming weights as an image, one colour scale for all, symmetric about zero.

    Args:
        w: First-layer weights ``[side², units]``.

    Raises:
        ValueError: ``w`` is no matrix of finite numbers, or its inputs do not form a square.
    """
    w = np.asarray(w, np.float64)
    if w.ndim != 2 or not np.isfinite(w).all():
        raise ValueError(f"w: expected finite weights [side², units], got shape {w.shape}")
    pictures = _squares(w.T, "w")
    limit = float(np.abs(w).max()) or 1.0
    figure, panels = _gallery(len(pictures), columns=math.ceil(math.sqrt(2 * len(pictures))), height=0.85)
    for axes, picture in zip(panels, pictures, strict=True):
        image = axes.imshow(picture, cmap="RdBu_r", norm=Normalize(-limit, limit))
        _frame(axes, "0.7", 0.5)
    figure.colorbar(image, ax=panels, label="weight", pad=0.02, fraction=0.05)
    return figure


class _Curve(NamedTuple):
    label: str
    epochs: np.ndarray
    scores: dict[str, np.ndarray]


def _history_curves(history: History) -> list[_Curve]:
    if len(history.epoch) == 0:
        raise ValueError("run: no history was kept; train with history=True")
    label = "" if history.diverged_at < 0 else f"diverged in epoch {history.diverged_at + 1}"
    scores = {name: np.asarray(values) for name, values in history._asdict().items() if name != "diverged_at"}
    return [_Curve(label, scores.pop("epoch"), scores)]


def _cell_curves(result: SweepResult, cells) -> list[_Curve]:
    if not result.history:
        raise ValueError("run: no history was kept; sweep with history=True and segment=1")
    shape = result.diverged_at.shape[:-1]
    found = []
    for cell in _default_cells(result, shape) if cells is None else cells:
        if len(cell) != len(shape) or not all(0 <= i < n for i, n in zip(cell, shape, strict=True)):
            raise ValueError(f"cells: no such place {tuple(cell)} in a grid of shape {shape}")
        place = zip(result.axes, cell, strict=True)
        label = _describe({name: result.axes[name][i] for name, i in place})
        label += " (div)" if (result.diverged_at[cell] >= 0).any() else ""
        kept = result.history.items()
        scores = {name: values[cell].mean(axis=0) for name, values in kept if name != "epoch"}
        found.append(_Curve(label, result.history["epoch"], scores))
    return found


def _default_cells(result: SweepResult, shape, most: int = 6) -> list[tuple[int, ...]]:
    """The best cell and others that differ from it in the learning rate."""
    best = _best(result)
    chosen, *rest = best.index if best else (0,) * len(shape)
    others = [i for i in range(shape[0]) if i != chosen]
    spread = np.linspace(0, len(others) - 1, min(most - 1, len(others))).round().astype(int)
    picked = {others[i] for i in spread}
    return [(i, *rest) for i in sorted(picked | {chosen})]


def _best(result: SweepResult) -> Best | None:
    try:
        return result.best()
    except ValueError:  # every cell diverged
        return None


def _places(result: SweepResult, at: dict[str, int]) -> tuple[int, ...]:
    further = {name: len(values) for name, values in list(result.axes.items())[2:]}
    at = {name: 0 for name, length in further.items() if length == 1} | at
    if set(at) != set(further):
        expected = ", ".join(further) or "none"
        raise ValueError(f"at: expected a place on each further axis ({expected}), got {at}")
    for name, place in at.items():
        if not 0 <= place < further[name]:
            raise ValueError(f"at: no place {place} on the axis {name} of length {further[name]}")
    return tuple(at[name] for name in further)


def _colour_scale(kind: str, values: np.ndarray) -> tuple[Normalize, Colormap]:
    """Bright is good: high accuracies, on the whole scale from 0 to 1; low losses, on a logarithmic one."""
    if kind == "accuracy":
        return Normalize(0, 1), matplotlib.colormaps["viridis"]
    positive = values[np.isfinite(values) & (values > 0)]
    low, high = (positive.min(), positive.max()) if positive.size else (0.1, 1.0)
    return LogNorm(low, max(high, low * 1.01), clip=True), matplotlib.colormaps["viridis_r"]


def _texts(cells: np.ndarray, kind: str) -> np.ndarray:
    """What is written in each cell."""

    def text(value):
        if not np.isfinite(value):
            return "div"
        return f"{value:.3f}" if kind == "accuracy" else _compact(value, 3)

    return np.array([[text(value) for value in row] for row in cells], dtype=object)


def _write_values(axes: Axes, cells, texts, font: float, colour_of) -> None:
    """Writes the cells' texts in a colour that stands out from theirs, and hatches those that diverged."""
    for (i, j), text in np.ndenumerate(texts):
        diverged = not np.isfinite(cells[i, j])
        if diverged:
            box = Rectangle((j - 0.5, i - 0.5), 1, 1, facecolor=DIVERGED, edgecolor="0.6", hatch="////", lw=0)
            axes.add_patch(box)
        if font >= SMALLEST_FONT:
            colour = "black" if diverged else _readable_on(colour_of(cells[i, j]))
            written = axes.text(j, i, text, ha="center", va="center", color=colour, fontsize=font)
            if diverged:
                written.set_path_effects([withStroke(linewidth=3, foreground=DIVERGED)])


def _fitting_font(texts, cell: float) -> float:
    """The size at which the longest text takes nine tenths of a cell's width."""
    return min(LARGEST_FONT, 0.9 * cell * POINTS_PER_INCH / (CHARACTER_WIDTH * max(map(len, texts))))


def _readable_on(colour) -> str:
    red, green, blue, *_ = colour
    return "black" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.45 else "white"


def _label_ticks(axes: Axes, result: SweepResult, cell: float) -> None:
    across, down = _labels(result.l2), _labels(result.learning_rate)
    font = float(np.clip(14 * cell, 6, 10))
    room = cell * POINTS_PER_INCH
    crowded = CHARACTER_WIDTH * font * max(map(len, across)) > 0.9 * room
    every = math.ceil(1.2 * font / room)
    axes.set_xticks(range(0, len(across), every), across[::every], fontsize=font, rotation=90 * crowded)
    axes.set_yticks(range(0, len(down), every), down[::every], fontsize=font)
    axes.set_xlabel(AXIS_LABELS["l2"])
    axes.tick_params(length=2)


def _outline(axes: Axes, row: int, column: int) -> None:
    box = Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=BEST, linewidth=2.5, zorder=3)
    box.set_path_effects([withStroke(linewidth=4.5, foreground="white")])
    box.set_clip_on(False)
    axes.add_patch(box)


def _caption(result: SweepResult, best: Best | None, further: tuple[int, ...]) -> str:
    seeds = len(result.seeds)
    parts = [f"{seeds} seed{'s averaged' if seeds > 1 else ''}"]
    names = list(result.axes)[2:]
    if names:
        parts.append(_describe({name: result.axes[name][i] for name, i in zip(names, further, strict=True)}))
    if best is None:
        parts.append("every cell diverged")
    else:
        score = f"{best.score:.3f}" if best.ranked_by == "test_accuracy" else _compact(best.score, 3)
        elsewhere = "" if best.index[2:] == further else " (not shown)"
        parts.append(f"best {best.ranked_by.replace('_', ' ')} {score} at {_describe(best.axes)}{elsewhere}")
    return "; ".join(parts)


def _describe(axes: dict[str, float]) -> str:
    return ", ".join(f"{SYMBOLS.get(name, name)} = {_compact(value, 3)}" for name, value in axes.items())


def _labels(values) -> list[str]:
    """The shortest labels, from two digits on, that tell the values of an axis apart."""
    for digits in range(2, 18):
        labels = [_compact(value, digits) for value in values]
        if len(set(labels)) == len(set(values)):
            break
    return labels


def _compact(value: float, digits: int) -> str:
    """A number in few characters: 1e-5 rather than 1e-05, 2.5e-3 rather than 0.0025."""
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    if value == 0 or -2 <= int(exponent) < digits:
        return f"{value:.{digits}g}"
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}e{int(exponent)}"


def _sequence_of_colours(n: int) -> list:
    return [matplotlib.colormaps["viridis"](place) for place in np.linspace(0, 0.9, n)]


def _squares(x: np.ndarray, argument: str) -> np.ndarray:
    """``[n, side²]`` or ``[n, side, side]`` as ``[n, side, side]``."""
    side = math.isqrt(math.prod(x.shape[1:]))
    if x.ndim not in (2, 3) or 0 in x.shape or x.shape[1:] not in ((side * side,), (side, side)):
        raise ValueError(f"{argument}: expected square images, side² numbers each, got shape {x.shape}")
    return x.reshape(len(x), side, side)


def _gallery(n: int, columns: int, height: float) -> tuple[Figure, list[Axes]]:
    """A figure with a panel for each of ``n`` images; places left over in the last row stay empty."""
    columns = min(columns, n)
    rows = math.ceil(n / columns)
    figure = Figure(figsize=(columns + 0.6, rows * height + 0.2), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for axes in panels[n:]:
        axes.set_axis_off()
    return figure, panels[:n]


def _frame(axes: Axes, colour: str, width: float) -> None:
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(edgecolor=colour, linewidth=width)
