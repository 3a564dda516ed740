"""The accuracy of 10,000 networks, predicted from statistics of their weights alone.

Unterthiner et al. (2020, arXiv 2002.11448) trained 120,000 small convolutional networks on image sets, with
hyperparameters drawn at random, and predicted the test accuracy of each from means, variances and quantiles
of its weights, by gradient-boosted trees: without its hyperparameters, and without a single image. Here they
are networks 64-20-10 on the digits, standardised, with two activations and two optimizers. Each cell has a
drawn learning rate, penalty, dropout and size of the start, and each of its members another start. No cell
has members on both sides of the split.

Of a network 1,480 products a row, times 2 operations, times 3 (forward, backward to both factors), 1,400 rows
and 86 epochs are 1.1e9 operations; 10,000 networks take 107 s at the 100 GFLOP/s of two cores.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from scipy import stats
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupShuffleSplit
from verdicts import Row

import jfnn
from famous.picture import Picture, published, resumable, seconds, statement

ACTIVATIONS = ("tanh", "relu")
SHOWN = (1, 99)  # percentiles between which variances are drawn
STEPS = 14  # an epoch
HELD_OUT = 0.5  # of the cells
OPTIMIZERS = ("sgd", "adam")
DRAWN: dict[str, Any] = {
    "learning_rate": stats.loguniform(5e-4, 5e-2),
    "l2": stats.loguniform(2e-6, 2),
    "hyper": {"init_scale": stats.loguniform(0.01, 3), "dropout": stats.uniform(0, 0.7)},
}


class Scale(NamedTuple):
    """Size of the computation."""

    cells: int = 625  # of each activation with each optimizer
    seeds: int = 4
    epochs: int = 86


SCALES = {
    "quick": Scale(cells=25, seeds=2, epochs=3),
    "usual": Scale(),
    "paper": Scale(cells=1_875),  # 30,000 networks, as many as of one of its image sets
}


class Zoo(NamedTuple):
    """What is known of all networks that did not diverge."""

    features: np.ndarray  # [networks, statistics]
    names: list[str]  # [statistics]
    accuracy: np.ndarray  # [networks]
    cell: np.ndarray  # [networks]; cells of one number have the same drawn values everywhere
    diverged: int


class Predicted(NamedTuple):
    """Accuracies of the networks that were held out, and their predictions."""

    accuracy: np.ndarray
    by_all: np.ndarray  # from all statistics
    by_variance: np.ndarray  # from the variance of each array alone


def run(runs: Path, size: str) -> Picture:
    """Predicted against true accuracies."""
    scale = SCALES[size]
    results = {name: trained(scale, name, resumable(runs, f"zoo-{name}")) for name in OPTIMIZERS}
    zoo = collected(results.values())
    predicted = predictions(zoo)
    rows = table_rows(zoo, predicted, published("zoo")["statements"], size != "quick")
    members = sum(result.diverged_at.size for result in results.values())
    description = f"{members:,} networks, {scale.epochs * STEPS:,} steps each"
    return Picture(draw(zoo, predicted), rows, description, seconds(*results.values()))


def trained(scale: Scale, optimizer: str, directory: dict[str, Any]) -> jfnn.SweepResult:
    """Networks of both activations, of drawn cells, with several seeds."""
    digits = jfnn.datasets.digits()
    return jfnn.sweep(
        {name: jfnn.mlp((64, 20, 10), name, init="glorot_normal") for name in ACTIVATIONS},
        jfnn.datasets.standardise(digits),
        cells=scale.cells,
        seeds=scale.seeds,
        epochs=scale.epochs,
        batch_size=len(digits.y_train) // STEPS,
        optimizer=optimizer,
        reduction="mean",
        gradient="backprop",
        **DRAWN,
        **directory,
    )


def collected(results: Iterable[jfnn.SweepResult]) -> Zoo:
    """Statistics of weights, accuracies and cells of all networks that did not diverge."""
    parts = [part for result in results for part in result.programs]
    tables = [jfnn.analysis.weight_statistics(part.params, part.diverged_at.ndim) for part in parts]
    features = np.stack([np.stack([table[name] for table in tables]) for name in tables[0]], axis=-1)
    accuracy = np.stack([part.test_accuracy for part in parts])
    cell = np.broadcast_to(np.arange(accuracy.shape[1])[:, None], accuracy.shape)
    sound = np.isfinite(accuracy)
    return Zoo(features[sound], list(tables[0]), accuracy[sound], cell[sound], int((~sound).sum()))


def predictions(zoo: Zoo) -> Predicted:
    """Accuracies of the networks of the cells held out, predicted by trees that saw the others."""
    cut = GroupShuffleSplit(1, test_size=HELD_OUT, random_state=0)
    fit, held_out = next(cut.split(zoo.features, groups=zoo.cell))
    variances = [name.endswith("variance") for name in zoo.names]
    by = []
    for features in (zoo.features, zoo.features[:, variances]):
        trees = HistGradientBoostingRegressor(max_iter=1_000, learning_rate=0.05, random_state=0)
        trees.fit(features[fit], zoo.accuracy[fit])
        by.append(trees.predict(features[held_out]))
    return Predicted(zoo.accuracy[held_out], *by)


def table_rows(zoo: Zoo, predicted: Predicted, said: dict[str, str], decided: bool) -> list[Row]:
    """R² of the accuracies predicted, from all statistics and from fewer."""
    r2 = r2_score(predicted.accuracy, predicted.by_all)
    few = r2_score(predicted.accuracy, predicted.by_variance)
    error = np.abs(predicted.accuracy - predicted.by_all).mean()
    count = f"{len(predicted.accuracy):,} networks held out of {len(zoo.accuracy):,}; {zoo.diverged} diverged"
    return [
        statement(
            f"R² of accuracies predicted from {len(zoo.names)} statistics of weights",
            said["predicted"],
            f"{r2:.3f}",
            bool(r2 > 0.98),
            f"above 0.98; {count}; mean error {error:.3f}; from variances alone {few:.3f}",
            decided,
        )
    ]


def draw(zoo: Zoo, predicted: Predicted) -> Figure:
    """Accuracies of all networks over the variance of the last layer, and predicted against true ones."""
    figure = Figure(figsize=(8.0, 3.0), layout="constrained")
    counts, variance, pairs = figure.subplots(1, 3)
    counts.hist(zoo.accuracy, np.linspace(0, 1, 41), color="0.6")
    counts.set(xlabel="test accuracy", ylabel="networks", yscale="log")
    last = zoo.features[:, zoo.names.index("1.w.variance")]
    variance.plot(last, zoo.accuracy, ".", markersize=1, alpha=0.5)
    limits = np.percentile(last, SHOWN)
    variance.set(xlabel="variance of the last weights", xscale="log", xlim=limits, ylim=(0, 1))
    variance.set_ylabel("test accuracy")
    r2 = r2_score(predicted.accuracy, predicted.by_all)
    pairs.plot(predicted.accuracy, predicted.by_all, ".", markersize=1, alpha=0.5)
    pairs.plot([0, 1], [0, 1], color="black", linestyle="--", linewidth=0.8)
    pairs.set(xlabel="test accuracy", ylabel="predicted from weights", xlim=(0, 1), ylim=(0, 1))
    pairs.set_title(f"held out: R² = {r2:.3f}", fontsize="medium")
    for axes in (variance, pairs):
        axes.grid(alpha=0.3)
    return figure
