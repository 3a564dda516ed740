"""Sweeps as self-contained HTML pages, with images inside and no external resources."""

from jfnn.report.writing import write_report

__all__ = ["write_report"]
__dir__ = __all__.copy
