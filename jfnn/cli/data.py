"""Data of a run: the digits or a user's file, split, scaled and shaped."""

from pathlib import Path
from typing import NamedTuple

from jfnn import datasets, losses
from jfnn.arguments import callers
from jfnn.arguments.callers import Doubt
from jfnn.arguments.checks import ArgumentError
from jfnn.cli.flags import Flags
from jfnn.datasets.columns import ColumnNames
from jfnn.split import Split

DIGITS = (8, 8)  # height and width of an image in pixels


class LoadedData(NamedTuple):
    """Data to learn from, and the settings that they determine."""

    name: str
    split: Split  # ``split.names`` is part of a run's identity
    shape: tuple[int, ...]  # shape of one row's inputs
    outputs: int  # width of the output layer
    classes: tuple[str, ...] | None  # the name of each label; None for regression
    loss: str

    @property
    def n_train(self) -> int:
        """Number of training rows, including those held out for validation."""
        return len(self.split.x_train)

    @property
    def n_test(self) -> int:
        """Number of test rows; 0 if all rows are training rows."""
        return 0 if self.split.x_test is None else len(self.split.x_test)


def load(flags: Flags) -> LoadedData:
    """Read and split the data chosen by the flags."""
    classes: tuple[str, ...] | None
    if flags.data is None:
        name = "the digits"
        classes = tuple(map(str, range(10)))
        split = datasets.digits(flags.test_size, flags.split_seed, flags.stratify)
    else:
        table = _read(flags.data, flags)
        name = flags.data.name
        classes = table.classes
        split = datasets.split_table(table, flags.test_size, flags.split_seed, flags.stratify)
    if flags.standardize:
        split = datasets.standardize(split)
    loss = flags.loss or ("cross_entropy" if classes else "quadratic")
    kind = losses.get(loss)
    if classes is None and kind.takes_logits:
        raise ArgumentError("loss", f"regression needs a loss for numbers, got {loss!r}")
    if classes and kind.regression:
        raise ArgumentError("loss", f"classification needs a cross-entropy or quadratic loss, got {loss!r}")
    outputs = (len(classes) if classes else 1) * kind.outputs_per_target
    shape = _shape(flags, split.x_train.shape[1])
    x_train = split.x_train.reshape(len(split.x_train), *shape)
    x_test = None if split.x_test is None else split.x_test.reshape(len(split.x_test), *shape)
    known = split.names or {}
    others = {name: known.get(name) for name in ("scaling", "columns", "target")}
    names = ColumnNames({"classes": classes} | others)
    split = split._replace(x_train=x_train, x_test=x_test, names=names)
    return LoadedData(name, split, shape, outputs, classes, loss)


def _shape(flags: Flags, columns: int) -> tuple[int, ...]:
    """Return the shape of one row of inputs for the network, given the number of columns."""
    if flags.network == "mlp":
        return (columns,)
    if flags.data is None:
        return (1, *DIGITS) if flags.network == "cnn" else DIGITS
    # The columns of a table rarely form a sequence.
    found = f"rows are read as sequences of {columns} columns, in their order in the file"
    callers.warn(Doubt(f"{found}; use --network mlp for a table", "network"))
    return (1, columns) if flags.network == "cnn" else (columns, 1)


def _read(path: Path, flags: Flags) -> datasets.Table:
    if path.suffix.lower() != ".csv":
        raise ArgumentError("data", f"expected a .csv file, got {str(path)!r}")
    try:
        return datasets.read_csv(path, flags.target, flags.task, encode=flags.encode, impute=flags.impute)
    except OSError as error:
        raise ArgumentError("data", f"cannot read {path}: {error.strerror or error}") from None
