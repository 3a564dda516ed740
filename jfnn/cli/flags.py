"""The flags of ``jfnn grid``: fields of one record, from which parsing, help and errors follow."""

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
    named,
    names,
    number_or_axis,
    one_integer,
    one_number,
    one_of,
    path,
    share_or_count,
    widths,
)
from jfnn.core.experiment.refit import ROWS
from jfnn.datasets.targets import TASKS
from jfnn.layers import INITIALIZERS
from jfnn.learners import METRICS
from jfnn.losses import LOSSES, REDUCTIONS
from jfnn.minibatches import SCHEMES
from jfnn.optimizers import SCHEDULES
from jfnn.training import GRADIENTS

# Without --data, dense networks are those of the notes: flags that are not given then have these values.
NOTES: dict[str, Any] = {"activation": ("sigmoid",), "init": "normal", "reduction": "sum"}
SPLIT = "path x_train y_train x_test y_test"  # errors of these are of --data
# The first flag of each group in the help -> the group's title and, on further lines, text.
GROUPS = {
    "data": "data",
    "learning_rate": """grid
VALUES: numbers and log-spaced ranges START:STOP:COUNT, with commas between.
With --cells they are drawn from, each value as often as the next; START:STOP
is then drawn from log-uniformly, uniform:START:STOP uniformly.""",
    "validation": "selection\nWithout --validation or --folds, cells are ranked on the test rows.",
    "network": """network
With several --hidden or --channels, or several values of --units, of
--activation or of --batch-size with commas between, every network is trained
with every batch size: further axes of the grid.""",
    "loss": "training",
    "executor": "running",
    "out": "output",
}


HIDDEN = "widths of hidden dense layers; 'none' for none"
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
    """A field for a flag; its metadata hold the keywords of `argparse` as ``argument``.

    Args:
        help: Its help.
        default: The default; a text is read as a word of the command line is.
        read: The word as a value.
        metavar: Stands for its value in the help; else the reader decides.
        choices: Names that it takes, listed in the help.
        otherwise: The default in words, where it is None.
        many: Whether the flag may be repeated; the field then is a tuple.
        alone: The value of the flag where no word follows it; None where one must.
        sets: Arguments of the library that it sets, besides the one of its name; their errors name the flag.
        needs: The flag without which this one would change nothing, and the values that it then has; any
            without these.
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
    """A field for a flag without a value; arguments are those of `flag`."""
    metadata = {"argument": {"help": help, "action": "store_true"}, "sets": [], "needs": needs.split()}
    return dataclasses.field(default=False, metadata=metadata)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags:
    """Values of all flags; ``present`` has the names of those on the command line."""

    data: Path | None = flag(
        "a .csv with a header, or an .npz", None, path, metavar="FILE", otherwise="the digits", sets=SPLIT
    )
    target: str | None = flag("column of the .csv to predict", needs="data")
    task: str | None = flag("", choices=TASKS, otherwise="what the targets look like", needs="data")
    encode: bool = switch("columns of words of the .csv to columns of 0 and 1", "data")
    impute: bool = switch("gaps in columns of numbers to the median, with a column that marks them", "data")
    standardise: bool = switch("columns, and numbers to predict, to mean 0 and deviation 1 on training rows")
    test_size: float | int = flag("rows to test on, a share or a number; 0: all train", "0.2", share_or_count)
    split_seed: int = flag("shuffles rows before they are split", 0, one_integer, sets="random_state")
    stratify: bool = switch("each class keeps its share in the rows to test on")
    learning_rate: Axis = flag("η, the first axis", "1e-5:10:7", axis)
    l2: Axis = flag("λ, the second axis", "1e-5:10:7", axis)
    l1: float | Axis | None = flag("penalty Σ |w|; several: a further axis", None, number_or_axis)
    dropout: float | Axis | None = flag("of hidden units; several: a further axis", None, number_or_axis)
    optimizer_arg: tuple[tuple[str, Any], ...] = flag(
        "of --optimizer; several: a further axis; repeat for more",
        (),
        named,
        metavar="NAME=VALUES",
        many=True,
    )
    seeds: int | tuple[int, ...] = flag("how many, or which: 0,7,9; '7,' is seed 7", 1, count_or_integers)
    cells: int | None = flag("random search: draw N cells, not all combinations", None, one_integer)
    validation: float | int | None = flag("rows to hold out, a share or a number", None, share_or_count)
    folds: int | None = flag("cross-validation in N folds instead", None, one_integer)
    rank_by: str | None = flag("metric", choices=METRICS, otherwise="accuracy; for regression loss")
    refit: str | None = flag(
        "train the best cell again on all training rows, and test that one alone; all: on the test rows too",
        read=one_of(ROWS),
        metavar="ROWS",
        alone=ROWS[0],
    )
    halving: int | None = flag("successive halving: one cell in N goes on", None, one_integer, sets="factor")
    early_stopping: int | None = flag(
        "stop N epochs after the best validation loss", None, one_integer, sets="patience"
    )
    network: str = flag("kind", "mlp", choices=("mlp", "cnn", "rnn"), sets="layers inputs kernel")
    hidden: tuple[tuple[int, ...], ...] | None = flag(
        HIDDEN, None, widths, metavar="N,N", otherwise="50, behind others none", many=True, sets="sizes"
    )
    channels: tuple[tuple[int, ...], ...] = flag(
        "of cnn's convolutions", "8,16", integers, metavar="N,N", many=True, needs="network cnn"
    )
    pool: int | None = flag(
        "max pooling behind convolutions", None, one_integer, otherwise="none", needs="network cnn"
    )
    units: tuple[int, ...] = flag(
        "of rnn's recurrent layer; several: several networks", "16", integers, needs="network rnn"
    )
    cell: str = flag("of rnn", "gru", choices=CELLS, needs="network rnn")
    activation: tuple[str, ...] | None = flag(
        "of hidden layers", None, names, choices=ACTIVATIONS, otherwise="relu; rnn tanh; the notes' sigmoid"
    )
    init: str | None = flag(
        "starting weights", choices=INITIALIZERS, otherwise="glorot_normal; rnn pytorch; the notes' normal"
    )
    loss: str | None = flag("", choices=LOSSES, otherwise="cross_entropy; for regression quadratic")
    reduction: str = flag("over the rows of a step", "mean", choices=REDUCTIONS)
    epochs: int = flag("how many to train", 100, one_integer)
    batch_size: tuple[int | str, ...] | None = flag(
        "rows a step, 'full' for all", None, counts_or_full, otherwise="100, of few rows a quarter"
    )
    minibatch: str = flag("how a step draws rows", "subset", choices=SCHEMES, sets="scheme")
    optimizer: str = flag("any of optax", "sgd")
    schedule: str = flag("learning rate as training goes on", "constant", choices=SCHEDULES)
    gradient: str = flag("gradients, by hand with backprop", "autodiff", choices=GRADIENTS)
    executor: str | None = flag(
        "other processes that train", choices=("processes", "dask", "mpi"), otherwise="threads of this one"
    )
    workers: int | None = flag(
        "how many processes", None, count(1), otherwise="one a core", needs="executor processes dask"
    )
    scheduler: str | None = flag(
        "address of a Dask cluster: tcp://10.0.0.1:8786", otherwise="one here", needs="executor dask"
    )
    worker_kind: str | None = flag(
        "device that trains, as jfnn workers says it", otherwise="as here", needs="executor", sets="kind"
    )
    worker_timeout: float | None = flag(
        "seconds without an answer until messages count as lost",
        None,
        one_number,
        needs="executor",
        sets="timeout",
    )
    dtype: str = flag("", "float32", choices=("float32", "float64"))
    out: Path = flag("for results; without it the next that is free", "runs/grid", path, metavar="DIR")
    play: bool = switch("write playground.html, too: a page with all networks, to play with")
    resume: bool = switch("go on with the run in --out where it was stopped, with the same bits")
    quiet: bool = switch("print nothing but errors and warnings")
    present: frozenset[str] = frozenset()
