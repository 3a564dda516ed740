"""A sweep as one self-contained page: nothing to fetch, images inside, readable without the library."""

import base64
import html
import io
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from jfnn import plots
from jfnn.activations import ACTIVATIONS
from jfnn.analysis import ranking, summary
from jfnn.search import run_directory as archive
from jfnn.search.groups import Group, SweepGroups
from jfnn.search.result import SweepResult
from jfnn.store import files as storage

TITLES = {"heatmap": "The grid", "scatter": "The cells drawn", "curves": "Over the epochs"}
# Cells that are listed: of a grid its heat map shows the others.
# Of a longer list of settings this many are shown.
LONGEST = 50

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 72rem; margin: 2rem auto;
       padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0.3rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
img { max-width: 100%; height: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.25rem 0.9rem 0.25rem 0; text-align: left; vertical-align: top; }
th, td { border-bottom: 1px solid #ddd; }
td { overflow-wrap: anywhere; }
pre { background: #f4f4f4; padding: 0.8rem; overflow-x: auto; font-size: 0.9rem; }
table.cells tr:nth-child(2) { font-weight: 600; }
"""


def write_report(
    result: SweepResult,
    path,
    *,
    title: str = "A sweep",
    text: Iterable[str] = (),
    extra: Mapping[str, np.ndarray] | None = None,
    extra_refit: Mapping[str, np.ndarray] | None = None,
    figures: Mapping[str, bytes] | None = None,
    settings: Mapping[str, Any] | None = None,
    scaling: Mapping[str, Any] | None = None,
) -> None:
    """Writes an HTML page: the best cells, figures, settings and versions, how to load models.

    Args:
        result: A sweep.
        path: Where to write the page. Its directory is the one that the page says to load from.
        title: The page's heading.
        text: Lines below it.
        extra: Further scores for the table of best cells, name -> one number a member.
        extra_refit: The same of ``result.refit``, for its scores.
        figures: PNG images, name -> bytes; those of `draw` where None.
        settings: Further settings to list, before those in ``result.config``.
        scaling: What was done to the data before the sweep, as for `how_to_load`.
    """
    path = Path(path)
    images = figures if figures is not None else {name: png(each) for name, each in draw(result).items()}
    config = result.config
    body = [
        "<h2>Best cells</h2>",
        _best_cells(result, extra),
        *_refit(result.refit, extra_refit),
        *(_image(name, data) for name, data in images.items()),
        "<h2>Settings</h2>",
        _pairs({**(settings or {}), **config.get("settings", {})}),
        "<h2>Versions and device</h2>",
        _pairs({name: config[name] for name in ("versions", "backend", "device") if name in config}),
        _pairs({f"seconds to {name}": f"{seconds:.2f}" for name, seconds in result.timing.items()}),
        "<h2>Loading the models again</h2>",
        f"<pre>{html.escape(how_to_load(result, path.parent, scaling))}</pre>",
    ]
    _write(path, title, text, body)


def write_overview(
    found: SweepGroups,
    path,
    *,
    title: str = "Sweeps",
    text: Iterable[str] = (),
    extras: Sequence[Mapping[str, np.ndarray]] = (),
    extra_refit: Mapping[str, np.ndarray] | None = None,
    settings: Mapping[str, Any] | None = None,
    pages: Mapping[Group, str] | None = None,
) -> None:
    """Writes an HTML page about several groups: the best cells of all, and links to each one's own page.

    Args:
        found: The groups.
        path: Where to write the page.
        title: The page's heading.
        text: Lines below it.
        extras: For each group further scores for the table, name -> one number a member.
        extra_refit: The same of ``found.refit``, for its scores.
        settings: Settings to list.
        pages: The page of each group, relative to this one.
    """
    links = [
        f'<li><a href="{html.escape(urllib.parse.quote(page))}">'
        f"network {html.escape(group.network)}, batch {group.batch_size or 'full'}</a></li>"
        for group, page in (pages or {}).items()
    ]
    body = [
        "<h2>Best cells of all groups</h2>",
        _table(ranking.best_first(found.results, ranking.MANY, extras), ranking.group_columns(found.groups)),
        *_refit(found.refit, extra_refit),
        *([f"<h2>Groups</h2><ul>{''.join(links)}</ul>"] if links else []),
        *(["<h2>Settings</h2>", _pairs(settings)] if settings else []),
    ]
    _write(Path(path), title, text, body)


def _write(path: Path, title: str, text: Iterable[str], body: Sequence[str]) -> None:
    lines = "<br>".join(map(html.escape, text))
    page = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head>\n<body>\n"
        f"<h1>{html.escape(title)}</h1>\n<p>{lines}</p>\n" + "\n".join(body) + "\n</body></html>\n"
    )
    with storage.atomic(path) as file:
        file.write(page.encode())


def draw(result: SweepResult) -> dict[str, Figure]:
    """The figures of a report: the heat map through the best cell, curves if a history was kept.

    Of sampled cells there is the scatter plot instead of a heat map.
    """
    best = result.best_or_none()
    if result.sampled:
        found = {"scatter": plots.scatter(result)}
    else:
        names = summary.further_axes(result)
        places = best.index[2:] if best else (0,) * len(names)
        found = {"heatmap": plots.heat_map(result, dict(zip(names, places, strict=True)))}
    return found | ({"curves": plots.loss_curves(result)} if len(result.history.get("epoch", ())) else {})


def png(figure: Figure) -> bytes:
    """The figure as a PNG image."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return buffer.getvalue()


def how_to_load(result: SweepResult, directory, scaling: Mapping[str, Any] | None = None) -> str:
    """Lines of Python that load a run and, where it kept parameters, use the best cell's first network.

    Args:
        result: The sweep.
        directory: Where it lies.
        scaling: What was done to the data before the sweep, and is written under "scaling" in the run's
            config.json: "x", and "y" for targets that are no labels, each ``{"mean": [...], "scale": [...]}``
            by column, of which ``(value - mean) / scale`` was taken.
    """
    lines = ["import jfnn", f"result = jfnn.load({str(directory)!r})"]
    if result.params is not None:
        lines += [*_take_out(result), *_use(result, Path(directory), scaling or {})]
    return "\n".join([*lines, "table = result.to_dict()  # ready for pandas.DataFrame"])


def _take_out(result: SweepResult) -> list[str]:
    best = result.best_or_none()
    members = result.diverged_at.shape
    index = (*best.index, *(0,) * (len(members) - len(best.index))) if best else (0,) * len(members)
    what = f"the best cell, seed {result.seeds[0]}" if best else "the first network"
    what += "" if result.folds is None else ", first fold"
    lines = [f"params = result.member({', '.join(map(str, index))})  # {what}"]
    if result.refit is not None:
        place = ", ".join("0" * result.refit.diverged_at.ndim)
        lines += [f"params = result.refit.member({place})  # the same, trained again on all training rows"]
    return lines


def _use(result: SweepResult, directory: Path, scaling: Mapping[str, Any]) -> list[str]:
    """Nothing where the network cannot be named: one that is no `jfnn.mlp`, or with functions of its own."""
    spec = result.config.get("settings", {}).get("network")
    if not isinstance(spec, dict) or not {spec["activation"], spec["output"]} <= set(ACTIVATIONS):
        return []
    sizes = ", ".join(map(str, spec["sizes"]))
    names = f"activation={spec['activation']!r}, output={spec['output']!r}"
    lines = [f"network = jfnn.mlp(({sizes}), {names})"]
    if scaling:
        path = str(directory / archive.CONFIG)
        lines += [
            "import json, pathlib  # what the data had done to them before training, column by column:",
            f"scaling = json.loads(pathlib.Path({path!r}).read_text())['scaling']",
            "x = (x - scaling['x']['mean']) / scaling['x']['scale']",
        ]
    lines += ["outputs = network.apply(params, x)"]
    if "y" in scaling:
        lines += [
            "import numpy as np  # back to the units of the targets:",
            "outputs = np.asarray(outputs) * scaling['y']['scale'] + scaling['y']['mean']",
        ]
    return lines


def _best_cells(result: SweepResult, extra) -> str:
    return _table(
        ranking.best_first([result], ranking.MANY if result.sampled else ranking.FEW, [extra or {}])
    )


def _table(best: ranking.Ranking, leading: Mapping[str, Sequence[str]] | None = None) -> str:
    if not best.cells:
        return "<p>Every cell diverged with some seed.</p>"
    head, *rows = ranking.table(best, leading)
    lines = [_row("th", head), *(_row("td", row) for row in rows)]
    ranked_by = next(iter(best.cells[0].scores))
    caption = f"<p>Ranked by {html.escape(ranked_by.replace('_', ' '))}.</p>"
    legend = "<br>".join(map(html.escape, ranking.legend(best)))
    return f'{caption}<table class="cells">{"".join(lines)}</table><p>{legend}</p>'


def _refit(refit: SweepResult | None, extra) -> list[str]:
    if refit is None:
        return []
    texts = ", ".join(summary.refit_texts(refit, extra))
    over = summary.averaged_over(refit)
    return [
        "<h2>The best cell, trained again</h2>",
        f"<p>On all training rows{f', with {over}' if over else ''}: {html.escape(texts)}.</p>",
    ]


def _row(kind: str, cells: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<{kind}>{html.escape(cell)}</{kind}>" for cell in cells) + "</tr>"


def _image(name: str, data: bytes) -> str:
    encoded = base64.b64encode(data).decode()
    title = TITLES.get(name, name)
    return (
        f'<h2>{html.escape(title)}</h2><img alt="{html.escape(title)}" src="data:image/png;base64,{encoded}">'
    )


def _pairs(settings: Mapping[str, Any]) -> str:
    rows = (
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
        for name, value in _flat(settings)
    )
    return f"<table>{''.join(rows)}</table>"


def _flat(settings: Mapping[str, Any], prefix: str = ""):
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif value is not None:
            yield f"{prefix}{name}", _short(value)


def _short(value) -> str:
    if isinstance(value, list | tuple | np.ndarray):
        more = f", … {len(value) - LONGEST} more" if len(value) > LONGEST else ""
        return ", ".join(map(_short, value[:LONGEST])) + more
    return f"{value:.6g}" if isinstance(value, float) else str(value)
