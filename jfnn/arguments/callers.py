"""Warnings that name the line of the caller's code, however deep in the package they come about."""

import os
import sys
import warnings
from pathlib import Path

PACKAGE = f"{Path(__file__).parents[1]}{os.sep}"


def warn(reason: str) -> None:
    """Gives a UserWarning at the first line outside of the package; Python shows it once for each line."""
    level = 1
    frame = sys._getframe()
    while frame.f_code.co_filename.startswith(PACKAGE) and frame.f_back is not None:
        level += 1
        frame = frame.f_back
    warnings.warn(reason, UserWarning, stacklevel=level)
