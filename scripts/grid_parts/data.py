"""What is learned: the digits or a file of the user's, split and ready; and whether it fits into memory."""

import argparse
import itertools
import math
import os
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

import jfnn
from jfnn import datasets
from jfnn.engine import streams
from jfnn.engine.records import Data

SAMPLE = 1 << 20  # bytes of a CSV file from which its number of rows is estimated
# Arrays of a member's size that a run holds: parameters, two of an optimizer, the result, starting values.
MEMBER_COPIES = 5


class Problem(NamedTuple):
    """What is to be learned.

    Attributes:
        name: Of the data.
        split: The rows.
        inputs: Width of the input layer.
        outputs: Width of the output layer.
        classes: The word for each label, or None for regression.
    """

    name: str
    split: jfnn.Split
    inputs: int
    outputs: int
    classes: tuple[str, ...] | None

    @property
    def n_train(self) -> int:
        """Rows to train on, those held out for validation included."""
        return len(self.split.x_train)


def load(args: argparse.Namespace) -> Problem:
    """Reads and splits the data that the flags name.

    Raises:
        ValueError: They do not fit together, or the data are refused; the message begins with an argument.
    """
    if args.data is None:
        for name in ("target", "task"):
            if getattr(args, name) is not None:
                raise ValueError(f"{name}: goes with --data")
        split = datasets.digits(args.test_size, args.random_state)
        name = "the digits"
        classes: tuple[str, ...] | None = tuple(map(str, range(10)))
    else:
        table = _read(args)
        split = datasets.split_table(table, args.test_size, args.random_state)
        name, classes = args.data.name, table.classes
    if args.standardise:
        split = datasets.standardise(split)
    y = np.asarray(split.y_train)
    outputs = len(classes) if classes else math.prod(y.shape[1:])
    if classes is None and args.loss not in (None, "quadratic"):
        raise ValueError(f"loss: regression takes the quadratic loss, got {args.loss!r}")
    return Problem(name, split, split.x_train.shape[1], outputs, classes)


def _read(args: argparse.Namespace) -> datasets.Table:
    readers = {".csv": _csv_bytes, ".npz": _npz_bytes}
    suffix = args.data.suffix.lower()
    if suffix not in readers:
        raise ValueError(f"data: expected a .csv or .npz file, got {str(args.data)!r}")
    try:
        needed, available = readers[suffix](args.data), available_memory()
        if needed > available:
            raise ValueError(f"data: {args.data.name} does not fit into memory: {_sizes(needed, available)}")
        if suffix == ".csv":
            return datasets.read_csv(args.data, args.target, args.task)
        if args.target is not None:
            raise ValueError("target: goes with a .csv file; an .npz file holds its targets as y")
        return datasets.read_npz(args.data, args.task)
    except OSError as error:
        raise ValueError(f"data: cannot read {args.data}: {error.strerror or error}") from None


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


def check_fits(problem: Problem, args: argparse.Namespace, devices: int) -> None:
    """Estimates what a run holds in memory: the data, as read and on each device, and all members.

    Raises:
        ValueError: That is more than there is.
    """
    item = {"float64": 8}.get(args.dtype, 4)
    numbers = sum(np.size(part) for part in problem.split if part is not None)
    targets = sum(len(part) for part in problem.split[1::2] if part is not None) * problem.outputs
    data = numbers * 8 + (numbers + targets) * item * (2 + devices)
    widths = (problem.inputs, *args.sizes, problem.outputs)
    parameters = sum((n_in + 1) * n_out for n_in, n_out in itertools.pairwise(widths))
    axes = [args.learning_rate, args.l2, *args.optimizer_args.values()]
    members = math.prod(len(axis) for axis in axes if isinstance(axis, list))
    members *= (len(args.seeds) if isinstance(args.seeds, list) else args.seeds) * (args.folds or 1)
    copies = MEMBER_COPIES + (args.early_stopping is not None)
    state = float(members) * parameters * item * copies
    available = available_memory()
    if data + state > available:
        name = "data" if data > state else "sizes"
        held = f"{data / 1e9:.3g} GB of data, {state / 1e9:.3g} GB of {members} networks"
        raise ValueError(f"{name}: does not fit into memory: {_sizes(data + state, available)} ({held})")


def _sizes(needed: float, available: float) -> str:
    return f"about {needed / 1e9:.3g} GB are needed, {available / 1e9:.3g} GB are free"


def available_memory() -> float:
    """Bytes that can be had without swapping: Linux counts its caches in; elsewhere, free pages."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(1024.0 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        pass
    try:
        return float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (ValueError, OSError, AttributeError):
        return math.inf  # a system that does not tell


def batch_size(problem: Problem, wanted: int | str | None) -> int | None:
    """Rows a step: as given, "full" for all of them (None), by default 100 or of few rows a quarter."""
    if wanted is None:
        return max(1, min(100, problem.n_train // 4))
    return None if wanted == "full" else int(wanted)


def r_squared(problem: Problem, result: jfnn.SweepResult, args: argparse.Namespace) -> dict[str, np.ndarray]:
    """For regression, R² = 1 - 2 · loss / variance of each member on each part, name -> the grid's shape.

    The variance is that of the targets on the same rows, summed over outputs as the quadratic loss is.
    """
    if problem.classes is not None:
        return {}
    y, y_test = (np.asarray(part, np.float64) for part in (problem.split.y_train, problem.split.y_test))
    source = streams.Source(Data(problem.split.x_train, y), problem.n_train, y, classes=False)
    cuts = streams.train_and_validation(source, args.validation, args.folds)
    rows = {
        "train": [y[train] for train, _ in cuts],
        "validation": [y[held] for _, held in cuts],
        "test": [y_test for _ in cuts],
    }
    found = {}
    for part, targets in rows.items():
        if len(targets[0]):
            variance = np.array([each.var(axis=0).sum() for each in targets])
            with np.errstate(divide="ignore"):
                found[f"{part}_R²"] = 1 - 2 * getattr(result, f"{part}_loss") / variance
    return found
