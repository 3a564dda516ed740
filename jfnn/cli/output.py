"""Output of ``jfnn grid``: printed tables and verdict; figures, pages and flags in the run's directory."""

import dataclasses
import itertools
import json
import shlex
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jfnn.analysis import ranking, summary
from jfnn.analysis.description import training_text
from jfnn.arguments import callers
from jfnn.arguments.callers import Doubt
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.texts import describe, metric_text, name_text, score_format, value_texts
from jfnn.cli.data import LoadedData
from jfnn.cli.flags import Flags
from jfnn.core.engine.cohort import PARTS
from jfnn.core.search.result import SweepResult, none_ranks
from jfnn.core.search.run_directory import CONFIG, MODELS, REFIT, RESULTS, TABLE, program_names
from jfnn.core.store.files import atomic_file, write_json
from jfnn.optimizers import Distribution

WIDTH = 80  # characters per line
LEAST_WIDTH = 9  # smallest number of characters of a cell in a table
REPORT = "report.html"
PLAYGROUND = "playground.html"
ADDED = (REPORT, PLAYGROUND, "curves.png", "heatmap.png", "scatter.png")  # added to the library's files
# Flags that are not part of a run's identity.
NOT_SETTINGS = ("out", "resume", "quiet", "present", "executor", "workers", "scheduler")


def report(result: SweepResult) -> str:
    """Return the tables, best cells and verdict of a sweep, and the scores of the refit."""
    lines = [training_text(result), ""] if training_text(result) else []
    lines += tables(result) if result.crossed else []
    lines += best_cells(result)
    lines += verdict(result)
    if result.refit is not None:
        texts = summary.refit_texts(result.refit)
        lines += [f"refit {summary.refit_rows(result)}:"]
        line = max(2, len(texts) // 2)  # one line per part, or one line in all for a single metric
        lines += [", ".join(texts[i : i + line]) for i in range(0, len(texts), line)]
        if not summary.tests_its_refit(result):
            lines += ["No test rows are left, so these are scores on training rows."]
    return "\n".join(textwrap.fill(line, WIDTH) if len(line) > WIDTH else line for line in lines)


def tables(result: SweepResult) -> list[str]:
    """Return the lines of tables over η and λ, at the best cell's values on further axes.

    They show the ranking metric; if it is a loss, another metric, if any, since that is easier to read.
    """
    best = result.best_or_none()
    metrics = summary.shown_metrics(result)
    metric = metrics[1] if metrics[0] == "loss" and len(metrics) > 1 else metrics[0]
    index = best.index if best else (0,) * len(result.cell_shape)
    values = result.axes_at(index)
    further = {name: values[name] for name in values if name not in ("learning_rate", "l2")}
    by = "" if metric == metrics[0] else f" by {metric_text(metrics[0])}"
    mark = f", * best{by}" if best else ""
    lines = []
    if further:
        lines += [f"at {describe(further)}{', where the best cell is' if best else ''}:", ""]
    for part in summary.ranking_parts(result):
        score = f"{part}_{metric}"
        lines += [f"{name_text(score)} (η down, λ across{mark})"]
        lines += [*table(result, score, index, marked=best is not None), ""]
    return lines


def table(result: SweepResult, score: str, index: tuple[int, ...], marked: bool) -> list[str]:
    """Return the lines of a table of one score over η (down) and λ (across), averaged over seeds and folds.

    Other axes have the values of the cell at ``index``, which gets a star if ``marked``.
    """
    names = list(result.axes)
    down = names.index("learning_rate")
    across = names.index("l2")
    at: list[Any] = list(index)
    at[down] = at[across] = slice(None)
    cells = result.cell_scores(score)[tuple(at)]
    score_text = score_format(cells, True)
    rows = [[f"{score_text(score)} " for score in scores] for scores in cells]
    if marked:
        best = rows[index[down]]
        best[index[across]] = f"{best[index[across]].rstrip()}*"
    rows = [[f"{penalty} " for penalty in value_texts(result.l2.tolist())], *rows]
    rates = ["", *value_texts(result.learning_rate.tolist())]
    width = max(LEAST_WIDTH, 1 + max(len(text) for row in rows for text in row))
    most = max(1, (WIDTH - LEAST_WIDTH + 1) // width)
    lines = []
    for first in range(0, len(rows[0]), most):
        parts = ["".join(f"{text:>{width}}" for text in row[first : first + most]) for row in rows]
        lines += ["", *(f"{rate:>8}{part}".rstrip() for rate, part in zip(rates, parts, strict=True))]
    return lines[1:]


def best_cells(result: SweepResult) -> list[str]:
    """Return lines with the best cells, best first, in aligned columns, and a legend.

    Columns that do not fit beside the others are printed below them, with the rank repeated.
    """
    best = ranking.best_first(result)
    if not best.cells:
        return []
    rows = ranking.table(best)
    columns = [[text.rjust(max(map(len, column))) for text in column] for column in zip(*rows, strict=True)]
    blocks = [columns[:1]]
    for column in columns[1:]:
        if sum(len(other[0]) + 2 for other in blocks[-1]) + len(column[0]) > WIDTH:
            blocks.append(columns[:1])
        blocks[-1] = [*blocks[-1], column]
    lines = ["  ".join(row) for block in blocks for row in zip(*block, strict=True)]
    title = f"best first, by {name_text(result.ranked_by)}"
    legend = [textwrap.wrap(line, WIDTH, subsequent_indent="  ") for line in ranking.legend(best)]
    return [title, *(line.rstrip() for line in lines), *itertools.chain(*legend), ""]


def verdict(result: SweepResult) -> list[str]:
    """Return lines on the best cell, and on how far to trust its score.

    They include its score on test rows that did not rank cells, unless the refit is scored on these rows.
    """
    best = result.best_or_none()
    if best is None:
        reason = none_ranks(result)
        return [f"{reason[0].upper()}{reason[1:]}."]
    metrics = summary.shown_metrics(result)
    part = summary.ranking_parts(result)[-1]
    lines = [f"best cell: {describe(best.axes)}"]
    texts = [summary.part_text(result, name, best.index) for name in dict.fromkeys((part, "train"))]
    # Two metrics are too long for one line.
    lines += [f"{texts[0]},", *texts[1:]] if len(metrics) > 1 and len(texts) > 1 else [", ".join(texts)]
    if interval := summary.interval_text(result):
        lines += [f"({interval})"]
    return lines + caveats(result)


def caveats(result: SweepResult) -> list[str]:
    """Return lines on how far to trust the scores of the best cell; none without a best cell."""
    best = result.best_or_none()
    if best is None:
        return []
    metrics = summary.shown_metrics(result)
    by = f", by {metric_text(metrics[0])}" if len(metrics) > 1 else ""
    lines = []
    rows = f"Cells are ranked on the {summary.ranking_rows(result)}{by}"
    few = summary.chosen_by_few(result)
    part = summary.ranking_parts(result)[-1]
    if part == "validation":
        has_tests = not np.isnan(result.cell_scores("test_loss")[best.index])
        if has_tests and not summary.tests_its_refit(result):
            lines += [f"{summary.part_text(result, 'test', best.index)}, on rows not used for ranking"]
        lines += [f"{rows}."]
    else:
        lines += [f"{rows}, which flatters the best;", "--validation or --folds rank on other rows."]
    if few and part != "train":
        lines += [f"{few[0].upper()}{few[1:]}."]
    if "rmse" in metrics:
        lines += ["RMSE is in the units of the target in the file."]
    lines += [f"{doubt[0].upper()}{doubt[1:]}." for doubt in best.doubts]
    if len(result.seeds) == 1:
        lines += ["One seed's noise is unknown; --seeds 5 averages over five and measures it."]
    return lines


def write(flags: Flags, problem: LoadedData, result: SweepResult, command: Sequence[str]) -> list[str]:
    """Write figures and the report beside the library's files; return the names of all files."""
    from jfnn import plots
    from jfnn.report import writing as report

    out = flags.out
    curves = report.curves(result)
    drawn = {"heatmap": plots.heat_map(result)} if result.crossed else {"scatter": plots.scatter(result)}
    if curves:
        drawn["curves"] = curves[report.CURVES]
    for name, figure in drawn.items():
        with atomic_file(out / f"{name}.png") as file:
            file.write(report.png(figure))
    programs = program_names(result.cells.programs) if result.runs[0].key else []
    settings = {name: value for name, value in vars(flags).items() if name not in NOT_SETTINGS}
    settings = json.loads(json.dumps(settings, default=_plain))
    for directory in (".", REFIT, *programs):
        path = out / directory / CONFIG
        if path.exists():
            write_json(path, json.loads(path.read_text()) | {"command": settings})
    kind = "A grid" if result.crossed else "Random search"
    title = f"{kind} of {result.diverged_at.size} networks on {problem.name}"
    plays = flags.play and write_playground(result, problem, out, title)
    report.write_report(
        result,
        out / REPORT,
        title=title,
        text=caveats(result),
        figures=None if programs else report.maps(result) | curves,
        settings={  # settings of the command only
            "data": problem.name,
            "rows": f"{problem.n_train} training rows, {problem.n_test} test rows",
            "classes": problem.classes,
            "standardized": "yes" if flags.standardize else "no",
            "Machine": {"command": shlex.join(command)},
        },
        playground=PLAYGROUND if plays else None,
    )
    library = [CONFIG, TABLE] if programs else [CONFIG, TABLE, RESULTS, MODELS]
    directories = [f"{name}/" for name in ([REFIT] if result.refit is not None else []) + programs]
    pages = [REPORT, PLAYGROUND] if plays else [REPORT]
    return [*library, *directories, *(f"{name}.png" for name in drawn), *pages]


def write_playground(result: SweepResult, problem: LoadedData, out: Path, title: str) -> bool:
    """Write the interactive page; return whether this succeeded. Only warn if not: the run is complete."""
    from jfnn import playground

    try:
        playground.write_playground(result, problem.split, out / PLAYGROUND, title=title)
    except ArgumentError as error:
        callers.warn(Doubt(f"no {PLAYGROUND}: {error.reason}", "play"))
        return False
    return True


def with_rmse(result: SweepResult, problem: LoadedData) -> SweepResult:
    """Add the metric "rmse", the root mean squared error in the units of the data's file.

    It is computed from R² as ``σ √(1 - R²)`` with the standard deviation σ of the part's targets. Results
    without R², such as those with classes, are returned unchanged.
    """
    parts = (problem.split.y_train, problem.split.y_test)
    y = np.concatenate([np.ravel(part) for part in parts if part is not None])
    origin = result.runs[0].origin
    if "r2" not in result.metrics or origin is None or origin.parts is None:
        return result
    scaling = (problem.split.names or {}).get("scaling")
    scale = scaling["y"]["scale"][0] if scaling else 1.0
    added = {}
    for part in PARTS:
        rows = [fold[part] for fold in origin.parts]
        deviations = np.array([y[numbers].std() if len(numbers) else np.nan for numbers in rows])
        added[f"{part}_rmse"] = scale * deviations * np.sqrt(1 - result.scores[f"{part}_r2"])
    refit = None if result.refit is None else with_rmse(result.refit, problem)
    metrics = result.metrics | {"rmse": False}
    return dataclasses.replace(result, metrics=metrics, scores=result.scores | added, refit=refit)


def _plain(value: object) -> str:
    """Convert a path or a distribution to a string for JSON."""
    if isinstance(value, Distribution):
        frozen = vars(value)  # a distribution of `scipy.stats`
        return f"scipy.stats.{frozen['dist'].name}{frozen['args']}"
    return str(value)
