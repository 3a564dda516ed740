"""A sweep as one self-contained page: nothing to fetch, images inside, readable without the library."""

import base64
import html
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from jfnn import plots, ranking, storage, summary
from jfnn.engine.result import SweepResult

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
    figures: Mapping[str, bytes] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Writes an HTML page: the best cells, the heat map, curves, settings and versions, how to load models.

    Args:
        result: A sweep.
        path: Where to write the page. Its directory is the one that the page says to load from.
        title: The page's heading.
        text: Lines below it.
        extra: Further scores for the table of best cells, name -> one number a member.
        figures: PNG images, name -> bytes; those of `draw` where None.
        settings: Further settings to list, before those in ``result.config``.
    """
    path = Path(path)
    images = figures if figures is not None else {name: png(each) for name, each in draw(result).items()}
    config = result.config
    body = [
        f"<h1>{html.escape(title)}</h1>",
        f"<p>{'<br>'.join(map(html.escape, text))}</p>",
        "<h2>Best cells</h2>",
        _best_cells(result, extra),
        *(_image(name, data) for name, data in images.items()),
        "<h2>Settings</h2>",
        _pairs({**(settings or {}), **config.get("settings", {})}),
        "<h2>Versions and device</h2>",
        _pairs({name: config[name] for name in ("versions", "backend", "device") if name in config}),
        _pairs({f"seconds to {name}": f"{seconds:.2f}" for name, seconds in result.timing.items()}),
        "<h2>Loading the models again</h2>",
        f"<pre>{html.escape(how_to_load(result, path.parent))}</pre>",
    ]
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{STYLE}</style>'
    page = (
        f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body>\n'
        + "\n".join(body)
        + "\n</body></html>\n"
    )
    with storage.atomic(path) as file:
        file.write(page.encode())


def draw(result: SweepResult) -> dict[str, Figure]:
    """The figures of a report: the heat map through the best cell and, if a history was kept, curves."""
    best = summary.best_or_none(result)
    names = summary.further_axes(result)
    places = best.index[2:] if best else (0,) * len(names)
    found = {"heatmap": plots.heat_map(result, dict(zip(names, places, strict=True)))}
    return found | ({"curves": plots.loss_curves(result)} if result.history else {})


def png(figure: Figure) -> bytes:
    """The figure as a PNG image."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return buffer.getvalue()


def how_to_load(result: SweepResult, directory) -> str:
    """Lines of Python that load a run and take out the best cell's first network."""
    best = summary.best_or_none(result)
    members = result.diverged_at.shape
    index = (*best.index, *(0,) * (len(members) - len(best.index))) if best else (0,) * len(members)
    what = f"the best cell, seed {result.seeds[0]}" if best else "the first network"
    what += "" if result.folds is None else ", first fold"
    lines = [
        "import jfnn",
        f"result = jfnn.load({str(directory)!r})",
        f"params = result.member({', '.join(map(str, index))})  # {what}",
    ]
    spec = result.config.get("settings", {}).get("network")
    if isinstance(spec, dict):
        sizes = ", ".join(map(str, spec["sizes"]))
        names = f"activation={spec['activation']!r}, output={spec['output']!r}"
        lines += [f"network = jfnn.mlp(({sizes}), {names})", "outputs = network.apply(params, x)"]
    return "\n".join([*lines, "table = result.to_dict()  # ready for pandas.DataFrame"])


def _best_cells(result: SweepResult, extra) -> str:
    best = ranking.best_first([result], extras=[extra or {}])
    if not best.cells:
        return "<p>Every cell diverged with some seed.</p>"
    head, *rows = ranking.table(best)
    lines = [_row("th", head), *(_row("td", row) for row in rows)]
    caption = f"<p>Ranked by {html.escape(result.ranked_by.replace('_', ' '))}.</p>"
    legend = "<br>".join(map(html.escape, ranking.legend(best)))
    return f'{caption}<table class="cells">{"".join(lines)}</table><p>{legend}</p>'


def _row(kind: str, cells: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<{kind}>{html.escape(cell)}</{kind}>" for cell in cells) + "</tr>"


def _image(name: str, data: bytes) -> str:
    encoded = base64.b64encode(data).decode()
    title = {"heatmap": "The grid", "curves": "Over the epochs"}.get(name, name)
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
        return ", ".join(map(_short, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)
