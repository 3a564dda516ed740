"""A sweep as one self-contained HTML page: no links to load, images inside."""

import base64
import io
import os
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from jfnn import plots
from jfnn.analysis import ranking, summary
from jfnn.arguments import checks, paths
from jfnn.search.fronts import Objective, cell_values, front
from jfnn.search.groups import Group, SweepGroups
from jfnn.search.loading import how_to_load
from jfnn.search.result import SweepResult
from jfnn.store import files

__all__ = ["write_overview", "write_report"]

TITLES = {"heatmap": "The grid", "scatter": "The cells drawn", "curves": "Over the epochs"}
LONGEST = 50  # values shown of a longer list among the settings
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 72rem; margin: auto; padding: 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0.3rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
img { width: 100%; max-width: 40rem; height: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.25rem 0.9rem 0.25rem 0; text-align: left; vertical-align: top; }
th, td { border-bottom: 1px solid #ddd; } td { overflow-wrap: anywhere; }
pre { background: #f4f4f4; padding: 0.8rem; overflow-x: auto; font-size: 0.9rem; }
table.cells tr:nth-child(2) { font-weight: 600; }
"""


def write_report(
    result: SweepResult,
    path: str | Path,
    *,
    title: str = "A sweep",
    text: Iterable[str] = (),
    figures: Mapping[str, bytes] | None = None,
    settings: Mapping[str, Any] | None = None,
    scaling: Mapping[str, Any] | None = None,
    columns: Mapping[str, Mapping[str, Any]] | None = None,
    objectives: Sequence[Objective] = (),
) -> None:
    """Writes an HTML page: the best cells, figures, settings and versions, how to load models.

    Args:
        result: A sweep.
        path: The page's file. Its directory is the one that the page says to load from.
        title: The page's heading.
        text: Lines below it.
        figures: PNG images, name -> bytes; None for the figures of `jfnn.plots` that the sweep has.
        settings: Further settings to list, before those in ``result.config``.
        scaling: Scaling of the data before the sweep, for the lines that load models: "x", and "y" for
            targets that are no labels, each ``{"mean": [...], "scale": [...]}``.
        columns: Description of a file's columns, from `jfnn.datasets.fit_columns`, for the same lines.
        objectives: Scores whose Pareto front is listed, as for `jfnn.analysis.front`.
    """
    checks.check_instance(result, SweepResult, "result")
    path, config = paths.as_output_file(path, "path"), result.config
    images = figures if figures is not None else {name: png(figure) for name, figure in draw(result).items()}
    most = ranking.MANY if result.sampled else ranking.FEW
    body = [
        "<h2>Best cells</h2>",
        _table(ranking.best_first([result], most)),
        *_front(result, objectives),
        *_refit(result.refit),
        *(_image(name, data) for name, data in images.items()),
        "<h2>Settings</h2>",
        _pairs({**(settings or {}), **config.get("settings", {})}),
        "<h2>Versions and device</h2>",
        _pairs({name: config.get(name) for name in ("versions", "backend", "device")}),
        _pairs({f"seconds to {name}": f"{seconds:.2f}" for name, seconds in result.timing.items()}),
        "<h2>Loading the models again</h2>",
        f"<pre>{escape(how_to_load(result, path.parent, scaling, columns))}</pre>",
    ]
    _write(path, title, text, body)


def write_overview(
    sweeps: SweepGroups,
    path: str | Path,
    *,
    title: str = "Sweeps",
    text: Iterable[str] = (),
    settings: Mapping[str, Any] | None = None,
    pages: Mapping[Group, str] | None = None,
) -> None:
    """Writes an HTML page about several groups: the best cells of all, and links to each group's own page.

    Args:
        sweeps: The groups.
        path: The page's file.
        title: The page's heading.
        text: Lines below it.
        settings: Settings to list.
        pages: The page of each group, relative to this one.
    """
    links = [
        f'<li><a href="{escape(urllib.parse.quote(os.fsencode(page)))}">'
        f"network {escape(group.network)}, batch {group.batch_size or 'full'}</a></li>"
        for group, page in (pages or {}).items()
    ]
    best = ranking.best_first(sweeps.results, ranking.MANY)
    body = [
        "<h2>Best cells of all groups</h2>",
        _table(best, ranking.group_columns(sweeps.groups)),
        *_refit(sweeps.refit),
        *([f"<h2>Groups</h2><ul>{''.join(links)}</ul>"] if links else []),
        *(["<h2>Settings</h2>", _pairs(settings)] if settings else []),
    ]
    _write(paths.as_output_file(path, "path"), title, text, body)


def _write(path: Path, title: str, text: Iterable[str], body: Sequence[str]) -> None:
    lines = "<br>".join(map(escape, text))
    page = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n<p>{lines}</p>\n" + "\n".join(body) + "\n</body></html>\n"
    )
    with files.atomic(path) as file:
        file.write(page.encode(errors="backslashreplace"))  # names of files need not be UTF-8


def draw(result: SweepResult) -> dict[str, Figure]:
    """The figures of a report: the heat map through the best cell, curves if a history was kept.

    A random search has a scatter plot instead of a heat map.
    """
    figures = {"scatter": plots.scatter(result)} if result.sampled else {"heatmap": plots.heat_map(result)}
    return figures | ({"curves": plots.loss_curves(result)} if len(result.history.get("epoch", ())) else {})


def png(figure: Figure) -> bytes:
    """The figure as a PNG image."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=160)
    return buffer.getvalue()


def _table(best: ranking.Ranking, leading: Mapping[str, Sequence[str]] | None = None) -> str:
    if not best.cells:
        return "<p>Every cell diverged with some seed.</p>"
    heading, *rows = ranking.table(best, leading)
    lines = [_row("th", heading), *(_row("td", row) for row in rows)]
    caption = f"<p>Ranked by {escape(summary.name_text(next(iter(best.higher_is_better))))}.</p>"
    legend = "<br>".join(map(escape, ranking.legend(best)))
    return f'{caption}<table class="cells">{"".join(lines)}</table><p>{legend}</p>'


def _front(result: SweepResult, objectives: Sequence[Objective]) -> list[str]:
    if not objectives:
        return []
    on_it = front(result, objectives)
    places = np.argwhere(on_it).tolist()
    cells = sorted(zip(cell_values(result, objectives)[on_it.ravel()].tolist(), places, strict=True))
    rows = [_row("th", [*(getattr(each, "__name__", str(each)) for each in objectives), "cell"])]
    for values, place in cells:
        cell = summary.describe(result.axes_at(tuple(place)))
        rows.append(_row("td", [*(f"{value:.4g}" for value in values), cell]))
    return ["<h2>The Pareto front</h2>", f"<table>{''.join(rows)}</table>"]


def _refit(refit: SweepResult | None) -> list[str]:
    if refit is None:
        return []
    over, texts = summary.averaged_over(refit), ", ".join(summary.refit_texts(refit))
    rows = f"On all training rows{f', with {over}' if over else ''}"
    return ["<h2>The best cell, trained again</h2>", f"<p>{rows}: {escape(texts)}.</p>"]


def _row(tag: str, cells: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"


def _image(name: str, data: bytes) -> str:
    title, encoded = escape(TITLES.get(name, name)), base64.b64encode(data).decode()
    return f'<h2>{title}</h2><img alt="{title}" src="data:image/png;base64,{encoded}">'


def _pairs(settings: Mapping[str, Any]) -> str:
    rows = (f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in _flat(settings))
    return f"<table>{''.join(rows)}</table>"


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested settings as pairs of text: "learner.loss", "cross_entropy"."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif value is not None:
            yield f"{prefix}{name}", _short(value)


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{name}={_short(item)}" for name, item in value.items())
    if isinstance(value, list | tuple | np.ndarray):
        more = f", … {len(value) - LONGEST} more" if len(value) > LONGEST else ""
        return ", ".join(map(_short, value[:LONGEST])) + more
    return f"{value:.6g}" if isinstance(value, float) else str(value)
