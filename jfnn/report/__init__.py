"""A sweep as one self-contained HTML page, with no links to load and images inside, or as a LaTeX table."""

from jfnn.report.latex import latex_table
from jfnn.report.writing import write_report, write_tables

__all__ = ["latex_table", "write_report", "write_tables"]
__dir__ = __all__.copy
