"""Groups: each is one sweep of several, of one network with one batch size."""

import itertools
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.experiment.options import GroupOptions
from jfnn.experiment.settings import as_minibatches, as_seeds
from jfnn.minibatches import Minibatches, as_given


class Group(NamedTuple):
    """A sweep of several: the network's name, and rows a step (None for all)."""

    network: str
    batch_size: int | None

    @property
    def directory(self) -> str:
        """Name of the directory of its run, in that of all: "<network>-<batch size>"."""
        return f"{self.network}-{self.batch_size or 'full'}"


def names_directory(name: Any) -> bool:
    """Whether a name can be that of a directory in another, not hidden and not outside of it."""
    return isinstance(name, str) and bool(name) and os.sep not in name and not name.startswith(".")


def as_groups(options: GroupOptions) -> list[Group]:
    """All groups, network by network.

    Raises:
        ValueError, TypeError: Networks whose names cannot be directories; batch sizes that are invalid, or
            beside minibatches that have a size of their own.
    """
    if not isinstance(options.networks, Mapping) or not options.networks:
        raise ArgumentTypeError("networks", "expected a mapping of names to networks, at least one")
    for name in options.networks:
        if not names_directory(name) or not name.isprintable():
            raise ArgumentError(
                "networks", f"expected names that can be directories, got {checks.shown(name)}"
            )
    sizes = [_rows_a_step(options)] if options.batch_sizes is None else _sizes(options)
    return [Group(name, size) for name, size in itertools.product(options.networks, sizes)]


def _sizes(options: GroupOptions) -> Sequence[int | None]:
    """The batch sizes, each of which makes groups of its own."""
    scheme, sizes = options.batch_size, options.batch_sizes
    if not isinstance(scheme, Minibatches) and np.any(scheme != GroupOptions.batch_size):
        raise ArgumentError(
            "batch_size",
            f"expected jfnn.Minibatches, or none, beside batch_sizes; got {checks.shown(scheme)}",
        )
    sizes = sizes.tolist() if isinstance(sizes, np.ndarray) else sizes
    if not checks.is_several(sizes) or not len(sizes):
        raise ArgumentError("batch_sizes", "expected a sequence of at least one number of rows")
    sizes = [size if size is None else checks.as_count(size, "batch_sizes") for size in sizes]
    if len(set(sizes)) != len(sizes):
        raise ArgumentError("batch_sizes", f"expected each one once, got {sizes}")
    full = isinstance(scheme, Minibatches) and scheme.scheme == "full"
    if options.batches is not None or (full and sizes != [None]):
        given = "the given batches have" if options.batches is not None else "a full batch has"
        raise ArgumentError("batch_sizes", f"expected none, since {given} a size of their own, got {sizes}")
    return sizes


def _rows_a_step(options: GroupOptions) -> int | None:
    """Rows a step where no batch sizes make groups: those of the scheme, or of the user's minibatches."""
    if options.batches is not None:
        epochs = checks.as_count(options.epochs, "epochs", minimum=0)
        given = as_given(options.batches, epochs, as_seeds(options.seeds), sys.maxsize)
        return None if given is None else given.shape[1]
    scheme = as_minibatches(options.batch_size, "batch_size")
    return None if scheme.scheme == "full" else scheme.batch_size
