"""Whether data and networks fit into memory, estimated before either is there."""

import math
import zipfile
from collections.abc import Collection
from pathlib import Path

import jax
import numpy as np

import jfnn
from jfnn.arguments import memory
from jfnn.cli.data import Problem
from jfnn.cli.grid_flags import GridFlags
from jfnn.learners.shapes import starting_shapes

SAMPLE = 1 << 20  # bytes of a CSV file from which its number of rows is estimated
# Arrays of a member's size that a run holds beside its result: parameters, two of an optimizer, its start.
WORKING_COPIES = 4
WIDTHS = {"mlp": "hidden", "cnn": "channels", "rnn": "units"}  # of a kind of network: what makes it large


def check_file(path: Path, available: float | None = None) -> None:
    """Raises ArgumentError for a file that takes more memory to read than is ``available`` (None: free)."""
    try:
        if not path.is_file():
            return  # the reader names the error, also of files that cannot be opened
        needed = _csv_bytes(path) if path.suffix.lower() == ".csv" else _npz_bytes(path)
    except (OSError, NotImplementedError, zipfile.BadZipFile):
        return
    memory.check("data", needed, available, f", for {path.name}")


def _csv_bytes(path: Path) -> float:
    """Bytes to read a file, estimated from its first lines: its numbers twice over, its targets."""
    with path.open("rb") as file:
        sample = file.read(SAMPLE)
    lines = max(sample.count(b"\n"), 1)
    rows = lines * path.stat().st_size / max(len(sample), 1)
    return rows * (2 * 8 * (sample.count(b",") / lines + 1) + 64)


def _npz_bytes(path: Path) -> float:
    """Bytes to read an archive: its arrays and their copies, side by side."""
    with zipfile.ZipFile(path) as archive:
        return 2.0 * sum(entry.file_size for entry in archive.infolist())


def check_run(
    problem: Problem,
    flags: GridFlags,
    networks: Collection[jfnn.Network],
    n_groups: int,
    available: float | None = None,
) -> None:
    """Raises ArgumentError for a run that takes more memory than is ``available`` (None: free).

    It holds the data, as read and on each device; all results; one group at work.
    """
    item, present = 8 if flags.dtype == "float64" else 4, jax.devices()
    # The cores of a CPU share their data.
    devices = 1 if present[0].platform == "cpu" else min(flags.devices or len(present), len(present))
    parts = [np.shape(part) for part in problem.split if part is not None]
    numbers, targets = sum(map(math.prod, parts)), sum(shape[0] for shape in parts) * problem.outputs
    data = numbers * 8 + (numbers + targets) * item * (2 + devices)
    starts = [starting_shapes(network) for network in networks]
    parameters = [sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(start)) for start in starts]
    seeds = len(flags.seeds) if isinstance(flags.seeds, tuple) else flags.seeds
    factors = cell_factors(flags) | {"seeds": seeds, "folds": flags.folds or 1}
    members = math.prod(factors.values())
    working = WORKING_COPIES + any(scheduler.keeps_best for scheduler in flags.schedulers)
    member_size = sum(parameters) * n_groups / len(networks) + working * max(parameters)
    state = float(members) * member_size * item
    largest = (
        max(factors, key=lambda name: factors[name]) if members > max(parameters) else WIDTHS[flags.network]
    )
    sizes = f" ({data / 1e9:.3g} GB of data, {state / 1e9:.3g} GB of {members * n_groups} networks)"
    memory.check("data" if data > state else largest, data + state, available, sizes)


def cell_factors(flags: GridFlags) -> dict[str, int]:
    """Length of each axis by name; their product is the number of cells."""
    if flags.sample is not None:
        return {"sample": flags.sample}
    axes = {name: getattr(flags, name) for name in ("learning_rate", "l2", "dropout", "init_scale")}
    axes |= dict(flags.optimizer_arg)
    return {name: len(values) for name, values in axes.items() if isinstance(values, tuple)}
