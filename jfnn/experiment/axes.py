"""Hyperparameters of all cells: every combination of values, or draws from distributions."""

import dataclasses
import numbers
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from jfnn import checks, memory
from jfnn.checks import ArgumentError
from jfnn.experiment.options import Sample
from jfnn.optimizers import Values, is_axis, is_distribution

# These are axes even where they are a single number.
ALWAYS = ("learning_rate", "l2")
BYTES_A_DRAW = 64  # of one cell: the draws of two axes and their copies
# Least value of a number, and whether that value itself is refused.
LEAST = {"learning_rate": (0.0, True), "l2": (0.0, False), "dropout": (0.0, False), "init_scale": (0.0, True)}


@dataclasses.dataclass(frozen=True)
class Axes:
    """Hyperparameters of all cells.

    Attributes:
        values: Name -> values, in order; "learning_rate" and "l2" come first.
        crossed: Whether cells are all combinations of these values; else all have the same length, and cells
            are the first values, the second values, ….
    """

    values: dict[str, np.ndarray]
    crossed: bool = True

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a per-cell array."""
        lengths = tuple(len(values) for values in self.values.values())
        return lengths if self.crossed else lengths[:1]

    def columns(self) -> dict[str, np.ndarray]:
        """Name -> the value of each cell, ``[cells]``."""
        if not self.crossed:
            return dict(self.values)
        mesh = np.meshgrid(*self.values.values(), indexing="ij")
        return {name: column.ravel() for name, column in zip(self.values, mesh, strict=True)}

    def at(self, index: tuple[int, ...]) -> dict[str, float]:
        """Name -> the value of the cell at a place."""
        places = index if self.crossed else index * len(self.values)
        return {name: float(v[i]) for (name, v), i in zip(self.values.items(), places, strict=True)}


def axes_and_constants(
    values: Mapping[str, Values], sample: int | Sample | None
) -> tuple[Axes, dict[str, float]]:
    """Sorts numbers into axes and constants.

    Args:
        values: Name -> a number, a sequence or a distribution.
        sample: Cells to draw; None for all combinations. A name's draws depend on the seed and the name
            alone, and the first of them not on how many there are.

    Returns:
        ``(axes, constants)``, constants a name -> value.

    Raises:
        ValueError, TypeError: A value that cannot be; the message names it.
    """
    varied = {name: value for name, value in values.items() if name in ALWAYS or is_axis(value)}
    if sample is None:
        for name, value in values.items():
            if is_distribution(value):
                raise ArgumentError(name, "a distribution is drawn from by sample=n, or give a sequence")
        axes = {name: _checked(value, name) for name, value in varied.items()}
    else:
        cells, seed = _sample(sample)
        if not any(is_axis(value) and _is_drawn(value) for value in values.values()):
            raise ArgumentError("sample", "expected a distribution or several values to draw from")
        axes = {name: _checked(_drawn(value, name, cells, seed), name) for name, value in varied.items()}
    constants = {name: float(_checked(v, name)[0]) for name, v in values.items() if name not in varied}
    return Axes(axes, crossed=sample is None), constants


def _sample(sample: int | Sample) -> Sample:
    cells, seed = sample if isinstance(sample, Sample) else (sample, 0)
    checked = Sample(checks.as_count(cells, "sample"), checks.as_count(seed, "sample: seed", 0, None))
    memory.check("sample", BYTES_A_DRAW * checked.cells)
    return checked


def _is_drawn(value: Any) -> bool:
    return is_distribution(value) or len(value) > 1


def _drawn(value: Any, name: str, count: int, seed: int) -> np.ndarray:
    if isinstance(value, numbers.Real):
        return np.full(count, value)
    uniform = np.random.default_rng([seed, zlib.crc32(name.encode())]).random(count)
    if is_distribution(value):
        return np.asarray(value.ppf(uniform))
    choices = _checked(value, name)
    return np.asarray(choices[(uniform * len(choices)).astype(int)])


def _checked(value: Any, name: str) -> np.ndarray:
    least, strict = LEAST.get(name, (None, False))
    values = checks.as_axis(value, name, least, strict)
    if name == "dropout" and values.max() >= 1:
        raise ArgumentError("dropout", f"expected rates of at least 0 and below 1, got {values.max():g}")
    return values


def check_counts(values: Mapping[str, np.ndarray], most: Mapping[str, int]) -> None:
    """Refuses values of counts that are no whole numbers from 1 to the most there may be."""
    for name, highest in most.items():
        exact = values[name]
        bad = exact[(exact < 1) | (exact > highest) | (exact != np.floor(exact))]
        if bad.size:
            raise ArgumentError(name, f"expected whole numbers from 1 to {highest}, got {bad[0]:g}")


def check_range(values: Mapping[str, np.ndarray], dtype: np.dtype) -> None:
    """Refuses what the arithmetic's dtype makes 0 or infinite, and of the rate of dropout 1."""
    for name, exact in values.items():
        with np.errstate(over="ignore", under="ignore"):
            cast = exact.astype(dtype)
        changed = ~np.isfinite(cast) | ((cast == 0) & (exact != 0)) | ((cast >= 1) & (name == "dropout"))
        if changed.any():
            raise ArgumentError(name, f"{float(exact[changed][0])!r} is out of the range of {dtype.name}")


def as_place(
    place: Any, shape: tuple[int, ...], argument: str, from_the_end: bool = False
) -> tuple[int, ...]:
    """A place in an array of a shape: an index for each axis, negative ones only ``from_the_end``."""

    def fits(index: Any, length: int) -> bool:
        whole = isinstance(index, numbers.Integral) and not isinstance(index, bool)
        return whole and -length * from_the_end <= int(index) < length

    if not checks.is_several(place) or len(place) != len(shape) or not all(map(fits, place, shape)):
        raise ArgumentError(
            argument, f"expected a place in a grid of shape {shape}, got {checks.shown(place)}"
        )
    return tuple(int(index) % length for index, length in zip(place, shape, strict=True))
