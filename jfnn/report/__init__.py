"""A sweep as one self-contained HTML page, with no links to load and images inside, or as a LaTeX table."""

from jfnn.report.writing import write_report, write_tables

__all__ = ["write_report", "write_tables"]
__dir__ = __all__.copy
