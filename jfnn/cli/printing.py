"""Text that ``jfnn grid`` prints: tables of the grid, the best cells, how far to trust them, the time."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from jfnn.analysis import ranking, summary
from jfnn.search.groups import Group, SweepGroups
from jfnn.search.result import SweepResult

CELLS_A_LINE = 8  # fit into 80 columns


def report(sweeps: SweepGroups, n_train: int, resumed: bool = False) -> str:
    """All of it; ``resumed`` says that the time may be that of a run's last part alone."""
    group, result = winner(sweeps)
    where, lines = "", []
    if len(sweeps.groups) > 1:
        where = f"network {name_of(group)}, "
    elif not result.sampled:
        lines = tables(result)
    lines += best_cells(sweeps, ranking.FEW if lines else ranking.MANY)
    lines += verdict(result, where) + refitted(result.refit, n_train)
    return "\n".join([*lines, timing(sweeps.results, result.refit, resumed)])


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
    shown = best.index if best else (0,) * len(result.axes)
    further = {name: result.axes_at(shown)[name] for name in summary.further_axes(result)}
    by = "" if metric == metrics[0] else f" by {summary.metric_text(metrics[0])}"
    mark = f", * best{by}" if best else ""
    lines = []
    if further:
        lines += [f"at {summary.describe(further)}{', where the best cell is' if best else ''}:", ""]
    for part in summary.ranking_parts(result):
        score = f"{part}_{metric}"
        lines += [f"{summary.name_text(score)} (η down, λ across{mark})"]
        lines += [*table(result, score, shown, marked=best is not None), ""]
    return lines


def table(result: SweepResult, score: str, shown: tuple[int, ...], marked: bool) -> list[str]:
    """A score of the cells, averaged over seeds and folds, at the further axes' places in ``shown``."""
    cells, lines = result.cell_scores(score), []
    for first in range(0, len(result.l2), CELLS_A_LINE):
        columns = range(first, min(first + CELLS_A_LINE, len(result.l2)))
        lines += ["", " " * 8 + "".join(f"{result.l2[j]:>8.3g} " for j in columns).rstrip()]
        for i, learning_rate in enumerate(result.learning_rate):
            texts = [summary.number_text(cells[(i, j, *shown[2:])], True) for j in columns]
            marks = ["*" if marked and (i, j) == shown[:2] else " " for j in columns]
            row = "".join(f"{text:>8}{mark}" for text, mark in zip(texts, marks, strict=True))
            lines.append(f"{learning_rate:>8.3g}{row}".rstrip())
    return lines[1:]


def best_cells(sweeps: SweepGroups, most: int) -> list[str]:
    """The best cells of all groups, best first, in aligned columns, and what their marks mean."""
    best = ranking.best_first(sweeps.results, most)
    if not best.cells:
        return []
    columns = ranking.group_columns(sweeps.groups) if len(sweeps.groups) > 1 else {}
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


def refitted(refit: SweepResult | None, n_train: int) -> list[str]:
    """The scores of the best cell trained again: the only ones on test rows then."""
    if refit is None:
        return []
    over, texts = summary.averaged_over(refit), summary.refit_texts(refit)
    lines = [f"trained again on all {n_train} training rows{f', with {over}' if over else ''}:"]
    return [*lines, *(", ".join(texts[i : i + 2]) for i in range(0, len(texts), 2))]


def timing(results: Sequence[SweepResult], refit: SweepResult | None, resumed: bool) -> str:
    """The wall time in its parts, and what it was spent on."""
    compiling, running = (sum(result.timing[part] for result in results) for part in ("compile", "run"))
    again = 0.0 if refit is None else sum(refit.timing.values())
    count, config = sum(result.diverged_at.size for result in results), results[0].config
    network = config["settings"]["learner"]["network"]
    what = f"in {len(results)} groups" if len(results) > 1 else _sizes(network)
    devices, platform = config["device"]["count"], config["backend"]["platform"]
    unit = ("core" if platform == "cpu" else "device") + "s" * (devices > 1)
    where = f"{devices} {platform} {unit}" if devices else f"on workers, {platform}"
    return (
        f"{count} network{'s' * (count > 1)} {what} in {compiling + running + again:.1f} s"
        f"{' of the last session' if resumed else ''}: compile {compiling:.1f} s, run {running:.1f} s"
        f"{'' if refit is None else f', again {again:.1f} s'}"
        f" ({where}, {config['settings']['dtype']})"
    )


def _sizes(network: Mapping[str, Any]) -> str:
    """Inputs and layers of a network in short: 64-50-10, or 1×8×8-conv8-flatten-10."""
    words = ["×".join(map(str, network["inputs"]))]
    for layer in network["layers"]:
        kind = layer["kind"]
        size = layer.get("units", layer.get("channels", ""))
        words.append(f"{'' if kind == 'dense' else kind}{size}")
    return "-".join(words)
