"""How many rows a share or a number of rows is."""

import math
import numbers
from typing import Any

from jfnn import checks
from jfnn.checks import ArgumentError, ArgumentTypeError


def as_size(size: Any, n: int, argument: str) -> int:
    """Rows of a part: a share of ``n`` rows, rounded up as scikit-learn does, or their number.

    Raises:
        TypeError: No number.
        ValueError: One of the two parts would be empty.
    """
    if isinstance(size, bool) or not isinstance(size, numbers.Real):
        raise ArgumentTypeError(argument, f"expected a share or a number of rows, got {checks.shown(size)}")
    if isinstance(size, numbers.Integral):
        rows = int(size)
    else:
        rows = math.ceil(float(size) * n) if 0 < float(size) < 1 else 0
    if not 0 < rows < n:
        raise ArgumentError(
            argument,
            f"expected a share between 0 and 1, or a number of rows below {n},"
            f" such that both parts have some, got {checks.shown(size)}",
        )
    return rows
