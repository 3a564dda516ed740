"""The flags of ``jfnn grid``, each declared once: a field with type, default and help.

What sets an option of the library takes its default from the declaration there, and its help where that fits
a command line.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jfnn.activations import ACTIVATIONS
from jfnn.architectures import CELLS
from jfnn.cli.values import (
    Axis,
    axis,
    count_or_integers,
    counts_or_full,
    lengths,
    named,
    names,
    number_or_axis,
    paddings,
    place,
    widths,
)
from jfnn.cli.values import share_or_count as share
from jfnn.datasets.targets import TASKS
from jfnn.experiment.options import SearchOptions
from jfnn.layers import INITIALIZERS
from jfnn.learners import METRICS
from jfnn.losses import LOSSES
from jfnn.minibatches import SCHEMES
from jfnn.optimizers import SCHEDULES
from jfnn.schedulers import Scheduler

NETWORKS = ("mlp", "cnn", "rnn")
STATES = ("last", "all")
EXECUTORS = ("processes", "dask", "mpi")
OF_CNN = ("channels", "kernel", "stride", "padding", "pool")
OF_RNN = ("units", "cell", "bidirectional", "states")
OPTIONS = {field.name: field for field in dataclasses.fields(SearchOptions)}
Read = Callable[[str], Any]


def flag(metavar: str, help: str, default: Any = None, read: Read = str, many: bool = False) -> Any:
    """A field for a flag.

    Args:
        metavar: What stands for its value in the help.
        help: What it means.
        default: The default; a text is read as a word of the command line is.
        read: The word as a value; bool for a switch.
        many: Whether the flag may be repeated; the field then is a tuple.
    """
    value = read(default) if isinstance(default, str) else default
    value = (value,) if many and default else value
    shown = "" if default is None or default is False or default == () else f" (default: {default})"
    declared = {"metavar": metavar, "help": (help + shown).replace("%", "%%"), "read": read, "many": many}
    return dataclasses.field(default_factory=lambda: value, metadata=declared)


def option(name: str, metavar: str = "", help: str = "", read: Read = str) -> Any:
    """A field for a flag that sets the library's option of this name."""
    clause = OPTIONS[name].metadata["help"].partition("; ")[0].partition(". ")[0].rstrip(".")
    text = help or clause[0].lower() + clause[1:].replace("``out``", "--out")
    return flag(metavar, text, OPTIONS[name].default, read)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags:
    """The values of all flags, and the names of those that the command line has (``present``)."""

    data: Path | None = flag("FILE", "a .csv with a header, or an .npz (default: the digits)", read=Path)
    target: str | None = flag("COLUMN", "column of the .csv to predict")
    weights: str | None = flag("COLUMN", "how often each row counts in training; of an .npz an array's name")
    task: str | None = flag("NAME", f"{', '.join(TASKS)} (default: what the targets look like)")
    standardise: bool = flag(
        "", "columns, and numbers to predict, to mean 0 and deviation 1 on the training rows", False, bool
    )
    test_size: float | int = flag("SIZE", "share or number of rows to test on", "0.2", share)
    split_seed: int = flag("SEED", "shuffles the rows before they are split", 0, int)
    learning_rate: Axis = flag("VALUES", "η, the first axis", "1e-5:10:7", axis)
    l2: Axis = flag("VALUES", "λ, the second axis", "1e-5:10:7", axis)
    dropout: float | Axis | None = flag(
        "VALUES", "share of hidden units dropped; several: a further axis", read=number_or_axis
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
    sample: int | None = option("sample", "N", "random search: draw N cells, not all combinations", int)
    sample_seed: int = flag("N", "fixes the draws", 0, int)
    validation: float | int | None = option(
        "validation", "SIZE", "share or number of rows to hold out", share
    )
    folds: int | None = option("folds", "K", "cross-validation in K folds instead", int)
    rank_by: str | None = flag(
        "NAME", f"metric that ranks: {', '.join(METRICS)} (default: accuracy; for regression loss)"
    )
    refit: bool = option(
        "refit", "", "train the best cell again on all training rows; only that one is tested", bool
    )
    schedulers: tuple[Scheduler, ...] = ()  # one flag for each kind there is
    network: str = flag("NAME", f"kind: {', '.join(NETWORKS)}", "mlp")
    hidden: tuple[tuple[int, ...], ...] | None = flag(
        "WIDTHS",
        "hidden dense layers, such as 100,50; 'none' for none (default: 50, behind others none)",
        None,
        widths,
        True,
    )
    shape: tuple[int, ...] | None = flag(
        "SHAPE", "of a row's inputs, such as 1,28,28 for cnn (channels first), 40,1 for rnn", read=lengths
    )
    channels: tuple[tuple[int, ...], ...] = flag("N,N", "of cnn's convolutions", "8,16", lengths, True)
    kernel: tuple[int, ...] = flag("N", "length of kernels; several: one a convolution", "3", lengths)
    stride: tuple[int, ...] = flag("N", "of convolutions; several: one each", "1", lengths)
    padding: tuple[int, ...] = flag("N", "zeros around inputs of convolutions", "0", paddings)
    pool: int | None = flag("N", "max pooling behind each convolution (default: none)", read=int)
    units: tuple[int, ...] = flag("N", "of rnn's recurrent layer; several: several networks", "16", lengths)
    cell: str = flag("NAME", f"of rnn: {', '.join(CELLS)}", "gru")
    bidirectional: bool = flag("", "rnn reads sequences from their ends, too", False, bool)
    states: str = flag("NAME", f"of rnn that dense layers read: {', '.join(STATES)}", "last")
    activation: tuple[str, ...] | None = flag(
        "NAMES",
        f"of hidden layers: {', '.join(ACTIVATIONS)} (default: sigmoid; of cnn relu, of rnn tanh)",
        read=names,
    )
    output: str = flag("NAME", "of the output layer; a cross-entropy takes the identity", "identity")
    init: str | None = flag(
        "NAME",
        f"starting weights: {', '.join(INITIALIZERS)} (default: normal; of cnn he_normal, of rnn pytorch)",
    )
    loss: str | None = flag("NAME", f"{', '.join(LOSSES)} (default: cross_entropy; for regression quadratic)")
    reduction: str = option("reduction", "NAME")
    epochs: int = option("epochs", "N", read=int)
    batch_size: tuple[int | str, ...] | None = flag(
        "SIZES", "rows a step, 'full' for all (default: 100, of few rows a quarter)", read=counts_or_full
    )
    minibatch: str = flag("NAME", "how a step draws rows: " + ", ".join(SCHEMES), "subset")
    keep_last: bool = flag("", "train on rows of a permutation that do not fill a batch, too", False, bool)
    optimizer: str = option("optimizer", "NAME", "any of optax")
    schedule: str = flag("NAME", "learning rate as training goes on: " + ", ".join(SCHEDULES), "constant")
    schedule_epochs: int | None = flag("N", "epochs over which it spreads (default: all)", read=int)
    gradient: str = option("gradient", "NAME", "autodiff, or backprop: the derivation by hand")
    dtype: str = flag("NAME", "float32, float64", "float32")
    tile: int | None = flag("N", "networks trained side by side (default: chosen for speed)", read=int)
    devices: int | None = flag("N", "how many to use, on a CPU cores (default: all)", read=int)
    executor: str | None = flag(
        "NAME", f"other processes that train: {', '.join(EXECUTORS)} (default: threads of this one)"
    )
    workers: int | None = flag("N", "how many processes (default: one a core)", read=int)
    scheduler: str | None = flag(
        "ADDRESS", "of a Dask cluster, such as tcp://10.0.0.1:8786 (default: one here)"
    )
    eval_every: int | None = flag("N", "epochs between evaluations (default: a twentieth of all)", read=int)
    out: Path = flag("DIR", "for results; without the flag the next that is free", "runs/grid", place)
    resume: bool = option("resume", read=bool)
    quiet: bool = flag("", "print nothing but errors", False, bool)
    present: frozenset[str] = frozenset()


# A field -> title and text of the group of flags that begins with it.
GROUPS = {
    "data": "data",
    "learning_rate": """grid
VALUES: numbers and log-spaced ranges START:STOP:COUNT, with commas between.
With --sample they are drawn from, each value as often as the next; START:STOP
is then drawn from log-uniformly, uniform:START:STOP uniformly.""",
    "validation": "selection\nWithout --validation or --folds, cells are ranked on the test rows.",
    "network": """network
With several --hidden or --channels, or several values of --units, of
--activation or of --batch-size with commas between, every network is trained
with every batch size, each pair in a sweep of its own, and all cells are
ranked in one list.""",
    "loss": "objective",
    "epochs": "training",
    "dtype": "running",
    "out": "output",
}
# A field -> what its flag goes with, in words and as a condition; without that it would change nothing.
GOES_WITH: dict[str, tuple[str, Callable[[Flags], bool]]] = {
    **dict.fromkeys(("target", "weights", "task"), ("--data", lambda flags: flags.data is not None)),
    "shape": ("--network cnn or rnn", lambda flags: flags.network != "mlp"),
    **dict.fromkeys(OF_CNN, ("--network cnn", lambda flags: flags.network == "cnn")),
    **dict.fromkeys(OF_RNN, ("--network rnn", lambda flags: flags.network == "rnn")),
    "workers": (
        "--executor processes or dask, without --scheduler",
        lambda flags: flags.executor in ("processes", "dask") and flags.scheduler is None,
    ),
    "scheduler": ("--executor dask", lambda flags: flags.executor == "dask"),
    "sample_seed": ("--sample", lambda flags: flags.sample is not None),
    "dropout": ("hidden layers", lambda flags: flags.network != "mlp" or flags.hidden != ((),)),
    "keep_last": ("--minibatch permutation", lambda flags: flags.minibatch == "permutation"),
    "schedule_epochs": ("a --schedule that is not constant", lambda flags: flags.schedule != "constant"),
}


def flag_of(name: str) -> str:
    """The flag of a field or of a kind of scheduler: ``--learning-rate``."""
    return "--" + name.replace("_", "-")
