"""Figures of sweeps and training runs.

Every function builds a new `matplotlib.figure.Figure` and returns it: nothing is shown, nothing is kept, and
pyplot's global state stays out of it. ``figure.savefig(path)`` writes one; a notebook shows one by itself.

`PAPER` has matplotlib's settings for a paper: one column, text of 8 points, fonts of type 42 in PDF files.
Figures that are made and written within ``matplotlib.rc_context(jfnn.plots.PAPER)`` have them. The width of
figures and their fonts are always those of ``rcParams``: "figure.figsize", if it is set, and "font.size".
"""

from jfnn.plots.confusions import confusion_matrix
from jfnn.plots.curves import interval_curves, loss_curves
from jfnn.plots.decompositions import bias_variance
from jfnn.plots.grids import array_map, heat_map
from jfnn.plots.histograms import histogram
from jfnn.plots.orders import cumulative_gains, roc_curves
from jfnn.plots.paper import PAPER
from jfnn.plots.profiles import axis_curves
from jfnn.plots.reliability import reliability_diagram
from jfnn.plots.scatters import scatter
from jfnn.plots.widths import coordinate_curves

__all__ = [
    "PAPER",
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
