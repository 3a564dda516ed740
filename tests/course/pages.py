"""The pages of the course as programs: each is run once for all tests that ask for its names."""

import functools
from pathlib import Path

import matplotlib

COURSE = Path(__file__).parents[2] / "docs" / "course"


@functools.cache
def names_of(page):
    """Names of a page after it has run from top to bottom."""
    matplotlib.use("agg")
    names: dict = {}
    exec(compile((COURSE / f"{page}.py").read_text(), f"{page}.py", "exec"), names)
    return names
