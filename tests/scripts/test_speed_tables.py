"""Tables of speed in the pages are made from the figures of this version."""

import json

import pytest
import tables

import jfnn

CALL = {"imports": [1, 2], "first": [3, 5], "again": [1, 1]}
SHOWN = {"workloads": {"notes": "the grid", "xor": "XOR"}, "contenders": {"numpy": "NumPy", "jfnn": "jfnn"}}
FIGURES = {
    "workloads": {
        "notes": {
            "members": 49,
            "contenders": {
                "numpy": {"median_s": 8.3, "measured_on": 49},
                "jfnn": {"median_s": 0.98, "measured_on": 49},
            },
        },
        "xor": {"members": 4096, "contenders": {"numpy": {"median_s": 89.8, "measured_on": 8}}},
    },
    "first_calls": {
        "grid": {
            "jfnn": [{"seconds": s, "imports": [1, 2], "first": [3, 5], "again": [1, 1]} for s in (4, 6)]
        }
    },
}


def test_a_table_is_made_anew_between_its_comments(tmp_path):
    (tmp_path / "one.json").write_text(json.dumps(FIGURES))
    marks = [f"<!-- figures: {json.dumps({'file': 'one.json'} | shown)} -->" for shown in (SHOWN, CALLS)]
    page = "before\n\n" + "\n".join(f"{mark}\nold\n<!-- end of figures -->\nbehind" for mark in marks)
    text = tables.renewed(page, tmp_path)
    assert text.startswith("before\n") and text.endswith("behind") and "old" not in text
    assert "|  | the grid | XOR |\n" in text and "| NumPy | 8.3 | 89.8* |\n" in text
    assert "| **jfnn** | **0.98** |  |\n" in text
    assert "| a grid: ours | 5 | 1 | 3 | 1 | 2 | 4 |" in text
    assert tables.renewed(text, tmp_path) == text


CALLS = {"first_calls": {"grid": "a grid"}, "contenders": {"jfnn": "ours", "sklearn": "theirs"}}


def test_tables_of_the_pages_are_those_of_their_figures():
    assert tables.main(["--check"]) == 0
    assert any(tables.TABLE.search(page.read_text()) for page in tables.PAGES)


@pytest.mark.parametrize("path", sorted(tables.FIGURES.glob("*.json")), ids=lambda path: path.stem)
def test_figures_are_of_this_minor_version(path):
    measured = json.loads(path.read_text())["environment"]["versions"]["jfnn"]
    assert measured.rpartition(".")[0] == jfnn.__version__.rpartition(".")[0]
