"""Statistics, comparisons, ranking, tables; values of rows, conformal intervals, calibration, sharpness."""

from jfnn.analysis.calibration import (
    Brier,
    Calibration,
    brier_score,
    calibration_error,
    crps,
    crps_normal,
    temperature,
    with_temperature,
)
from jfnn.analysis.comparison import Comparison, compare_cells, holm, seeds_needed
from jfnn.analysis.conformal import jackknife_plus, split_conformal
from jfnn.analysis.data_values import banzhaf, influence, memorisation, shapley
from jfnn.analysis.intervals import Interval, interval
from jfnn.analysis.rates import best_rates
from jfnn.analysis.sharpness import Sharpness, sharpness
from jfnn.analysis.statistics import CellStatistics, cell_statistics, curve_statistics
from jfnn.analysis.summary import cell_names
from jfnn.analysis.tables import tidy, write_tidy
from jfnn.search.fronts import front

__all__ = [
    "Brier",
    "Calibration",
    "CellStatistics",
    "Comparison",
    "Interval",
    "Sharpness",
    "banzhaf",
    "best_rates",
    "brier_score",
    "calibration_error",
    "cell_names",
    "cell_statistics",
    "compare_cells",
    "crps",
    "crps_normal",
    "curve_statistics",
    "front",
    "holm",
    "influence",
    "interval",
    "jackknife_plus",
    "memorisation",
    "seeds_needed",
    "shapley",
    "sharpness",
    "split_conformal",
    "temperature",
    "tidy",
    "with_temperature",
    "write_tidy",
]
