"""What a figure leaves out, in words for its caption: one rule for cells, curves and points."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

MOST = 10  # names in a caption; of more their number


def not_shown(names: Sequence[str], count: int, noun: str) -> list[str]:
    """What is not drawn: "not shown: η = 0.1, η = 10 (div)", or "not shown: 34 of 40 cells".

    Args:
        names: A name of each that is left out.
        count: How many there are with those drawn.
        noun: What they are.
    """
    if not names:
        return []
    return [f"not shown: {', '.join(names) if len(names) <= MOST else f'{len(names)} of {count} {noun}'}"]


def out_of_sight(
    axes: Axes, names: Sequence[str], values: Sequence[np.ndarray] | np.ndarray, what: str = ""
) -> list[str]:
    """Curves or points that have values, but none in the range of a panel: "loss out of sight: η = 10".

    Args:
        axes: The panel, whose range is set.
        names: Name of each curve or point; several may have the same.
        values: Values of each.
        what: What they are values of.
    """
    low, high = axes.get_ylim()
    hidden = []
    for name, numbers in zip(names, values, strict=True):
        finite = numbers[np.isfinite(numbers)]
        if finite.size and not ((finite >= low) & (finite <= high)).any():
            hidden.append(name)
    if not hidden:
        return []
    listed = " and ".join(hidden) if len(hidden) <= MOST else f"{len(hidden)} of {len(names)}"
    return [f"{what} out of sight: {listed}".lstrip()]
