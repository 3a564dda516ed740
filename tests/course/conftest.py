"""The pages of the course as programs: each is run once for the tests of its file."""

from pathlib import Path

import matplotlib
import pytest

COURSE = Path(__file__).parents[2] / "docs" / "course"


@pytest.fixture(scope="module")
def page(request):
    """Names of the page of a test file, after it has run from top to bottom."""
    path = COURSE / f"{request.module.__name__.removeprefix('test_')}.py"
    matplotlib.use("agg")
    names: dict = {}
    exec(compile(path.read_text(), path.name, "exec"), names)
    return names
