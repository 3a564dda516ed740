"""Figures of sweeps and training runs.

Every function returns a new `matplotlib.figure.Figure`, without showing it or touching pyplot's global state.
``figure.savefig(path)`` writes it, and notebooks display it. Figures follow "font.size" and, for their width,
"figure.figsize" of ``matplotlib.rcParams``, if set.
"""

from typing import TYPE_CHECKING

from jfnn.arguments.unknown import suggest_names
from jfnn.plots.curves import interval_curves, loss_curves
from jfnn.plots.decompositions import bias_variance
from jfnn.plots.grids import array_map, heat_map
from jfnn.plots.histograms import histogram
from jfnn.plots.layers import layers
from jfnn.plots.profiles import axis_curves
from jfnn.plots.scatters import scatter

__all__ = [
    "array_map",
    "axis_curves",
    "bias_variance",
    "heat_map",
    "histogram",
    "interval_curves",
    "layers",
    "loss_curves",
    "scatter",
]
__dir__ = __all__.copy
if not TYPE_CHECKING:  # type checkers would accept every name
    __getattr__ = suggest_names(__name__, __all__)
