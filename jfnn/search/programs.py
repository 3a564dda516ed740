"""Options of several networks or batch sizes, taken apart into the options of each program.

Members of one program differ by numbers alone; another network or batch size is another program.
"""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.experiment.options import Options
from jfnn.experiment.settings import as_minibatches
from jfnn.minibatches import Minibatches
from jfnn.search import run_directory


@dataclasses.dataclass(frozen=True)
class Programs:
    """The programs of a sweep.

    Attributes:
        axes: "network" and "batch_size" -> their values, where there are several; empty for one program.
        options: The options of each program, in C order of the axes.
    """

    axes: dict[str, np.ndarray]
    options: list[Options]


def programs_of(options: Options) -> Programs:
    """The programs of a sweep: one for every network with every batch size.

    Raises:
        ValueError, TypeError: Invalid names or batch sizes.
    """
    axes: dict[str, np.ndarray] = {}
    networks: Sequence[Any] = [options.network]
    sizes: Sequence[Any] = [options.batch_size]
    if isinstance(options.network, Mapping):
        axes["network"] = np.array(_names(options.network))
        networks = list(options.network.values())
    if checks.is_several(options.batch_size) and not isinstance(options.batch_size, Minibatches):
        sizes = _sizes(options)
        axes["batch_size"] = np.array([_rows(size) for size in sizes])
    directories: Sequence[Path | None] = [None] * (len(networks) * len(sizes))
    out = run_directory.as_directory(options.out, options.resume)
    if out is not None:
        directories = [out / name for name in run_directory.program_names(axes)] if axes else [out]
    programs = [
        dataclasses.replace(options, network=network, batch_size=size, out=directory)
        for (network, size), directory in zip(itertools.product(networks, sizes), directories, strict=True)
    ]
    return Programs(axes, programs)


def _names(networks: Mapping[Any, Any]) -> list[str]:
    """Names of networks, which can be those of directories."""
    if not networks:
        raise ArgumentTypeError("network", "expected a mapping of names to networks, at least one")
    for name in networks:
        if not run_directory.names_directory(name) or not name.isprintable():
            got = checks.shown(name)
            raise ArgumentError("network", f"expected names that can be those of directories, got {got}")
    return list(networks)


def _sizes(options: Options) -> list[Minibatches]:
    """Several batch sizes, each once."""
    sizes: Any = options.batch_size
    if not len(sizes):
        raise ArgumentError("batch_size", "expected at least one number of rows")
    if options.batches is not None:
        raise ArgumentError("batch_size", "expected one, since batches have a size of their own")
    schemes = [as_minibatches(size, "batch_size") for size in sizes]
    rows = [_rows(scheme) for scheme in schemes]
    if len(set(rows)) != len(rows):
        raise ArgumentError("batch_size", f"expected each one once, got {checks.shown(sizes)}")
    return schemes


def _rows(scheme: Minibatches) -> int:
    """Rows a step; 0 for all of them."""
    return 0 if scheme.scheme == "full" else scheme.batch_size or 0
