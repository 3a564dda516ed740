"""Whether data and networks fit into memory, asked before either is there."""

import argparse
import itertools
import math
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import jfnn

SAMPLE = 1 << 20  # bytes of a CSV file from which its number of rows is estimated
# Arrays of a member's size that a run holds beside its result: parameters, two of an optimizer, its start.
WORKING_COPIES = 4


def check_file(path: Path) -> None:
    """Estimates what reading a file takes.

    Raises:
        ValueError: That is more than there is.
        OSError: The file cannot be read.
    """
    needed = {".csv": _csv_bytes, ".npz": _npz_bytes}[path.suffix.lower()](path)
    available = available_memory()
    if needed > available:
        raise ValueError(f"data: {path.name} does not fit into memory: {_sizes(needed, available)}")


def _csv_bytes(path: Path) -> float:
    """What reading takes, estimated from the file's first lines: its numbers twice over, its targets."""
    with path.open("rb") as file:
        sample = file.read(SAMPLE)
    lines = max(sample.count(b"\n"), 1)
    rows = lines * path.stat().st_size / max(len(sample), 1)
    columns = sample.count(b",") / lines + 1
    return rows * (2 * 8 * columns + 64)


def _npz_bytes(path: Path) -> float:
    """What reading takes: its arrays and their copies, side by side."""
    try:
        with zipfile.ZipFile(path) as archive:
            return 2.0 * sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile:
        return 0.0  # the reader says what is wrong with it


def check_run(
    problem, args: argparse.Namespace, networks: Sequence[jfnn.Network], groups: int, devices: int
) -> None:
    """Estimates what a run holds: the data, as read and on each device; all results; one group at work.

    Raises:
        ValueError: That is more than there is.
    """
    item = {"float64": 8}.get(args.dtype, 4)
    numbers = sum(np.size(part) for part in problem.split if part is not None)
    targets = sum(len(part) for part in problem.split[1::2] if part is not None) * problem.outputs
    data = numbers * 8 + (numbers + targets) * item * (2 + devices)
    parameters = [_parameters(network) for network in networks]
    seeds = len(args.seeds) if isinstance(args.seeds, list) else args.seeds
    factors = cell_factors(args) | {"seeds": seeds, "folds": args.folds or 1}
    members = math.prod(factors.values())
    working = (WORKING_COPIES + (args.early_stopping is not None)) * max(parameters)
    kept = sum(parameters) * groups / len(networks)
    state = float(members) * (kept + working) * item
    available = available_memory()
    if data + state > available:
        largest = max(factors, key=lambda name: factors[name]) if members > max(parameters) else "sizes"
        name = "data" if data > state else largest
        held = f"{data / 1e9:.3g} GB of data, {state / 1e9:.3g} GB of {members * groups} networks"
        raise ValueError(f"{name}: does not fit into memory: {_sizes(data + state, available)} ({held})")


def cell_factors(args: argparse.Namespace) -> dict[str, int]:
    """The lengths of the axes by name: their product is how many combinations the flags ask for."""
    if args.sample is not None:
        return {"sample": args.sample}
    axes = {name: getattr(args, name) for name in ("learning_rate", "l2", "dropout", "init_scale")}
    return {
        name: len(values) for name, values in (axes | args.optimizer_args).items() if isinstance(values, list)
    }


def _parameters(network: jfnn.Network) -> int:
    assert network.mlp is not None
    return sum((n_in + 1) * n_out for n_in, n_out in itertools.pairwise(network.mlp.sizes))


def _sizes(needed: float, available: float) -> str:
    return f"about {needed / 1e9:.3g} GB are needed, {available / 1e9:.3g} GB are free"


def available_memory() -> float:
    """Bytes that can be had without swapping, of the machine and of the container that this runs in."""
    return min(_free_in_machine(), _free_in_container())


def _free_in_container(cgroup: Path = Path("/sys/fs/cgroup")) -> float:
    """Up to the limit of the control group; what it holds in caches can be had as well."""
    try:
        limit, used = ((cgroup / f"memory.{name}").read_text().strip() for name in ("max", "current"))
        caches = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
    except OSError:
        return math.inf
    return math.inf if limit == "max" else float(int(limit) - int(used) + int(caches["inactive_file"]))


def _free_in_machine() -> float:
    """Linux counts its caches in; elsewhere, free pages."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(1024.0 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        pass
    try:
        return float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (ValueError, OSError, AttributeError):
        return math.inf  # a system that does not tell
