"""Figures of sweeps and training runs.

Every function builds a new `matplotlib.figure.Figure` and returns it: nothing is shown, nothing is kept, and
pyplot's global state stays out of it. ``figure.savefig(path)`` writes one; a notebook shows one by itself.
"""

from jfnn.plots.confusions import confusion_matrix
from jfnn.plots.curves import interval_curves, loss_curves
from jfnn.plots.decompositions import bias_variance
from jfnn.plots.grids import array_map, heat_map
from jfnn.plots.histograms import histogram
from jfnn.plots.orders import cumulative_gains, roc_curves
from jfnn.plots.profiles import axis_curves
from jfnn.plots.reliability import reliability_diagram
from jfnn.plots.scatters import scatter
from jfnn.plots.widths import coordinate_curves

__all__ = [
    "array_map",
    "axis_curves",
    "bias_variance",
    "confusion_matrix",
    "coordinate_curves",
    "cumulative_gains",
    "heat_map",
    "histogram",
    "interval_curves",
    "loss_curves",
    "reliability_diagram",
    "roc_curves",
    "scatter",
]
__dir__ = __all__.copy
