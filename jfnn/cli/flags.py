"""The flags of ``jfnn grid``: fields of one record that defines parsing, help and errors."""

import dataclasses
from collections.abc import Collection
from pathlib import Path
from typing import Any

from jfnn.activations import ACTIVATIONS
from jfnn.architectures import CELLS
from jfnn.cli.words import (
    Axis,
    Read,
    axis,
    count,
    count_or_integers,
    counts_or_full,
    integers,
    names,
    number_or_axis,
    one_integer,
    one_number,
    one_of,
    parse_assignment,
    path,
    share_or_count,
    widths,
)
from jfnn.core.experiment.refit import ROWS
from jfnn.datasets.targets import TASKS
from jfnn.layers import INITIALIZERS
from jfnn.learners import METRICS
from jfnn.losses import LOSSES, REDUCTIONS
from jfnn.minibatches import SCHEME_NAMES
from jfnn.optimizers import SCHEDULES
from jfnn.training import GRADIENT_NAMES

# Defaults of dense networks without --data, as in the lecture notes.
NOTES: dict[str, Any] = {"activation": ("sigmoid",), "init": "normal", "reduction": "sum"}
SPLIT = "path x_train y_train x_test y_test"  # arguments whose errors are reported for --data
# First flag of each group in the help -> the group's title; further lines are its text.
GROUPS = {
    "data": "data",
    "learning_rate": """grid
VALUES: numbers and log-spaced ranges START:STOP:COUNT, separated by commas.
With --cells, values are drawn with equal probability; START:STOP is then
log-uniform, and uniform:START:STOP is uniform.""",
    "validation": "selection\nWithout --validation or --folds, cells are ranked on the test rows.",
    "network": """network
With several --hidden or --channels, or several comma-separated values of
--units, --activation or --batch-size, every network is trained with every
batch size: further axes of the grid.""",
    "loss": "training",
    "executor": "running",
    "out": "output",
}


HIDDEN = "widths of hidden dense layers; 'none' for no hidden layer"
METAVARS: dict[Read, str] = {str: "NAME", axis: "VALUES", number_or_axis: "VALUES", share_or_count: "SIZE"}


def flag(
    help: str,
    default: object = None,
    read: Read = str,
    *,
    metavar: str = "",
    choices: Collection[str] = (),
    otherwise: str = "",
    many: bool = False,
    alone: str | None = None,
    sets: str = "",
    needs: str = "",
) -> Any:
    """Return a field for a flag; its metadata holds the arguments of `argparse` as ``argument``.

    Args:
        help: The help text.
        default: The default; a string is parsed like a word of the command line.
        read: Function that parses the flag's word.
        metavar: Placeholder for the value in the help; by default it depends on ``read``.
        choices: Allowed names, listed in the help.
        otherwise: Description of the default if it is None.
        many: Whether the flag may be repeated; the field is then a tuple.
        alone: The value if no word follows the flag; None if a word is required.
        sets: Further arguments of the library that the flag sets; their errors name the flag.
        needs: The flag that this one requires, followed by its allowed values; by default all values.
    """
    if choices:
        help = f"{help}: {', '.join(choices)}".removeprefix(": ")
        read = one_of(choices) if read is str else read
    shown = otherwise or ("" if default is None or default == () else str(default))
    value = read(default) if isinstance(default, str) else default
    argument = {
        "metavar": metavar or ("NAME" if choices else METAVARS.get(read, "N")),
        "help": f"{help} (default: {shown})" if shown else help,
        "type": read,
        "action": "append" if many else "store",
    }
    if alone is not None:
        argument |= {"nargs": "?", "const": alone}
    metadata = {"argument": argument, "sets": sets.split(), "needs": needs.split()}
    return dataclasses.field(default=(value,) if many and default else value, metadata=metadata)


def switch(help: str, needs: str = "") -> Any:
    """Return a field for a flag without a value; arguments as for `flag`."""
    metadata = {"argument": {"help": help, "action": "store_true"}, "sets": [], "needs": needs.split()}
    return dataclasses.field(default=False, metadata=metadata)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags:
    """Values of all flags; ``present`` has the names of the flags on the command line."""

    data: Path | None = flag(
        "a .csv with a header", None, path, metavar="FILE", otherwise="the digits", sets=SPLIT
    )
    target: str | None = flag("column of the .csv to predict", needs="data")
    task: str | None = flag("", choices=TASKS, otherwise="inferred from the targets", needs="data")
    encode: bool = switch("convert columns of words in the .csv to columns of 0 and 1", "data")
    impute: bool = switch("fill gaps in numeric columns with the median, and mark them in a column", "data")
    standardize: bool = switch("scale columns and numeric targets to mean 0 and deviation 1 on training rows")
    test_size: float | int = flag("test rows, a fraction or a number; 0: none", "0.2", share_or_count)
    split_seed: int = flag("seed for shuffling rows before the split", 0, one_integer, sets="random_state")
    stratify: bool = switch("keep the fraction of each class in the test rows")
    learning_rate: Axis = flag("η, the first axis", "1e-5:10:7", axis)
    l2: Axis = flag("λ, the second axis", "1e-5:10:7", axis)
    l1: float | Axis | None = flag("penalty Σ |w|; several values: a further axis", None, number_or_axis)
    dropout: float | Axis | None = flag(
        "dropout rate of hidden units; several values: a further axis", None, number_or_axis
    )
    optimizer_arg: tuple[tuple[str, Any], ...] = flag(
        "argument of --optimizer; several values: a further axis; may be repeated",
        (),
        parse_assignment,
        metavar="NAME=VALUES",
        many=True,
    )
    seeds: int | tuple[int, ...] = flag("number, or list: 0,7,9; '7,' is seed 7", 1, count_or_integers)
    cells: int | None = flag("random search: draw N cells, not all combinations", None, one_integer)
    validation: float | int | None = flag("held-out rows, a fraction or a number", None, share_or_count)
    folds: int | None = flag("N-fold cross-validation instead", None, one_integer)
    rank_by: str | None = flag("metric", choices=METRICS, otherwise="accuracy; for regression loss")
    refit: str | None = flag(
        "train the best cell again on all training rows, and test only that; all: on the test rows too",
        read=one_of(ROWS),
        metavar="ROWS",
        alone=ROWS[0],
    )
    halving: int | None = flag("successive halving: keep one cell in N", None, one_integer, sets="factor")
    early_stopping: int | None = flag(
        "stop N epochs after the best validation loss", None, one_integer, sets="patience"
    )
    network: str = flag("kind", "mlp", choices=("mlp", "cnn", "rnn"), sets="layers inputs kernel")
    hidden: tuple[tuple[int, ...], ...] | None = flag(
        HIDDEN, None, widths, metavar="N,N", otherwise="50; cnn, rnn none", many=True, sets="sizes"
    )
    channels: tuple[tuple[int, ...], ...] = flag(
        "channels of a cnn's convolutions", "8,16", integers, metavar="N,N", many=True, needs="network cnn"
    )
    pool: int | None = flag(
        "max pooling after each convolution", None, one_integer, otherwise="none", needs="network cnn"
    )
    units: tuple[int, ...] = flag(
        "units of an rnn's recurrent layer; several: several networks", "16", integers, needs="network rnn"
    )
    cell: str = flag("recurrent layer of an rnn", "gru", choices=CELLS, needs="network rnn")
    activation: tuple[str, ...] | None = flag(
        "of hidden layers", None, names, choices=ACTIVATIONS, otherwise="relu; rnn tanh; the notes' sigmoid"
    )
    init: str | None = flag(
        "initialization", choices=INITIALIZERS, otherwise="glorot_normal; rnn pytorch; the notes' normal"
    )
    loss: str | None = flag("", choices=LOSSES, otherwise="cross_entropy; for regression quadratic")
    reduction: str = flag("over the rows of a step", "mean", choices=REDUCTIONS)
    epochs: int = flag("number of training epochs", 100, one_integer)
    batch_size: tuple[int | str, ...] | None = flag(
        "rows per step, 'full' for all", None, counts_or_full, otherwise="100, or a quarter of few rows"
    )
    minibatch: str = flag("how each step selects rows", "subset", choices=SCHEME_NAMES, sets="scheme")
    optimizer: str = flag("name of an optax optimizer", "sgd")
    schedule: str = flag("learning rate during training", "constant", choices=SCHEDULES)
    gradient: str = flag("how to compute gradients (backprop: by hand)", "autodiff", choices=GRADIENT_NAMES)
    executor: str | None = flag(
        "train in other processes", choices=("processes", "dask", "mpi"), otherwise="threads of this process"
    )
    workers: int | None = flag(
        "number of processes", None, count(1), otherwise="one per core", needs="executor processes dask"
    )
    scheduler: str | None = flag(
        "address of a Dask cluster, e.g. tcp://10.0.0.1:8786", otherwise="a local one", needs="executor dask"
    )
    worker_kind: str | None = flag(
        "device to use, as printed by jfnn workers", otherwise="this process's", needs="executor", sets="kind"
    )
    worker_timeout: float | None = flag(
        "seconds without an answer until messages count as lost",
        None,
        one_number,
        needs="executor",
        sets="timeout",
    )
    dtype: str = flag("", "float32", choices=("float32", "float64"))
    out: Path = flag("results directory; by default the next unused one", "runs/grid", path, metavar="DIR")
    play: bool = switch("also write playground.html, an interactive page with all networks")
    resume: bool = switch("continue the run in --out where it stopped, with the same bits")
    quiet: bool = switch("print nothing but errors and warnings")
    present: frozenset[str] = frozenset()
