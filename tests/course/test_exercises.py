"""Each page of the course ends with three exercises, and each exercise has a test with its answer."""

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
COURSE = HERE.parents[1] / "docs" / "course"
PAGES = sorted(path.stem for path in COURSE.glob("*.py"))


@pytest.mark.parametrize("page", PAGES)
def test_every_exercise_has_a_test_that_answers_it(page):
    text = (COURSE / f"{page}.py").read_text().partition("# Exercises\n# ---------\n")[2]
    assert re.findall(r"\*\*Exercise (\d)\.\*\*", text) == ["1", "2", "3"]
    assert f"tests/course/test_{page}.py" in text
    answers = (HERE / f"test_{page}.py").read_text()
    assert set(re.findall(r"def test_exercise_(\d)_", answers)) == {"1", "2", "3"}


def test_every_page_is_listed_on_the_site():
    settings = (COURSE.parent / "conf.py").read_text()
    listed = re.search(r"^COURSE = \[(.*?)\]", settings, re.DOTALL | re.MULTILINE)[1]
    assert sorted(re.findall(r'"(\w+)\.py"', listed)) == PAGES
