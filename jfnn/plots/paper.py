"""Settings of matplotlib for figures of papers."""

from collections.abc import Mapping
from types import MappingProxyType

# Of `matplotlib.rcParams`: a column of a page in two columns, 8-point text, fonts that journals take. Figures
# take the width, in inches; their heights follow from what they show.
PAPER: Mapping[str, object] = MappingProxyType(
    {
        "figure.figsize": (3.4, 2.6),
        "font.size": 8.0,
        "axes.titlesize": 8.0,
        "axes.labelsize": 8.0,
        "xtick.labelsize": 8.0,
        "ytick.labelsize": 8.0,
        "legend.fontsize": 7.0,
        "legend.title_fontsize": 7.0,
        "axes.linewidth": 0.6,
        "grid.linewidth": 0.5,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "xtick.minor.width": 0.4,
        "ytick.minor.width": 0.4,
        "pdf.fonttype": 42,  # TrueType: editable, and not Type 3, which many journals refuse
        "ps.fonttype": 42,
        "svg.fonttype": "none",
        "savefig.dpi": 300.0,
    }
)
