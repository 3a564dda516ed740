"""Hyperparameters of all cells: every combination of values, random draws, or a list."""

import dataclasses
import functools
import itertools
import math
import numbers
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from jfnn.arguments import checks, memory
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.fields import Valid, at_least, field
from jfnn.learners.data import check_in_dtype
from jfnn.optimizers import Distribution, is_distribution

# Axes with one program per value, besides those of `jfnn.Networks`; hyperparameters cannot have these names.
PROGRAM_AXES = ("network", "batch_size")
ALWAYS = ("learning_rate", "l2")  # axes even if given as single numbers
DRAW_BYTES = 64  # per cell: the draws of two axes and their copies

# Checked values of a hyperparameter: one, several ``[k]``, or a distribution.
Number = float | np.ndarray | Distribution


@dataclasses.dataclass
class Sample(Valid):
    """Random search over a number of cells; the first cells do not depend on that number.

    Attributes:
        cells: Number of cells to draw.
        seed: Fixes the draws.

    Raises:
        ValueError, TypeError: ``cells`` or ``seed`` is not a whole number, or is below 1 or 0, respectively.

    Example:
        >>> import jfnn
        >>> x, y = jfnn.datasets.xor_gate()
        >>> rates = [0.1, 0.2, 0.5, 1.0]
        >>> network = jfnn.mlp((2, 4, 2))
        >>> split = jfnn.Split(x, y)
        >>> result = jfnn.sweep(network, split, learning_rate=rates, cells=jfnn.Sample(3), epochs=1)
        >>> result.axes["learning_rate"].shape
        (3,)
    """

    cells: int = field(convert=checks.as_count)
    seed: int = field(0, at_least(0, None))


def as_hyper(
    value: Any, argument: str, minimum: float | None = None, strict: bool = False, below: float = np.inf
) -> Number:
    """Return a distribution unchanged, several numbers as float64 ``[k]``, or one number as a float.

    Raises ArgumentError for numbers below ``minimum`` (or equal to it if ``strict``), or not below ``below``.
    """
    if is_distribution(value):
        distribution: Distribution = value
        return distribution
    values = checks.as_axis(value, argument, minimum, strict)
    if values.max() >= below:
        raise ArgumentError(argument, f"expected numbers below {below:g}, got {values.max():g}")
    return values if checks.is_several(value) or np.ndim(value) else float(values[0])


def _as_rate(value: object, argument: str) -> Number:
    """Convert a learning rate; functions are refused, because schedules belong to the optimizer."""
    if callable(value):
        reason = "a schedule goes into the optimizer, jfnn.Optimizer(…, schedule=…)"
        raise ArgumentTypeError(argument, f"expected a number or several, got a function; {reason}")
    return as_hyper(value, argument, minimum=0.0, strict=True)


# Converters of a network's hyperparameters, except the arguments of an optimizer.
HYPER: dict[str, Callable[[Any, str], Number]] = {
    "learning_rate": _as_rate,
    "l2": functools.partial(as_hyper, minimum=0.0),
    "dropout": functools.partial(as_hyper, minimum=0.0, below=1.0),
    "l1": functools.partial(as_hyper, minimum=0.0),
    "init_scale": functools.partial(as_hyper, minimum=0.0, strict=True),
    "prune_share": functools.partial(as_hyper, minimum=0.0, below=1.0),
}


def as_numbers(values: object, argument: str) -> dict[str, Number]:
    """Convert hyperparameters by name; None gives an empty dict."""
    named = {} if values is None else checks.as_mapping(values, argument)
    return {name: HYPER.get(name, as_hyper)(value, name) for name, value in named.items()}


def as_cells(cells: Any, argument: str) -> Sample | dict[str, np.ndarray]:
    """Convert a number of cells to a `Sample`, and listed cells to name -> values ``[cells]``.

    Raises ArgumentError for listed cells with different names or different numbers of values.
    """
    if isinstance(cells, Iterator):
        got = checks.as_text(cells)
        raise ArgumentTypeError(argument, f"expected a number or a list, list(cells), got {got}")
    columns: Mapping[str, Any]
    if isinstance(cells, Mapping):
        columns = cells
    elif hasattr(cells, "columns") and hasattr(cells, "dtypes"):  # a data frame
        columns = {name: cells[name].to_numpy() for name in cells.columns}
    elif checks.is_several(cells):
        columns = _columns(cells, argument)
    else:
        return cells if isinstance(cells, Sample) else Sample(checks.as_count(cells, argument))
    if not columns:
        raise ArgumentError(argument, "expected at least one cell, with at least one number")
    listed = {}
    for name, values in as_numbers(columns, argument).items():
        if not isinstance(values, np.ndarray):
            raise ArgumentError(argument, f"{name}: expected one number for each cell", name)
        listed[name] = values
    lengths = {name: len(values) for name, values in listed.items()}
    if len(set(lengths.values())) > 1:
        raise ArgumentError(argument, f"expected the same number of values for each name, got {lengths}")
    return listed


def number_of_cells(cells: Sample | Mapping[str, np.ndarray]) -> int:
    """Return the number of drawn or listed cells."""
    return cells.cells if isinstance(cells, Sample) else len(next(iter(cells.values())))


def _columns(cells: Sequence[object], argument: str) -> dict[str, list[Any]]:
    """Return name -> values of cells that are mappings with the same names."""
    rows = [checks.as_mapping(cell, argument) for cell in cells]
    for row in rows:
        if row.keys() != rows[0].keys():
            raise ArgumentError(
                argument, f"expected the same names in every cell, got {list(rows[0])} and {list(row)}"
            )
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}


@dataclasses.dataclass(frozen=True)
class Axes:
    """Hyperparameters of all cells, and the networks and batch sizes that they are trained with.

    Attributes:
        values: Name -> values, in order: axes of programs, then "learning_rate", "l2" and further
            hyperparameters. A value without an axis, as in `jfnn.train`, is an array ``[]``.
        crossed: Whether cells are all combinations of values; otherwise, for each program, cell i has the
            i-th value of each name.
        leading: Number of leading axes that have one program per value and hold no hyperparameters.

    Raises:
        ValueError: Values of listed cells have different lengths.
    """

    values: dict[str, np.ndarray]
    crossed: bool = True
    leading: int = 0

    def __post_init__(self) -> None:
        if not self.crossed:
            lengths = {len(values) for name, values in self.values.items() if name not in self.programs}
            if len(lengths) > 1:
                raise ValueError(f"listed cells have {sorted(lengths)} values")

    @property
    def programs(self) -> dict[str, np.ndarray]:
        """The leading axes, name -> values."""
        return dict(itertools.islice(self.values.items(), self.leading))

    @property
    def axis_of(self) -> dict[str, int | None]:
        """Name -> number of its axis in a per-cell array; None for a value without an axis."""
        numbers: dict[str, int | None] = {}
        programs = self.programs
        axis = 0
        for name, values in self.values.items():
            numbers[name] = axis if values.ndim else None
            if values.ndim and (self.crossed or name in programs):
                axis += 1
        return numbers

    @property
    def lengths(self) -> dict[str, int]:
        """Name of each axis of a per-cell array -> its length; the axis of listed cells is named "cells"."""
        programs = self.programs
        return {
            name if self.crossed or name in programs else "cells": len(self.values[name])
            for name, axis in self.axis_of.items()
            if axis is not None
        }

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a per-cell array."""
        return tuple(self.lengths.values())

    def columns(self) -> dict[str, np.ndarray]:
        """Return name -> the value of each cell ``[cells]``."""
        shape = self.shape
        cells = math.prod(shape)
        indices = np.indices(shape).reshape(len(shape), cells)
        return {
            name: np.full(cells, self.values[name]) if axis is None else self.values[name][indices[axis]]
            for name, axis in self.axis_of.items()
        }

    def hyper(
        self, constants: Mapping[str, ArrayLike], members: int, dtype: np.dtype
    ) -> dict[str, np.ndarray]:
        """Return each member's numbers, name -> ``[members]``; constants are scalars or one per replicate."""
        replicates = members // math.prod(self.shape)
        varied = {name: np.repeat(values, replicates) for name, values in self.columns().items()}
        shared = {name: np.resize(values, members) for name, values in constants.items()}
        return {name: np.asarray(values, dtype) for name, values in (varied | shared).items()}

    def at(self, index: tuple[int, ...]) -> dict[str, float | str]:
        """Return name -> the value of the cell at an index."""
        return {
            name: (self.values[name] if axis is None else self.values[name][index[axis]]).item()
            for name, axis in self.axis_of.items()
        }


def axes_and_constants(
    values: Mapping[str, Number | None], cells: Sample | Mapping[str, np.ndarray] | None
) -> tuple[Axes, dict[str, float]]:
    """Separate converted hyperparameters into axes and constants (name -> value).

    Values may be None if listed cells have them; numbers in listed cells replace ``values``. The draws of a
    name depend only on the seed and the name; the first draws do not depend on how many follow.
    """
    constants: dict[str, float] = {}
    axes: dict[str, np.ndarray | Distribution] = {}
    for name, value in values.items():
        if value is None:
            continue
        if not isinstance(value, float):
            axes[name] = value
        elif name in ALWAYS:
            axes[name] = np.array([value])
        else:
            constants[name] = value
    if isinstance(cells, Sample):
        return Axes(_drawn_columns(axes, cells), crossed=False), constants
    if cells is not None:
        kept = {name: value for name, value in constants.items() if name not in cells}
        return Axes(_listed_columns(axes, cells), crossed=False), kept
    crossed: dict[str, np.ndarray] = {}
    for name, several in axes.items():
        if not isinstance(several, np.ndarray):
            raise ArgumentError(name, "give cells=n to draw from a distribution, or give a sequence")
        crossed[name] = several
    return Axes(crossed), constants


def _listed_columns(
    axes: Mapping[str, np.ndarray | Distribution], cells: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return name -> the value of each listed cell; names that cells lack have one value for all."""
    number = number_of_cells(cells)
    columns = {}
    for name, values in axes.items():
        if not isinstance(values, np.ndarray) or len(values) > 1:
            raise ArgumentError(name, "expected one number, since cells are listed; give it in each cell")
        columns[name] = np.repeat(values, number)
    return {**dict.fromkeys(ALWAYS, np.zeros(0)), **columns, **cells}


def _drawn_columns(axes: Mapping[str, np.ndarray | Distribution], sample: Sample) -> dict[str, np.ndarray]:
    """Return name -> the value of each drawn cell, checked."""
    memory.check("cells", DRAW_BYTES * sample.cells)
    if all(isinstance(value, np.ndarray) and len(value) == 1 for value in axes.values()):
        raise ArgumentError("cells", "expected a distribution or several values to draw from")
    drawn = as_numbers({name: _draw(value, name, sample) for name, value in axes.items()}, "cells")
    return {name: np.asarray(values) for name, values in drawn.items()}


def _draw(value: np.ndarray | Distribution, name: str, sample: Sample) -> np.ndarray:
    """Draw values ``[cells]`` from a distribution, or uniformly from several values."""
    uniform = np.random.default_rng([sample.seed, zlib.crc32(name.encode())]).random(sample.cells)
    if not isinstance(value, np.ndarray):
        return np.asarray(value.ppf(uniform))
    return np.asarray(value[(uniform * len(value)).astype(int)])


def check_counts(values: Mapping[str, np.ndarray], most: Mapping[str, int]) -> None:
    """Raise ArgumentError unless counts are whole numbers from 1 to their maximum."""
    for name, highest in most.items():
        exact = values[name]
        bad = exact[(exact < 1) | (exact > highest) | (exact != np.floor(exact))]
        if bad.size:
            raise ArgumentError(name, f"expected whole numbers from 1 to {highest}, got {bad[0]:g}")


def check_range(values: Mapping[str, np.ndarray], dtype: np.dtype) -> None:
    """Raise ArgumentError for numbers that a dtype makes 0 or infinite, and for a dropout of 1."""
    for name, exact in values.items():
        check_in_dtype(exact, name, dtype)
        certain = exact.astype(dtype) >= 1
        if name == "dropout" and certain.any():
            raise ArgumentError(name, f"{float(exact[certain][0])!r} is 1 in {dtype.name}")


def as_index(
    index: object, axes: Iterable[tuple[str, int]], argument: str, from_the_end: bool = False, cure: str = ""
) -> tuple[int, ...]:
    """Check an index into axes (name and length); negative numbers only with ``from_the_end``.

    Raises ArgumentError for an invalid index; the message ends with the cure.
    """
    axes = list(axes)
    shape = [length for _, length in axes]

    def fits(number: Any, length: int) -> bool:
        whole = isinstance(number, numbers.Integral) and not isinstance(number, bool)
        return whole and -length * from_the_end <= int(number) < length

    if not checks.is_several(index) or len(index) != len(shape) or not all(map(fits, index, shape)):
        lengths = ", ".join(f"{name} {length}" for name, length in axes)
        expected = f"an index into axes of lengths {lengths}" if axes else "no index, since there are no axes"
        raise ArgumentError(argument, f"expected {expected}, got {checks.as_text(index)}{cure}")
    return tuple(int(number) % length for number, length in zip(index, shape, strict=True))
