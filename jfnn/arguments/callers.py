"""Warnings that name the line of the caller's code, however deep in the package they come about."""

import os
import sys
import warnings
from pathlib import Path
from typing import NamedTuple

from jfnn.arguments.cures import Cure, told

PACKAGE = f"{Path(__file__).parents[1]}{os.sep}"


class Doubt(NamedTuple):
    """Something that is allowed, but hardly meant."""

    found: str
    argument: str = ""  # that it is about; empty for none
    cure: Cure | None = None  # what to do about it, if anything is known

    def __str__(self) -> str:
        """All of it in one line."""
        text = told(self.found, self.cure)
        return f"{self.argument}: {text}" if self.argument else text


def warn(doubt: Doubt) -> None:
    """Gives a UserWarning at the first line outside of the package; Python shows it once for each line."""
    level = 1
    frame = sys._getframe()
    while frame.f_code.co_filename.startswith(PACKAGE) and frame.f_back is not None:
        level += 1
        frame = frame.f_back
    warning = UserWarning(str(doubt))
    vars(warning)["doubt"] = doubt  # which the command line tells with its flags
    warnings.warn(warning, stacklevel=level)


def doubt_of(warning: Warning | str) -> Doubt | None:
    """What a warning by `warn` is about; None of others."""
    doubt: Doubt | None = getattr(warning, "doubt", None)
    return doubt
