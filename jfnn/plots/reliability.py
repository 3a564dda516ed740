"""How often labels are right against how sure networks are of them."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jfnn.analysis.calibration import Calibration
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.plots.panels import gallery, legend_below, scaled

PANELS_A_ROW = 2  # at most
LARGEST = 150.0  # area of the mark of a bin with all rows, in square points
LEAST = 14.0
TITLE_FONT = 9.0


def reliability_diagram(calibration: Calibration | Mapping[str, Calibration]) -> Figure:
    """The accuracy of each bin of confidences against its mean confidence; on the diagonal it is calibrated.

    The area of a mark grows with the rows in its bin. Grey bars are the expected deviation from the diagonal
    by chance, within which somewhat more than half the marks of a calibrated network lie. Titles have the
    expected calibration error and what it is by chance.

    Args:
        calibration: From `jfnn.analysis.calibration_error`, of one network or one ensemble; or several by
            name, a panel each.

    Raises:
        ValueError, TypeError: Something else, or of several networks.
    """
    several = calibration if isinstance(calibration, Mapping) else {"": calibration}
    if not several:
        raise ArgumentError("calibration", "expected at least one, got none")
    for each in several.values():
        checks.check_instance(each, Calibration, "calibration")
        if each.rows.ndim != 1:
            raise ArgumentError(
                "calibration", f"expected one network's bins, got shape {list(each.rows.shape)}"
            )
    columns = min(PANELS_A_ROW, len(several))
    figure, row = gallery(len(several), columns, (4.4 / columns + 0.8, 0.15), sharey=True)
    for axes, (name, each) in zip(row, several.items(), strict=True):
        _draw(axes, each)
        above = f"{name}\n" if name else ""
        axes.set_title(
            f"{above}error {each.error:.3f}, by chance {each.by_chance:.3f}", fontsize=scaled(TITLE_FONT)
        )
    for axes in row[::columns]:
        axes.set_ylabel("accuracy")
    legend_below(figure, row[0])
    return figure


def _draw(axes: Axes, calibration: Calibration) -> None:
    taken = calibration.rows > 0
    confidence = calibration.confidence[taken]
    accuracy = calibration.accuracy[taken]
    deviation = calibration.deviation[taken]
    rows = calibration.rows[taken]
    axes.plot([0, 1], [0, 1], color="0.5", linewidth=1, zorder=2)
    low = np.maximum(confidence - deviation, 0)
    high = np.minimum(confidence + deviation, 1)
    axes.vlines(
        confidence, low, high, color="0.8", linewidth=4, zorder=1, label="expected deviation by chance"
    )
    areas = LEAST + LARGEST * rows / rows.sum()
    axes.scatter(confidence, accuracy, s=areas, color="C0", alpha=0.8, zorder=3, label="bin, area by rows")
    axes.set(xlabel="confidence", xlim=(-0.05, 1.05), ylim=(-0.05, 1.05))
    ticks = np.linspace(0, 1, 6)
    axes.set(xticks=ticks, yticks=ticks)
    axes.grid(alpha=0.3)
