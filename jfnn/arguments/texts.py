"""Names and numbers of a sweep as readers see them, and tables in HTML."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

SYMBOLS = {"learning_rate": "η", "l2": "λ"}
METRICS = {"r2": "R²"}


def metric_text(metric: str) -> str:
    """A metric's name for readers: "R²" for "r2"."""
    return METRICS.get(metric, metric.replace("_", " "))


def name_text(score: str) -> str:
    """A score's name for readers: "test R²" for "test_r2"."""
    part, _, metric = score.partition("_")
    return f"{part} {metric_text(metric)}"


def number_text(value: float, higher_is_better: bool, digits: int = 3) -> str:
    """A score in few characters: "0.951", for losses and the like "12.3" or "2.51e-3"; "div" for none."""
    if not np.isfinite(value):
        return "div"
    return f"{value:.3f}" if higher_is_better and abs(value) < 10 else compact(value, digits)


def describe(axes: Mapping[str, float]) -> str:
    """Hyperparameters in a line, "η = 0.01, λ = 1e-5"."""
    return ", ".join(f"{SYMBOLS.get(name, name)} = {compact(value, 3)}" for name, value in axes.items())


def compact(value: float, digits: int) -> str:
    """A number in few characters: 1e-5 rather than 1e-05, 2.5e-3 rather than 0.0025."""
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    if value == 0 or -2 <= int(exponent) < digits:
        return f"{value:.{digits}g}"
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}e{int(exponent)}"


def html_table(rows: Sequence[Sequence[str]], kind: str = "") -> str:
    """A table in HTML, in a box of its own that can scroll; the first row has the headings."""
    heading, *others = ("</td><td>".join(map(escape, row)) for row in rows)
    heading = heading.replace("td>", "th>")
    body = "".join(f"<tr><td>{row}</td></tr>" for row in others)
    return (
        f'<div class="table"><table class="{kind}"><thead><tr><th>{heading}</th></tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def group_columns(groups: Sequence[tuple[str, int | None]]) -> dict[str, list[str]]:
    """Columns ``leading`` of `table` with the network and the batch size of each sweep."""
    return {"network": [name for name, _ in groups], "batch": [str(size or "full") for _, size in groups]}
