"""Tables of a sweep for LaTeX, in the style of the package booktabs."""

import re
from collections.abc import Sequence

import numpy as np

from jfnn.analysis import ranking, summary
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.texts import axis_text, describe, value_texts
from jfnn.core.search.result import SweepResult
from jfnn.plots.panels import as_sweep
from jfnn.plots.slices import At, caption_parts, sliced

# What LaTeX reads otherwise, and letters that its fonts for text lack.
ESCAPES = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "×": r"$\times$"}
    | {"η": r"$\eta$", "λ": r"$\lambda$", "²": r"\textsuperscript{2}", "–": "--", "<": "$<$", ">": "$>$"}
)
NUMBER = re.compile(r"(?<![\w.-])(-?)(\d[\d.]*)(?:e(-?\d+))?(?![\w.])")


def latex_table(
    result: SweepResult,
    most: int = 5,
    *,
    axes: Sequence[str] | None = None,
    at: At | None = None,
    score: str | None = None,
) -> str:
    """A ``tabular`` of the best cells, or of a score over two axes, for ``\\usepackage{booktabs}``.

    Scores stand with their intervals, as in a report: "0.951 [0.946, 0.955]", since those of accuracies are
    not symmetric. Comments above say what they are, for the caption. The best score of a grid is bold.

    Args:
        result: A sweep.
        most: Cells to list, best first, where ``axes`` are None.
        axes: The axes of a grid's rows and of its columns, as for `jfnn.plots.heat_map`; None for a list.
        at: Indices on other axes, as there.
        score: Of a grid, such as "test_loss"; None for the one that ranks.

    Raises:
        ValueError, TypeError: No such axis, index or score; axes of a random search, whose cells form no
            grid; or no cell that ranks, where cells are listed.
    """
    result = as_sweep(result)
    most = checks.as_count(most, "most")
    name = result.named(score, "score")
    notes, rows = _best(result, most) if axes is None else _grid(result, axes, at, name)
    lines = [" & ".join(row) + r" \\" for row in rows]
    begin = [f"% {' '.join(note.split())}" for note in notes] + [
        rf"\begin{{tabular}}{{{'l' * len(rows[0])}}}"
    ]
    return "\n".join(
        [*begin, r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule", r"\end{tabular}"]
    )


def _best(result: SweepResult, most: int) -> tuple[list[str], list[list[str]]]:
    """What marks mean, and the best cells below their headings."""
    best = ranking.best_first(result, most)
    if not best.cells:
        raise ArgumentError(
            "result", "expected a cell that ranks, got none: every one diverged or was pruned"
        )
    heading, *rows = ranking.table(best)
    words = {axis_text(name) for name, values in result.axes.items() if values.dtype.kind == "U"}
    convert = [escaped if name in words else in_mathematics for name in heading]
    cells = [[change(text) for change, text in zip(convert, row, strict=True)] for row in rows]
    return ranking.legend(best), [[escaped(name) for name in heading], *cells]


def _grid(
    result: SweepResult, axes: Sequence[str], at: At | None, score: str
) -> tuple[list[str], list[list[str]]]:
    """What a grid is of, and its scores below and beside the values of two axes."""
    if not result.crossed:
        raise ArgumentError("axes", "expected None, since cells in a list form no grid")
    if not checks.is_several(axes) or len(axes) != 2:
        raise ArgumentTypeError("axes", f"expected the names of two axes, got {checks.shown(axes)}")
    part, indices = sliced(result, axes, at)
    (down, rows), (across, columns) = part.axes.items()
    higher = result.higher_is_better(score)
    table = summary.ScoreTable.taken(part, score)
    places = list(np.ndindex(part.cell_shape))
    # Each a mean with its interval: medians, where runs failed, would be other numbers than their neighbours.
    scores = [table.at(place)._replace(failed=0) for place in places]
    texts = summary.score_texts(scores, higher)
    cells = np.array(list(map(in_mathematics, texts)), object).reshape(part.cell_shape)
    means = part.cell_scores(score)
    if np.isfinite(means).any():
        best = np.unravel_index((np.nanargmax if higher else np.nanargmin)(means), means.shape)
        cells[best] = rf"\textbf{{{cells[best]}}}"
    kind = escaped if rows.dtype.kind == "U" else in_mathematics
    beside = map(kind, value_texts(rows.tolist(), down))
    above = [in_mathematics(describe({across: value})) for value in columns.tolist()]
    notes = [f"{score}: {'; '.join(caption_parts(result, part, indices))}", summary.interval_text(part)]
    body = [[first, *row] for first, row in zip(beside, cells.tolist(), strict=True)]
    return [note for note in notes if note], [[escaped(axis_text(down)), *above], *body]


def escaped(text: str) -> str:
    """A text as LaTeX prints it."""
    return text.translate(ESCAPES)


def in_mathematics(text: str) -> str:
    """A text whose numbers are set as such: ``$10^{-5}$`` for 1e-5, ``$-0.5$`` for -0.5."""

    def number(found: re.Match[str]) -> str:
        sign, mantissa, exponent = found.groups()
        factor = "" if mantissa == "1" else rf"{mantissa} \times "
        power = f"{factor}10^{{{exponent}}}" if exponent else mantissa
        return f"${sign}{power}$" if sign or exponent else mantissa

    return NUMBER.sub(number, escaped(text))
