"""What is handed in, as the notes have it: rows first, weights ``[n_in, n_out]``, biases ``[n_out]``."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.signatures import check_callable

LAYOUTS = ("in_out", "out_in")
PAIR = "expected a pair of weights and biases for each layer, such as list(zip(weights, biases))"

# Gradients, or a function that makes them: of one's own parameters and rows, as they are given.
Pairs = Sequence[tuple[ArrayLike, ArrayLike]]
Gradients = Pairs | Callable[[Any, Any, Any], Pairs]


class Given(NamedTuple):
    """Arrays in float64, and how they were read.

    Attributes:
        weights: ``[n_in, n_out]`` of each layer.
        biases: ``[n_out]`` of each layer.
        x: Inputs ``[n, n_in]``.
        gradients: ``∂C/∂w``, ``∂C/∂b`` of each layer; of another shape where a mistake gave it one.
        activations: a_1 to a_L ``[n, n_l]``, or None where they were not given.
        deltas: δ_1 to δ_L ``[n, n_l]``, or None.
        unit: The spacing of floats at 1 in the widest dtype among them.
        notes: How arrays were read where they can be so in several ways.
    """

    weights: list[np.ndarray]
    biases: list[np.ndarray]
    x: np.ndarray
    gradients: list[tuple[np.ndarray, np.ndarray]]
    activations: list[np.ndarray] | None
    deltas: list[np.ndarray] | None
    unit: float
    notes: tuple[str, ...]


def read(
    params: Pairs,
    x: ArrayLike,
    y: ArrayLike,
    gradients: Gradients,
    activations: Sequence[ArrayLike] | None,
    deltas: Sequence[ArrayLike] | None,
    layout: str | None,
) -> Given:
    """Reads what was handed in.

    Raises:
        ValueError, TypeError: No numbers, other counts of layers, or parameters whose shapes do not fit.
    """
    if layout is not None:
        checks.as_choice(layout, "layout", LAYOUTS)
    rows = np.asarray(checks.as_inputs(x))
    if rows.ndim != 2:
        raise ArgumentError("x", f"expected rows [n, n_in], got {list(rows.shape)}")
    pairs = _pairs(params, "params")
    for array in (array for pair in pairs for array in pair):
        checks.check_values(array, "params", np.float64)
    swapped, notes = _orientation(pairs, rows.shape[1], layout)
    weights = [np.asarray(w.T if swapped else w, np.float64) for w, _ in pairs]
    biases = [np.asarray(b, np.float64).ravel() for _, b in pairs]
    sizes = [len(b) for b in biases]

    if callable(gradients):
        check_callable(gradients, (params, x, y), "gradients", "a function of params, x and y")
        own = _pairs(gradients(params, x, y), "gradients", len(pairs))
    else:
        own = _pairs(gradients, "gradients", len(pairs))
    listed = {
        "activations": _listed(activations, "activations", len(pairs), inputs=True),
        "deltas": _listed(deltas, "deltas", len(pairs)),
    }
    by_row, columns = _rows_first(listed, len(rows), sizes, swapped)
    if columns:
        notes += ("Activations and deltas are read as [n_l, n], a column a row of x.",)
    read_gradients = [
        (np.asarray(w.T if swapped else w, np.float64), _bias(b, len(rows), size, columns))
        for (w, b), size in zip(own, sizes, strict=True)
    ]
    arrays = [rows, *(array for pair in [*pairs, *own] for array in pair)]
    arrays += [array for several in listed.values() if several is not None for array in several]
    unit = max(_unit(array) for array in arrays)
    given = by_row["activations"], by_row["deltas"]
    return Given(weights, biases, rows.astype(np.float64), read_gradients, *given, unit, notes)


def _unit(array: np.ndarray) -> float:
    """The spacing of floats at 1; integers are exact in any dtype."""
    floating = jnp.issubdtype(array.dtype, jnp.floating)
    dtype = array.dtype if floating else np.dtype(np.float64)
    return float(jnp.finfo(dtype).eps)  # type: ignore[no-untyped-call]


def _numbers(value: object, argument: str) -> np.ndarray:
    """An array of numbers, NaN and infinity among them."""
    array = np.asarray(checks.as_array(value, argument))
    checks.check_numbers(array, argument)
    return array


def _pairs(value: Any, argument: str, count: int | None = None) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights and biases of each layer as arrays."""
    if not checks.is_several(value) or not len(value):
        raise ArgumentTypeError(argument, PAIR, got=checks.shown(value))
    if count is not None and len(value) != count:
        raise ArgumentError(argument, f"expected {count} pairs, as params has", got=str(len(value)))
    for pair in value:
        if not checks.is_several(pair) or len(pair) != 2:
            raise ArgumentTypeError(argument, PAIR, got=checks.shown(pair))
    return [(_numbers(w, argument), _numbers(b, argument)) for w, b in value]


def _orientation(
    pairs: list[tuple[np.ndarray, np.ndarray]], n_in: int, layout: str | None
) -> tuple[bool, tuple[str, ...]]:
    """Whether weights are ``[n_out, n_in]``, and what is to be said of it."""
    shapes = [w.shape for w, _ in pairs]
    outputs = [b.size for _, b in pairs]
    flat = all(max(b.shape, default=1) == b.size for _, b in pairs)  # [n], [1, n] or [n, 1]

    def fit(inputs: int, first: bool) -> bool:
        """Whether weights are from so many inputs on, with inputs on the first axis or on the last one."""
        sizes = itertools.pairwise([inputs, *outputs])
        return flat and shapes == [(before, after) if first else (after, before) for before, after in sizes]

    straight = layout != "out_in" and fit(n_in, True)
    turned = layout != "in_out" and fit(n_in, False)
    if not straight and not turned:
        for axis, first in ((0, True), (-1, False)):
            if shapes[0] and fit(shapes[0][axis], first) and layout != LAYOUTS[first]:
                raise ArgumentError(
                    "x", f"expected {shapes[0][axis]} columns, as params has inputs", got=str(n_in)
                )
        expected = (
            f"expected weights [n_in, n_out] or [n_out, n_in] and biases [n_out], from {n_in} inputs on"
        )
        if layout is not None:
            expected = f"expected weights {layout}, and biases [n_out], from {n_in} inputs on"
        got = ", ".join(f"{list(w.shape)} {list(b.shape)}" for w, b in pairs)
        raise ArgumentError("params", expected, got=got)
    if straight and turned:
        told = 'All weights are square and read as [n_in, n_out]; layout="out_in" says the other.'
        return False, (told,) if layout is None else ()
    told = "Weights are read as [n_out, n_in]."
    return turned, (told,) if turned and layout is None else ()


def _listed(values: Any, argument: str, count: int, inputs: bool = False) -> list[np.ndarray] | None:
    """An array of each layer, without the inputs a_0; None for None."""
    if values is None:
        return None
    counts = (count, count + 1) if inputs else (count,)
    if not checks.is_several(values) or len(values) not in counts:
        first = f", or {count + 1} with the inputs first" if inputs else ""
        got = str(len(values)) if checks.is_several(values) else checks.shown(values)
        raise ArgumentTypeError(
            argument, f"expected a sequence of {count} arrays, a layer each{first}", got=got
        )
    return [_numbers(value, argument) for value in values][-count:]


def _rows_first(
    listed: dict[str, list[np.ndarray] | None], n: int, sizes: list[int], swapped: bool
) -> tuple[dict[str, list[np.ndarray] | None], bool]:
    """Arrays of layers with rows on their first axis, and whether they had them on the last one."""
    straight, turned = [], []
    for arrays in listed.values():
        for array, size in zip(arrays or [], sizes, strict=False):
            straight.append(array.shape == (n, size))
            turned.append(array.shape == (size, n))
    columns = bool(turned) and all(turned) and (swapped or not all(straight))
    found = {
        name: None
        if arrays is None
        else [np.asarray(array.T if columns else array, np.float64) for array in arrays]
        for name, arrays in listed.items()
    }
    for name, arrays in found.items():
        for array, size in zip(arrays or [], sizes, strict=False):
            if array.shape != (n, size):
                expected = f"expected [{n}, {size}], a row for each of x, of a layer of {size}"
                raise ArgumentError(name, expected, got=str(list(array.shape)))
    return found, columns


def _bias(b: np.ndarray, n: int, size: int, columns: bool) -> np.ndarray:
    """``∂C/∂b [n_out]``; of other lengths as they are, and rows first where a sum was forgotten."""
    b = np.asarray(b, np.float64)
    if max(b.shape, default=1) == b.size and (b.ndim > 0 or size == 1):
        return b.ravel()
    return b.T if columns and b.shape == (size, n) else b
