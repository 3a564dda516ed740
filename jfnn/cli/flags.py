"""The flags of ``jfnn grid``: fields of one record, each with its type, default, help and reader.

A flag that sets an option of `jfnn.sweep` has its name, its default and, where that fits a line, its help.
"""

import dataclasses
from collections.abc import Callable, Collection, Sequence
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
    one_meant,
    one_of,
    share_or_count,
    widths,
)
from jfnn.core.experiment.options import Options
from jfnn.datasets.targets import TASKS
from jfnn.extend.runs import ROWS, STATES
from jfnn.layers import INITIALIZERS
from jfnn.learners import METRICS
from jfnn.losses import LOSSES
from jfnn.minibatches import SCHEMES
from jfnn.optimizers import SCHEDULES
from jfnn.schedulers import Scheduler

OPTIONS = {field.name: field for field in dataclasses.fields(Options) if field.kw_only}
# Words and a condition on all flags, without which a flag would change nothing.
Needs = tuple[str, Callable[["Flags"], bool]]
NETWORKS = ("mlp", "cnn", "rnn")
EXECUTORS = ("processes", "dask", "mpi")
# Without --data, dense networks are those of the notes: flags that are not given then have these values.
NOTES: dict[str, Any] = {"activation": ("sigmoid",), "init": "normal", "reduction": "sum"}
SPLIT = ("path", "x_train", "y_train", "x_test", "y_test")  # errors of these are of --data

DATA: Needs = ("--data", lambda flags: flags.data is not None)
CNN: Needs = ("--network cnn", lambda flags: flags.network == "cnn")
RNN: Needs = ("--network rnn", lambda flags: flags.network == "rnn")
IMAGES: Needs = ("--network cnn or rnn", lambda flags: flags.network != "mlp")
HIDDEN: Needs = ("hidden layers", lambda flags: flags.network != "mlp" or flags.hidden != ((),))
CELLS_DRAWN: Needs = ("--cells", lambda flags: flags.cells is not None)
PERMUTATION: Needs = ("--minibatch permutation", lambda flags: flags.minibatch == "permutation")
SCHEDULE: Needs = ("a --schedule that is not constant", lambda flags: flags.schedule != "constant")
EXECUTOR: Needs = ("--executor", lambda flags: flags.executor is not None)
DASK: Needs = ("--executor dask", lambda flags: flags.executor == "dask")
REFIT: Needs = ("--refit", lambda flags: flags.refit is not None)
LOCAL: Needs = (
    "--executor processes or dask, without --scheduler",
    lambda flags: flags.executor in ("processes", "dask") and flags.scheduler is None,
)


def flag(
    metavar: str,
    help: str,
    default: object = None,
    read: Read | None = None,
    *,
    choices: Collection[str] = (),
    otherwise: str = "",
    many: bool = False,
    alone: str | None = None,
    sets: Sequence[str] = (),
    also: Sequence[str] = (),
    needs: Needs | None = None,
    group: str | None = None,
) -> Any:
    """A field for a flag; its metadata hold the keywords of `argparse` as ``argument``.

    Args:
        metavar: Stands for its value in the help.
        help: Its help.
        default: The default; with a reader, a text is read as a word of the command line is.
        read: The word as a value; None for that of the choices, or of the field's type.
        choices: Names that it takes, listed in the help.
        otherwise: The default in words, where it is None.
        many: Whether the flag may be repeated; the field then is a tuple.
        alone: The value of the flag where no word follows it; None where one must.
        sets: Arguments of the library that it sets, besides the one of its name; their errors name the flag.
        also: Further spellings of the flag.
        needs: Words and a condition on all flags, without which the flag would change nothing.
        group: Title and, on further lines, text of the group of flags that begins here in the help.
    """
    if choices:
        help = f"{help}: {', '.join(choices)}".removeprefix(": ")
        read = read or one_of(choices)
    shown = otherwise or ("" if default is None or default is False or default == () else default)
    value = read(default) if read is not None and isinstance(default, str) else default
    value = (value,) if many and default else value
    if shown != "":
        help += f" (default: {shown})"
    argument = {
        "metavar": metavar,
        "help": help.replace("%", "%%"),
        "type": read,
        "action": "append" if many else "store",
        **({} if alone is None else {"nargs": "?", "const": alone}),
    }
    metadata = {"argument": argument, "sets": sets, "also": also, "needs": needs, "group": group}
    return dataclasses.field(default=value, metadata=metadata)


def switch(
    help: str, *, sets: Sequence[str] = (), needs: Needs | None = None, group: str | None = None
) -> Any:
    """A field for a flag without a value; arguments are those of `flag`."""
    argument = {"help": help, "action": "store_true"}
    metadata = {"argument": argument, "sets": sets, "needs": needs, "group": group}
    return dataclasses.field(default=False, metadata=metadata)


def option(
    name: str, metavar: str | None = None, help: str = "", read: Read | None = None, **declared: Any
) -> Any:
    """A field for a flag that sets the option of `jfnn.sweep` of this name, with its default and its help.

    Where the option is on or off it is a switch, which has no ``metavar`` and no reader.
    """
    clause = OPTIONS[name].metadata["help"].partition("; ")[0].partition(". ")[0].rstrip(".")
    text = help or clause[0].lower() + clause[1:].replace("``out``", "--out")
    if metavar is None:
        return switch(text, **declared)
    return flag(metavar, text, OPTIONS[name].default, read, **declared)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags:
    """Values of all flags; ``present`` has the names of those on the command line."""

    data: Path | None = flag(
        "FILE", "a .csv with a header, or an .npz", otherwise="the digits", sets=SPLIT, group="data"
    )
    target: str | None = flag("COLUMN", "column of the .csv to predict", needs=DATA)
    weights: str | None = flag(
        "COLUMN", "how often each row counts in training; of an .npz an array's name", needs=DATA
    )
    task: str | None = flag("NAME", "", choices=TASKS, otherwise="what the targets look like", needs=DATA)
    encode: bool = switch("columns of words of the .csv to columns of 0 and 1", needs=DATA)
    impute: bool = switch(
        "gaps in columns of numbers to the median, with a column that marks them", needs=DATA
    )
    standardise: bool = switch(
        "columns, and numbers to predict, to mean 0 and deviation 1 on the training rows"
    )
    test_size: float | int = flag(
        "SIZE", "share or number of rows to test on; 0: all train", "0.2", share_or_count
    )
    split_seed: int = flag("SEED", "shuffles the rows before they are split", 0, sets=["random_state"])
    stratify: bool = switch("each class keeps its share in the rows to test on")
    learning_rate: Axis = flag(
        "VALUES",
        "η, the first axis",
        "1e-5:10:7",
        axis,
        group="""grid
VALUES: numbers and log-spaced ranges START:STOP:COUNT, with commas between.
With --cells they are drawn from, each value as often as the next; START:STOP
is then drawn from log-uniformly, uniform:START:STOP uniformly.""",
    )
    l2: Axis = flag("VALUES", "λ, the second axis", "1e-5:10:7", axis)
    l1: float | Axis | None = flag(
        "VALUES", "strength of the penalty Σ |w|; several: a further axis", read=number_or_axis
    )
    dropout: float | Axis | None = flag(
        "VALUES", "share of hidden units dropped; several: a further axis", read=number_or_axis, needs=HIDDEN
    )
    init_scale: float | Axis = flag(
        "VALUES", "factor of starting weights; several: a further axis", "1", number_or_axis
    )
    optimizer_arg: tuple[tuple[str, Any], ...] = flag(
        "NAME=VALUES",
        "argument of --optimizer; several: a further axis; repeat for more",
        (),
        named,
        many=True,
    )
    seeds: int | tuple[int, ...] = option(
        "seeds", "SEEDS", "how many, or which: 0,7,9; '7,' is seed 7 alone", count_or_integers
    )
    cells: int | None = option("cells", "N", "random search: draw N cells, not all combinations")
    cells_seed: int = flag("N", "fixes the draws", 0, sets=["seed"], needs=CELLS_DRAWN)
    validation: float | int | None = option(
        "validation",
        "SIZE",
        "share or number of rows to hold out",
        share_or_count,
        group="selection\nWithout --validation or --folds, cells are ranked on the test rows.",
    )
    folds: int | None = option("folds", "K", "cross-validation in K folds instead")
    rank_by: str | None = flag(
        "NAME",
        "metric that ranks and is reported, also by scikit-learn's name",
        read=one_meant(METRICS),
        choices=METRICS,
        otherwise="accuracy; for regression loss",
        also=["metric"],
    )
    refit: str | None = flag(
        "ROWS",
        "train the best cell again on all training rows, and test that one alone; all: on the test rows too",
        read=one_of(ROWS),
        alone=ROWS[0],
    )
    refit_cells: int = flag("N", "how many of the best to train again", 1, count(1), needs=REFIT)
    schedulers: tuple[Scheduler, ...] = ()  # one flag for each kind there is
    network: str = flag(
        "NAME",
        "kind",
        "mlp",
        choices=NETWORKS,
        sets=["layers"],
        group="""network
With several --hidden or --channels, or several values of --units, of
--activation or of --batch-size with commas between, every network is trained
with every batch size: further axes of the grid.""",
    )
    hidden: tuple[tuple[int, ...], ...] | None = flag(
        "WIDTHS",
        "hidden dense layers, such as 100,50; 'none' for none",
        read=widths,
        otherwise="50, behind others none",
        many=True,
        sets=["sizes"],
    )
    shape: tuple[int, ...] | None = flag(
        "SHAPE",
        "of a row's inputs, such as 1,28,28 for cnn (channels first), 40,1 for rnn",
        read=integers,
        sets=["inputs"],
        needs=IMAGES,
    )
    channels: tuple[tuple[int, ...], ...] = flag(
        "N,N", "of cnn's convolutions", "8,16", integers, many=True, needs=CNN
    )
    kernel: tuple[int, ...] = flag(
        "N", "length of kernels; several: one a convolution", "3", integers, needs=CNN
    )
    stride: tuple[int, ...] = flag("N", "of convolutions; several: one each", "1", integers, needs=CNN)
    padding: tuple[int, ...] = flag("N", "zeros around inputs of convolutions", "0", integers, needs=CNN)
    pool: int | None = flag("N", "max pooling behind each convolution", otherwise="none", needs=CNN)
    units: tuple[int, ...] = flag(
        "N", "of rnn's recurrent layer; several: several networks", "16", integers, needs=RNN
    )
    cell: str = flag("NAME", "of rnn", "gru", choices=CELLS, needs=RNN)
    bidirectional: bool = switch("rnn reads sequences from their ends, too", needs=RNN)
    states: str = flag("NAME", "of rnn that dense layers read", "last", choices=STATES, needs=RNN)
    activation: tuple[str, ...] | None = flag(
        "NAMES",
        "of hidden layers",
        read=names,
        choices=ACTIVATIONS,
        otherwise="relu; of rnn tanh; of the notes' sigmoid",
    )
    output: str = flag("NAME", "of the output layer; a cross-entropy takes the identity", "identity")
    init: str | None = flag(
        "NAME",
        "starting weights",
        choices=INITIALIZERS,
        otherwise="glorot_normal; of rnn pytorch; of the notes' normal",
    )
    loss: str | None = flag(
        "NAME", "", choices=LOSSES, otherwise="cross_entropy; for regression quadratic", group="objective"
    )
    reduction: str = option("reduction", "NAME", "mean over the rows of a step, or sum; the notes' is sum")
    epochs: int = option("epochs", "N", group="training")
    batch_size: tuple[int | str, ...] | None = flag(
        "SIZES",
        "rows a step, 'full' for all",
        otherwise="100, of few rows a quarter",
        read=counts_or_full,
    )
    minibatch: str = flag("NAME", "how a step draws rows", "subset", choices=SCHEMES)
    keep_last: bool = switch(
        "train on rows of a permutation that do not fill a batch, too", sets=["drop_last"], needs=PERMUTATION
    )
    optimizer: str = option("optimizer", "NAME", "any of optax")
    schedule: str = flag("NAME", "learning rate as training goes on", "constant", choices=SCHEDULES)
    schedule_epochs: int | None = flag(
        "N",
        "epochs over which it spreads; warmup_cosine warms up for a tenth of them",
        otherwise="all",
        needs=SCHEDULE,
    )
    gradient: str = option("gradient", "NAME", "autodiff, or backprop: the derivation by hand")
    tile: int | None = flag(
        "N", "networks trained side by side", otherwise="chosen for speed", group="running"
    )
    executor: str | None = flag(
        "NAME", "other processes that train", choices=EXECUTORS, otherwise="threads of this one"
    )
    workers: int | None = flag("N", "how many processes", otherwise="one a core", needs=LOCAL)
    scheduler: str | None = flag(
        "ADDRESS", "of a Dask cluster, such as tcp://10.0.0.1:8786", otherwise="one here", needs=DASK
    )
    worker_kind: str | None = flag(
        "KIND",
        "kind of device that trains there, as jfnn workers --check prints it",
        otherwise="that of this process",
        needs=EXECUTOR,
        sets=["kind"],
    )
    worker_timeout: float | None = flag(
        "SECONDS",
        "without an answer until messages count as lost",
        otherwise="no limit",
        needs=EXECUTOR,
        sets=["timeout"],
    )
    eval_every: int | None = flag("N", "epochs between evaluations", otherwise="a twentieth of all")
    dtype: str = flag("NAME", "", "float32", choices=("float32", "float64"))
    devices: int | None = flag("N", "how many to use, on a CPU cores", otherwise="all")
    out: Path = flag(
        "DIR", "for results; without the flag the next that is free", Path("runs/grid"), group="output"
    )
    play: bool = switch("write playground.html, too: a page with all networks, to play with")
    resume: bool = option("resume")
    quiet: bool = switch("print nothing but errors and warnings")
    present: frozenset[str] = frozenset()
