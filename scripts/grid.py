"""Trains an η×λ grid of networks on the digits.

With no arguments it is the grid of the notes (section 4). Prints the train and
test accuracy of every cell, the best cell and the time taken; writes
results.csv, results.npz, config.json and heatmap.png into a directory.
"""

import argparse
import contextlib
import csv
import importlib.metadata
import inspect
import json
import platform
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from tqdm import tqdm

import jfnn
from jfnn import checks
from jfnn.engine import devices as device_choice

INPUTS, CLASSES = 64, 10
# How much a good cell's test accuracy on the digits moves from one seed to the next.
SEED_NOISE = 0.015
SCORES = ("train_accuracy", "test_accuracy", "train_loss", "test_loss", "diverged_at")
PACKAGES = ("jfnn", "jax", "jaxlib", "numpy", "optax")
# What fits into 80 columns.
CELLS_A_LINE = 8

# The library's argument -> the flag that sets it, where the one is not the other with dashes.
RENAMED = {"sizes": "--hidden", "optimizer_args": "--optimizer-arg", "random_state": "--split-seed"}

EXAMPLES = """\
examples:
  scripts/grid.py
      the grid of the notes: 7 by 7, 64-50-10, 100 epochs of batches of 100
  scripts/grid.py --learning-rate 1e-3:1e-1:5 --l2 0,0.01,0.1 --seeds 5
      5 by 3 cells, each averaged over seeds 0 to 4
  scripts/grid.py --hidden 100,50 --activation relu --init he_normal \\
                  --reduction mean --optimizer adam --learning-rate 1e-4:1e-2:5
      two hidden layers, trained by Adam on the mean objective
  scripts/grid.py --optimizer-arg momentum=0,0.9 --minibatch permutation \\
                  --remainder keep --history
      momentum as a third axis of the grid; loss curves too
"""


def numbers(text: str) -> list[float]:
    """``0,1e-3`` -> numbers; ``1e-5:10:7`` -> seven from 1e-5 to 10, evenly spaced on a logarithmic scale."""
    found: list[float] = []
    for item in text.split(","):
        try:
            start, *stop_and_count = item.split(":")
            if not stop_and_count:
                found.append(float(start))
                continue
            low, high, count = float(start), float(stop_and_count[0]), int(stop_and_count[1])
        except (ValueError, IndexError):
            raise _expected("numbers or START:STOP:COUNT, with commas between", text) from None
        if not (0 < low < np.inf and 0 < high < np.inf and count >= 2):
            raise _expected("a log-spaced START:STOP:COUNT with both ends above 0 and COUNT at least 2", item)
        found += np.geomspace(low, high, count).tolist()
    return found


def widths(text: str) -> list[int]:
    """``100,50`` -> widths of hidden layers; ``none`` -> no hidden layer."""
    return [] if text == "none" else _integers(text, "whole numbers with commas between, or 'none'")


def count_or_integers(text: str) -> int | list[int]:
    """``3`` -> a count; ``0,7`` or ``7,`` -> these very numbers."""
    found = _integers(text.removesuffix(","), "a count, or whole numbers with commas between")
    return found if "," in text else found[0]


def count_or_full(text: str) -> int | None:
    """``100`` -> a count; ``full`` -> None."""
    try:
        return None if text == "full" else int(text)
    except ValueError:
        raise _expected("a whole number, or 'full'", text) from None


def share_or_count(text: str) -> float | int:
    """``0.2`` -> a share; ``360`` -> a count."""
    try:
        return int(text) if text.isdecimal() else float(text)
    except ValueError:
        raise _expected("a share such as 0.2, or a number of rows", text) from None


def named_value(text: str) -> tuple[str, object]:
    """``momentum=0.9`` -> a number, ``momentum=0,0.9`` -> an axis, ``nesterov=true`` -> a switch."""
    name, _, value = text.partition("=")
    if not (name.isidentifier() and value):
        raise _expected("NAME=VALUE", text)
    if value in ("true", "false"):
        return name, value == "true"
    if re.fullmatch(r"[+-]?\d+", value):
        return name, int(value)
    found = numbers(value)
    return name, found if re.search("[,:]", value) else found[0]


def _integers(text: str, expected: str) -> list[int]:
    try:
        return [int(item) for item in text.split(",")]
    except ValueError:
        raise _expected(expected, text) from None


def _expected(what: str, text: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"expected {what}, got {text!r}")


class Flag(NamedTuple):
    """A flag that sets the library's argument ``dest``."""

    dest: str
    metavar: str
    default: Any
    help: str
    type: Callable = str


FLAGS = {
    ("grid", "VALUES: numbers and log-spaced ranges START:STOP:COUNT, with commas between"): (
        Flag("learning_rate", "VALUES", "1e-5:10:7", "η, the first axis", numbers),
        Flag("l2", "VALUES", "1e-5:10:7", "λ, the second axis", numbers),
        Flag("seeds", "SEEDS", "1", "how many, or which: 0,7,9; '7,' is seed 7 alone", count_or_integers),
        Flag("test_size", "SIZE", "0.2", "share or number of the 1797 rows to test on", share_or_count),
        Flag("random_state", "SEED", 0, "shuffles the rows before they are split", int),
    ),
    ("network", None): (
        Flag("sizes", "WIDTHS", "50", "hidden layers, such as 100,50; 'none' for none", widths),
        Flag("activation", "NAME", "sigmoid", "of hidden layers: " + ", ".join(jfnn.activations.ACTIVATIONS)),
        Flag("output", "NAME", "identity", "of the output layer; a cross-entropy takes the identity"),
        Flag("init", "NAME", "normal", "starting weights: " + ", ".join(jfnn.network.INITIALIZERS)),
    ),
    ("objective", None): (
        Flag("loss", "NAME", "cross_entropy", ", ".join(jfnn.losses.LOSSES)),
        Flag("reduction", "NAME", "sum", "of the batch: sum, as in the notes, or mean, as in scikit-learn"),
    ),
    ("training", None): (
        Flag("epochs", "N", 100, "how long", int),
        Flag("batch_size", "N", "100", "rows a step, or 'full' for all of them", count_or_full),
        Flag("minibatch", "NAME", "subset", "how a step draws rows: " + ", ".join(jfnn.minibatches.SCHEMES)),
        Flag("remainder", "NAME", "drop", "rows left over by a permutation: drop, keep"),
        Flag("optimizer", "NAME", "sgd", "any of optax"),
        Flag(
            "optimizer_args",
            "NAME=VALUES",
            [],
            "argument of the optimizer; several values make a further axis; repeat for more",
            named_value,
        ),
        Flag("gradient", "NAME", "autodiff", "autodiff, or backprop: the derivation by hand"),
    ),
    ("running", None): (
        Flag("dtype", "NAME", "float32", "float32, float64"),
        Flag("tile", "N", None, "networks trained side by side (default: chosen for speed)", int),
        Flag("devices", "N", None, "how many to use (default: all; on a CPU, one a core)", int),
        Flag("segment", "N", None, "epochs between scores (default: 1 with --history)", int),
    ),
    ("output", None): (Flag("out", "DIR", "runs/grid", "directory of the results", Path),),
}


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        """One line, without the usage, that begins with the flag."""
        self.exit(2, f"{self.prog}: error: {message.removeprefix('argument ')}\n")


def make_parser() -> argparse.ArgumentParser:
    """All flags, each stored under the name of the library's argument that it sets."""
    parser = _Parser(
        prog="grid.py",
        usage="%(prog)s [options]",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for (title, description), flags in FLAGS.items():
        group = parser.add_argument_group(title, description)
        for flag in flags:
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
    group.add_argument("--history", action="store_true", help="keep scores as training goes; curves.png too")
    group.add_argument("--quiet", action="store_true", help="print nothing but errors")
    return parser


def flag_of(argument: str) -> str:
    """The flag that sets an argument of the library."""
    return RENAMED.get(argument, "--" + argument.replace("_", "-"))


def parse(parser: argparse.ArgumentParser, argv: list[str]) -> argparse.Namespace:
    """The flags' values, with what follows from others filled in."""
    args = parser.parse_args(_glued(argv))
    args.optimizer_args = dict(args.optimizer_args)
    if args.history and args.segment is None:
        args.segment = 1
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


def main(argv: list[str] | None = None) -> int:
    """Runs the command line ``argv``; exits with 2 and one line on stderr where it asks the impossible."""
    parser = make_parser()
    args = parse(parser, sys.argv[1:] if argv is None else argv)
    try:
        check_writable(args.out)
        result = train(args)
    except (ValueError, TypeError) as error:
        message = in_terms_of_flags(str(error), args)
        if message is None:
            raise
        parser.error(message)
    if not args.quiet:
        print(report(result, args))
    try:
        written = write(result, args)
    except OSError as error:
        parser.exit(1, f"{parser.prog}: error: --out: {error}\n")
    if not args.quiet:
        print(f"wrote {', '.join(written)} to {args.out}")
    return 0


def train(args: argparse.Namespace) -> jfnn.SweepResult:
    """The sweep that the flags describe; raises as `jfnn.sweep` does."""
    with contextlib.suppress(RuntimeError):  # JAX already runs in the program that calls
        jfnn.use_all_cores()
    sizes = (INPUTS, *args.sizes, CLASSES)
    network = jfnn.mlp(sizes, activation=args.activation, output=args.output, init=args.init)
    split = jfnn.datasets.digits(args.test_size, args.random_state)
    wanted = inspect.signature(jfnn.sweep).parameters
    options = {name: value for name, value in vars(args).items() if name in wanted}
    checks.as_choice(args.dtype, "dtype", ("float32", "float64"))
    silent = True if args.quiet else None  # None: unless stderr is a terminal
    with (
        jax.enable_x64(args.dtype == "float64"),
        tqdm(total=max(args.epochs, 0), unit="epoch", disable=silent, leave=False) as bar,
    ):

        def show(progress):
            bar.set_postfix_str(f"{progress.training} of {progress.members} training", refresh=False)
            bar.update(progress.epoch - bar.n)

        return jfnn.sweep(network, split, **options, keep_params="none", progress=show)


def check_writable(out: Path) -> None:
    """Tries out, before anything is trained, that files can be made in ``out``; leaves nothing behind.

    Raises:
        ValueError: They cannot.
    """
    try:
        present = next(path for path in (out.absolute(), *out.absolute().parents) if path.exists())
        with tempfile.TemporaryFile(dir=present):
            pass
    except OSError as error:
        raise ValueError(f"out: cannot write to {out}: {error.strerror}") from None


def in_terms_of_flags(message: str, args: argparse.Namespace) -> str | None:
    """A library's message with the argument's name made the flag's; None where it names no flag."""
    flags = {name: flag_of(name) for name in vars(args)}
    flags |= {name: f"--optimizer-arg {name}" for name in args.optimizer_args}
    name, _, rest = message.partition(": ")
    if name in flags:
        return f"{flags[name]}: {rest}"
    # train_test_split names its arguments in its own way.
    named = [name for name in ("test_size", "random_state") if name in message]
    return f"{flags[named[0]]}: {message}" if named else None


def report(result: jfnn.SweepResult, args: argparse.Namespace) -> str:
    """What is printed: the grid's accuracies, its best cell, the time."""
    best = best_cell(result)
    shown = best.index if best else (0,) * len(result.axes)
    further = list(result.axes)[2:]
    lines = []
    if further:
        lines += [f"at {describe(result, shown, further)}{', where the best cell is' if best else ''}:", ""]
    for name in ("train_accuracy", "test_accuracy"):
        lines += [f"{name.replace('_', ' ')} (η down, λ across{', * best' if best else ''})"]
        lines += [*table(result, name, shown, marked=best is not None), ""]
    lines += [*verdict(result, best), timing(result, args)]
    return "\n".join(lines)


def table(result, name: str, shown: tuple[int, ...], marked: bool) -> list[str]:
    """A score of the grid's cells, averaged over the seeds, at the further axes' places in ``shown``."""
    cells = getattr(result, name).mean(axis=-1)[:, :, *shown[2:]]
    lines = []
    for first in range(0, len(result.l2), CELLS_A_LINE):
        if first:
            lines.append("")
        columns = range(first, min(first + CELLS_A_LINE, len(result.l2)))
        lines.append(" " * 8 + "".join(f"{result.l2[j]:>8.3g} " for j in columns).rstrip())
        for i, learning_rate in enumerate(result.learning_rate):
            texts = ["div" if np.isnan(cells[i, j]) else f"{cells[i, j]:.3f}" for j in columns]
            marks = ["*" if marked and (i, j) == shown[:2] else " " for j in columns]
            row = "".join(f"{text:>8}{mark}" for text, mark in zip(texts, marks, strict=True))
            lines.append(f"{learning_rate:>8.3g}{row}".rstrip())
    return lines


def verdict(result, best: jfnn.Best | None) -> list[str]:
    """The best cell, and how far to trust its score."""
    if best is None:
        return ["No best cell: every one diverged with some seed; try smaller learning rates."]
    test, train = result.test_accuracy[best.index], result.train_accuracy[best.index].mean()
    spread = f" (sd {test.std(ddof=1):.3f} over {len(test)} seeds)" if len(test) > 1 else ""
    return [
        f"best cell: {describe(result, best.index, result.axes)}",
        f"test accuracy {best.score:.3f}{spread}, train accuracy {train:.3f}",
        "Cells are ranked on the test rows themselves, which flatters the best;",
        f"one seed's noise is about {SEED_NOISE}.",
    ]


def timing(result, args) -> str:
    """The wall time in its two parts, and what it was spent on."""
    compiling, running = result.timing["compile"], result.timing["run"]
    networks, device = result.diverged_at.size, describe_devices(args)
    sizes = "-".join(map(str, (INPUTS, *args.sizes, CLASSES)))
    return (
        f"{networks} network{'s' * (networks > 1)} {sizes} in {compiling + running:.1f} s:"
        f" compile {compiling:.1f} s, run {running:.1f} s"
        f" ({device['count']} {device['platform']} device{'s' * (device['count'] > 1)}, {args.dtype})"
    )


def best_cell(result) -> jfnn.Best | None:
    """The best cell, or None where every one diverged."""
    return None if np.isnan(result.test_loss.mean(axis=-1)).all() else result.best()


def describe(result, index: tuple[int, ...], names) -> str:
    """The values of some axes at a place in the grid."""
    symbols = {"learning_rate": "η", "l2": "λ"}
    places = dict(zip(result.axes, index, strict=True))
    return ", ".join(f"{symbols.get(name, name)} = {result.axes[name][places[name]]:.3g}" for name in names)


def describe_devices(args) -> dict:
    """What the sweep ran on."""
    used = device_choice.resolve(args.devices)
    return {"platform": used[0].platform, "kind": used[0].device_kind, "count": len(used)}


def write(result: jfnn.SweepResult, args: argparse.Namespace) -> list[str]:
    """Writes all files into ``args.out`` and returns their names."""
    args.out.mkdir(parents=True, exist_ok=True)
    best = best_cell(result)
    places = best.index[2:] if best else (0,) * (len(result.axes) - 2)
    at = dict(zip(list(result.axes)[2:], places, strict=True))
    writers = {
        "results.csv": lambda path: write_csv(result, path),
        "results.npz": lambda path: write_npz(result, path),
        "config.json": lambda path: path.write_text(json.dumps(config(result, args), indent=2) + "\n"),
        "heatmap.png": lambda path: jfnn.plots.heat_map(result, at).savefig(path),
    }
    if args.history:
        writers["curves.png"] = lambda path: jfnn.plots.loss_curves(result).savefig(path)
    for name, write_to in writers.items():
        write_to(args.out / name)
    return list(writers)


def write_csv(result: jfnn.SweepResult, path: Path) -> None:
    """One row a member: its axes, its seed, its scores."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*result.axes, "seed", *SCORES])
        for index in np.ndindex(result.diverged_at.shape):
            axes = [values[i] for values, i in zip(result.axes.values(), index, strict=False)]
            scores = [getattr(result, name)[index] for name in SCORES]
            writer.writerow([*axes, result.seeds[index[-1]], *scores])


def write_npz(result: jfnn.SweepResult, path: Path) -> None:
    """All arrays: axes (in the order of "axes"), seeds, scores ``[*axes, seeds]``, history."""
    arrays = result.axes | {"axes": np.array(list(result.axes)), "seeds": result.seeds}
    arrays |= {name: getattr(result, name) for name in SCORES}
    arrays |= {f"history_{name}": values for name, values in result.history.items()}
    np.savez(path, allow_pickle=False, **arrays)


def config(result: jfnn.SweepResult, args: argparse.Namespace) -> dict:
    """Every setting, and all else that tells where the numbers come from."""
    settings = {name: value for name, value in vars(args).items() if name not in ("out", "quiet")}
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {
        "settings": settings,
        "versions": {"python": platform.python_version(), **versions},
        "device": describe_devices(args),
        "dtype": args.dtype,
        "seconds": result.timing,
    }


if __name__ == "__main__":
    sys.exit(main())
