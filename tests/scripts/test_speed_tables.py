"""Tables, numbers and pictures of speed in the pages come from this version's measurements."""

import json
import re

import pytest
import tables

import jfnn


def test_pages_show_the_measured_figures():
    assert tables.main(["--check"]) == 0
    assert any(tables.TABLE.search(page.read_text()) for page in tables.PAGES)


@pytest.mark.parametrize("path", tables.PAGES, ids=lambda path: path.stem)
def test_every_figure_in_a_page_is_measured(path):
    assert tables.missing(path.read_text()) == []


@pytest.mark.parametrize("path", tables.PAGES, ids=lambda path: path.stem)
def test_no_line_begins_with_a_number(path):
    """CommonMark ends a paragraph at a line that begins with a comment."""
    assert not re.search(r"^[> ]*<!-- figure: ", path.read_text(), re.MULTILINE)


@pytest.mark.parametrize("path", sorted(tables.FIGURES.glob("*.json")), ids=lambda path: path.stem)
def test_figures_are_of_this_minor_version(path):
    """During development they may be of the latest released minor version; each release measures again."""
    versions = re.findall(r"(?m)^## (\d+\.\d+)\.\d+(\.dev\d+)?$", (tables.ROOT / "CHANGELOG.md").read_text())
    released = next(minor for minor, development in versions if not development)
    current = jfnn.__version__.split(".")[:2]
    measured = json.loads(path.read_text())["environment"]["versions"]["jfnn"].split(".")[:2]
    assert measured == current or (".dev" in jfnn.__version__ and measured == released.split("."))
