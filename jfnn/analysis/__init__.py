"""Analysis of sweeps: statistics, comparisons, tables, values of training rows, studies of weights."""

from typing import TYPE_CHECKING

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
from jfnn.analysis.data_values import influence, memorization
from jfnn.analysis.fronts import front
from jfnn.analysis.intervals import Interval, interval
from jfnn.analysis.layer_statistics import LayerStatistics, layer_statistics
from jfnn.analysis.sharpness import Sharpness, batch_sharpness, sharpness
from jfnn.analysis.statistics import CellStatistics, cell_statistics, curve_statistics
from jfnn.analysis.summary import cell_names
from jfnn.analysis.tables import tidy
from jfnn.analysis.tuning import TuningCurve, tuning_curve
from jfnn.analysis.variance import VarianceParts, variance_parts
from jfnn.analysis.weights import weight_statistics
from jfnn.arguments.unknown import suggest_names

__all__ = [
    "Barrier",
    "BiasVariance",
    "CellStatistics",
    "Comparison",
    "Datamodels",
    "InfluenceFunctions",
    "Interval",
    "LayerStatistics",
    "OnlineCode",
    "Sharpness",
    "TuningCurve",
    "VarianceParts",
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
    "layer_statistics",
    "leave_one_out_values",
    "linear_datamodeling_score",
    "matched",
    "memorization",
    "online_code",
    "seeds_needed",
    "sharpness",
    "tidy",
    "tuning_curve",
    "variance_parts",
    "weight_statistics",
]
__dir__ = __all__.copy
if not TYPE_CHECKING:  # type checkers would accept every name
    __getattr__ = suggest_names(__name__, __all__)
