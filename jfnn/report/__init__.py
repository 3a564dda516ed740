"""Sweeps as self-contained HTML pages, with images inside and no external resources."""

from typing import TYPE_CHECKING

from jfnn.arguments.unknown import suggest_names
from jfnn.report.writing import write_report

__all__ = ["write_report"]
__dir__ = __all__.copy
if not TYPE_CHECKING:  # type checkers would accept every name
    __getattr__ = suggest_names(__name__, __all__)
