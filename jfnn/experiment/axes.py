"""Hyperparameters of all cells: every combination of values, or draws from distributions."""

import dataclasses
import functools
import math
import numbers
import zlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from jfnn.arguments import checks, memory
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.optimizers import Values, is_distribution

# Axes whose values are programs of their own: leading axes of a result, which hold no hyperparameters.
PROGRAM_AXES = ("network", "batch_size")
# These are axes even where they are a single number.
ALWAYS = ("learning_rate", "l2")
DRAW_BYTES = 64  # of one cell: the draws of two axes and their copies


class Sample(NamedTuple):
    """Random search over a number of cells, the first of which do not depend on that number.

    Attributes:
        cells: Cells to draw.
        seed: Fixes the draws.
    """

    cells: int
    seed: int = 0


def as_hyper(
    value: Any, argument: str, minimum: float | None = None, strict: bool = False, below: float = np.inf
) -> Any:
    """A distribution as it is, several numbers as float64 ``[k]``, a single one as a float.

    Raises ArgumentError for numbers under ``minimum`` (``strict``: or equal to it), or not below ``below``.
    """
    if is_distribution(value):
        return value
    values = checks.as_axis(value, argument, minimum, strict)
    if values.max() >= below:
        raise ArgumentError(argument, f"expected numbers below {below:g}, got {values.max():g}")
    return values if checks.is_several(value) or np.ndim(value) else float(values[0])


def _as_rate(value: Any, argument: str) -> Any:
    """A learning rate; a function is none, but a schedule."""
    if callable(value):
        reason = "a schedule goes into the optimizer, jfnn.Optimizer(…, schedule=…)"
        raise ArgumentTypeError(argument, f"expected a number or several, got a function; {reason}")
    return as_hyper(value, argument, minimum=0.0, strict=True)


# Checks of hyperparameters of networks that are no arguments of an optimizer.
HYPER: dict[str, Callable[[Any, str], Any]] = {
    "learning_rate": _as_rate,
    "l2": functools.partial(as_hyper, minimum=0.0),
    "dropout": functools.partial(as_hyper, minimum=0.0, below=1.0),
    "init_scale": functools.partial(as_hyper, minimum=0.0, strict=True),
    "prune_share": functools.partial(as_hyper, minimum=0.0, below=1.0),
}


def as_sample(sample: Any, argument: str = "sample") -> Sample:
    """A `Sample`, from a number of cells as well."""
    cells, seed = sample if isinstance(sample, Sample) else (sample, 0)
    with checks.item_of("sample"):
        checks.as_count(seed, "seed", 0, None)
    return Sample(checks.as_count(cells, argument), seed)


@dataclasses.dataclass(frozen=True)
class Axes:
    """Hyperparameters of all cells, and the networks and batch sizes that they are trained with.

    Attributes:
        values: Name -> values, in order. The names in `PROGRAM_AXES` come first, then "learning_rate" and
            "l2". A value without an axis, as `jfnn.train` has, is an array ``[]``.
        crossed: Whether cells are all combinations of values, or, for each program, the first of each, the
            second of each, …

    Raises:
        ValueError: Values that are drawn for cells are of several lengths.
    """

    values: dict[str, np.ndarray]
    crossed: bool = True

    def __post_init__(self) -> None:
        if not self.crossed:
            lengths = {len(values) for name, values in self.values.items() if name not in PROGRAM_AXES}
            if len(lengths) > 1:
                raise ValueError(f"drawn cells have {sorted(lengths)} values")

    @property
    def axis_of(self) -> dict[str, int | None]:
        """Name -> number of its axis in a per-cell array; None for a value without one."""
        numbers: dict[str, int | None] = {}
        axis = 0
        for name, values in self.values.items():
            numbers[name] = axis if values.ndim else None
            if values.ndim and (self.crossed or name in PROGRAM_AXES):
                axis += 1
        return numbers

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a per-cell array."""
        lengths = {axis: len(self.values[name]) for name, axis in self.axis_of.items() if axis is not None}
        return tuple(lengths.values())

    def columns(self) -> dict[str, np.ndarray]:
        """Name -> the value of each cell, ``[cells]``."""
        shape = self.shape
        cells = math.prod(shape)
        indices = np.indices(shape).reshape(len(shape), cells)
        return {
            name: np.full(cells, self.values[name]) if axis is None else self.values[name][indices[axis]]
            for name, axis in self.axis_of.items()
        }

    def hyper(self, constants: Mapping[str, Any], members: int, dtype: np.dtype) -> dict[str, np.ndarray]:
        """Each member's numbers, name -> ``[members]``, replicates inside; constants are one or one each."""
        replicates = members // math.prod(self.shape)
        varied = {name: np.repeat(values, replicates) for name, values in self.columns().items()}
        shared = {name: np.resize(values, members) for name, values in constants.items()}
        return {name: np.asarray(values, dtype) for name, values in (varied | shared).items()}

    def at(self, index: tuple[int, ...]) -> dict[str, Any]:
        """Name -> the value of the cell of an index."""
        return {
            name: (self.values[name] if axis is None else self.values[name][index[axis]]).item()
            for name, axis in self.axis_of.items()
        }


def axes_and_constants(values: Mapping[str, Values], sample: Sample | None) -> tuple[Axes, dict[str, float]]:
    """Sorts hyperparameters, checked, into axes and constants (name -> value).

    Args:
        values: Name -> a number, a sequence or a distribution.
        sample: Cells to draw; None for all combinations. A name's draws depend on the seed and the name
            alone, and the first of them not on how many there are.
    """
    checked = {name: _checked(value, name) for name, value in values.items()}
    axes = {n: value for n, value in checked.items() if n in ALWAYS or not isinstance(value, float)}
    constants = {name: value for name, value in checked.items() if name not in axes}
    if sample is None:
        for name, value in axes.items():
            if is_distribution(value):
                raise ArgumentError(name, "a distribution is drawn from by sample=n, or give a sequence")
        return Axes({name: np.atleast_1d(value) for name, value in axes.items()}), constants
    memory.check("sample", DRAW_BYTES * sample.cells)
    if not any(is_distribution(value) or np.size(value) > 1 for value in axes.values()):
        raise ArgumentError("sample", "expected a distribution or several values to draw from")
    drawn = {name: _checked(_drawn(value, name, sample), name) for name, value in axes.items()}
    return Axes(drawn, crossed=False), constants


def _checked(value: Any, name: str) -> Any:
    return HYPER.get(name, as_hyper)(value, name)


def _drawn(value: Any, name: str, sample: Sample) -> np.ndarray:
    """Values ``[cells]`` from a distribution, or each of several equally often."""
    uniform = np.random.default_rng([sample.seed, zlib.crc32(name.encode())]).random(sample.cells)
    if is_distribution(value):
        return np.asarray(value.ppf(uniform))
    choices = np.atleast_1d(value)
    return np.asarray(choices[(uniform * len(choices)).astype(int)])


def check_counts(values: Mapping[str, np.ndarray], most: Mapping[str, int]) -> None:
    """Raises ArgumentError unless counts are whole numbers from 1 to a maximum each."""
    for name, highest in most.items():
        exact = values[name]
        bad = exact[(exact < 1) | (exact > highest) | (exact != np.floor(exact))]
        if bad.size:
            raise ArgumentError(name, f"expected whole numbers from 1 to {highest}, got {bad[0]:g}")


def check_range(values: Mapping[str, np.ndarray], dtype: np.dtype) -> None:
    """Raises ArgumentError for numbers that a dtype makes 0 or infinite, and for a dropout of 1."""
    for name, exact in values.items():
        with np.errstate(over="ignore", under="ignore"):
            cast = exact.astype(dtype)
        changed = ~np.isfinite(cast) | ((cast == 0) & (exact != 0)) | ((cast >= 1) & (name == "dropout"))
        if changed.any():
            raise ArgumentError(name, f"{float(exact[changed][0])!r} is out of the range of {dtype.name}")


def as_index(
    index: Any, shape: tuple[int, ...], argument: str, from_the_end: bool = False
) -> tuple[int, ...]:
    """An index into an array of a shape: a number for each axis, negative ones only ``from_the_end``."""

    def fits(number: Any, length: int) -> bool:
        whole = isinstance(number, numbers.Integral) and not isinstance(number, bool)
        return whole and -length * from_the_end <= int(number) < length

    if not checks.is_several(index) or len(index) != len(shape) or not all(map(fits, index, shape)):
        raise ArgumentError(
            argument, f"expected an index into a grid of shape {shape}, got {checks.shown(index)}"
        )
    return tuple(int(number) % length for number, length in zip(index, shape, strict=True))
