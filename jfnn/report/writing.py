"""Reports of sweeps as self-contained HTML pages, with images inside."""

from __future__ import annotations

import datetime
import io
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.transforms import Transform

from jfnn import plots
from jfnn.analysis import description, ranking, summary
from jfnn.analysis.baselines import Baselines
from jfnn.analysis.fronts import Objective, cell_values, front
from jfnn.analysis.variance import shares_text
from jfnn.arguments import checks, texts
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.tables import html_table
from jfnn.arguments.texts import axis_label, axis_text, describe, name_text
from jfnn.core.search.described import keeps_network
from jfnn.core.search.result import SweepResult
from jfnn.core.search.run_directory import as_output_file
from jfnn.core.search.runs import ProgramRun
from jfnn.learners.answers import has_labels
from jfnn.plots.panels import check_sweep
from jfnn.plots.slices import axis_values
from jfnn.report.comparison import best_first, comparison_figure, comparison_table
from jfnn.report.pages import (
    Box,
    folded_html,
    pairs_html,
    pictures_html,
    unbroken,
    write_page,
)

# Start of the Python code below "Making predictions"; a line that predicts is added.
LOAD = """import jfnn
result = jfnn.load({!r})
"""
NO_MODELS = "result.to_dict()  # the scores of every network; cannot predict: {why}"
READ = 'x = jfnn.datasets.read_columns("rows.csv")  # or a data frame with these columns\n'
LISTED = 20  # largest number of cells in the sortable table
MOST_BOXES = 2500  # largest number of cells with values under the pointer in a heat map; each takes 110 bytes
MOST_STRIPS = 100  # largest number of evaluations with values under the pointer; each takes up to 1 kB
MOST_LINES = 2 * plots.panels.NAMED  # largest number of curves in a panel with strips; a cell has two curves
CURVES = "Training curves"
MOST_NETWORKS = 12  # largest number of programs with separate figures
PLAY = "Play with these networks in the browser"


def write_report(
    result: SweepResult,
    path: str | Path,
    *,
    title: str = "A sweep",
    text: Sequence[str] = (),
    figures: Mapping[str, bytes | Figure] | None = None,
    settings: Mapping[str, object] | None = None,
    objectives: Sequence[Objective] = (),
    baselines: Baselines | None = None,
    playground: str | None = None,
) -> None:
    """Write an HTML page: the best cells, figures, settings and versions, and how to load models.

    With several networks or batch sizes, a table and a figure first compare them; the best twelve have their
    own figures in sections that unfold at a click.

    Args:
        result: A sweep; a result of `jfnn.train` has no cells to rank.
        path: The page's file. The page shows code that loads the run from its directory.
        title: The page's heading.
        text: Lines below the heading and the sentence about the networks trained and the best cell.
        figures: PNG images or figures by title; None for the figures of `jfnn.plots` that fit the sweep, or
            each of its networks. Figures of `jfnn.plots.heat_map`, `jfnn.plots.loss_curves` and
            `jfnn.plots.interval_curves` show values under the pointer.
        settings: Further settings, name -> value, listed before the run's; a mapping is a separate group,
            other values go to "Data".
        objectives: Scores whose Pareto front is listed, as for `jfnn.analysis.front`.
        baselines: Ranking scores of other models by name, as for `jfnn.plots.axis_curves`, listed below the
            best cells.
        playground: Link to the page of `jfnn.write_playground`: a path relative to this page, such as
            "playground.html", or an http or https address. None for no link.

    Raises:
        ValueError, TypeError: Not a sweep, an unwritable path, unknown objectives, or another invalid
            argument; a playground that is neither a path nor an http or https address.
    """
    checks.check_instance(title, str, "title")
    if not checks.is_several(text) or not all(isinstance(line, str) for line in text):
        raise ArgumentTypeError("text", "expected lines of text", got=checks.as_text(text))
    for name, figure in checks.as_mapping({} if figures is None else figures, "figures").items():
        if not isinstance(name, str) or not isinstance(figure, bytes | Figure):
            got = f"{checks.as_text(name)}: {type(figure).__name__}"
            raise ArgumentTypeError("figures", "expected titles of bytes or Figure", got=got)
    settings = {} if settings is None else checks.as_mapping(settings, "settings")
    if playground is not None:
        checks.check_instance(playground, str, "playground")
        _check_link(playground)
    check_sweep(result)
    best = ranking.best_first(result, LISTED, baselines)
    on_front = _front(result, objectives)
    path = as_output_file(path, "path")
    runs = best_first(result) if result.runs[0].key else []
    of_each: list[str] = []
    if figures is None and runs:
        figures = {"The best of each": comparison_figure(result)}
        of_each = _networks(result, runs)
    elif figures is None:
        figures = maps(result) | curves(result)
    pictures = _pictures(result, figures)
    shares = shares_text(result)
    missing = plots.curves.left_out(result) if CURVES in figures else []
    body = [
        f'<p class="link"><a href="{escape(playground)}">{PLAY}</a></p>' if playground is not None else "",
        f'<p class="notes">Written on {datetime.date.today()}.</p>',
        '<div class="columns"><div>',
        *(["<h2>Comparison</h2>", comparison_table(result, runs)] if runs else []),
        "<h2>Best cells</h2>",
        *([f'<p class="notes">{unbroken(escape(shares))}.</p>'] if shares else []),
        _table(best),
        *on_front,
        *_refit(result),
        "<h2>Making predictions</h2>",
        f"<pre>{escape(LOAD.format(str(path.parent)) + _prediction(result))}</pre>",
        "</div><div>",
        *(["<h2>Pictures</h2>", pictures] if pictures else []),
        *(f'<p class="notes">{CURVES}, {escape(line)}.</p>' for line in missing),
        *of_each,
        "</div><div>",
        "<h2>Settings</h2>",
        *_settings(settings, description.settings_in_words(result)),
        "</div></div>",
        folded_html("Full configuration", pairs_html(_flat(result.config))),
    ]
    write_page(path, title, description.sentence(result), text, body)


def _check_link(link: str) -> None:
    """Raise ArgumentError for a link that a browser may execute, such as "javascript:…"."""
    scheme, colon, _ = link.partition(":")
    if colon and scheme.lower() not in ("http", "https") and not set(scheme) & set("/?#"):
        expected = "expected a path beside the page, or an http or https address"
        cure = "a file whose name contains a colon is './a:b.html'"
        raise ArgumentError("playground", expected, got=checks.as_text(link), cure=cure)


def maps(result: SweepResult) -> dict[str, Figure]:
    """Return a heat map for each part of the data by title, or a scatter plot for a random search."""
    if not result.crossed:
        return {"All cells": plots.scatter(result)}
    names = [f"{part}_{result.ranking_metric}" for part in summary.ranking_parts(result)]
    titles = [f"{text[0].upper()}{text[1:]}" for text in map(name_text, names)]  # "Test R²"
    return {title: plots.heat_map(result, score=name) for title, name in zip(titles, names, strict=True)}


def curves(result: SweepResult) -> dict[str, Figure]:
    """Return the curves over the epochs by title; empty without a history."""
    return {CURVES: plots.loss_curves(result)} if len(result.evaluations) else {}


def _networks(result: SweepResult, runs: Sequence[ProgramRun]) -> list[str]:
    """Return the figures of the best runs in sections that unfold; the best one is open."""
    shown = runs[:MOST_NETWORKS]
    count = f"the best {len(shown)} of {len(runs)}" if len(shown) < len(runs) else f"all {len(shown)}"
    parts = [f'<h2>Separate figures</h2><p class="notes">Figures of {count}, best first.</p>']
    for rank, run in enumerate(shown):
        part = result.program(**run.key)
        pictures = _pictures(part, maps(part) | curves(part))
        parts.append(folded_html(describe(run.key), pictures, is_open=rank == 0))
    return parts


def _pictures(result: SweepResult, figures: Mapping[str, bytes | Figure]) -> str:
    """Return pictures of a sweep as HTML, with values under the pointer."""
    images = {title: png(each) if isinstance(each, Figure) else each for title, each in figures.items()}
    boxes = {title: _boxes(result, each) for title, each in figures.items() if isinstance(each, Figure)}
    return pictures_html(images, boxes)


def _prediction(result: SweepResult) -> str:
    """Return Python code that predicts with the best models of a loaded run."""
    if result.params is None:
        return NO_MODELS.format(why="no parameters were kept")
    if result.best_or_none() is None:
        return NO_MODELS.format(why="no cell ranks")
    source = "result.of_cell(*result.best().index)" if result.kept_cell is None else "result"
    whose = "the best cell's networks"
    source_result = result
    if result.refit is not None:
        source = "result.refit"
        whose = "the refit networks"
        source_result = result.refit
    if source_result.config.get("settings", {}).get("keep_params") == "evaluations":
        what = f"labels or outputs of {whose}, at every evaluation"
        arguments = "x"
    else:
        what = f"{'the label from ' * has_labels(source_result.metrics)}the mean prediction of {whose}"
        arguments = 'x, "mean"'
    known = ""
    if not all(keeps_network(run.config) for run in source_result.runs):
        arguments += ", network=network"
        known = "; the network is not kept, see SweepResult.predict"
    if result.names.get("columns"):
        return f"{READ}{source}.predict({arguments})  # {what}, for each row of x{known}"
    return f"{source}.predict({arguments})  # {what}, for each row of x, prepared as for training{known}"


def png(figure: Figure) -> bytes:
    """Return the figure as a PNG image."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=160)
    return buffer.getvalue()


def _boxes(result: SweepResult, figure: Figure) -> list[Box]:
    """Return the parts of a drawn report figure with their values, for heat maps and curves."""
    return [*_cells(result, figure), *_strips(result, figure)]


def _cells(result: SweepResult, figure: Figure) -> Iterator[Box]:
    panels = [axes for axes in figure.axes if axes.images]
    known = {axis_label(name): (name, values) for name, values in axis_values(result).items()}
    labels = [figure.get_supylabel(), *(axes.get_xlabel() for axes in panels[-1:])]
    if not panels or not known.keys() >= set(labels):
        return
    (down, rows), (across, columns) = (known[label] for label in labels)
    for axes in panels:
        numbers = axes.images[0].get_array()
        if numbers is None or numbers.shape != (len(rows), len(columns)) or numbers.size > MOST_BOXES:
            continue
        for (i, j), value in np.ndenumerate(np.ma.filled(numbers, np.nan)):
            at = describe({down: rows[i], across: columns[j]})
            text = f"{at}: {value:.6g}" if np.isfinite(value) else f"{at}: diverged"
            yield _box(figure, axes.transData, [(j - 0.5, i - 0.5), (j + 0.5, i + 0.5)], text)


def _strips(result: SweepResult, figure: Figure) -> Iterator[Box]:
    """Yield a strip for each evaluation in panels with few curves, with the values of all curves there."""
    step = -(-len(result.evaluations) // MOST_STRIPS) or 1
    epochs = result.evaluations[::step]
    for axes in figure.axes:
        lines = [line for line in axes.lines if np.array_equal(line.get_xdata(), result.evaluations)]
        lines = [line for line in lines if not str(line.get_label()).startswith("_child")]
        if not epochs.size or not 0 < len(lines) <= MOST_LINES:
            continue
        edges = np.clip([-np.inf, *(epochs[1:] + epochs[:-1]) / 2, np.inf], *axes.get_xlim())
        for i, epoch in enumerate(epochs):
            text = f"{axes.get_ylabel()}, epoch {epoch}"
            for line in lines:
                label = str(line.get_label())
                value = np.asarray(line.get_ydata())[i * step]
                number = f"{value:.5g}" if np.isfinite(value) else "–"
                text += f", {label[1:]} {number}" if label.startswith("_") else f"\n{label}: {number}"
            yield _box(figure, axes.get_xaxis_transform(), [(edges[i], 1), (edges[i + 1], 0)], text)


def _box(figure: Figure, place: Transform, corners: Sequence[tuple[float, float]], text: str) -> Box:
    """Return a part of a drawn figure between its upper left and lower right corners."""
    (left, top), (right, low) = 100 * place.transform(corners) / figure.bbox.size
    return Box(left, 100 - top, right - left, top - low, text)


def _table(best: ranking.Ranking) -> str:
    if not best.cells:
        return "<p>Every cell diverged with some seed.</p>"
    by = escape(name_text(next(iter(best.higher_is_better))))
    caption = f"<p>Ranked by {by}; click on a heading to sort.</p>"
    legend = "<br>".join(map(escape, ranking.legend(best)))
    rows = ranking.table(best)
    titles = [_titles(cell, rows[0]) for cell in best.cells]
    titles += [[""] * len(rows[0])] * len(best.baselines)
    table = html_table(rows, "cells", titles)
    table = table.replace("<tbody><tr>", '<tbody><tr class="best">')
    return f"{caption}{table}" + (f'<p class="notes">{legend}</p>' if legend else "")


def _titles(cell: ranking.Ranked, heading: Sequence[str]) -> list[str]:
    """Return the texts under the pointer for a row of `ranking.table`, with more digits."""
    shown = {axis_text(name): texts.full_text(name, value) for name, value in cell.axes.items()}
    for name, score in cell.scores.items():
        numbers = {"mean": score.mean}
        if np.isfinite(score.low):
            numbers |= {"from": score.low, "to": score.high, "median": score.median, "worst": score.worst}
        shown[name_text(name)] = ", ".join(f"{word} {value:.6g}" for word, value in numbers.items())
    return [shown.get(name, "") for name in heading]


def _front(result: SweepResult, objectives: Sequence[Objective]) -> list[str]:
    if checks.is_several(objectives) and not len(objectives):
        return []
    on_it = front(result, objectives)
    indices = np.argwhere(on_it).tolist()
    cells = sorted(zip(cell_values(result, objectives)[on_it.ravel()].tolist(), indices, strict=True))
    names = [
        name_text(each) if isinstance(each, str) else getattr(each, "__name__", str(each)).replace("_", " ")
        for each in objectives
    ]
    rows = [[*names, "cell"]]
    for values, index in cells:
        cell = describe(result.axes_at(tuple(index)))
        rows.append([*(f"{value:.4g}" for value in values), cell])
    return ["<h2>The Pareto front</h2>", html_table(rows, "cells")]


def _refit(result: SweepResult) -> list[str]:
    refit = result.refit
    if refit is None:
        return []
    best = result.best_or_none()
    cells = list(map(refit.axes_at, np.ndindex(*refit.cell_shape)))
    is_best = best is not None and cells == [best.axes]
    which = "The best cell" if is_best else f"At {'; '.join(map(describe, cells))}"
    line = f"{which}, {summary.refit_rows(result)}: {', '.join(summary.refit_texts(refit))}"
    return ["<h2>Refit</h2>", f"<p>{unbroken(escape(line))}.</p>"]


def _settings(given: Mapping[str, object], run: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return groups of settings, the user's before the run's."""
    given_groups = {title: group for title, group in given.items() if isinstance(group, Mapping)}
    data = {name: value for name, value in given.items() if name not in given_groups}
    given_groups["Data"] = {**data, **given_groups.get("Data", {})}
    titles = dict.fromkeys(["Data", *run, *given_groups])
    groups = {title: {**given_groups.get(title, {}), **run.get(title, {})} for title in titles}
    sections = (
        f"<section><h3>{escape(title)}</h3>{pairs_html(_flat(group))}</section>"
        for title, group in groups.items()
        if group
    )
    return [f'<div class="groups">{"".join(sections)}</div>']


def _flat(settings: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield nested settings as pairs of text: "learner.loss", "cross_entropy"."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif value is not None:
            yield f"{prefix}{name}", description.setting_text(value)
