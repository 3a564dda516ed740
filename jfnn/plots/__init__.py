"""Figures of sweeps and training runs.

Every function builds a new `matplotlib.figure.Figure` and returns it: nothing is shown, nothing is kept, and
pyplot's global state stays out of it. ``figure.savefig(path)`` writes one; a notebook shows one by itself.

The width of a figure follows "figure.figsize" of ``matplotlib.rcParams``, if it is set, and its fonts follow
"font.size".
"""

from jfnn.plots.curves import interval_curves, loss_curves
from jfnn.plots.decompositions import bias_variance
from jfnn.plots.grids import array_map, heat_map
from jfnn.plots.histograms import histogram
from jfnn.plots.profiles import axis_curves
from jfnn.plots.scatters import scatter

__all__ = [
    "array_map",
    "axis_curves",
    "bias_variance",
    "heat_map",
    "histogram",
    "interval_curves",
    "loss_curves",
    "scatter",
]
__dir__ = __all__.copy
