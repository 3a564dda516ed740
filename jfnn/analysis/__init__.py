"""Analysis of results: statistics and their intervals, comparisons, ranking, tables, numbers as text."""

from jfnn.analysis.comparison import Comparison, compare_cells, holm, seeds_needed
from jfnn.analysis.intervals import Interval, interval
from jfnn.analysis.sharpness import Sharpness, sharpness
from jfnn.analysis.statistics import CellStatistics, cell_statistics, curve_statistics
from jfnn.analysis.summary import cell_names
from jfnn.analysis.tables import score_matrices, tidy, write_tidy
from jfnn.search.fronts import front

__all__ = [
    "CellStatistics",
    "Comparison",
    "Interval",
    "Sharpness",
    "cell_names",
    "cell_statistics",
    "compare_cells",
    "curve_statistics",
    "front",
    "holm",
    "interval",
    "score_matrices",
    "seeds_needed",
    "sharpness",
    "tidy",
    "write_tidy",
]
