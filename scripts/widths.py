"""Find the best learning rate at many widths, in two parametrizations.

It moves with the width in the standard parametrization, and should not with maximal updates. The script
prints the best rates, their training losses and the exponents of the coordinate check, and plots the training
loss against the learning rate. The last layer starts at 0, since otherwise the initial outputs of narrow
networks would be larger than those of wide networks (Yang & Hu, arXiv 2203.03466, appendix D.2).
"""

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from console import Parser, add_out, count, parse, run
from matplotlib.figure import Figure

import jfnn
from jfnn.cli.words import integers

RATES = np.geomspace(0.0005, 0.128, 9)
PICTURE = "widths.png"
Make = Callable[[int], jfnn.Network]


def network(width: int, inputs: int, depth: int) -> jfnn.Network:
    """Return a network with ``depth`` hidden layers of one width, whose outputs start at 0."""
    layers = jfnn.mlp((inputs, *[width] * depth, 10), "relu", init="he_normal").layers
    assert layers is not None
    return jfnn.sequential([*layers[:-1], jfnn.Scaled(layers[-1], 0.0)], inputs)


def sweeps(
    make: Make, split: jfnn.Split, widths: Sequence[int], epochs: int, common: dict[str, Any]
) -> dict[str, jfnn.SweepResult]:
    """Return a sweep over widths and learning rates for each parametrization."""
    standard = {str(width): make(width) for width in widths}
    base = make(widths[0])
    scaled = {name: jfnn.maximal_update(wide, base, "adam") for name, wide in standard.items()}
    options = common | {"epochs": epochs, "gradient": "backprop"}
    execution = jfnn.Execution(keep_params="none")
    return {
        name: jfnn.sweep(networks, split, learning_rate=RATES, execution=execution, **options)
        for name, networks in {"standard": standard, "maximal_update": scaled}.items()
    }


def best_losses(result: jfnn.SweepResult) -> np.ndarray:
    """Return the mean training loss of each width at its best rate ``[N]``; NaN if all rates diverge."""
    losses = result.cell_scores("train_loss")[:, :, 0]
    return np.asarray(np.fmin.reduce(losses, axis=1))


def picture(swept: dict[str, jfnn.SweepResult], rates: dict[str, np.ndarray]) -> Figure:
    """Plot training loss against learning rate: one curve per width, one panel per parametrization."""
    figure = Figure(figsize=(5, 3.2 * len(swept)), layout="constrained")
    panels = figure.subplots(len(swept), sharex=True, sharey=True)
    for panel, (name, result) in zip(panels, swept.items(), strict=True):
        losses = result.train_loss[:, :, 0]
        points = zip(rates[name], best_losses(result), strict=True)
        for width, loss, point in zip(result.axes["network"], losses, points, strict=True):
            (line,) = panel.plot(result.learning_rate, loss.mean(axis=-1), label=width)
            color = line.get_color()
            panel.fill_between(
                result.learning_rate, loss.min(axis=-1), loss.max(axis=-1), color=color, alpha=0.15
            )
            panel.plot(*point, "o", color=color, markeredgecolor="black")
        panel.set(xscale="log", yscale="log", title=name.replace("_", " "), ylabel="train loss")
    panels[-1].set_xlabel("learning rate η")
    panels[0].legend(title="width")
    return figure


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, print the rates, losses and exponents, and draw the curves."""
    parser = Parser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", choices=("mnist1d", "digits"), default="mnist1d", help="default: mnist1d")
    parser.add_argument(
        "--width", type=integers, default=(32, 64, 128, 256, 512, 1024), help="default: 32,64,…,1024"
    )
    parser.add_argument("--depth", type=count(1), default=2, help="hidden layers; default: 2")
    parser.add_argument("--epochs", type=count(1), default=4, help="default: 4")
    parser.add_argument("--seeds", type=count(1), default=5, help="default: 5")
    add_out(parser, "runs/widths")
    options = parse(parser, arguments, [PICTURE])
    widths = options.width
    if len(widths) < 2 or widths[0] < 1 or any(b <= a for a, b in itertools.pairwise(widths)):
        parser.error("--width: expected at least two numbers from 1 in rising order")
    digits = options.data == "digits"
    split = jfnn.datasets.standardize(jfnn.datasets.digits()) if digits else jfnn.datasets.mnist1d()
    make = functools.partial(network, inputs=split.x_train.shape[1], depth=options.depth)
    common = {"reduction": "mean", "optimizer": "adam", "seeds": options.seeds}
    swept = sweeps(make, split, widths, options.epochs, common)
    rates = {name: jfnn.analysis.best_rates(result, "train_loss") for name, result in swept.items()}
    losses = {name: best_losses(result) for name, result in swept.items()}
    for title, table in (("best learning rate", rates), ("train loss there", losses)):
        print(f"{title:20}", *(f"{width:>8}" for width in widths))
        for name, found in table.items():
            print(f"{name:20}", *(f"{number:8.4g}" for number in found))
    rate = float(rates["standard"][0])
    if np.isnan(rate):
        print(f"no exponents: at width {widths[0]} all learning rates diverge")
    else:
        check = jfnn.coordinate_check(make, split, widths, rate, **common)
        print(f"exponents of the width, η = {rate:.3g}, layer by layer")
        for name, slopes in zip(check.parametrizations, check.slopes(), strict=True):
            print(f"{name:20}", *(f"{slope:+8.2f}" for slope in slopes))
    if np.isnan([*losses.values()]).all():
        print("no picture: all networks diverge")
        return 0
    options.out.mkdir(parents=True, exist_ok=True)
    picture(swept, rates).savefig(options.out / PICTURE, dpi=160)
    print(f"picture in {options.out}")
    return 0


if __name__ == "__main__":
    jfnn.use_all_cores()
    run(main)
