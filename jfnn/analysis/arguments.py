"""What functions of this room and figures take, refused by its name: confidences, numbers of any shape."""

from typing import Any

import numpy as np

from jfnn import checks
from jfnn.checks import ArgumentError, ArgumentTypeError


def as_confidence(confidence: Any) -> float:
    """A probability between 0 and 1.

    Raises:
        ValueError: Anything else.
    """
    if not isinstance(confidence, float) or not 0 < confidence < 1:
        got = checks.shown(confidence)
        raise ArgumentError("confidence", f"expected a number between 0 and 1, got {got}")
    return confidence


def as_numbers(values: Any, argument: str) -> np.ndarray:
    """Numbers of any shape, float64; NaN and infinity are let through.

    Raises:
        TypeError, ValueError: Not numeric, complex, ragged, or with masked entries.
    """
    array = np.asarray(checks.as_array(values, argument))
    if array.dtype.kind not in "iufb":
        raise ArgumentTypeError(argument, f"expected numbers, got {checks.shown(values)}")
    return array.astype(np.float64)
