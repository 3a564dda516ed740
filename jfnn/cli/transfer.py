"""Sweeps the learning rate of networks of many widths, in two parametrisations.

Prints the best learning rate of every width: under the standard parametrisation
it moves with the width, under maximal updates (Yang & Hu, arXiv 2203.03466) it
should stay. Writes transfer.png and transfer.csv, and of the coordinate check,
which measures by how much the first steps change what layers give at every
width, coordinates.png and coordinates.csv; the sweep of each width has a
directory of its own in there. Ctrl-C stops a run such that --resume goes on
with it.
"""

import contextlib
import dataclasses
import itertools
import math
import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import jax

import jfnn
from jfnn import checks
from jfnn.checks import ArgumentError
from jfnn.cli import parser, places, process, progress
from jfnn.cli.flags import flag_of
from jfnn.cli.transfer_flags import DATA, GROUPS, NETWORKS, TransferFlags
from jfnn.cli.transfer_output import ADDED, bar, report, write
from jfnn.search import run_directory

SCORES = tuple(f"{part}_{metric}" for part in ("train", "test") for metric in ("loss", "accuracy"))
EXAMPLES = """\
examples:
  %(prog)s
      MNIST-1D, 40-w-w-10 for w from 32 to 1024, Adam, 5 seeds: some minutes
  %(prog)s --data digits --width 16,32,64,128 --depth 3 --epochs 10
      the digits, three hidden layers
  %(prog)s --network cnn --width 4,8,16,32 --optimizer sgd --learning-rate 0.01:10.24:11
      two convolutions, stochastic gradient descent
"""
DEEPEST = 1000  # hidden layers


def start(argv: Sequence[str], prog: str = "jfnn transfer") -> int:
    """`main` as a process of its own, which may set up JAX for it."""
    jfnn.keep_programs()
    return main(argv, prog)


def main(argv: Sequence[str], prog: str = "jfnn transfer") -> int:
    """Runs the command with arguments ``argv``; one that is refused ends it with status 2 and one line."""
    reader = parser.make_parser(prog, __doc__, TransferFlags, GROUPS, EXAMPLES)
    present = vars(reader.parse_args(argv))
    flags = TransferFlags(**present, present=frozenset(present))
    try:
        with reported(reader, flags):
            flags = dataclasses.replace(flags, out=choose(flags))
            swept, check, rate = run(flags)
        write(flags, swept, check)
        if not flags.quiet:
            print(report(flags, swept, check, rate))
    except OSError as error:
        path = error.filename2 or error.filename or flags.out
        reader.exit(1, f"{prog}: error: --out: cannot write to {path}: {error.strerror or error}\n")
    except KeyboardInterrupt:
        words = [*prog.split(), *(word for word in argv if word != "--resume")]
        words += [] if "out" in flags.present else ["--out", str(flags.out)]
        reader.exit(process.INTERRUPTED, f"\nstopped; to go on: {shlex.join([*words, '--resume'])}\n")
    if not flags.quiet:
        print(f"wrote {', '.join(ADDED)} to {flags.out}")
    return 0


@contextlib.contextmanager
def reported(reader: parser.Parser, flags: TransferFlags) -> Iterator[None]:
    """Exits with 2 and one line where the library refuses an argument; other errors pass."""
    try:
        yield
    except (ValueError, TypeError, ImportError) as error:
        name, _, rest = str(error).partition(": ")
        known = {field.name for field in dataclasses.fields(TransferFlags)} - {"present"}
        renamed = {"mnist1d": "data", "layers": "width", "channels": "width", "batch_sizes": "batch_size"}
        is_path = str(error).startswith((f"{flags.out}: ", f"{flags.out}{os.sep}"))
        field = "out" if is_path and name not in known else renamed.get(name, name)
        if field not in known:
            raise
        message = f"{name}: {rest}" if field == "out" and name != "out" else rest
        reader.error(f"{flag_of(field)}: {message.replace('resume=True', '--resume')}")


def choose(flags: TransferFlags) -> Path:
    """The directory of --out; without it the first of runs/transfer, runs/transfer-2, … that is free.

    Raises:
        ValueError: It cannot be written to, or holds pictures and no run.
    """
    out = flags.out
    if "out" not in flags.present and not flags.resume:
        numbered = (out.with_name(f"{out.name}-{i}") for i in itertools.count(2))
        out = next(path for path in itertools.chain([out], numbered) if not os.path.lexists(path))
    places.check_directory(out, "out", ADDED)
    there = [name for name in ADDED if (out / name).exists()]
    if there and not (out / run_directory.GROUPS).exists():
        raise ArgumentError("out", f"{out} holds {', '.join(there)}, and no run; choose another directory")
    return out


def data(flags: TransferFlags) -> jfnn.Split:
    """The rows, the digits standardised; images and sequences of one channel for convolutions."""
    checks.as_choice(flags.data, "data", DATA)
    shape: tuple[int, ...] = (1, 40)
    if flags.data == "mnist1d":
        split = jfnn.datasets.mnist1d()
    else:
        split, shape = jfnn.datasets.standardise(jfnn.datasets.digits()), (1, 8, 8)
    if flags.network == "mlp":
        return split
    x_train, x_test = (x.reshape(-1, *shape) for x in (split.x_train, split.x_test))
    return split._replace(x_train=x_train, x_test=x_test)


def network_of(flags: TransferFlags, shape: tuple[int, ...]) -> Callable[[int], jfnn.Network]:
    """``width -> network`` for inputs of a shape; unless flags say otherwise its last layer starts at 0."""
    checks.as_choice(flags.network, "network", NETWORKS)
    depth = checks.as_count(flags.depth, "depth", 1, DEEPEST)

    def make(width: int) -> jfnn.Network:
        if flags.network == "mlp":
            made = jfnn.mlp((*shape, *[width] * depth, 10), flags.activation, init=flags.init)
        else:
            channels = [width] * depth
            made = jfnn.cnn(shape, channels, 10, padding="same", activation=flags.activation, init=flags.init)
        if flags.drawn_outputs or made.layers is None:
            return made
        # Outputs of narrow networks would else start larger than those of wide ones (the paper, D.2).
        return jfnn.sequential([*made.layers[:-1], jfnn.Scaled(made.layers[-1], 0.0)], shape)

    return make


def run(flags: TransferFlags) -> tuple[jfnn.Transfer, jfnn.CoordinateCheck, float]:
    """The sweeps, the coordinate check and its learning rate; raises as `jfnn.transfer` does."""
    checks.as_choice(flags.dtype, "dtype", ("float32", "float64"))
    checks.as_choice(flags.score, "score", SCORES)
    checks.as_count(flags.check_steps, "check_steps")
    if flags.check_rate is not None:
        checks.as_axis(flags.check_rate, "check_rate", strict=True)
    with contextlib.suppress(RuntimeError):  # JAX already runs in the program that calls
        jfnn.use_all_cores()
    split = data(flags)
    network = network_of(flags, split.x_train.shape[1:])
    names = ("width", "base", "parametrisations", "output_multiplier", "optimizer", "batch_size", "seeds")
    common = {name: getattr(flags, name) for name in names} | {"reduction": "mean"}
    with (
        jax.enable_x64(flags.dtype == "float64"),
        progress.stopping_at_evaluations() as stop,
        bar(flags) as show,
    ):

        def at_return(now: jfnn.Progress) -> None:
            show(now)
            stop()

        swept = jfnn.transfer(
            network,
            split,
            learning_rate=flags.learning_rate,
            l2=flags.l2,
            gradient="backprop",
            epochs=flags.epochs,
            execution=jfnn.Execution(flags.devices, keep_params="none", progress=at_return),
            out=flags.out,
            resume=flags.resume,
            **common,
        )
        rate = check_rate(flags, swept)
        check = jfnn.coordinate_check(network, split, learning_rate=rate, steps=flags.check_steps, **common)
        return swept, check, rate


def check_rate(flags: TransferFlags, swept: jfnn.Transfer) -> float:
    """The learning rate of the coordinate check."""
    if flags.check_rate is not None:
        return flags.check_rate
    base = flags.width.index(flags.base) if flags.base in flags.width else 0
    best = swept.best_rates(flags.score)[0, base]
    if math.isnan(best):
        raise ArgumentError("learning_rate", "all diverged; try smaller ones")
    return float(best)
