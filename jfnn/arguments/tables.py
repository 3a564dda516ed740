"""Shapes as text, and tables in HTML."""

from collections.abc import Sequence
from html import escape


def size_text(shape: Sequence[int]) -> str:
    """Return a shape as text: "1437×64"."""
    return "×".join(map(str, shape))


def html_table(
    rows: Sequence[Sequence[str]], kind: str = "", titles: Sequence[Sequence[str]] | None = None
) -> str:
    """Return an HTML table in a scrollable box; the first row has the headings, ``titles`` are tooltips."""
    heading, *others = rows
    head = "".join(f"<th>{escape(text)}</th>" for text in heading)
    body = ""
    for row, shown in zip(others, titles or [[""] * len(row) for row in others], strict=True):
        marks = (f' title="{escape(title)}"' if title else "" for title in shown)
        cells = (f"<td{mark}>{escape(text)}</td>" for mark, text in zip(marks, row, strict=True))
        body += f"<tr>{''.join(cells)}</tr>"
    return (
        f'<div class="table"><table class="{kind}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
