"""The flags of ``jfnn grid``."""

import dataclasses
from pathlib import Path
from typing import Any

from jfnn.activations import ACTIVATIONS
from jfnn.architectures import CELLS
from jfnn.cli.flags import (
    OUT,
    Axis,
    Flags,
    axis,
    count_or_integers,
    counts_or_full,
    flag,
    integers,
    named,
    names,
    number_or_axis,
    option,
    switch,
    widths,
)
from jfnn.cli.flags import share_or_count as share
from jfnn.datasets.targets import TASKS
from jfnn.layers import INITIALIZERS
from jfnn.learners import METRICS
from jfnn.losses import LOSSES
from jfnn.minibatches import SCHEMES
from jfnn.optimizers import SCHEDULES
from jfnn.schedulers import Scheduler

NETWORKS = ("mlp", "cnn", "rnn")
STATES = ("last", "all")
EXECUTORS = ("processes", "dask", "mpi")
SPLIT = ("path", "x_train", "y_train", "x_test", "y_test")  # errors of these are of --data

DATA = ("--data", lambda flags: flags.data is not None)
CNN = ("--network cnn", lambda flags: flags.network == "cnn")
RNN = ("--network rnn", lambda flags: flags.network == "rnn")
IMAGES = ("--network cnn or rnn", lambda flags: flags.network != "mlp")
HIDDEN = ("hidden layers", lambda flags: flags.network != "mlp" or flags.hidden != ((),))
SAMPLE = ("--sample", lambda flags: flags.sample is not None)
PERMUTATION = ("--minibatch permutation", lambda flags: flags.minibatch == "permutation")
SCHEDULE = ("a --schedule that is not constant", lambda flags: flags.schedule != "constant")
DASK = ("--executor dask", lambda flags: flags.executor == "dask")
LOCAL = (
    "--executor processes or dask, without --scheduler",
    lambda flags: flags.executor in ("processes", "dask") and flags.scheduler is None,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class GridFlags(Flags):
    """Flags of ``jfnn grid``."""

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
    test_size: float | int = flag("SIZE", "share or number of rows to test on", "0.2", share)
    split_seed: int = flag("SEED", "shuffles the rows before they are split", 0, sets=["random_state"])
    learning_rate: Axis = flag(
        "VALUES",
        "η, the first axis",
        "1e-5:10:7",
        axis,
        group="""grid
VALUES: numbers and log-spaced ranges START:STOP:COUNT, with commas between.
With --sample they are drawn from, each value as often as the next; START:STOP
is then drawn from log-uniformly, uniform:START:STOP uniformly.""",
    )
    l2: Axis = flag("VALUES", "λ, the second axis", "1e-5:10:7", axis)
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
    sample: int | None = option(
        "sample", "N", "random search: draw N cells, not all combinations", sets=["cells"]
    )
    sample_seed: int = flag("N", "fixes the draws", 0, sets=["seed"], needs=SAMPLE)
    validation: float | int | None = option(
        "validation",
        "SIZE",
        "share or number of rows to hold out",
        share,
        group="selection\nWithout --validation or --folds, cells are ranked on the test rows.",
    )
    folds: int | None = option("folds", "K", "cross-validation in K folds instead")
    rank_by: str | None = flag(
        "NAME", "metric that ranks", choices=METRICS, otherwise="accuracy; for regression loss"
    )
    refit: bool = option(
        "refit", "", "train the best cell again on all training rows; only that one is tested"
    )
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
        otherwise="sigmoid; of cnn relu, of rnn tanh",
    )
    output: str = flag("NAME", "of the output layer; a cross-entropy takes the identity", "identity")
    init: str | None = flag(
        "NAME", "starting weights", choices=INITIALIZERS, otherwise="normal; of cnn he_normal, of rnn pytorch"
    )
    loss: str | None = flag(
        "NAME", "", choices=LOSSES, otherwise="cross_entropy; for regression quadratic", group="objective"
    )
    reduction: str = option("reduction", "NAME")
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
    schedule_epochs: int | None = flag("N", "epochs over which it spreads", otherwise="all", needs=SCHEDULE)
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
    eval_every: int | None = flag("N", "epochs between evaluations", otherwise="a twentieth of all")
    out: Path = flag("DIR", OUT, Path("runs/grid"), group="output")
