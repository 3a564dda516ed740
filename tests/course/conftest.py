"""Course pages as programs; each runs once for its test file."""

from pathlib import Path

import matplotlib
import pytest

COURSE = Path(__file__).parents[2] / "docs" / "course"


@pytest.fixture(scope="module")
def page(request):
    """Run the page of a test file from top to bottom and return its names."""
    path = COURSE / f"{request.module.__name__.removeprefix('test_')}.py"
    matplotlib.use("agg")
    names: dict = {}
    exec(compile(path.read_text(), path.name, "exec"), names)
    return names
