"""Analysis of sweeps: statistics, comparisons, tables, values of training rows, studies of weights."""

from jfnn.analysis.attribution import (
    Datamodels,
    InfluenceFunctions,
    datamodels,
    influence_functions,
    leave_one_out_values,
    linear_datamodeling_score,
)
from jfnn.analysis.barriers import Barrier, barrier, matched
from jfnn.analysis.best_cells import best_of_subsets, best_rates
from jfnn.analysis.bias_variance import BiasVariance, bias_variance, bias_variance_of
from jfnn.analysis.codes import OnlineCode, online_code
from jfnn.analysis.comparison import Comparison, compare_cells, holm, seeds_needed
from jfnn.analysis.controls import permutation_p, selectivity
from jfnn.analysis.data_values import banzhaf, influence, memorization, shapley
from jfnn.analysis.fronts import front
from jfnn.analysis.intervals import Interval, interval
from jfnn.analysis.sharpness import Sharpness, batch_sharpness, sharpness
from jfnn.analysis.statistics import CellStatistics, cell_statistics, curve_statistics
from jfnn.analysis.summary import cell_names
from jfnn.analysis.tables import tidy, write_tidy
from jfnn.analysis.weights import weight_statistics

__all__ = [
    "Barrier",
    "BiasVariance",
    "CellStatistics",
    "Comparison",
    "Datamodels",
    "InfluenceFunctions",
    "Interval",
    "OnlineCode",
    "Sharpness",
    "banzhaf",
    "barrier",
    "batch_sharpness",
    "best_of_subsets",
    "best_rates",
    "bias_variance",
    "bias_variance_of",
    "cell_names",
    "cell_statistics",
    "compare_cells",
    "curve_statistics",
    "datamodels",
    "front",
    "holm",
    "influence",
    "influence_functions",
    "interval",
    "leave_one_out_values",
    "linear_datamodeling_score",
    "matched",
    "memorization",
    "online_code",
    "permutation_p",
    "seeds_needed",
    "selectivity",
    "shapley",
    "sharpness",
    "tidy",
    "weight_statistics",
    "write_tidy",
]
__dir__ = __all__.copy
