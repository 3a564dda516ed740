"""The edge of stability: the sharpness of full-batch gradient descent rises to 2/η and stays there.

Cohen et al. (ICLR 2021, arXiv 2103.00065): the sharpness is the largest eigenvalue of the Hessian of the
training loss. On a quadratic function, gradient descent with learning rate η is stable if it is below 2/η.
Their network of 200-200 tanh units is trained on 500 standardized digits, with half the squared error of
one-hot targets, averaged over rows.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from verdicts import Row

import jfnn
from famous.picture import Picture, published, resumable, seconds, statement
from jfnn.plots.panels import legend_below, ordered_colors, panels

ROWS = 500
UNITS = 200
RATES = tuple(np.geomspace(0.02, 0.2, 10).tolist())
ITERATIONS = 20  # of Lanczos; residuals stay below 1% of the largest eigenvalue


class Scale(NamedTuple):
    """Size of the computation."""

    steps: int = 6_000
    evaluations: int = 50
    rates: tuple[float, ...] = RATES


SCALES = {
    "quick": Scale(steps=400, evaluations=8, rates=RATES[5::2]),
    "usual": Scale(),
    "paper": Scale(steps=30_000, evaluations=100),
}


class Curves(NamedTuple):
    """Losses and sharpness of all networks during training ``[rate, evaluations]``."""

    rates: np.ndarray  # [rate]
    steps: np.ndarray  # [evaluations]
    losses: np.ndarray
    sharpness: np.ndarray

    @property
    def relative(self) -> np.ndarray:
        """Return the sharpness over 2/η."""
        return np.asarray(self.sharpness * self.rates[:, None] / 2)

    @property
    def arrived(self) -> np.ndarray:
        """Return the first evaluation with sharpness 2/η, or their number if there is none ``[rate]``."""
        reached = self.relative >= 1
        return np.where(reached.any(axis=1), reached.argmax(axis=1), len(self.steps))


def run(runs: Path, size: str) -> Picture:
    """Compute losses and sharpness for a range of rates."""
    scale = SCALES[size]
    curves, result = trained(scale, resumable(runs, "edge"))
    rows = table_rows(curves, published("edge")["statements"], size != "quick")
    description = f"{len(scale.rates)} networks, {scale.steps:,} steps each, without their sharpness"
    return Picture(draw(curves), rows, description, seconds(result))


def trained(scale: Scale, directory: dict[str, Any]) -> tuple[Curves, jfnn.SweepResult]:
    """Train networks at all rates and measure them during training."""
    digits = jfnn.datasets.digits()
    x = digits.x_train[:ROWS]
    y = digits.y_train[:ROWS]
    x = (x - x.mean()) / x.std()
    network = jfnn.mlp((x.shape[1], UNITS, UNITS, 10), "tanh", init="pytorch")
    loss: dict[str, Any] = {"loss": "quadratic", "reduction": "mean"}
    result = jfnn.sweep(
        network,
        jfnn.Split(x, y),
        learning_rate=scale.rates,
        gradient="backprop",
        epochs=scale.steps,
        batch_size=None,
        execution=jfnn.Execution(eval_every=scale.steps // scale.evaluations, keep_params="evaluations"),
        **loss,
        **directory,
    )
    hessians = jfnn.analysis.sharpness(network, result.params, x, y, **loss, iterations=ITERATIONS)
    losses = result.history["train_loss"][:, 0, 0]
    sharpness = hessians.eigenvalues[:, 0, 0, :, 0]
    return Curves(np.array(scale.rates), result.evaluations, losses, sharpness), result


def table_rows(curves: Curves, said: dict[str, str], decided: bool) -> list[Row]:
    """Return the rows on sharpening before the edge, and on the sharpness after reaching it."""
    n = len(curves.steps)
    arrived = curves.arrived
    at_edge = arrived < n * 3 // 4
    before = np.arange(1, n) < arrived[:, None]
    rising = float((np.diff(curves.sharpness) > 0)[before].mean()) if before.any() else float("nan")
    last = np.median(curves.relative[at_edge, -(n // 4) :], axis=1)
    return [
        statement(
            "evaluations before 2/η at which the sharpness has risen",
            said["sharpening"],
            f"{rising:.1%}",
            rising >= 0.9,
            f"at least 90% of the {before.sum()}, over all rates",
            decided,
        ),
        statement(
            "sharpness over 2/η, median of the last quarter",
            said["edge"],
            f"{last.min():.2f} to {last.max():.2f}" if len(last) else "none",
            bool(len(last) >= 3 and last.min() >= 0.98 and last.max() <= 1.2),
            f"0.98 to 1.2 at each of the {len(last)} of {len(arrived)} rates that reach 2/η before that",
            decided,
        ),
    ]


def draw(curves: Curves) -> Figure:
    """Draw losses and sharpness over 2/η during training."""
    figure, grid = panels(5.6, 2, sharex=True)
    upper, lower = grid[:, 0]
    colors = ordered_colors(len(curves.rates))
    for rate, color, *values in zip(curves.rates, colors, curves.losses, curves.relative, strict=True):
        for axes, one in zip((upper, lower), values, strict=True):
            axes.plot(curves.steps, one, color=color, linewidth=1.2, label=f"{rate:.2g}")
            axes.grid(alpha=0.3)
    lower.axhline(1, color="black", linestyle="--", linewidth=0.8)
    upper.set(ylabel="training loss", yscale="log")
    lower.set(xlabel="steps", ylabel="sharpness × η/2", ylim=(0, 1.5))
    legend_below(figure, upper, title="rate η")
    return figure
