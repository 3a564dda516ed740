"""Tables for LaTeX: their form, their numbers, and characters that LaTeX reads otherwise."""

import dataclasses
import re
import shutil
import subprocess

import numpy as np
import pytest
from helpers import complaint, make_programs, make_result, make_sampled, refusal

from jfnn.analysis import cell_statistics, ranking
from jfnn.report import latex_table
from jfnn.report.latex import escaped, in_mathematics

pytestmark = pytest.mark.unoptimised

RATES = {"learning_rate": np.array([1e-5, 0.01, 10]), "l2": np.array([0, 2.5e-4])}


def rows_of(table):
    """The cells of a table, whose form is checked: one heading, as many cells in each row as columns."""
    begin, *lines = [line for line in table.splitlines() if not line.startswith("% ")]
    assert (lines[0], lines[2], *lines[-2:]) == (r"\toprule", r"\midrule", r"\bottomrule", r"\end{tabular}")
    columns = re.fullmatch(r"\\begin\{tabular\}\{(l+)\}", begin)[1]
    rows = [line.removesuffix(r" \\").split(" & ") for line in [lines[1], *lines[3:-2]]]
    assert {len(row) for row in rows} == {len(columns)} and all(line.endswith(r" \\") for line in lines[3:-2])
    return rows


def with_axes(result):
    return dataclasses.replace(result, axes=result.axes | RATES)


def test_a_grid_has_the_means_and_intervals_of_its_cells():
    result = with_axes(make_result((3, 2), seeds=4, diverged=[(0, 1, 2)]))
    table = latex_table(result, axes=("learning_rate", "l2"), score="test_loss")
    heading, *rows = rows_of(table)
    assert heading == [r"$\eta$", r"$\lambda$ = 0", r"$\lambda$ = $2.5 \times 10^{-4}$"]
    assert [row[0] for row in rows] == ["$10^{-5}$", "0.01", "10"]
    known = cell_statistics(result, "test_loss")
    best = np.unravel_index(np.nanargmin(known.mean), known.mean.shape)
    for i, j in np.ndindex(3, 2):
        text = rows[i][j + 1]
        assert text.startswith(r"\textbf{") == ((i, j) == best)
        if (i, j) == (0, 1):
            assert text == "div"
            continue
        numbers = [float(number) for number in re.findall(r"[\d.]+", text)]
        np.testing.assert_allclose(
            numbers, [each[i, j] for each in (known.mean, known.low, known.high)], rtol=6e-3
        )
    assert table.startswith("% test_loss: mean of 4 seeds") and "95% confidence interval" in table


def test_the_best_cells_are_those_of_the_ranking():
    result = make_programs(("a_b & 50%", "1e5"), (50, 0), seeds=3, shape=(3, 2))
    table = latex_table(with_axes(result), 3)
    best = ranking.best_first(with_axes(result), 3)
    heading, *known = ranking.table(best)
    found, *rows = rows_of(table.replace(r"\&", "and"))
    assert found == [escaped(name) for name in heading] and len(rows) == 3
    named = [
        name.replace("_", r"\_").replace("&", "and").replace("%", r"\%") for name in result.axes["network"]
    ]
    where = heading.index("network")
    assert {row[where] for row in rows} <= set(named)
    assert [row[heading.index("test accuracy")] for row in rows] == [
        row[heading.index("test accuracy")] for row in known
    ]
    assert all(f"% {line}" in table.splitlines() for line in ranking.legend(best))
    assert len(rows_of(latex_table(make_sampled(12), 7))) == 8


def test_texts_are_as_latex_prints_them():
    assert escaped("a_b & 5% #1 $x$ {y} R²") == r"a\_b \& 5\% \#1 \$x\$ \{y\} R\textsuperscript{2}"
    assert escaped("~ ^ \\") == r"\textasciitilde{} \textasciicircum{} \textbackslash{}"
    for text, expected in {
        "1e-5": "$10^{-5}$",
        "-2.5e3": r"$-2.5 \times 10^{3}$",
        "-0.5": "$-0.5$",
        "0.951 [-0.2, 1e5]": r"0.951 [$-0.2$, $10^{5}$]",
        "50-50": "50-50",
        "5–12": "5--12",
        "3.": "3.",
        "div": "div",
    }.items():
        assert in_mathematics(text) == expected


GRID = make_result((2, 2))
REFUSED = [
    ({"result": GRID, "axes": ("l2", "width")}, "axes"),
    ({"result": GRID, "axes": "l2"}, "axes"),
    ({"result": GRID, "axes": ("l2", "learning_rate"), "at": {"l2": 0}}, "at"),
    ({"result": make_sampled(), "axes": ("l2", "learning_rate")}, "axes"),
    ({"result": GRID, "score": "test_r3"}, "score"),
    ({"result": GRID, "most": 0}, "most"),
    ({"result": make_result((2, 2), diverged=[np.s_[:]])}, "result"),
]


@pytest.mark.parametrize(("arguments", "argument"), REFUSED)
def test_tables_of_what_is_not_there_are_refused(arguments, argument):
    assert complaint(refusal(latex_table, **arguments), {argument}) is None


@pytest.mark.thorough
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_pdflatex_takes_the_tables(tmp_path):
    result = with_axes(make_programs(("a_b & 50%", "~^"), seeds=3, shape=(3, 2)))
    tables = [latex_table(result), latex_table(result, axes=("network", "l2"))]
    begin = r"\documentclass{article}\usepackage{booktabs}\begin{document}"
    (tmp_path / "a.tex").write_text("\n\n".join([begin, *tables, r"\end{document}"]), encoding="utf-8")
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "a.tex"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
