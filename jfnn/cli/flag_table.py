"""The flags themselves: one a line, in groups, and examples of their use."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jfnn
from jfnn.cli import values
from jfnn.datasets.targets import TASKS

DEFAULT_OUT = Path("runs/grid")

EXAMPLES = """\
examples:
  scripts/grid.py
      the grid of the notes: 7 by 7, 64-50-10, 100 epochs of batches of 100
  scripts/grid.py --learning-rate 1e-3:1e-1:5 --l2 0,0.01,0.1 --seeds 5 \\
                  --validation 0.2 --refit
      5 by 3 cells, each averaged over seeds 0 to 4, ranked on rows held out;
      the best is trained again on all training rows, and tested
  scripts/grid.py --sample 60 --learning-rate 1e-4:1e-1 --l2 1e-4:1 \\
                  --optimizer-arg momentum=uniform:0:0.95 --folds 5
      random search: 60 cells, ranked by five-fold cross-validation
  scripts/grid.py --hidden 50 --hidden 100,50 --batch-size 50,100
      two networks with two batch sizes each, all cells in one list
  scripts/grid.py --data wine.csv --target class --standardise --folds 5
      your own data
  scripts/grid.py --hidden 100,50 --activation relu --init he_normal \\
                  --reduction mean --optimizer adam --learning-rate 1e-4:1e-2:5
      two hidden layers, trained by Adam on the mean objective
  scripts/grid.py --optimizer-arg momentum=0,0.9 --minibatch permutation \\
                  --remainder keep --halving 3
      momentum as a third axis; cells that fall behind stop early
"""

ABOUT_GRID = """\
VALUES: numbers and log-spaced ranges START:STOP:COUNT, with commas between.
With --sample they are drawn from, each value as often as the next; START:STOP
is then drawn from log-uniformly, uniform:START:STOP uniformly."""


class Flag(NamedTuple):
    """A flag that sets the library's argument ``dest``.

    With ``type`` bool it is a switch; with a list as default it may be repeated.
    """

    dest: str
    metavar: str
    default: Any
    help: str
    type: Callable = str


DATA = (
    Flag("data", "FILE", None, "a .csv with a header, or an .npz (default: the digits)", Path),
    Flag("target", "COLUMN", None, "of the .csv: what is to be predicted"),
    Flag("weights", "COLUMN", None, "how often each row counts in training; of an .npz the array's name"),
    Flag("task", "NAME", None, ", ".join(TASKS) + " (default: what the targets look like)"),
    Flag(
        "standardise",
        "",
        False,
        "columns, and targets that are numbers, to mean 0 and deviation 1 on the training rows,"
        " those held out later among them; losses are then those of scaled targets",
        bool,
    ),
    Flag("test_size", "SIZE", "0.2", "share or number of the rows to test on", values.share_or_count),
    Flag("random_state", "SEED", 0, "shuffles the rows before they are split", int),
)
GRID = (
    Flag("learning_rate", "VALUES", "1e-5:10:7", "η, the first axis", values.axis),
    Flag("l2", "VALUES", "1e-5:10:7", "λ, the second axis", values.axis),
    Flag("dropout", "VALUES", None, "share of hidden units dropped; several: a further axis", values.number),
    Flag("init_scale", "VALUES", "1", "factor of starting weights; several: a further axis", values.number),
    Flag(
        "optimizer_args",
        "NAME=VALUES",
        [],
        "argument of the optimizer; several values: a further axis; repeat for more",
        values.named,
    ),
    Flag("seeds", "SEEDS", "1", "how many, or which: 0,7,9; '7,' is seed 7 alone", values.count_or_integers),
    Flag("sample", "N", None, "random search: draw N cells instead of taking all combinations", int),
    Flag("sample_seed", "N", 0, "fixes the draws", int),
)
SELECTION = (
    Flag("validation", "SIZE", None, "training rows to hold out: share or number", values.share_or_count),
    Flag("folds", "K", None, "cross-validation instead", int),
    Flag("refit", "", False, "train the best cell again on all training rows; only that one is tested", bool),
    Flag(
        "halving",
        "FACTOR",
        None,
        "the best 1/FACTOR of the cells go on at each rung; FACTOR:EPOCHS sets the first rung's least",
        values.halving,
    ),
    Flag("early_stopping", "EPOCHS", None, "stop when the validation loss has not improved for so long", int),
)
NETWORK = (
    Flag(
        "sizes", "WIDTHS", [], "hidden layers, such as 100,50; 'none' for none (default: 50)", values.widths
    ),
    Flag(
        "activation",
        "NAMES",
        "sigmoid",
        "of hidden layers: " + ", ".join(jfnn.activations.ACTIVATIONS),
        values.names,
    ),
    Flag("output", "NAME", "identity", "of the output layer; a cross-entropy takes the identity"),
    Flag("init", "NAME", "normal", "starting weights: " + ", ".join(jfnn.network.INITIALIZERS)),
)
OBJECTIVE = (
    Flag(
        "loss",
        "NAME",
        None,
        ", ".join(jfnn.losses.LOSSES) + " (default: cross_entropy; for regression quadratic)",
    ),
    Flag("reduction", "NAME", "sum", "of the batch: sum, as in the notes, or mean, as in scikit-learn"),
)
TRAINING = (
    Flag("epochs", "N", 100, "how long", int),
    Flag(
        "batch_size",
        "SIZES",
        None,
        "rows a step, or 'full' for all of them (default: 100, of few rows a quarter)",
        values.counts_or_full,
    ),
    Flag("minibatch", "NAME", "subset", "how a step draws rows: " + ", ".join(jfnn.minibatches.SCHEMES)),
    Flag("remainder", "NAME", "drop", "rows left over by a permutation: drop, keep"),
    Flag("optimizer", "NAME", "sgd", "any of optax"),
    Flag(
        "schedule",
        "NAME",
        "constant",
        "the learning rate as training goes on: " + ", ".join(jfnn.training.SCHEDULES),
    ),
    Flag("schedule_epochs", "N", None, "epochs over which it spreads (default: all)", int),
    Flag("gradient", "NAME", "autodiff", "autodiff, or backprop: the derivation by hand"),
)
RUNNING = (
    Flag("dtype", "NAME", "float32", "float32, float64"),
    Flag("tile", "N", None, "networks trained side by side (default: chosen for speed)", int),
    Flag("devices", "N", None, "how many to use, on a CPU cores (default: all)", int),
    Flag("segment", "N", None, "epochs between scores on the way (default: a twentieth of all)", int),
)
OUTPUT = (
    Flag("out", "DIR", None, f"of the results (default: {DEFAULT_OUT}, or {DEFAULT_OUT}-2, …)", Path),
    Flag("resume", "", False, "go on with the run in --out that was stopped", bool),
    Flag("quiet", "", False, "print nothing but errors", bool),
)
# Title and text of each group -> its flags.
FLAGS = {
    ("data", None): DATA,
    ("grid", ABOUT_GRID): GRID,
    ("selection", "without --validation or --folds, cells are ranked on the test rows"): SELECTION,
    (
        "network",
        "--hidden may be repeated; --activation and --batch-size take several with\n"
        "commas between. Every network is then trained with every batch size, each pair\n"
        "in a sweep of its own, and all cells are ranked in one list",
    ): NETWORK,
    ("objective", None): OBJECTIVE,
    ("training", None): TRAINING,
    ("running", None): RUNNING,
    ("output", None): OUTPUT,
}
# A flag's name -> what it goes with, in words and as a condition; without that it would change nothing.
GOES_WITH: dict[str, tuple[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(("target", "weights", "task"), ("--data", lambda args: args.data is not None)),
    "sample_seed": ("--sample", lambda args: args.sample is not None),
    "remainder": ("--minibatch permutation", lambda args: args.minibatch == "permutation"),
    "schedule_epochs": ("a --schedule that is not constant", lambda args: args.schedule != "constant"),
}
