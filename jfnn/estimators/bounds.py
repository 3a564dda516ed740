"""Numbers that the engine cannot hold where it computes in float32, since their squares would be infinite.

Losses square errors, and adam gradients: a network would learn nothing, or nothing finite.
"""

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.estimators.fit import Fit, Rows

MOST = float(np.sqrt(np.finfo(np.float32).max))
# Float32 may round these to 0, 1 or infinity, which scikit-learn allows for none of them.
ROUNDED = ("learning_rate_init", "epsilon", "beta_1", "beta_2")
FLOAT32 = (
    "the engine computes in float32, and in float64 where rows are float64 and"
    " jax.config.update('jax_enable_x64', True) was called"
)


def in_float32(x: np.ndarray) -> bool:
    """Whether the engine computes in float32 for inputs."""
    return checks.float_dtype(x) == np.float32


def of_rows(rows: Rows) -> ArgumentError | None:
    """The error of inputs or targets that are too large; None where none are."""
    for name, array in (("X", rows.x), ("y", rows.targets)):
        largest = max(float(array.max()), -float(array.min()))
        if in_float32(rows.x) and largest > MOST:
            return _error(name, f"expected numbers up to {MOST:.2g} in float32", largest)
    return None


def of_numbers(fit: Fit) -> ArgumentError | None:
    """The error of a number of a fit that is too large or that rounding takes out of its range; or None."""
    if not in_float32(fit.rows.x):
        return None
    weight = 1.0 if fit.rows.weights is None else float(fit.rows.weights.max())
    alpha = fit.numbers["alpha"]
    if alpha > MOST * weight:
        times = "" if fit.rows.weights is None else f" times the largest weight, {weight:g}"
        return _error("alpha", f"expected at most {MOST:.2g} in float32{times}", alpha)
    for name in ROUNDED:
        value = fit.numbers[name]
        with np.errstate(over="ignore"):
            rounded = float(np.float32(value))
        if rounded != value and rounded in (0, 1, np.inf):
            return _error(name, f"in float32 it is {rounded:g}", value)
    return None


def _error(name: str, reason: str, value: float) -> ArgumentError:
    return ArgumentError(name, f"{reason}, got {value!r}; {FLOAT32}")
