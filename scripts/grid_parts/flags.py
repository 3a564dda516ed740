"""The flags of grid.py, and the library's errors in their terms."""

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jfnn
from grid_parts import values
from jfnn.files import TASKS

DEFAULT_OUT = Path("runs/grid")
# The library's argument -> the flag that sets it, where the one is not the other with dashes.
RENAMED = {"sizes": "--hidden", "optimizer_args": "--optimizer-arg", "random_state": "--split-seed"}
# What the library calls its own arguments where people gave a file or a directory.
ALSO = dict.fromkeys(("path", "x_train", "y_train", "x_test", "y_test"), "--data")
# What the library advises -> what helps on the command line.
ADVICE = {
    "; on a CPU, jfnn.use_all_cores(n) makes more": "",
    "give validation or folds": "give --validation or --folds",
    "resume=True": "--resume",
    "n_splits=": "--folds ",
    "jfnn.": "",
}

EXAMPLES = """\
examples:
  scripts/grid.py
      the grid of the notes: 7 by 7, 64-50-10, 100 epochs of batches of 100
  scripts/grid.py --learning-rate 1e-3:1e-1:5 --l2 0,0.01,0.1 --seeds 5 \\
                  --validation 0.2
      5 by 3 cells, each averaged over seeds 0 to 4, ranked on rows held out
  scripts/grid.py --data wine.csv --target class --standardise --folds 5
      your own data, cells ranked by five-fold cross-validation
  scripts/grid.py --hidden 100,50 --activation relu --init he_normal \\
                  --reduction mean --optimizer adam --learning-rate 1e-4:1e-2:5
      two hidden layers, trained by Adam on the mean objective
  scripts/grid.py --optimizer-arg momentum=0,0.9 --minibatch permutation \\
                  --remainder keep --halving 3
      momentum as a third axis; cells that fall behind stop early
"""


class Flag(NamedTuple):
    """A flag that sets the library's argument ``dest``; with ``type`` bool, a switch."""

    dest: str
    metavar: str
    default: Any
    help: str
    type: Callable = str


FLAGS = {
    ("data", None): (
        Flag("data", "FILE", None, "a .csv with a header, or an .npz (default: the digits)", Path),
        Flag("target", "COLUMN", None, "of the .csv: what is to be predicted"),
        Flag("task", "NAME", None, ", ".join(TASKS) + " (default: what the targets look like)"),
        Flag("standardise", "", False, "columns to mean 0, deviation 1 on the training rows", bool),
        Flag("test_size", "SIZE", "0.2", "share or number of the rows to test on", values.share_or_count),
        Flag("random_state", "SEED", 0, "shuffles the rows before they are split", int),
    ),
    ("grid", "VALUES: numbers and log-spaced ranges START:STOP:COUNT, with commas between"): (
        Flag("learning_rate", "VALUES", "1e-5:10:7", "η, the first axis", values.numbers),
        Flag("l2", "VALUES", "1e-5:10:7", "λ, the second axis", values.numbers),
        Flag(
            "seeds", "SEEDS", "1", "how many, or which: 0,7,9; '7,' is seed 7 alone", values.count_or_integers
        ),
    ),
    ("selection", "without --validation or --folds, cells are ranked on the test rows"): (
        Flag("validation", "SIZE", None, "training rows to hold out: share or number", values.share_or_count),
        Flag("folds", "K", None, "cross-validation instead", int),
        Flag(
            "halving",
            "FACTOR",
            None,
            "the best 1/FACTOR of the cells go on at each rung; FACTOR:EPOCHS sets the first rung's least",
            values.halving,
        ),
        Flag(
            "early_stopping",
            "EPOCHS",
            None,
            "stop when the validation loss has not improved for so long",
            int,
        ),
    ),
    ("network", None): (
        Flag("sizes", "WIDTHS", "50", "hidden layers, such as 100,50; 'none' for none", values.widths),
        Flag("activation", "NAME", "sigmoid", "of hidden layers: " + ", ".join(jfnn.activations.ACTIVATIONS)),
        Flag("output", "NAME", "identity", "of the output layer; a cross-entropy takes the identity"),
        Flag("init", "NAME", "normal", "starting weights: " + ", ".join(jfnn.network.INITIALIZERS)),
    ),
    ("objective", None): (
        Flag(
            "loss",
            "NAME",
            None,
            ", ".join(jfnn.losses.LOSSES) + " (default: cross_entropy; for regression quadratic)",
        ),
        Flag("reduction", "NAME", "sum", "of the batch: sum, as in the notes, or mean, as in scikit-learn"),
    ),
    ("training", None): (
        Flag("epochs", "N", 100, "how long", int),
        Flag(
            "batch_size",
            "N",
            None,
            "rows a step, or 'full' for all of them (default: 100, of few rows a quarter)",
            values.count_or_full,
        ),
        Flag("minibatch", "NAME", "subset", "how a step draws rows: " + ", ".join(jfnn.minibatches.SCHEMES)),
        Flag("remainder", "NAME", "drop", "rows left over by a permutation: drop, keep"),
        Flag("optimizer", "NAME", "sgd", "any of optax"),
        Flag(
            "optimizer_args",
            "NAME=VALUES",
            [],
            "argument of the optimizer; several values make a further axis; repeat for more",
            values.named_value,
        ),
        Flag("gradient", "NAME", "autodiff", "autodiff, or backprop: the derivation by hand"),
    ),
    ("running", None): (
        Flag("dtype", "NAME", "float32", "float32, float64"),
        Flag("tile", "N", None, "networks trained side by side (default: chosen for speed)", int),
        Flag("devices", "N", None, "how many to use (default: all; on a CPU, one a core)", int),
        Flag("segment", "N", None, "epochs between scores on the way (default: a twentieth of all)", int),
    ),
    ("output", None): (
        Flag("out", "DIR", None, f"of the results (default: {DEFAULT_OUT}, or {DEFAULT_OUT}-2, …)", Path),
        Flag("resume", "", False, "go on with the run in --out that was stopped", bool),
        Flag("quiet", "", False, "print nothing but errors", bool),
    ),
}


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line that begins with the flag."""

    def error(self, message):
        """Exits with 2."""
        self.exit(2, f"{self.prog}: error: {message.removeprefix('argument ')}\n")


def make_parser(description: str) -> Parser:
    """All flags, each stored under the name of the library's argument that it sets."""
    parser = Parser(
        prog="grid.py",
        usage="%(prog)s [options]",
        description=description,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for (title, text), flags in FLAGS.items():
        group = parser.add_argument_group(title, text)
        for flag in flags:
            if flag.type is bool:
                group.add_argument(flag_of(flag.dest), dest=flag.dest, action="store_true", help=flag.help)
                continue
            shown = " (default: %(default)s)" if flag.default not in (None, []) else ""
            group.add_argument(
                flag_of(flag.dest),
                dest=flag.dest,
                metavar=flag.metavar,
                default=flag.default,
                type=flag.type,
                action="append" if flag.default == [] else "store",
                help=flag.help + shown,
            )
    return parser


def flag_of(argument: str) -> str:
    """The flag that sets an argument of the library."""
    return RENAMED.get(argument, "--" + argument.replace("_", "-"))


def parse(parser: Parser, argv: list[str]) -> argparse.Namespace:
    """The flags' values."""
    args = parser.parse_args(_glued(argv))
    args.optimizer_args = dict(args.optimizer_args)
    return args


def _glued(argv: list[str]) -> list[str]:
    """Joins a flag and a negative value, --l2 -1e-3, by "=": argparse takes most such values for flags."""
    words: list[str] = []
    for word in argv:
        if re.match(r"-[\d.]", word) and words and words[-1].startswith("--"):
            words[-1] += f"={word}"
        else:
            words.append(word)
    return words


def in_terms_of_flags(message: str, args: argparse.Namespace) -> str | None:
    """A library's message with the argument's name made the flag's; None where it names no flag."""
    named = {name: flag_of(name) for name in vars(args)} | ALSO
    named |= {name: f"--optimizer-arg {name}" for name in args.optimizer_args}
    for advice, here in ADVICE.items():
        message = message.replace(advice, here)
    name, _, rest = message.partition(": ")
    if name in named:
        return f"{named[name]}: {rest}"
    # Files of a run that cannot be gone on with are named by their path.
    return f"--out: {message}" if args.out is not None and Path(name).is_relative_to(args.out) else None
