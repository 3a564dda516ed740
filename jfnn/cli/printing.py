"""What grid.py prints: tables of the grid, the best cells, how far to trust them, the time."""

import dataclasses
from collections.abc import Sequence

import numpy as np

import jfnn
from jfnn.analysis import ranking, summary
from jfnn.cli import data
from jfnn.cli.data import Problem
from jfnn.experiment.records import PARTS

# What fits into 80 columns.
CELLS_A_LINE = 8
# Cells listed beside tables of all cells, and where there are no such tables.


def report(found: jfnn.SweepGroups, problem: Problem, resumed: bool = False) -> str:
    """All of it.

    Args:
        found: What was trained; with more than one group these are listed as one.
        problem: What was learned.
        resumed: Whether the time may be that of a run's last part alone.
    """
    group, result = winner(found)
    if len(found.groups) > 1:
        lines, where = best_cells(found, problem, ranking.MANY), f"network {name_of(group)}, "
    elif result.sampled:
        lines, where = best_cells(found, problem, ranking.MANY), ""
    else:
        lines, where = [*tables(result, problem), *best_cells(found, problem, ranking.FEW)], ""
    return "\n".join([*lines, *verdict(result, problem, where), timing(found.results, result.refit, resumed)])


def winner(found: jfnn.SweepGroups) -> tuple[jfnn.Group, jfnn.SweepResult]:
    """The group of the best cell, or the first where none ranks, and its sweep with what was refitted."""
    try:
        group, _ = found.best()
    except ValueError:
        group = found.groups[0]
    return group, dataclasses.replace(found[group], refit=found.refit)


def name_of(group: jfnn.Group) -> str:
    """A group in words."""
    return f"{group.network}, batch {group.batch_size or 'full'}"


def tables(result: jfnn.SweepResult, problem: Problem) -> list[str]:
    """The scores of all cells, at the best cell's places on further axes."""
    best, r2 = result.best_or_none(), data.r_squared(problem, result)
    shown = best.index if best else (0,) * len(result.axes)
    further = {name: result.axes_at(shown)[name] for name in summary.further_axes(result)}
    lines = []
    if further:
        lines += [f"at {summary.describe(further)}{', where the best cell is' if best else ''}:", ""]
    for part in summary.ranking_parts(result):
        name = f"{part}_R²" if r2 else f"{part}_{summary.kind(result)}"
        cells = r2[name] if r2 else getattr(result, name)
        lines += [f"{name.replace('_', ' ')} (η down, λ across{', * best' if best else ''})"]
        lines += [*table(result, cells, shown, marked=best is not None), ""]
    return lines


def table(result, scores: np.ndarray, shown: tuple[int, ...], marked: bool) -> list[str]:
    """A score of the cells, averaged over seeds and folds, at the further axes' places in ``shown``."""
    cells = scores.reshape(*result.cell_shape, -1).mean(axis=-1, dtype=np.float64)[
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


def best_cells(found: jfnn.SweepGroups, problem: Problem, most: int) -> list[str]:
    """The best cells of all groups, best first, in aligned columns, and what their marks mean."""
    best = ranking.best_first(found.results, most, [comparable(result, problem) for result in found.results])
    if not best.cells:
        return []
    columns = ranking.group_columns(found.groups) if len(found.groups) > 1 else {}
    rows = ranking.table(best, columns)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    title = f"best first, by {found.results[0].ranked_by.replace('_', ' ')}"
    return [title, *(line.rstrip() for line in lines), *ranking.legend(best), ""]


def comparable(result, problem: Problem) -> dict[str, np.ndarray]:
    """R² on the parts whose scores may be compared cell by cell, what ranks first; empty for classes."""
    r2 = data.r_squared(problem, result)
    return {f"{part}_R²": r2[f"{part}_R²"] for part in reversed(summary.ranking_parts(result)) if r2}


def verdict(result, problem: Problem, where: str = "", tested: bool = True) -> list[str]:
    """The best cell, and how far to trust its score.

    Args:
        result: The sweep.
        problem: What was learned.
        where: What to say before its hyperparameters.
        tested: Whether to give the score on test rows that ranked nothing. Of a cell that was trained again
            it is given for that training alone.
    """
    best, averaged = result.best_or_none(), summary.averaged_over(result)
    if best is None:
        return ["No best cell: every one diverged with some seed; try smaller learning rates."]
    texts, r2 = _score_texts(result, problem, best.index), problem.classes is None
    part, by_loss = summary.ranking_parts(result)[-1], ", by loss" if r2 else ""
    lines = [f"best cell: {where}{summary.describe(best.axes)}"]
    # Two kinds of score are too much for one line.
    lines += [f"{texts[part]},", texts["train"]] if r2 else [f"{texts[part]}, {texts['train']}"]
    if averaged:
        lines += [f"(± half the {summary.PERCENT} confidence interval over {averaged})"]
    if part == "validation":
        if tested and result.refit is None:
            lines += [f"{texts['test']}, on rows that ranked nothing"]
        lines += [f"Cells are ranked on the rows held out for validation{by_loss}."]
    else:
        lines += [f"Cells are ranked on the test rows themselves{by_loss}, which flatters the best;"]
        lines += ["--validation or --folds rank on other rows."]
    if len(result.seeds) == 1:
        lines += ["One seed's noise is unknown; --seeds 5 averages over five and measures it."]
    return lines + refitted(result.refit, problem)


def _score_texts(result, problem: Problem, place: tuple[int, ...]) -> dict[str, str]:
    """A cell's scores on each part of the data in words; for regression with R²."""
    kind, r2 = summary.kind(result), data.r_squared(problem, result)

    def text_of(scores, name):
        return summary.score_text(summary.mean_and_half_width(result, scores, place), name)

    found = {}
    for part in PARTS:
        found[part] = f"{part} {kind} {text_of(getattr(result, f'{part}_{kind}'), kind)}"
        if f"{part}_R²" in r2:
            found[part] += f" (R² {text_of(r2[f'{part}_R²'], 'R²')})"
    return found


def refitted(refit: jfnn.SweepResult | None, problem: Problem) -> list[str]:
    """The scores of the best cell trained again: the only ones on test rows that are given with these."""
    if refit is None:
        return []
    over = summary.averaged_over(refit)
    texts = summary.refit_texts(refit, extra_refit(refit, problem))
    lines = [f"trained again on all {problem.n_train} training rows{f', with {over}' if over else ''}:"]
    # Two kinds of score are too much for one line.
    return [*lines, *(", ".join(texts[i : i + 2]) for i in range(0, len(texts), 2))]


def extra_refit(refit: jfnn.SweepResult | None, problem: Problem) -> dict[str, np.ndarray]:
    """R² of the best cell trained again, the test rows' first; empty for classes."""
    r2 = {} if refit is None else data.r_squared(problem, refit)
    return {name: r2[name] for name in ("test_R²", "train_R²") if name in r2}


def timing(results: Sequence[jfnn.SweepResult], refit: jfnn.SweepResult | None, resumed: bool) -> str:
    """The wall time in its parts, and what it was spent on."""
    compiling, running = (sum(result.timing[what] for result in results) for what in ("compile", "run"))
    again = 0.0 if refit is None else sum(refit.timing.values())
    networks, config = sum(result.diverged_at.size for result in results), results[0].config
    sizes = f" {'-'.join(map(str, config['settings']['network']['sizes']))}"
    what = f" in {len(results)} groups" if len(results) > 1 else sizes
    count, platform = config["device"]["count"], config["backend"]["platform"]
    since = " of the last session" if resumed else ""
    unit = "core" if platform == "cpu" else "device"
    return (
        f"{networks} network{'s' * (networks > 1)}{what} in {compiling + running + again:.1f} s{since}:"
        f" compile {compiling:.1f} s, run {running:.1f} s"
        f"{'' if refit is None else f', again {again:.1f} s'}"
        f" ({count} {platform} {unit}{'s' * (count > 1)}, {config['settings']['dtype']})"
    )
