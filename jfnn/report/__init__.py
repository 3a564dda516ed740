"""A sweep as one self-contained HTML page: no links to load, images inside."""

from jfnn.report.writing import write_report, write_tables

__all__ = ["write_report", "write_tables"]
__dir__ = __all__.copy
