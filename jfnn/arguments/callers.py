"""Warnings that point to the line of the caller's code, wherever in the package they are raised."""

import os
import sys
import warnings
from pathlib import Path
from typing import NamedTuple

from jfnn.arguments.checks import Cure, with_cure

PACKAGE = f"{Path(__file__).parents[1]}{os.sep}"


class Doubt(NamedTuple):
    """A valid but suspicious input."""

    found: str
    argument: str = ""  # name of the argument; empty if there is none
    cure: Cure | None = None  # suggested fix, if known

    def __str__(self) -> str:
        """Return the whole warning in one line."""
        text = with_cure(self.found, self.cure)
        return f"{self.argument}: {text}" if self.argument else text


def warn(doubt: Doubt) -> None:
    """Issue a UserWarning at the first line outside the package; Python shows it once per line."""
    level = 1
    frame = sys._getframe()
    while frame.f_code.co_filename.startswith(PACKAGE) and frame.f_back is not None:
        level += 1
        frame = frame.f_back
    warning = UserWarning(str(doubt))
    vars(warning)["doubt"] = doubt  # the command line rephrases it with its flags
    warnings.warn(warning, stacklevel=level)


def doubt_of(warning: Warning | str) -> Doubt | None:
    """Return the `Doubt` of a warning by `warn`; None for other warnings."""
    doubt: Doubt | None = getattr(warning, "doubt", None)
    return doubt
