"""Functions to be learned whose truth is known: Runge's and Franke's, with noise if wanted."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from jfnn.arguments import checks, memory
from jfnn.arguments.checks import ArgumentError


@np.errstate(over="ignore")  # squares of inputs far away, where it is 0
def runge_function(x: ArrayLike) -> np.ndarray:
    """Runge's function ``1 / (1 + 25 x²)``, or of two inputs ``1 / ((10 x - 5)² + (10 y - 5)² + 1)``.

    Polynomials through equally spaced points of it get worse near the ends with their degree (Runge,
    Zeitschrift für Mathematik und Physik 46, 1901).

    Args:
        x: Inputs ``[n, 1]``, mostly between -1 and 1, or ``[n, 2]``, mostly between 0 and 1.

    Returns:
        Targets without noise ``[n, 1]``, float64.

    Raises:
        ValueError, TypeError: No finite numbers of this shape.
    """
    columns = _columns(x, (1, 2))
    squares = 25 * columns**2 if columns.shape[1] == 1 else (10 * columns - 5) ** 2
    return np.asarray(1 / (1 + squares.sum(axis=1, keepdims=True)))


@np.errstate(over="ignore")
def franke_function(x: ArrayLike) -> np.ndarray:
    """Franke's function of two inputs, two peaks and a dip on a slope.

    ``3/4 exp(-(9x-2)²/4 - (9y-2)²/4) + 3/4 exp(-(9x+1)²/49 - (9y+1)/10)
    + 1/2 exp(-(9x-7)²/4 - (9y-3)²/4) - 1/5 exp(-(9x-4)² - (9y-7)²)`` (Franke, "A critical comparison of some
    methods for interpolation of scattered data", Naval Postgraduate School NPS-53-79-003, 1979).

    Args:
        x: Inputs ``[n, 2]``, mostly between 0 and 1.

    Returns:
        Targets without noise ``[n, 1]``, float64.

    Raises:
        ValueError, TypeError: No finite numbers of this shape.
    """
    u, v = 9 * _columns(x, (2,)).T
    high = 0.75 * np.exp(-((u - 2) ** 2 + (v - 2) ** 2) / 4)
    slope = 0.75 * np.exp(-((u + 1) ** 2) / 49 - (v + 1) / 10)
    low = 0.5 * np.exp(-((u - 7) ** 2 + (v - 3) ** 2) / 4)
    dip = 0.2 * np.exp(-((u - 4) ** 2) - (v - 7) ** 2)
    return np.asarray((high + slope + low - dip)[:, None])


def runge(
    rows: int = 100, noise: float = 0.0, seed: int = 0, *, inputs: int = 1, spaced: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Inputs, and `runge_function` of them with noise, for `split`.

    Args:
        rows: Their number n.
        noise: Standard deviation of normal noise that is added to the targets, in their units.
        seed: Of NumPy's generator, which draws the inputs and then the noise.
        inputs: 1, between -1 and 1, or 2, between 0 and 1.
        spaced: Whether inputs are equally spaced, with both ends, rather than uniform draws. Of two inputs
            they are all pairs, and ``rows`` a square.

    Returns:
        ``x [n, inputs]`` and ``y [n, 1]``, float64.

    Raises:
        ValueError, TypeError: An invalid argument.
    """
    if checks.as_count(inputs, "inputs") > 2:
        raise ArgumentError("inputs", "expected 1 or 2", got=checks.shown(inputs))
    low = -1.0 if inputs == 1 else 0.0
    return _data(runge_function, rows, noise, seed, inputs, low, spaced)


def franke(
    rows: int = 100, noise: float = 0.0, seed: int = 0, *, spaced: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Two inputs between 0 and 1, and `franke_function` of them with noise; the arguments are `runge`'s.

    Returns:
        ``x [n, 2]`` and ``y [n, 1]``, float64.

    Raises:
        ValueError, TypeError: An invalid argument.
    """
    return _data(franke_function, rows, noise, seed, 2, 0.0, spaced)


def _data(
    function: Callable[[np.ndarray], np.ndarray],
    rows: int,
    noise: float,
    seed: int,
    inputs: int,
    low: float,
    spaced: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Inputs ``[n, inputs]`` from ``low`` to 1, and a function of them with noise ``[n, 1]``."""
    n = checks.as_count(rows, "rows")
    std = checks.as_number(noise, "noise")
    rng = np.random.default_rng(checks.as_seed(seed))
    equal = checks.as_switch(spaced, "spaced")
    memory.check("rows", 8.0 * n * (inputs + 1))
    if equal:
        side = n if inputs == 1 else math.isqrt(n)
        if side**inputs != n:
            expected = f"expected a square, as equally spaced pairs are, such as {side**2}"
            raise ArgumentError("rows", expected, got=str(n))
        x = np.stack(np.meshgrid(*[np.linspace(low, 1, side)] * inputs, indexing="ij"), axis=-1)
        x = x.reshape(n, inputs)
    else:
        x = rng.uniform(low, 1, (n, inputs))
    return x, function(x) + std * rng.standard_normal((n, 1))


def _columns(x: ArrayLike, widths: tuple[int, ...]) -> np.ndarray:
    """Finite inputs ``[n, columns]``, float64, of one of some numbers of columns."""
    columns = checks.as_inputs(x, "x", dtype=np.float64)
    if columns.ndim != 2 or columns.shape[1] not in widths:
        expected = f"expected {' or '.join(map(str, widths))} column{'s' * (widths[-1] > 1)}"
        raise ArgumentError("x", expected, got=f"shape {list(columns.shape)}")
    return np.asarray(columns, np.float64)
