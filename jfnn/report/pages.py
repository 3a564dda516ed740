"""HTML pages in one file: their style, and their frame."""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from jfnn.extend import atomic_file

STYLE = """
:root { color-scheme: light dark; --ink: #222; --quiet: #666; --line: #ddd; --page: #fff; --box: #f4f4f4;
  --shade: #0004; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ddd; --quiet: #aaa; --line: #444; --page: #181a1b; --box: #26292b; --shade: #fff5; }
  a { color: #8ab4f8; } a:visited { color: #c58af9; }
  img { filter: brightness(0.8) contrast(1.2); }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); }
body { max-width: 84rem; margin: auto; padding: 1rem; overflow-wrap: break-word; } p { max-width: 52rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 0.5rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 0.2rem; }
.lead { font-size: 1.1rem; } .notes { color: var(--quiet); font-size: 0.9rem; }
.pictures { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: 0; flex: 0 1 34rem; min-width: 0; } figcaption { font-weight: 600; margin-bottom: 0.3rem; }
img { display: block; width: 100%; height: auto; background: #fff; border-radius: 4px; }
.table { overflow-x: auto;
  /* A shadow says that columns go on at an edge; the first two grounds lie over it where they end. */
  background: linear-gradient(to right, var(--page) 40%, transparent) left / 2.5rem 100% no-repeat local,
    linear-gradient(to left, var(--page) 40%, transparent) right / 2.5rem 100% no-repeat local,
    linear-gradient(to right, var(--shade), transparent) left / 0.7rem 100% no-repeat,
    linear-gradient(to left, var(--shade), transparent) right / 0.7rem 100% no-repeat; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.25rem 0.9rem 0.25rem 0; text-align: left; vertical-align: top; }
th, td { border-bottom: 1px solid var(--line); }
.cells td, .settings th { white-space: nowrap; }
.best { font-weight: 600; } .cells th { cursor: pointer; }
[aria-sort="ascending"]::after { content: " ↑"; } [aria-sort="descending"]::after { content: " ↓"; }
.picture { position: relative; } .picture i { position: absolute; } .picture i:hover { background: #8884; }
.settings th { font-weight: 400; color: var(--quiet); } .settings td { overflow-wrap: anywhere; }
details { margin-top: 1.5rem; } summary { cursor: pointer; font-weight: 600; margin-bottom: 0.6rem; }
.groups { columns: 24rem; column-gap: 2rem; } section { break-inside: avoid; } h3 { padding-top: 0.1rem; }
@media (max-width: 30rem) {
  .cells { font-size: 0.9rem; } th, td { padding-right: 0.6rem; }
  details :is(th, td) { display: block; overflow-wrap: anywhere; }
  details .settings th { border: 0; padding-bottom: 0; white-space: normal; }
}
pre { background: var(--box); padding: 0.8rem; font-size: 0.9rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; }
@media screen and (min-width: 80rem) {  /* pictures beside the tables */
  .columns { display: grid; grid-template: auto 1fr / minmax(0, 1fr) 34rem; column-gap: 2rem; }
  .columns > :nth-child(2) { grid-area: 1 / 2 / 3; } .columns .groups { columns: 17rem; }
  .cells { font-size: 0.95rem; }
}
@media print {
  :root { --ink: #000; --quiet: #444; --line: #bbb; --page: #fff; --box: #fff; } img { filter: none; }
  .table { overflow: visible; } table { font-size: 0.75rem; }
  tr, figure { break-inside: avoid; } h2, h3 { break-after: avoid; }
}
"""

# A click on a heading, or Enter, sorts the rows by the numbers that texts begin with, else by the texts.
SORT = """
for (const head of document.querySelectorAll(".cells th")) {
  const key = row => row.cells[head.cellIndex].textContent;
  head.tabIndex = 0;
  head.onclick = () => {
    const way = head.ariaSort === "ascending" ? -1 : 1, body = head.closest("table").tBodies[0];
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.ariaSort = way > 0 ? "ascending" : "descending";
    const order = (a, b) => parseFloat(a) - parseFloat(b) || a.localeCompare(b);
    body.append(...[...body.rows].sort((a, b) => way * order(key(a), key(b))));
  };
  head.onkeydown = event => event.key === "Enter" && head.click();
}
"""


class Box(NamedTuple):
    """A part of a picture, in per cent of its width and height from the upper left, and its text."""

    left: float
    top: float
    width: float
    height: float
    text: str


def write_page(path: Path, title: str, lead: str, notes: Iterable[str], body: Sequence[str]) -> None:
    """Writes a page: a heading, a sentence and lines of plain text, and the rest in HTML."""
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
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>\n"
    )
    page += "\n".join([*parts, f"<script>{SORT}</script>"]) + "\n</body></html>\n"
    with atomic_file(path, "path") as file:
        file.write(page.encode(errors="backslashreplace"))  # names of files need not be UTF-8


def pictures_html(images: Mapping[str, bytes], boxes: Mapping[str, Sequence[Box]] | None = None) -> str:
    """PNG images by their titles, side by side where the page is wide enough.

    ``boxes`` are parts of them whose texts the pointer shows, by the same titles.
    """
    figures = []
    for title, data in images.items():
        text = escape(title)
        encoded = base64.b64encode(data).decode()
        picture = f'<img alt="{text}" src="data:image/png;base64,{encoded}">'
        picture += "".join(
            f'<i title="{escape(box.text)}" style="left:{box.left:.2f}%;top:{box.top:.2f}%;'
            f'width:{box.width:.2f}%;height:{box.height:.2f}%"></i>'
            for box in (boxes or {}).get(title, ())
        )
        figures.append(
            f'<figure><figcaption>{text}</figcaption><div class="picture">{picture}</div></figure>'
        )
    return f'<div class="pictures">{"".join(figures)}</div>' if figures else ""


def folded_html(summary: str, body: str, is_open: bool = False) -> str:
    """A part of a page that a click on its summary unfolds."""
    return f"<details{' open' * is_open}><summary>{unbroken(escape(summary))}</summary>{body}</details>"


def pairs_html(pairs: Iterable[tuple[str, str]]) -> str:
    """Pairs of names and values as a table without headings."""
    rows = (f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in pairs)
    return f'<div class="table"><table class="settings">{"".join(rows)}</table></div>'


def unbroken(text: str) -> str:
    """Text whose lines do not break within "η = 0.01" and "0.95 [0.94, 0.96]"."""
    return re.sub(r" = | (?=\[)|(?<=\d), (?=[^ ]+\])", lambda found: found[0].replace(" ", "\u00a0"), text)
