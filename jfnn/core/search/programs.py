"""Split options with several networks or batch sizes into those of each program; combine the results.

Members of one program differ only in numbers; each network and batch size needs its own program.
"""

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from jfnn.arguments import checks, paths
from jfnn.arguments.checks import ArgumentError
from jfnn.core.experiment.axes import ALWAYS
from jfnn.core.experiment.networks import Networks
from jfnn.core.experiment.options import Options
from jfnn.core.search import run_directory
from jfnn.core.search.result import SweepResult, as_trained, map_members, with_run
from jfnn.learners.learner import Learner
from jfnn.minibatches import Minibatches
from jfnn.network import Network
from jfnn.params import Params

# Columns of tables that are not fields of a result; axes of networks cannot have these names.
TAKEN = (*ALWAYS, "batch_size", "seed", "fold", "epoch", "part", "metric", "value", *run_directory.OUTCOMES)


@dataclasses.dataclass(frozen=True)
class Programs:
    """The programs of a sweep.

    Attributes:
        axes: Axes of networks and "batch_size" -> values, if there are several; empty for one program.
        options: The options of each program, in C order of the axes.
    """

    axes: dict[str, np.ndarray]
    options: list[Options]

    def networks(self) -> list[str]:
        """Return each program's network, as in `run_directory.program_names`; "" for a single network."""
        sizes = len(self.axes.get("batch_size", [0]))
        axes = {name: values for name, values in self.axes.items() if name != "batch_size"}
        return [name for name in run_directory.program_names(axes) for _ in range(sizes)]


def programs_of(options: Options) -> Programs:
    """Return the programs of a sweep: one per combination of network and batch size."""
    axes: dict[str, np.ndarray] = {}
    networks: Sequence[Network | Learner]
    sizes: Sequence[Minibatches]
    if isinstance(options.network, Networks):
        _check_axes(options.network)
        axes |= options.network.axes
        networks = options.network.networks
    else:
        networks = [options.model]
    if isinstance(options.batch_size, Minibatches):
        sizes = [options.batch_size]
    elif options.batches is not None:
        raise ArgumentError("batch_size", "expected one, since ``batches`` fix the size")
    else:
        sizes = options.batch_size
        axes["batch_size"] = np.array([size.axis_value for size in sizes])
    directories: Sequence[Path | None] = [None] * (len(networks) * len(sizes))
    if options.out is not None:
        names = run_directory.program_names(axes)
        for name in names:
            if axes and not paths.names_directory(name):
                expected = "with out, expected names that are valid names of directories"
                raise ArgumentError("network", expected, got=checks.as_text(name))
        directories = [options.out / name for name in names]
    starts = _starts_of_programs(options.initial_params, {name: len(values) for name, values in axes.items()})
    programs = [
        options.with_changes(network=network, batch_size=size, initial_params=params, out=directory)
        for (network, size), params, directory in zip(
            itertools.product(networks, sizes), starts, directories, strict=True
        )
    ]
    return Programs(axes, programs)


def _check_axes(networks: Networks) -> None:
    """Raise ArgumentError for axes with names that results use, and for directories that share a name."""
    fields = {field.name for field in dataclasses.fields(SweepResult)}
    for name in networks.axes:
        if name in {*TAKEN, *fields, *dir(SweepResult)}:
            raise ArgumentError(
                "network", f"an axis cannot be named {name!r}; results already use this name", name
            )
    names = run_directory.program_names(networks.axes)
    if run_directory.REFIT in names:
        raise ArgumentError("network", f"expected no network named {run_directory.REFIT!r}")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ArgumentError("network", f"two networks would have the directory {twice[0]!r}; rename one")


def _starts_of_programs(params: Params | None, axes: Mapping[str, int]) -> list[Params | None]:
    """Split a result or nested lists of initial parameters by program; repeat any other parameters.

    Results become `Trained` members.
    """
    if isinstance(params, SweepResult) and params.runs[0].key:
        lengths = {name: len(params.axes[name]) for name in params.runs[0].key}
        if lengths != axes:
            reason = f"expected a result of one program, or of {dict(axes)} programs, got {lengths}"
            raise ArgumentError("initial_params", f"{reason}; result.program(…) returns one program")
        return [as_trained(params.program(**run.key)) for run in params.runs]
    if isinstance(params, SweepResult):
        params = as_trained(params)
    starts: list[Params] = [params]
    for length in axes.values():
        if not all(isinstance(nested, list) and len(nested) == length for nested in starts):
            return [params] * math.prod(axes.values())
        starts = [inner for nested in starts for inner in nested]
    return starts


def combine(axes: Mapping[str, np.ndarray], programs: Sequence[SweepResult]) -> SweepResult:
    """Combine the results of several programs, in C order of the leading axes, into one result.

    They have the same cells, seeds, folds and metrics. Histories are padded with NaN to the longest; terms
    that a program lacks are NaN.
    """
    if not axes:
        return programs[0]
    first = programs[0]
    evaluations = max((program.evaluations for program in programs), key=len)
    terms = dict.fromkeys(name for program in programs for name in program.terms)
    parts = []
    combinations = itertools.product(*(values.tolist() for values in axes.values()))
    for program, values in zip(programs, combinations, strict=True):
        count = len(program.evaluations)
        behind = [(0, 0)] * program.diverged_at.ndim + [(0, len(evaluations) - count)]
        history = {
            name: np.pad(program.history[name], behind, constant_values=np.nan) for name in first.history
        }
        unknown = np.full_like(program.objective, np.nan)
        known = {name: program.terms.get(name, unknown) for name in terms}
        part = with_run(program, key=dict(zip(axes, values, strict=True)), evaluated=count)
        parts.append(dataclasses.replace(part, history=history, terms=known))
    lengths = [len(values) for values in axes.values()]

    def stacked(*arrays: np.ndarray) -> np.ndarray:
        return np.stack(arrays).reshape(*lengths, *arrays[0].shape)

    return dataclasses.replace(
        first,
        **map_members(stacked, *parts),
        axes={**axes, **first.axes},
        evaluations=evaluations,
        refit=None,
        runs=tuple(run for part in parts for run in part.runs),
    )
