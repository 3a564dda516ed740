"""What grid.py prints: tables of the grid, the best cells, how far to trust them, the time."""

import numpy as np

import jfnn
from grid_parts.data import Problem
from jfnn import ranking, summary

# How much a good cell's test accuracy on the digits moves from one seed to the next.
SEED_NOISE = 0.015
# What fits into 80 columns.
CELLS_A_LINE = 8


def report(result: jfnn.SweepResult, problem: Problem, r2: dict[str, np.ndarray]) -> str:
    """All of it.

    Args:
        result: The sweep.
        problem: What was learned.
        r2: For regression, R² of each member by part; else empty.
    """
    best = summary.best_or_none(result)
    shown = best.index if best else (0,) * len(result.axes)
    further = {
        name: float(result.axes[name][shown[2 + i]]) for i, name in enumerate(summary.further_axes(result))
    }
    lines = []
    if further:
        lines += [f"at {summary.describe(further)}{', where the best cell is' if best else ''}:", ""]
    for part in summary.ranking_parts(result):
        name = f"{part}_R²" if r2 else f"{part}_{summary.kind(result)}"
        cells = r2[name] if r2 else getattr(result, name)
        lines += [f"{name.replace('_', ' ')} (η down, λ across{', * best' if best else ''})"]
        lines += [*table(result, cells, shown, marked=best is not None), ""]
    if best:
        lines += [*best_cells(result, r2), ""]
    return "\n".join([*lines, *verdict(result, problem, r2), timing(result)])


def table(result, scores: np.ndarray, shown: tuple[int, ...], marked: bool) -> list[str]:
    """A score of the cells, averaged over seeds and folds, at the further axes' places in ``shown``."""
    lengths = tuple(len(values) for values in result.axes.values())
    cells = scores.reshape(*lengths, -1).mean(axis=-1, dtype=np.float64)[
        (slice(None), slice(None), *shown[2:])
    ]
    lines = []
    for first in range(0, len(result.l2), CELLS_A_LINE):
        if first:
            lines.append("")
        columns = range(first, min(first + CELLS_A_LINE, len(result.l2)))
        lines.append(" " * 8 + "".join(f"{result.l2[j]:>8.3g} " for j in columns).rstrip())
        for i, learning_rate in enumerate(result.learning_rate):
            marks = ["*" if marked and (i, j) == shown[:2] else " " for j in columns]
            texts = [_cell(cells[i, j]) for j in columns]
            row = "".join(f"{text:>8}{mark}" for text, mark in zip(texts, marks, strict=True))
            lines.append(f"{learning_rate:>8.3g}{row}".rstrip())
    return lines


def _cell(value: float) -> str:
    return "div" if not np.isfinite(value) else f"{value:.3f}" if abs(value) < 100 else f"{value:.1e}"


def best_cells(result, r2) -> list[str]:
    """The best cells, best first, in aligned columns, and what their marks mean."""
    best = ranking.best_first([result], extras=[comparable(result, r2)])
    rows = ranking.table(best)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    title = f"best first, by {result.ranked_by.replace('_', ' ')}"
    return [title, *(line.rstrip() for line in lines), *ranking.legend(best)]


def comparable(result, r2) -> dict[str, np.ndarray]:
    """R² on the parts whose scores may be compared cell by cell, what ranks first; empty for classes."""
    return {f"{part}_R²": r2[f"{part}_R²"] for part in reversed(summary.ranking_parts(result)) if r2}


def verdict(result, problem: Problem, r2) -> list[str]:
    """The best cell, and how far to trust its score."""
    best = summary.best_or_none(result)
    if best is None:
        return ["No best cell: every one diverged with some seed; try smaller learning rates."]
    kind, averaged = summary.kind(result), summary.averaged_over(result)
    part = summary.ranking_parts(result)[-1]
    by_loss = ", by loss" if r2 else ""

    def text_of(scores, name):
        return summary.score_text(summary.mean_and_half_width(result, scores, best.index), name)

    def scored(part):
        text = f"{part} {kind} {text_of(getattr(result, f'{part}_{kind}'), kind)}"
        return text + (f" (R² {text_of(r2[f'{part}_R²'], 'R²')})" if r2 else "")

    lines = [f"best cell: {summary.describe(best.axes)}"]
    # Two kinds of score are too much for one line.
    lines += [f"{scored(part)},", scored("train")] if r2 else [f"{scored(part)}, {scored('train')}"]
    if averaged:
        lines += [f"(± half the {summary.PERCENT} confidence interval over {averaged})"]
    if part == "validation":
        lines += [f"{scored('test')}, on rows that ranked nothing"]
        lines += [f"Cells are ranked on the rows held out for validation{by_loss}."]
    else:
        lines += [f"Cells are ranked on the test rows themselves{by_loss}, which flatters the best;"]
        lines += ["--validation or --folds rank on other rows."]
    if len(result.seeds) == 1:
        amount = (
            f"is about {SEED_NOISE}" if problem.name == "the digits" and kind == "accuracy" else "is unknown"
        )
        lines += [f"One seed's noise {amount}; --seeds 5 averages over five."]
    return lines


def timing(result) -> str:
    """The wall time in its two parts, and what it was spent on."""
    compiling, running = result.timing["compile"], result.timing["run"]
    networks, config = result.diverged_at.size, result.config
    sizes = "-".join(map(str, config["settings"]["network"]["sizes"]))
    count, platform = config["device"]["count"], config["backend"]["platform"]
    return (
        f"{networks} network{'s' * (networks > 1)} {sizes} in {compiling + running:.1f} s:"
        f" compile {compiling:.1f} s, run {running:.1f} s"
        f" ({count} {platform} device{'s' * (count > 1)}, {config['settings']['dtype']})"
    )
