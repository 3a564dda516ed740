"""Searches beside scikit-learn's: cases, marks and the table of what was measured."""

import json

import pytest
import searches
import tables
from benchmarks.search_call import CASES, THEIRS, fitting
from benchmarks.search_calls import Times

from jfnn.estimators import choice

pytestmark = pytest.mark.thorough


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.grid is not None])
def test_fits_a_structure_are_those_by_which_auto_chooses(name):
    """Counted by the grid's lengths and by the search's own candidates."""
    case = CASES[name]
    search, _ = fitting(case, "auto")
    found = choice.choose(search, case.folds, case.load()[0], False)
    assert case.fits_a_structure == found.fits // found.structures
    assert ("auto" in found.engines) == (case.fits_a_structure >= choice.MANY and found.why is None)


def times(first, again, ever, engine="jfnn"):
    return {THEIRS: Times(3.0, 1.0, 3.0, THEIRS), "auto": Times(first, again, ever, engine)}


def test_a_page_has_a_table_of_searches(tmp_path):
    found = times(1.5, 0.25, 4.0) | {"jfnn": Times(6.0, 2.0, 8.0, "jfnn")}
    figures = {"searches": {"wine, 9 × 5": {engine: each._asdict() for engine, each in found.items()}}}
    (tmp_path / "one.json").write_text(json.dumps(figures))
    shown = {"table": "searches", "file": "one.json", "cases": {"wine, 9 × 5": "wine", "lost": "lost"}}
    page = f"<!-- figures: {json.dumps(shown)} -->\nold\n<!-- end of figures -->"
    *_, row, _, _ = tables.renewed(page, tmp_path).splitlines()
    assert row == "| wine | 45 | 3 | 1 | 4 | 2× | 4× | 8 | 0.5× | 0.5× |"
    assert tables.missing(page, tmp_path) == ["lost"]


def test_a_case_is_measured_and_written(capsys, tmp_path):
    path = tmp_path / "searches.json"
    words = ["--rounds", "1", "--cases", "iris, one fit", "--json", str(path)]
    assert searches.main(words) == 0
    assert "| iris, one fit | 1 |" in capsys.readouterr().out
    found = json.loads(path.read_text())["searches"]["iris, one fit"]
    assert {name: each["engine"] for name, each in found.items()} == {
        THEIRS: THEIRS,
        "auto": THEIRS,
        "jfnn": "jfnn",
    }
    assert all(each[name] > 0 for each in found.values() for name in ("first", "again", "ever"))
