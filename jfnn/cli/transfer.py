"""Sweeps the learning rate of networks of many widths, in two parametrisations.

Prints the best learning rate of every width: under the standard parametrisation
it moves with the width, under maximal updates (Yang & Hu, arXiv 2203.03466) it
should stay. Writes transfer.png and transfer.csv, and of the coordinate check,
which measures by how much the first steps change what layers give at every
width, coordinates.png and coordinates.csv; report.html shows all. The sweep of
each width has a directory of its own in there. Ctrl-C stops a run such that
--resume goes on with it.
"""

from collections.abc import Callable

import numpy as np

import jfnn
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.cli import places
from jfnn.cli.command import Command, Watch
from jfnn.cli.transfer_flags import TransferFlags
from jfnn.cli.transfer_output import ADDED, TransferRun, report, write

# Arguments of `jfnn.transfer` and of `jfnn.coordinate_check`.
SHARED = ("width", "base", "parametrisations", "output_multiplier", "optimizer", "batch_size", "seeds")
DEEPEST = 1000  # hidden layers
EXAMPLES = """\
examples:
  %(prog)s
      MNIST-1D, 40-w-w-10 for w from 32 to 1024, Adam, 5 seeds: some minutes
  %(prog)s --data digits --width 16,32,64,128 --depth 3 --epochs 10
      the digits, three hidden layers
  %(prog)s --network cnn --width 4,8,16,32 --optimizer sgd \\
          --learning-rate 0.01:10.24:11
      two convolutions, stochastic gradient descent
"""


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


COMMAND = Command("transfer", __doc__, EXAMPLES, TransferFlags, run, report, write)
main, start = COMMAND.main, COMMAND.start
