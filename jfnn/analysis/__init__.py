"""Statistics and their intervals, comparisons, ranking, tables; values of rows; studies of weights."""

from jfnn.analysis.barriers import Barrier, barrier, matched
from jfnn.analysis.comparison import Comparison, compare_cells, holm, seeds_needed
from jfnn.analysis.conformal import jackknife_plus, split_conformal
from jfnn.analysis.data_values import banzhaf, influence, memorisation, shapley
from jfnn.analysis.intervals import Interval, interval
from jfnn.analysis.rates import best_rates
from jfnn.analysis.sharpness import Sharpness, batch_sharpness, sharpness
from jfnn.analysis.statistics import CellStatistics, cell_statistics, curve_statistics
from jfnn.analysis.summary import cell_names
from jfnn.analysis.tables import tidy, write_tidy
from jfnn.analysis.zoo import Zoo, weight_statistics
from jfnn.search.fronts import front

__all__ = [
    "Barrier",
    "CellStatistics",
    "Comparison",
    "Interval",
    "Sharpness",
    "Zoo",
    "banzhaf",
    "barrier",
    "batch_sharpness",
    "best_rates",
    "cell_names",
    "cell_statistics",
    "compare_cells",
    "curve_statistics",
    "front",
    "holm",
    "influence",
    "interval",
    "jackknife_plus",
    "matched",
    "memorisation",
    "seeds_needed",
    "shapley",
    "sharpness",
    "split_conformal",
    "tidy",
    "weight_statistics",
    "write_tidy",
]
