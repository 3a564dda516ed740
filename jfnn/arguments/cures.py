"""Suggested fixes for errors and warnings, as data that Python and the command line phrase differently."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Set(NamedTuple):
    """A value of an argument that helps: ``resume=True goes on with it``."""

    argument: str  # name of the argument, or of the equivalent command-line flag
    value: object
    effect: str
    code: str = ""  # Python code to show instead of the argument and its value; empty to show these

    def __str__(self) -> str:
        """Return the fix in Python."""
        return f"{self.code or f'{self.argument}={self.value!r}'} {self.effect}"


Cure = Set | str  # a text applies to Python only


def with_cure(found: str, cure: Cure | None, written: Callable[[Cure], str] = str) -> str:
    """Return what was found and, after a semicolon, the fix as phrased by ``written``, if any."""
    words = "" if cure is None else written(cure)
    return f"{found}; {words}" if words else found
