"""Sweeps the learning rate of networks of many widths, in two parametrisations.

Prints the best learning rate of every width: under the standard parametrisation
it moves with the width, under maximal updates (Yang & Hu, arXiv 2203.03466) it
should stay. Writes transfer.png and transfer.csv, and of the coordinate check,
which measures by how much the first steps change what layers give at every
width, coordinates.png and coordinates.csv; the sweep of each width has a
directory of its own in there. Ctrl-C stops a run such that --resume goes on
with it.
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

import jfnn
from jfnn.activations import ACTIVATIONS
from jfnn.analysis import summary
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.cli import places
from jfnn.cli.command import Command, Watch
from jfnn.cli.flags import OUT, Flags, count_or_integers, flag, integers, names, numbers, switch
from jfnn.layers.initializers import FAN_IN
from jfnn.widths.parametrisations import LIKE_ADAM, PARAMETRISATIONS
from jfnn.widths.transfers import LOSS

SCORES = tuple(f"{part}_{metric}" for part in ("train", "test") for metric in ("loss", "accuracy"))
# Arguments of `jfnn.transfer` and of `jfnn.coordinate_check`.
SHARED = ("width", "base", "parametrisations", "output_multiplier", "optimizer", "batch_size", "seeds")
DEEPEST = 1000  # hidden layers
TRANSFER, COORDINATES = "transfer", "coordinates"
ADDED = tuple(f"{name}.{kind}" for name in (TRANSFER, COORDINATES) for kind in ("png", "csv"))
EXAMPLES = """\
examples:
  %(prog)s
      MNIST-1D, 40-w-w-10 for w from 32 to 1024, Adam, 5 seeds: some minutes
  %(prog)s --data digits --width 16,32,64,128 --depth 3 --epochs 10
      the digits, three hidden layers
  %(prog)s --network cnn --width 4,8,16,32 --optimizer sgd --learning-rate 0.01:10.24:11
      two convolutions, stochastic gradient descent
"""
DATA = ("mnist1d", "digits")
NETWORKS = ("mlp", "cnn")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TransferFlags(Flags):
    """Flags of ``jfnn transfer``."""

    data: str = flag("NAME", "", "mnist1d", choices=DATA, group="data")
    network: str = flag("NAME", "kind", "mlp", choices=NETWORKS, group="networks")
    width: tuple[int, ...] = flag(
        "N,N",
        "hidden units of each layer, channels of each convolution",
        "32,64,128,256,512,1024",
        integers,
        sets=["layers", "channels"],
    )
    depth: int = flag("N", "hidden layers, or convolutions", 2)
    base: int | None = flag(
        "N", "the width at which parametrisations are the same network", otherwise="the first"
    )
    parametrisations: tuple[str, ...] = flag("NAMES", "what to compare", ",".join(PARAMETRISATIONS), names)
    output_multiplier: float = flag("α", "of the maximal-update parametrisation", 1.0)
    drawn_outputs: bool = switch("the last layer starts as others do; without this at 0")
    activation: str = flag("NAME", "of hidden layers", "relu", choices=ACTIVATIONS)
    init: str = flag("NAME", "starting weights", "he_normal", choices=FAN_IN)
    learning_rate: tuple[float, ...] = flag(
        "VALUES",
        "η: numbers and log-spaced ranges START:STOP:COUNT",
        "0.0005:0.128:9",
        numbers,
        group="training",
    )
    l2: float = flag("λ", "penalty, the same for all", 0.0)
    optimizer: str = flag("NAME", "", "adam", choices=("sgd", *LIKE_ADAM))
    epochs: int = flag("N", "epochs to train", 4)
    batch_size: int = flag("N", "rows a step", 100, sets=["batch_sizes"])
    seeds: int | tuple[int, ...] = flag(
        "SEEDS", "how many, or which: 0,7,9; '7,' is seed 7 alone", "5", count_or_integers
    )
    score: str = flag("NAME", "what is best", LOSS, choices=SCORES, group="what is shown")
    check_steps: int = flag("N", "steps of the coordinate check", 5)
    check_rate: float | None = flag(
        "η", "its learning rate", otherwise="the best of the base width, or else of the first"
    )
    out: Path = flag("DIR", OUT, Path("runs/transfer"), group="output")


@dataclasses.dataclass(frozen=True)
class TransferRun:
    """The sweeps, the coordinate check, and the learning rate of that check."""

    swept: jfnn.Transfer
    check: jfnn.CoordinateCheck
    rate: float

    @property
    def sweeps(self) -> jfnn.SweepGroups:
        """The sweeps of all widths."""
        return self.swept.groups


def data(flags: TransferFlags) -> jfnn.Split:
    """The rows, the digits standardised; images and sequences of one channel for convolutions."""
    shape: tuple[int, ...] = (1, 40)
    if flags.data == "mnist1d":
        try:
            split = jfnn.datasets.mnist1d()
        except ImportError as error:
            raise ArgumentError("data", str(error)) from None
    else:
        split, shape = jfnn.datasets.standardise(jfnn.datasets.digits()), (1, 8, 8)
    if flags.network == "mlp":
        return split
    x_train, x_test = (x.reshape(-1, *shape) for x in (split.x_train, split.x_test))
    return split._replace(x_train=x_train, x_test=x_test)


def maker(flags: TransferFlags, shape: tuple[int, ...]) -> Callable[[int], jfnn.Network]:
    """``width -> network`` for inputs of a shape; unless flags say otherwise its last layer starts at 0."""
    depth = checks.as_count(flags.depth, "depth", 1, DEEPEST)

    def make(width: int) -> jfnn.Network:
        if flags.network == "mlp":
            network = jfnn.mlp((*shape, *[width] * depth, 10), flags.activation, init=flags.init)
        else:
            channels = [width] * depth
            network = jfnn.cnn(
                shape, channels, 10, padding="same", activation=flags.activation, init=flags.init
            )
        if flags.drawn_outputs or network.layers is None:
            return network
        # Outputs of narrow networks would else start larger than those of wide ones (the paper, D.2).
        return jfnn.sequential([*network.layers[:-1], jfnn.Scaled(network.layers[-1], 0.0)], shape)

    return make


def run(flags: TransferFlags, watch: Watch) -> TransferRun:
    """The sweeps, the coordinate check and its learning rate; raises as `jfnn.transfer` does."""
    places.check_free([flags.out], ADDED)
    checks.as_count(flags.check_steps, "check_steps")
    if flags.check_rate is not None:
        checks.as_axis(flags.check_rate, "check_rate", strict=True)
    with watch(flags, "accuracy", True) as show:
        split = data(flags)
        network = maker(flags, split.x_train.shape[1:])
        common = {name: getattr(flags, name) for name in SHARED} | {"reduction": "mean"}
        swept = jfnn.transfer(
            network,
            split,
            learning_rate=flags.learning_rate,
            l2=flags.l2,
            gradient="backprop",
            epochs=flags.epochs,
            execution=jfnn.Execution(flags.devices, keep_params="none", progress=show),
            out=flags.out,
            resume=flags.resume,
            **common,
        )
        rate = check_rate(flags, swept)
        check = jfnn.coordinate_check(network, split, learning_rate=rate, steps=flags.check_steps, **common)
        return TransferRun(swept, check, rate)


def check_rate(flags: TransferFlags, swept: jfnn.Transfer) -> float:
    """The learning rate of the coordinate check."""
    if flags.check_rate is not None:
        return flags.check_rate
    base = flags.width.index(flags.base) if flags.base in flags.width else 0
    best = swept.best_rates(flags.score)[0, base]
    if np.isnan(best):
        raise ArgumentError("learning_rate", "all diverged; try smaller ones")
    return float(best)


def report(flags: TransferFlags, outcome: TransferRun) -> str:
    """The best learning rates, by how much they move, and the exponents of the coordinate check."""
    swept, check = outcome.swept, outcome.check
    names = [name.replace("_", " ") for name in swept.parametrisations]
    best = swept.best_rates(flags.score)
    rates = [["div" if np.isnan(rate) else f"{rate:.3g}" for rate in row] for row in best]
    lines = [f"best learning rate by {summary.name_text(flags.score)}"]
    lines += _aligned(
        [["width", *map(str, swept.width)], *([n, *r] for n, r in zip(names, rates, strict=True))]
    )
    if np.isfinite(best).all():
        moved = zip(names, swept.steps_moved(flags.score), strict=True)
        steps = ", ".join(f"{name} {count} step{'' if count == 1 else 's'}" for name, count in moved)
        lines += [f"it moves on the grid by: {steps}"]
    layers = [*(f"layer {i + 1}" for i in range(check.start.shape[-1] - 1)), "outputs", "furthest"]
    rows = [["", *layers]]
    for name, slopes in zip(names, check.slopes(), strict=True):
        furthest = slopes[np.abs(slopes).argmax()]  # rising or falling, either is away from 0
        rows.append([name, *(f"{slope:+.2f}" for slope in (*slopes, furthest))])
    steps = f"after {flags.check_steps} steps"
    lines += ["", f"coordinate check at η = {outcome.rate:.3g}: k of |a_t - a_0| ~ width^k {steps}"]
    return "\n".join([*lines, *_aligned(rows), ""])


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table whose first column has names."""
    return [f"{name:<16}{''.join(f'{cell:>9}' for cell in cells)}" for name, *cells in rows]


def write(flags: TransferFlags, outcome: TransferRun, command: Sequence[str]) -> Sequence[str]:
    """Writes the figures and their numbers; the names of the files."""
    from jfnn import plots, report

    swept, check = outcome.swept, outcome.check
    curves = {
        TRANSFER: plots.transfer_curves(swept, flags.score),
        COORDINATES: plots.coordinate_curves(check),
    }
    places.write_images(flags.out, {name: report.png(figure) for name, figure in curves.items()})
    swept.to_csv(flags.out / f"{TRANSFER}.csv")
    check.to_csv(flags.out / f"{COORDINATES}.csv")
    return ADDED


COMMAND = Command("transfer", __doc__, EXAMPLES, TransferFlags, run, report, write)
main, start = COMMAND.main, COMMAND.start
