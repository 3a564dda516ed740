"""Sweeps and tables as self-contained HTML pages, with images inside and no external resources."""

from jfnn.report.writing import write_report, write_tables

__all__ = ["write_report", "write_tables"]
__dir__ = __all__.copy
