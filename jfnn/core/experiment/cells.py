"""The cells of a sweep: its hyperparameters as axes and constants, checked for the learner."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np

from jfnn.arguments import memory, paths, suggestions
from jfnn.arguments.checks import ArgumentError
from jfnn.core.experiment.axes import (
    ALWAYS,
    PROGRAM_AXES,
    Axes,
    Number,
    as_numbers,
    axes_and_constants,
    check_counts,
    check_range,
    number_of_cells,
)
from jfnn.core.experiment.bound import Bound
from jfnn.core.experiment.options import Options
from jfnn.learners.learner import Learner, starting_shapes
from jfnn.learners.of_targets import TARGET
from jfnn.learners.supervised import numbers_of
from jfnn.network import Network
from jfnn.optimizers import SCHEDULE_STEPS

COPIES = 4  # minimum copies of all parameters: initial, in training, in the optimizer, in the result


class Cells(NamedTuple):
    """Checked hyperparameters.

    Attributes:
        axes: Those that differ between cells.
        constants: Name -> value of those that all members share.
    """

    axes: Axes
    constants: dict[str, float]

    @property
    def number(self) -> int:
        """Number of cells."""
        return math.prod(self.axes.shape)

    @property
    def values(self) -> dict[str, np.ndarray]:
        """Name -> every value of a hyperparameter, constant or not."""
        return self.axes.values | {name: np.array([value]) for name, value in self.constants.items()}


def make_cells(options: Options, bound: Bound) -> Cells:
    """Return the cells of options; raise ArgumentError for names, values or numbers that do not fit."""
    learner = bound.learner
    further = as_numbers(learner.numbers, "hyper") | options.hyper
    _check_names([*further, *options.hyper_names], learner, options.model)
    numbers = {"learning_rate": options.learning_rate, "l2": options.l2, **further}
    _check_memory(options, bound, numbers)
    cells = Cells(*axes_and_constants(numbers, options.cells))
    check_range(cells.values, bound.data.dtype)
    check_counts(cells.values, learner.counts)
    if bound.data.columns is not None and TARGET in cells.values:
        raise ArgumentError("hyper", f"{TARGET!r} is reserved for each subset's target; choose another name")
    return cells


def _check_names(names: Sequence[str], learner: Learner, network: Network | Learner) -> None:
    """Raise ArgumentError unless these are the names of the numbers that the learner takes."""
    accepted = [name for name in learner.hyper if name not in (*ALWAYS, SCHEDULE_STEPS)]
    for name in names:
        if name not in accepted:
            raise ArgumentError("hyper", _explain_unknown(name, accepted, network), name)
    for name in accepted:
        paths.check_name(name, "hyper")
        if name in PROGRAM_AXES:
            raise ArgumentError("hyper", f"a number cannot be named {name!r}, like an axis of programs")
        if name not in names:
            raise ArgumentError("hyper", f"the learner takes a number {name!r}; give its value")


def _explain_unknown(name: object, accepted: Sequence[str], network: Network | Learner) -> str:
    """Explain why a hyperparameter is not accepted, and where to declare it."""
    if name in ("learning_rate", "l2"):
        return f"{name} is a separate keyword, not part of hyper"
    if isinstance(network, Learner):
        expected = ", ".join(accepted) or "no names"
        cure = f"; declare it when making the learner, hyper=[{name!r}]"
    else:
        accepted = sorted({*accepted, *numbers_of(network, [str(name)])})
        expected = ", ".join(accepted)
        cure = (
            "; an optimizer's numbers go into jfnn.Optimizer, a loss's into jfnn.learner, and a layer's is a"
            " jfnn.Constant with this name among its parameters"
        )
    meant = suggestions.did_you_mean(name, accepted)
    return f"expected {expected}, got {name!r}{meant or cure}"


def _check_memory(options: Options, bound: Bound, numbers: Mapping[str, Number | None]) -> None:
    """Raise ArgumentError about the longest axis, the seeds or the tile if members do not fit into memory."""
    leaves = jax.tree.leaves(starting_shapes(bound.learner))
    member_size = sum(leaf.size for leaf in leaves) * bound.data.dtype.itemsize
    memory.check("network", float(COPIES) * member_size, sizes=f", for one member of {member_size} bytes")
    if options.cells is None:
        lengths = {name: len(v) if isinstance(v, np.ndarray) else 1 for name, v in numbers.items()}
    else:
        lengths = {"cells": number_of_cells(options.cells)}
    lengths["seeds"] = len(options.seeds) * len(bound.cuts)
    members = math.prod(lengths.values())
    tile = options.execution.tile
    if tile is not None and tile > members:  # the tile is padded with repeated members
        members = tile
        lengths = {"tile": tile}
    longest = max(lengths, key=lambda name: lengths[name])
    sizes = f", for {members} members of {member_size} bytes"
    memory.check(longest, float(COPIES) * member_size * members, sizes=sizes)
