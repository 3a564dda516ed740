"""Scores over the epochs, of a sweep's cells or of one training run."""

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from jfnn.analysis import summary
from jfnn.search.result import SweepResult
from jfnn.search.train import History

FEW_POINTS = 25  # so few are marked one by one
HIGHEST = 1e4  # losses of so many times the median are out of sight


class _Curve(NamedTuple):
    label: str
    epochs: np.ndarray
    scores: dict[str, np.ndarray]
    best: bool
    diverged: bool


def loss_curves(run: SweepResult | History, cells: Sequence[tuple[int, ...]] | None = None) -> Figure:
    """Loss and accuracy over the epochs, averaged over seeds and folds.

    Training rows are drawn solid; dashed, those that rank cells (for a `History`, the test rows). A curve
    ends where the first of its members diverged or stopped. There is no panel for accuracies where the
    targets are no classes.

    Args:
        run: A sweep that kept its history, or the `History` of `jfnn.train`.
        cells: For a sweep, the cells to show: places on every axis but the seeds and folds, of a sampled one
            ``(i,)``. The default takes up to six learning rates, the best cell's among them, all else as in
            the best cell; of a sampled one cells from the best to the worst.

    Raises:
        ValueError: No history was kept, or there is no such cell.
    """
    parts: tuple[str, ...] = ("train", "test")
    if isinstance(run, History):
        curves = _history_curves(run)
    else:
        curves, parts = _cell_curves(run, cells), summary.ranking_parts(run)
    has_accuracy = any(np.isfinite(curve.scores["train_accuracy"]).any() for curve in curves)
    kinds = ("loss", "accuracy") if has_accuracy else ("loss",)
    labelled = any(curve.label for curve in curves)
    figure = Figure(figsize=(4.8 * len(kinds) + 2.6 * labelled, 3.8), layout="constrained")
    for axes, kind in zip(figure.subplots(1, len(kinds), squeeze=False)[0], kinds, strict=True):
        for curve, colour in zip(curves, _sequence_of_colours(len(curves)), strict=True):
            for part, line in zip(parts, ("-", "--"), strict=False):
                axes.plot(
                    curve.epochs,
                    curve.scores[f"{part}_{kind}"],
                    line,
                    color=colour,
                    marker="." if len(curve.epochs) <= FEW_POINTS else "",
                    linewidth=2.5 if curve.best else 1.2,
                    label=curve.label if part == "train" else None,
                )
        if kind == "loss":
            axes.set_yscale("log")
            axes.set_ylim(_limits(curves, parts))
        lines = ", ".join(f"{part} {style}" for part, style in zip(parts, ("solid", "dashed"), strict=False))
        axes.set(xlabel="epochs", ylabel=kind, title=f"{kind} ({lines})")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
    if labelled:
        figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper", frameon=False)
    return figure


def _history_curves(history: History) -> list[_Curve]:
    if len(history.epoch) == 0:
        raise ValueError("run: no history was kept; train with history=True")
    label = "" if history.diverged_at < 0 else f"diverged in epoch {history.diverged_at + 1}"
    scores = {name: np.asarray(values) for name, values in history._asdict().items() if name != "diverged_at"}
    return [_Curve(label, scores.pop("epoch"), scores, best=False, diverged=history.diverged_at >= 0)]


def _cell_curves(result: SweepResult, cells) -> list[_Curve]:
    if not len(result.history.get("epoch", ())):
        raise ValueError("run: no history was kept; sweep with history=True and a segment")
    shape, best = result.cell_shape, result.best_or_none()
    found = []
    for cell in default_cells(result) if cells is None else cells:
        if len(cell) != len(shape) or not all(0 <= i < n for i, n in zip(cell, shape, strict=True)):
            raise ValueError(f"cells: no such place {tuple(cell)} in a grid of shape {shape}")
        is_best = best is not None and best.index == tuple(cell)
        label = summary.describe(result.axes_at(tuple(cell))) + (" (best)" if is_best else "")
        diverged = bool((result.diverged_at[tuple(cell)] >= 0).any())
        label += " (div)" * diverged
        scores = {
            name: values[tuple(cell)].reshape(-1, values.shape[-1]).mean(axis=0)
            for name, values in result.history.items()
            if name != "epoch"
        }
        found.append(_Curve(label, result.history["epoch"], scores, is_best, diverged))
    return found


def default_cells(result: SweepResult, most: int = 6) -> list[tuple[int, ...]]:
    """The best cell and others that differ from it in the learning rate alone; of sampled ones any others.

    Left out are cells that stopped before scores were first taken, which have no curve.
    """
    best = result.best_or_none()
    chosen, *rest = best.index if best else (0,) * len(result.cell_shape)
    lost = np.isnan(result.history["train_loss"]).all(axis=-1) & (result.diverged_at < 0)
    order = _from_best_to_worst(result) if result.sampled else range(len(result.learning_rate))
    drawn = [i for i in order if i == chosen or not lost[(i, *rest)].all()]
    others = [i for i in drawn if i != chosen]
    spread = np.linspace(0, len(others) - 1, min(most - 1, len(others))).round().astype(int)
    picked = {others[i] for i in spread} | {chosen}
    return [(i, *rest) for i in drawn if i in picked]


def _from_best_to_worst(result: SweepResult) -> list[int]:
    """The places of sampled cells, those that diverged last."""
    scores = result.cell_scores()
    worse = -scores if summary.kind(result) == "accuracy" else scores
    return np.argsort(worse, kind="stable").tolist()  # NaN comes last


def _limits(curves: Sequence[_Curve], parts: Sequence[str]) -> tuple[float | None, float | None]:
    """Ends of a logarithmic axis that keep a curve on its way to infinity from flattening all others."""
    calm = [curve for curve in curves if not curve.diverged] or curves
    losses = [curve.scores[f"{part}_loss"] for curve in calm for part in parts]
    positive = np.concatenate([each[np.isfinite(each) & (each > 0)] for each in losses])
    if not positive.size:
        return None, None
    highest = min(positive.max(), HIGHEST * np.median(positive))
    return positive.min() / 1.5, 1.5 * highest


def _sequence_of_colours(n: int) -> list:
    return [matplotlib.colormaps["viridis"](place) for place in np.linspace(0, 0.9, n)]
