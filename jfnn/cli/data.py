"""Data of a run: the digits or a user's file, split, scaled and shaped."""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jfnn import datasets, losses
from jfnn.arguments import callers
from jfnn.arguments.callers import Doubt
from jfnn.arguments.checks import ArgumentError
from jfnn.cli.flags import Flags
from jfnn.datasets.columns import ColumnNames
from jfnn.split import Split

DIGITS = (8, 8)  # pixels of an image


class Problem(NamedTuple):
    """Data to learn from, and what follows from them."""

    name: str
    split: Split  # its names are part of a run's identity
    shape: tuple[int, ...]  # of one row's inputs
    outputs: int  # width of the output layer
    classes: tuple[str, ...] | None  # the name of each label; None for regression
    loss: str

    @property
    def n_train(self) -> int:
        """Number of training rows, including those held out for validation."""
        return len(self.split.x_train)

    @property
    def has_labels(self) -> bool:
        """Whether targets are classes, or 0 or 1 for each output, rather than numbers."""
        return self.classes is not None or losses.get(self.loss).takes_logits

    @property
    def n_test(self) -> int:
        """Number of test rows; 0 if all rows are training rows."""
        return 0 if self.split.x_test is None else len(self.split.x_test)


def load(flags: Flags) -> Problem:
    """Read and split the data chosen by the flags."""
    classes: tuple[str, ...] | None
    if flags.data is None:
        name = "the digits"
        classes = tuple(map(str, range(10)))
        split = datasets.digits(flags.test_size, flags.split_seed, flags.stratify)
    else:
        table = _read(flags.data, flags)
        cuts = sorted({"test_size", "split_seed", "stratify"} & flags.present)
        if cuts and table.n_train is not None:
            raise ArgumentError(cuts[0], f"{flags.data.name} itself defines the test rows")
        name = flags.data.name
        classes = table.classes
        split = datasets.split_table(table, flags.test_size, flags.split_seed, flags.stratify)
    if flags.standardise:
        split = datasets.standardise(split)
    loss = flags.loss or ("cross_entropy" if classes else "quadratic")
    kind = losses.get(loss)
    if classes is None and kind.takes_logits and (kind.excludes or not _are_labels(split.y_train)):
        takes = "regression needs a loss for numbers (or, with several columns of 0 and 1, a cross-entropy)"
        raise ArgumentError("loss", f"{takes}, got {loss!r}")
    if classes and kind.regression:
        raise ArgumentError("loss", f"classification needs a cross-entropy or quadratic, got {loss!r}")
    targets = len(classes) if classes else math.prod(np.shape(split.y_train)[1:])
    outputs = targets * kind.outputs_per_target
    shape = _shape(flags, split.x_train.shape[1:])
    x_train = split.x_train.reshape(len(split.x_train), *shape)
    x_test = None if split.x_test is None else split.x_test.reshape(len(split.x_test), *shape)
    known = split.names or {}
    others = {name: known.get(name) for name in ("scaling", "columns", "target")}
    names = ColumnNames({"classes": classes} | others)
    split = split._replace(x_train=x_train, x_test=x_test, names=names)
    return Problem(name, split, shape, outputs, classes, loss)


def _are_labels(y: np.ndarray) -> bool:
    """Whether targets are 0 or 1 for each of several outputs."""
    return y.ndim == 2 and y.shape[1] > 1 and bool(np.isin(y, (0, 1)).all())


def _shape(flags: Flags, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of a row's inputs for the network, from the shape in the data."""
    size = math.prod(shape)
    if flags.network == "mlp":
        return (size,)
    if flags.data is None:
        shape = DIGITS
    elif flags.data.suffix.lower() == ".csv":  # the columns of a table rarely form a sequence
        found = f"rows are read as sequences of {size} columns, in their order in the file"
        callers.warn(Doubt(f"{found}; give --network mlp for a table", "network"))
    if flags.network == "cnn":
        return shape if len(shape) > 2 else (1, *shape)
    return shape if len(shape) > 1 else (size, 1)


def _read(path: Path, flags: Flags) -> datasets.Table:
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".npz"):
        raise ArgumentError("data", f"expected a .csv or .npz file, got {str(path)!r}")
    if suffix == ".npz" and (csv_only := sorted({"target", "encode", "impute"} & flags.present)):
        raise ArgumentError(csv_only[-1], "goes with a .csv file; an .npz file holds its targets as y")
    try:
        if suffix == ".npz":
            return datasets.read_npz(path, flags.task)
        return datasets.read_csv(path, flags.target, flags.task, encode=flags.encode, impute=flags.impute)
    except OSError as error:
        raise ArgumentError("data", f"cannot read {path}: {error.strerror or error}") from None
