"""Tables, numbers and pictures of speed in the pages are made from the figures of this version."""

import json
import re

import pytest
import tables

import jfnn

CALL = {"imports": [1, 2], "first": [3, 5], "again": [1, 1]}
FIGURES = {
    "environment": {"cores": 2, "processor": "P", "date": "2026-11-28T18", "versions": {"jax": "0.10"}},
    "workloads": {
        "notes": {
            "title": "the grid: 49",
            "members": 49,
            "gflop": 4.0,
            "contenders": {
                "numpy": {"title": "NumPy", "median_s": 8.3, "measured_on": 49},
                "jfnn": {"title": "ours", "median_s": 0.98, "measured_on": 49, "share_of_floor": 0.5},
                "floor": {"title": "floor", "median_s": 0.5, "measured_on": 0},
            },
        },
        "xor": {
            "title": "XOR: 4,096",
            "members": 4096,
            "contenders": {
                "numpy": {"title": "NumPy", "median_s": 89.8, "measured_on": 8},
                "jfnn": {"title": "ours", "median_s": 0.1, "measured_on": 4096},
            },
        },
    },
    "first_calls": {"notes": {"jfnn": [{"seconds": s, **CALL} for s in (4, 6)]}},
    "crossings": {
        f"digits_{n}": {
            name: [{"seconds": seconds, "imports": [1, 2], "first": [3, 5]}]
            for name, seconds in (("vmap", n), ("jfnn", 20))
        }
        for n in (10, 100)
    },
}
SECONDS = {
    "table": "seconds",
    "cases": {"notes": "the grid", "lost": "lost", "xor": "XOR"},
    "rows": {
        "numpy": "NumPy",
        "torch": "none",
        "floor": "least",
        "jfnn": "jfnn",
        "jfnn.share_of_floor": "share",
        "numpy / jfnn": "×",
    },
}
CALLS = {"table": "first_calls", "cases": {"notes": "a grid"}, "rows": {"jfnn": "ours", "sklearn": "theirs"}}
POINTS = {"table": "crossings", "cases": {"digits": "digits"}, "rows": {"jfnn < vmap": "ours"}}
CURVES = {"table": "crossings", "cases": POINTS["cases"], "rows": {"vmap": "theirs", "jfnn_kept": "kept"}}


@pytest.fixture
def directory(tmp_path):
    (tmp_path / "one.json").write_text(json.dumps(FIGURES))
    return tmp_path


def marked(shown, text="old"):
    return f"<!-- figures: {json.dumps({'file': 'one.json'} | shown)} -->\n{text}\n<!-- end of figures -->"


@pytest.mark.parametrize(
    ("shown", "lines", "lacks"),
    [
        (
            SECONDS,
            [
                "|  | the grid | XOR |",
                "| --- | ---: | ---: |",
                "| NumPy | 8.3 | 89.8* |",
                "| least | 0.5 |  |",
                "| **jfnn** | **0.98** | **0.1** |",
                "| share | 50% |  |",
                "| × | 8.5 | 898* |",
            ],
            ["lost", "torch"],
        ),
        (
            CALLS,
            [
                "|  | process | imports | first call | again | CPU: imports | first call less again |",
                "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
                "| a grid: ours | 5 | 1 | 3 | 1 | 2 | 4 |",
            ],
            ["sklearn"],
        ),
        (
            CURVES,
            [
                "|  | 1 | 3 | 10 | 30 | 100 | 300 | 1,000 |",
                "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
                "| digits: theirs |  |  | 10 |  | 100 |  |  |",
            ],
            ["jfnn_kept"],
        ),
        (POINTS, ["|  | faster from |", "| --- | ---: |", "| digits: ours | 20 |"], []),
        (SECONDS | {"cases": {"lost": "lost"}}, [], ["lost", *SECONDS["rows"]]),
    ],
    ids=["seconds", "first calls", "curves", "crossings", "nothing"],
)
def test_a_table_is_made_anew_between_its_comments(shown, lines, lacks, directory):
    page = f"before\n\n{marked(shown)}\nbehind"
    text = tables.renewed(page, directory)
    table = "\n".join(lines)
    assert text == page.replace("\nold\n", f"\n\n{table}\n\n" if lines else "\n")
    assert tables.renewed(text, directory) == text
    assert tables.missing(text, directory) == lacks


def test_a_caption_names_the_machine_below_its_table(directory):
    text = tables.renewed(marked(CALLS | {"caption": "machine"}), directory)
    assert "\n\nMeasured on 2 cores, P, 2026-11-28; jax 0.10.\n\n<!-- end of figures -->" in text
    assert tables.renewed(text, directory) == text


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("notes numpy", "8.3"),
        ("xor numpy / jfnn", "898*"),
        ("first_calls/notes jfnn.first", "3"),
        ("first_calls/notes jfnn", "5"),
        ("machine", "2 cores, P, 2026-11-28; jax 0.10"),
        ("date", "2026-11-28"),
        ("notes torch", ""),
        ("lost jfnn", ""),
        ("first_calls/notes vmap", ""),
    ],
)
def test_a_number_in_a_sentence_is_made_anew(words, text, directory):
    page = f"It takes <!-- figure: one.json {words} -->7<!-- end --> s, <!-- or --> more."
    assert tables.renewed(page, directory) == page.replace(">7<", f">{text}<")
    assert tables.missing(page, directory) == ([] if text else [words])


BARS = {"picture": "bench.png", "cases": {"notes": "grid", "xor": "XOR"}, "rows": {"numpy": "NumPy"}}


@pytest.mark.parametrize("shown", [BARS, {"picture": "crossings.png"}])
def test_a_picture_is_stale_where_the_figures_are_others(shown, directory, monkeypatch):
    monkeypatch.setattr(tables, "IMAGES", directory)
    page = marked(shown | {"text": "Seconds"}, "")
    assert f"![Seconds](images/{shown['picture']})" in tables.renewed(page, directory)
    drawn = tables.picture(shown, FIGURES)
    assert drawn.stale()
    drawn.write()
    assert not drawn.stale()
    others = json.loads(json.dumps(FIGURES).replace("89.8", "89.9").replace('"seconds": 20', '"seconds": 21'))
    assert tables.picture(shown, others).stale()
    nothing = {"workloads": {}, "first_calls": {}}
    assert not tables.picture(shown, nothing).stale()


def test_the_pages_show_their_figures():
    assert tables.main(["--check"]) == 0
    assert any(tables.TABLE.search(page.read_text()) for page in tables.PAGES)


@pytest.mark.parametrize("path", tables.PAGES, ids=lambda path: path.stem)
def test_all_that_a_page_names_is_measured(path):
    assert tables.missing(path.read_text()) == []


@pytest.mark.parametrize("path", tables.PAGES, ids=lambda path: path.stem)
def test_no_line_begins_with_a_number(path):
    """CommonMark ends a paragraph at a line that begins with a comment."""
    assert not re.search(r"^[> ]*<!-- figure: ", path.read_text(), re.MULTILINE)


@pytest.mark.parametrize("path", sorted(tables.FIGURES.glob("*.json")), ids=lambda path: path.stem)
def test_figures_are_of_this_minor_version(path):
    """In development of the last minor version that there is: a release measures anew."""
    versions = re.findall(r"(?m)^## (\d+\.\d+)\.\d+(\.dev\d+)?$", (tables.ROOT / "CHANGELOG.md").read_text())
    released = next(minor for minor, development in versions if not development)
    expected = released if ".dev" in jfnn.__version__ else jfnn.__version__.rpartition(".")[0]
    measured = json.loads(path.read_text())["environment"]["versions"]["jfnn"]
    assert measured.rpartition(".")[0] == expected
