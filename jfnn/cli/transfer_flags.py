"""The flags of ``jfnn transfer``, declared as those of ``jfnn grid`` are."""

import dataclasses
from pathlib import Path

from jfnn.activations import ACTIVATIONS
from jfnn.analysis.parametrisations import LIKE_ADAM, PARAMETRISATIONS
from jfnn.analysis.widths import LOSS
from jfnn.cli.flags import flag, option
from jfnn.cli.values import count_or_integers, lengths, names, numbers, place
from jfnn.layers.initializers import FAN_IN

DATA = ("mnist1d", "digits")
NETWORKS = ("mlp", "cnn")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TransferFlags:
    """The values of all flags, and the names of those that the command line has (``present``)."""

    data: str = flag("NAME", f"{', '.join(DATA)}", "mnist1d")
    network: str = flag("NAME", f"kind: {', '.join(NETWORKS)}", "mlp")
    width: tuple[int, ...] = flag(
        "N,N", "hidden units of each layer, channels of each convolution", "32,64,128,256,512,1024", lengths
    )
    depth: int = flag("N", "hidden layers, or convolutions", 2, int)
    base: int | None = flag(
        "N", "the width at which parametrisations are the same network (default: the first)", read=int
    )
    parametrisations: tuple[str, ...] = flag("NAMES", "what to compare", ",".join(PARAMETRISATIONS), names)
    output_multiplier: float = flag("α", "of the maximal-update parametrisation", "1", float)
    drawn_outputs: bool = flag("", "the last layer starts as others do; without this at 0", False, bool)
    activation: str = flag("NAME", f"of hidden layers: {', '.join(ACTIVATIONS)}", "relu")
    init: str = flag("NAME", f"starting weights: {', '.join(FAN_IN)}", "he_normal")
    learning_rate: tuple[float, ...] = flag(
        "VALUES", "η: numbers and log-spaced ranges START:STOP:COUNT", "0.0005:0.128:9", numbers
    )
    l2: float = flag("λ", "penalty, the same for all", "0", float)
    optimizer: str = flag("NAME", f"sgd, {', '.join(LIKE_ADAM)}", "adam")
    epochs: int = flag("N", "epochs to train", 4, int)
    batch_size: int = flag("N", "rows a step", 100, int)
    seeds: int | tuple[int, ...] = flag(
        "SEEDS", "how many, or which: 0,7,9; '7,' is seed 7 alone", "5", count_or_integers
    )
    score: str = flag("NAME", "what is best: train_loss, train_accuracy, test_loss, test_accuracy", LOSS)
    check_steps: int = flag("N", "steps of the coordinate check", 5, int)
    check_rate: float | None = flag(
        "η", "its learning rate (default: the best of the base width, or else of the first)", read=float
    )
    dtype: str = flag("NAME", "float32, float64", "float32")
    devices: int | None = flag("N", "how many to use, on a CPU cores (default: all)", read=int)
    out: Path = flag("DIR", "for results; without the flag the next that is free", "runs/transfer", place)
    resume: bool = option("resume", read=bool)
    quiet: bool = flag("", "print nothing but errors", False, bool)
    present: frozenset[str] = frozenset()


# A field -> title of the group of flags that begins with it.
GROUPS = {
    "data": "data",
    "network": "networks",
    "learning_rate": "training",
    "score": "what is shown",
    "dtype": "running",
}
