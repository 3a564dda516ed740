"""What to do about an error or a doubt, as data: Python and the command line each say it their way."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Set(NamedTuple):
    """A value of an argument that helps: ``resume=True goes on with it``."""

    argument: str  # its name, or that of the flag of the command line that does as much
    value: object
    effect: str
    code: str = ""  # what Python's callers write instead of the argument and its value; empty for these

    def __str__(self) -> str:
        """The words for Python's callers."""
        return f"{self.code or f'{self.argument}={self.value!r}'} {self.effect}"


Cure = Set | str  # a text is for Python's callers alone


def told(found: str, cure: Cure | None, written: Callable[[Cure], str] = str) -> str:
    """What was found and, behind a semicolon, the cure in the words of ``written``, where that has any."""
    words = "" if cure is None else written(cure)
    return f"{found}; {words}" if words else found
