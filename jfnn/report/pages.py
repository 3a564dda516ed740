"""Self-contained HTML pages with the style of page.css."""

import base64
import importlib.resources
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from jfnn.core.store.files import atomic_file


class Box(NamedTuple):
    """A part of a picture, in percent of its width and height from the upper left, and its text."""

    left: float
    top: float
    width: float
    height: float
    text: str


def write_page(path: Path, title: str, lead: str, notes: Iterable[str], body: Sequence[str]) -> None:
    """Write a page: a heading, a lead sentence and notes in plain text, and a body in HTML."""
    lines = unbroken("<br>".join(map(escape, notes)))
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="lead">{unbroken(escape(lead))}</p>',
        *([f'<p class="notes">{lines}</p>'] if lines else []),
        *body,
    ]
    page = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>\n{_text('page.css')}</style></head>\n<body>\n"
    )
    page += "\n".join([*parts, f"<script>\n{_text('sort.js')}</script>"]) + "\n</body></html>\n"
    with atomic_file(path, "path") as file:
        file.write(page.encode(errors="backslashreplace"))  # names of files need not be UTF-8


def _text(name: str) -> str:
    """Return a file beside this module, which is included in every page."""
    return (importlib.resources.files("jfnn.report") / name).read_text(encoding="utf-8")


def pictures_html(images: Mapping[str, bytes], boxes: Mapping[str, Sequence[Box]]) -> str:
    """Return PNG images by title, with texts of ``boxes`` under the pointer, side by side if they fit."""
    figures = []
    for title, data in images.items():
        text = escape(title)
        encoded = base64.b64encode(data).decode()
        picture = f'<img alt="{text}" src="data:image/png;base64,{encoded}">'
        picture += "".join(
            f'<i title="{escape(box.text)}" style="left:{box.left:.2f}%;top:{box.top:.2f}%;'
            f'width:{box.width:.2f}%;height:{box.height:.2f}%"></i>'
            for box in boxes.get(title, ())
        )
        figures.append(
            f'<figure><figcaption>{text}</figcaption><div class="picture">{picture}</div></figure>'
        )
    return f'<div class="pictures">{"".join(figures)}</div>' if figures else ""


def folded_html(summary: str, body: str, is_open: bool = False) -> str:
    """Return a part of a page that unfolds at a click on its summary."""
    return f"<details{' open' * is_open}><summary>{unbroken(escape(summary))}</summary>{body}</details>"


def pairs_html(pairs: Iterable[tuple[str, str]]) -> str:
    """Return pairs of names and values as a table without headings."""
    rows = (f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in pairs)
    return f'<div class="table"><table class="settings">{"".join(rows)}</table></div>'


def unbroken(text: str) -> str:
    """Return text with no-break spaces within "η = 0.01" and "0.95 [0.94, 0.96]"."""
    return re.sub(r" = | (?=\[)|(?<=\d), (?=[^ ]+\])", lambda found: found[0].replace(" ", "\u00a0"), text)
