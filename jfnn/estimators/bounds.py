"""Numbers that the engine cannot hold where it computes in float32, since their squares would be infinite.

Losses square errors, and adam gradients: a network would learn nothing, or nothing finite.
"""

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.estimators.fit import Fit

MOST = float(np.sqrt(np.finfo(np.float32).max))
NOTHING = 1e-37  # a weight of this share of the largest is next to the least float32
# Float32 may round these to 0, 1 or infinity, which scikit-learn allows for none of them.
ROUNDED = ("learning_rate_init", "epsilon", "beta_1", "beta_2")
FLOAT32 = (
    "the engine computes in float32, and in float64 where rows are float64 and"
    " jax.config.update('jax_enable_x64', True) was called"
)


def in_float32(x: np.ndarray) -> bool:
    """Whether the engine computes in float32 for inputs."""
    return checks.float_dtype(x) == np.float32


def of_rows(fit: Fit) -> ArgumentError | None:
    """The error of inputs or targets that are too large or of weights too far apart; None where none are."""
    rows = fit.rows
    if not in_float32(rows.x):
        return None
    for name, array in (("X", rows.x), ("y", rows.targets)):
        largest = max(float(array.max()), -float(array.min()))
        if largest > MOST:
            return _error(name, f"expected numbers up to {MOST:.2g} in float32", largest)
    if rows.weights is None:
        return None
    n = len(rows.x)
    batch = fit.structure.rows_a_step(n)
    least = 1 if fit.structure.validation else n % batch or batch  # rows of the shortest step
    shares = rows.weights.astype(np.float64) / rows.weights.max()
    small = shares[shares < NOTHING]
    if len(small) < least or not small.any():
        return None
    expected = f"expected 0 or {NOTHING:g} of the largest in float32, since a step may have no others"
    return _error("sample_weight", expected, float(small[small > 0].min()))


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
