"""Flags of ``jfnn transfer``."""

import dataclasses
from pathlib import Path

from jfnn.activations import ACTIVATIONS
from jfnn.cli.flags import OUT, Flags, count_or_integers, flag, integers, names, numbers, switch
from jfnn.layers.initializers import FAN_IN
from jfnn.widths.parametrisations import LIKE_ADAM, PARAMETRISATIONS
from jfnn.widths.transfers import LOSS

SCORES = tuple(f"{part}_{metric}" for part in ("train", "test") for metric in ("loss", "accuracy"))
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
