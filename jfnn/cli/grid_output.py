"""Output of ``jfnn grid``: tables and verdict in words; figures, pages and flags in the runs' directories."""

import dataclasses
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jfnn.analysis import ranking, summary
from jfnn.arguments import texts
from jfnn.cli.data import Problem
from jfnn.cli.grid_flags import GridFlags
from jfnn.cli.places import REPORT, write_images
from jfnn.datasets.columns import ENTRIES
from jfnn.search.group_directories import Group
from jfnn.search.groups import SweepGroups
from jfnn.search.result import REFIT, SweepResult
from jfnn.search.run_directory import CONFIG, MODELS, RESULTS, TABLE
from jfnn.store import files

CELLS_A_LINE = 8  # fit into 80 columns
ADDED = (REPORT, "curves.png", "heatmap.png", "scatter.png")  # written beside the library's files
# Flags that do not change what a run is.
NOT_SETTINGS = ("out", "resume", "quiet", "present", "executor", "workers", "scheduler")


@dataclasses.dataclass(frozen=True)
class GridRun:
    """The data, and the sweeps that learned from them."""

    problem: Problem
    sweeps: SweepGroups


def report(flags: GridFlags, outcome: GridRun) -> str:
    """The tables, the best cells and the verdict."""
    sweeps = outcome.sweeps
    group, result = winner(sweeps)
    where, lines = "", []
    if len(sweeps.groups) > 1:
        where = f"network {name_of(group)}, "
    elif not result.sampled:
        lines = tables(result)
    lines += best_cells(sweeps, ranking.FEW if lines else ranking.MANY)
    lines += verdict(result, where)
    if result.refit is not None:
        over, texts = summary.averaged_over(result.refit), summary.refit_texts(result.refit)
        with_seeds = f", with {over}" if over else ""
        lines += [f"trained again on all {outcome.problem.n_train} training rows{with_seeds}:"]
        lines += [", ".join(texts[i : i + 2]) for i in range(0, len(texts), 2)]
    return "\n".join(lines)


def winner(sweeps: SweepGroups) -> tuple[Group, SweepResult]:
    """The group of the best cell, or the first where none ranks, and its sweep with what was refitted."""
    best = sweeps.best_or_none()
    group = sweeps.groups[0] if best is None else best[0]
    return group, dataclasses.replace(sweeps[group], refit=sweeps.refit)


def name_of(group: Group) -> str:
    """A group in words."""
    return f"{group.network}, batch {group.batch_size or 'full'}"


def tables(result: SweepResult) -> list[str]:
    """A score of all cells, at the best cell's places on further axes: of the metric that ranks.

    Instead of a loss, whose size says little, it is that of another metric where there is one.
    """
    best, metrics = result.best_or_none(), summary.shown_metrics(result)
    metric = metrics[-1] if metrics[0] == "loss" else metrics[0]
    place = best.index if best else (0,) * len(result.axes)
    further = {name: result.axes_at(place)[name] for name in list(result.axes)[2:]}
    by = "" if metric == metrics[0] else f" by {summary.metric_text(metrics[0])}"
    mark = f", * best{by}" if best else ""
    lines = []
    if further:
        lines += [f"at {summary.describe(further)}{', where the best cell is' if best else ''}:", ""]
    for part in summary.ranking_parts(result):
        score = f"{part}_{metric}"
        lines += [f"{summary.name_text(score)} (η down, λ across{mark})"]
        lines += [*table(result, score, place, marked=best is not None), ""]
    return lines


def table(result: SweepResult, score: str, place: tuple[int, ...], marked: bool) -> list[str]:
    """A score of the cells, averaged over seeds and folds, at a place on the further axes."""
    cells, lines = result.cell_scores(score), []
    for first in range(0, len(result.l2), CELLS_A_LINE):
        columns = range(first, min(first + CELLS_A_LINE, len(result.l2)))
        lines += ["", " " * 8 + "".join(f"{result.l2[j]:>8.3g} " for j in columns).rstrip()]
        for i, learning_rate in enumerate(result.learning_rate):
            texts = [summary.number_text(cells[(i, j, *place[2:])], True) for j in columns]
            marks = ["*" if marked and (i, j) == place[:2] else " " for j in columns]
            row = "".join(f"{text:>8}{mark}" for text, mark in zip(texts, marks, strict=True))
            lines.append(f"{learning_rate:>8.3g}{row}".rstrip())
    return lines[1:]


def best_cells(sweeps: SweepGroups, most: int) -> list[str]:
    """The best cells of all groups, best first, in aligned columns, and what their marks mean."""
    best = ranking.best_first(sweeps.results, most)
    if not best.cells:
        return []
    columns = texts.group_columns(sweeps.groups) if len(sweeps.groups) > 1 else {}
    rows = ranking.table(best, columns)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    title = f"best first, by {summary.name_text(sweeps.results[0].ranked_by)}"
    return [title, *(line.rstrip() for line in lines), *ranking.legend(best), ""]


def verdict(result: SweepResult, where: str = "", tested: bool = True) -> list[str]:
    """The best cell, with ``where`` before its hyperparameters, and how far to trust its score.

    ``tested`` says whether to show its score on test rows that ranked nothing. Of a cell that was trained
    again that training's alone is shown.
    """
    best, averaged = result.best_or_none(), summary.averaged_over(result)
    if best is None:
        return ["No best cell: every one diverged with some seed; try smaller learning rates."]
    metrics, part = summary.shown_metrics(result), summary.ranking_parts(result)[-1]
    by = f", by {summary.metric_text(metrics[0])}" if len(metrics) > 1 else ""
    lines = [f"best cell: {where}{summary.describe(best.axes)}"]
    texts = [_scores_text(result, name, best.index) for name in dict.fromkeys((part, "train"))]
    # Two metrics are too much for one line.
    lines += [f"{texts[0]},", *texts[1:]] if by else [", ".join(texts)]
    if averaged:
        lines += [f"(± half the {summary.PERCENT} confidence interval over {averaged})"]
    if part == "validation":
        if tested and result.refit is None:
            lines += [f"{_scores_text(result, 'test', best.index)}, on rows that ranked nothing"]
        lines += [f"Cells are ranked on the rows held out for validation{by}."]
    else:
        lines += [f"Cells are ranked on the test rows themselves{by}, which flatters the best;"]
        lines += ["--validation or --folds rank on other rows."]
    if len(result.seeds) == 1:
        lines += ["One seed's noise is unknown; --seeds 5 averages over five and measures it."]
    return lines


def _scores_text(result: SweepResult, part: str, place: tuple[int, ...]) -> str:
    """A cell's scores on one part of the data: "test loss 0.3 (R² 0.7)"."""
    first, *others = (
        summary.cell_text(result, f"{part}_{metric}", place) for metric in summary.shown_metrics(result)
    )
    return first + "".join(f" ({text.removeprefix(f'{part} ')})" for text in others)


def write(flags: GridFlags, outcome: GridRun, command: Sequence[str]) -> list[str]:
    """Writes figures and pages beside the library's files; the names of all in the topmost directory."""
    sweeps, problem, out = outcome.sweeps, outcome.problem, flags.out
    settings = {  # that the library does not know
        "data": problem.name,
        "rows": f"{problem.n_train} to train on, {len(problem.split.x_test)} to test on",
        "classes": problem.classes,
        "standardised": "yes" if flags.standardise else "no",
        "Machine": {"command": shlex.join(command)},
    }
    best, result = winner(sweeps)
    if len(sweeps.groups) == 1:
        return _write_run(flags, problem, result, out, verdict(result), settings)
    for group, sweep in zip(sweeps.groups, sweeps.results, strict=True):
        lines = [f"network {name_of(group)}", *verdict(sweep, tested=False)]
        _write_run(flags, problem, sweep, out / group.directory, lines, settings)
    _describe(flags, problem, out)
    from jfnn import report

    members = sum(sweep.diverged_at.size for sweep in sweeps.results)
    report.write_overview(
        sweeps,
        out / REPORT,
        title=f"{members} networks in {len(sweeps.groups)} groups on {problem.name}",
        text=verdict(result, f"network {name_of(best)}, "),
        settings=settings,
        pages={group: f"{group.directory}/{REPORT}" for group in sweeps.groups},
    )
    directories = [REFIT] * (sweeps.refit is not None) + [group.directory for group in sweeps.groups]
    return [TABLE, REPORT, *(f"{name}/" for name in directories)]


def _write_run(
    flags: GridFlags,
    problem: Problem,
    result: SweepResult,
    out: Path,
    lines: Sequence[str],
    settings: Mapping[str, Any],
) -> list[str]:
    """Completes one run's directory; the names of all files in it."""
    from jfnn import report

    images = {name: report.png(figure) for name, figure in report.draw(result).items()}
    write_images(out, images)
    pictures = {report.TITLES[name]: image for name, image in images.items() if name in report.TITLES}
    if not result.sampled:
        pictures = {name: report.png(figure) for name, figure in report.maps(result).items()} | pictures
    _describe(flags, problem, out)
    kind = "Random search" if result.sampled else "A grid"
    report.write_report(
        result,
        out / REPORT,
        title=f"{kind} of {result.diverged_at.size} networks on {problem.name}",
        text=lines,
        figures=pictures,
        settings=settings,
        scaling=problem.scaling,
        columns=problem.columns,
    )
    refit = [f"{REFIT}/"] * (result.refit is not None)
    return [CONFIG, TABLE, RESULTS, MODELS, *refit, *(f"{name}.png" for name in images), REPORT]


def _describe(flags: GridFlags, problem: Problem, out: Path) -> None:
    """Adds flags, classes, scaling and columns to the config.json of a run and of its refit."""
    command = {name: _plain(value) for name, value in vars(flags).items() if name not in NOT_SETTINGS}
    added = {"command": command} | {name: getattr(problem, name) for name in ENTRIES}
    for path in (out / CONFIG, out / REFIT / CONFIG):
        if path.exists():
            files.write_json(path, json.loads(path.read_text()) | added)


def _plain(value: Any) -> Any:
    """A flag's value as JSON has it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {type(value).__name__: dataclasses.asdict(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if callable(getattr(value, "ppf", None)):
        return f"scipy.stats.{value.dist.name}{value.args}"
    return str(value) if isinstance(value, Path) else value
