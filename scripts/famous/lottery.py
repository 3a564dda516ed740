"""Lottery tickets: networks pruned by magnitude, rewound and retrained generalize better.

Greydanus & Kobak (ICML 2024, arXiv 2011.14439), lottery-tickets.ipynb: 40-500-(500 with a residual)-10 with
ReLU and PyTorch's initialization on MNIST-1D, Adam at 0.02, batches of 100 rows in order, 1,501 steps per
round; also networks pruned at random. Here each round removes the same share of the remaining weights and
keeps biases, while the authors raise the sparsity in equal steps. Layers have 250 units, or 500 with --paper.
The authors' tickets on other data are not reproduced.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from verdicts import Row

import jfnn
from famous.picture import Picture, band, published, resumable, seconds, statement
from jfnn.plots.panels import panels

ROUND = 38  # epochs per round
STEPS = 40  # per epoch
SHARE = 0.2  # of the remaining weights that a round removes
JUDGED = 10  # the round of the verdicts: 89% removed
ORDERS = ("magnitude", "random")


class Scale(NamedTuple):
    """Size of the computation."""

    units: int = 250
    trials: int = 10
    rounds: int = 20


SCALES = {"quick": Scale(units=20, trials=2, rounds=3), "usual": Scale(), "paper": Scale(units=500)}


def run(runs: Path, size: str) -> Picture:
    """Compute test accuracies over the sparsity, for both ways of pruning."""
    scale = SCALES[size]
    figures = published("lottery")
    split = jfnn.datasets.mnist1d()
    results = {by: trained(by, split, scale, resumable(runs, f"lottery-{by}")) for by in ORDERS}
    accuracies = {by: 100 * result.history["test_accuracy"][0, 0] for by, result in results.items()}
    sparsity = 1 - (1 - SHARE) ** np.arange(scale.rounds + 1)
    rows = table_rows(accuracies, figures, sparsity, size != "quick")
    steps = ROUND * STEPS * (scale.rounds + 1)
    networks = f"{len(ORDERS) * scale.trials} networks of {scale.units} units"
    description = f"{networks}, {scale.rounds + 1} rounds, {steps:,} steps each"
    figure = draw(accuracies, figures, sparsity)
    return Picture(figure, rows, description, seconds(*results.values()))


def trained(by: str, split: jfnn.Split, scale: Scale, directory: dict[str, Any]) -> jfnn.SweepResult:
    """Train networks of all trials, with scores of each round ``[…, rounds + 1]``.

    After the last epoch of a round, weights are already reset, so rounds are scored one epoch earlier.
    """
    hidden = jfnn.Dense(scale.units, "relu", "pytorch")
    output = jfnn.Dense(10, "identity", "pytorch")
    network = jfnn.sequential([hidden, jfnn.Residual([hidden]), output], inputs=40)
    learner = jfnn.supervised(network, optimizer="adam", reduction="mean", gradient="backprop")
    epochs = ROUND * (scale.rounds + 1) - 1
    return jfnn.sweep(
        jfnn.pruned(learner, every=ROUND, rounds=scale.rounds, share=SHARE, by=by),
        split,
        learning_rate=0.02,
        epochs=epochs,
        batch_size=jfnn.Minibatches(100, "in_order"),
        seeds=scale.trials,
        execution=jfnn.Execution(eval_every=range(ROUND - 1, epochs + 1, ROUND), keep_params="none"),
        **directory,
    )


def table_rows(
    accuracies: Mapping[str, np.ndarray], figures: dict[str, Any], sparsity: np.ndarray, decided: bool
) -> list[Row]:
    """Compare networks pruned by magnitude with whole networks and with networks pruned at random."""
    at = min(JUDGED, len(sparsity) - 1)
    row = round(99 * sparsity[at])  # the authors' sparsities are k / 99
    by_magnitude = accuracies["magnitude"]
    others = {"the whole network": by_magnitude[:, 0], "random": accuracies["random"][:, at]}
    theirs = {"the whole network": figures["magnitude"][0], "random": figures["random"][row]}
    rows = []
    for name, other in others.items():
        differences = by_magnitude[:, at] - other
        low, high = jfnn.analysis.interval(differences)
        rows.append(
            statement(
                f"pruned by magnitude to {1 - sparsity[at]:.1%} of weights less {name}, test accuracy",
                f"{figures['magnitude'][row] - theirs[name]:.1f}%",
                f"{differences.mean():.1f}%",
                bool(low > 0),
                f"95% interval [{low:.1f}, {high:.1f}] above 0; {by_magnitude[:, at].mean():.1f}% and"
                f" {other.mean():.1f}%, published {figures['magnitude'][row]:.1f}% and {theirs[name]:.1f}%"
                " (2 trials); trials are paired",
                decided,
            )
        )
    return rows


def draw(accuracies: Mapping[str, np.ndarray], figures: dict[str, Any], sparsity: np.ndarray) -> Figure:
    """Draw means over trials with intervals, and the published means."""
    figure, ((axes,),) = panels(4.0)
    for by in ORDERS:
        color = band(axes, sparsity, accuracies[by], f"by {by}" if by == "magnitude" else f"at {by}")
        axes.plot(np.linspace(0, 1, len(figures[by])), figures[by], color=color, linewidth=0.8, alpha=0.7)
    axes.plot([], [], color="0.3", linewidth=0.8, label="published, 2 trials")
    axes.set(xlabel="share of weights removed", ylabel="test accuracy, %", ylim=(40, 80))
    axes.legend(fontsize=10, loc="lower left", frameon=False)
    return figure
