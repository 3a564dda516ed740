"""Analysis of results: statistics and their intervals, comparisons, ranking, tables, numbers as text."""

from jfnn.analysis.comparison import Comparison, compare_cells, holm, seeds_needed
from jfnn.analysis.intervals import interval
from jfnn.analysis.profiles import Aggregate, Profile, aggregate, performance_profiles, score_matrices
from jfnn.analysis.runs import Curves, Interval, RunStatistics, curve_statistics, final_statistics
from jfnn.analysis.tables import tidy, write_tidy
from jfnn.analysis.trackers import TensorBoard, TrackedRun, Tracker, log_runs

__all__ = [
    "Aggregate",
    "Comparison",
    "Curves",
    "Interval",
    "Profile",
    "RunStatistics",
    "TensorBoard",
    "TrackedRun",
    "Tracker",
    "aggregate",
    "compare_cells",
    "curve_statistics",
    "final_statistics",
    "holm",
    "interval",
    "log_runs",
    "performance_profiles",
    "score_matrices",
    "seeds_needed",
    "tidy",
    "write_tidy",
]
