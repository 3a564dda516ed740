"""MNIST-1D with four kinds of network over seeds, compared with its authors' figures of one run each.

Greydanus & Kobak (ICML 2024, arXiv 2011.14439): Adam at 0.01, batches of 100 rows in order, 6,000 steps, mean
cross-entropy, PyTorch's initialization; accuracies after the last step. To show that the spatial order
matters, other data permute the points of all rows in the same way, which removes all local structure. The
authors use two permutations, and each figure is compared with networks trained on the same one.
"""

import json
import time
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from matplotlib.figure import Figure
from verdicts import Row, among_seeds, exact, mean_interval

import jfnn

PUBLISHED = Path(__file__).resolve().parents[2] / "tests" / "data" / "mnist1d.json"
POINTS = 40
CLASSES = 10
BATCH = 100
RATE = 0.01
INIT = "pytorch"


class Scale(NamedTuple):
    """Size of the computation."""

    seeds: int = 100  # networks of each kind
    mixed_seeds: int = 39  # networks of each kind for each permutation of the points
    epochs: int = 150  # passes over the 40 batches


QUICK = Scale(seeds=4, mixed_seeds=2, epochs=30)


def networks() -> dict[str, jfnn.Network]:
    """Return the four networks, with the published sizes."""
    block = jfnn.Residual([jfnn.Dense(100, "relu", INIT)])
    dense = [jfnn.Dense(100, "relu", INIT), block, jfnn.Dense(CLASSES, "identity", INIT)]
    kernels: dict[str, Any] = {"kernel": (5, 3, 3), "stride": 2, "padding": 1}
    return {
        "logistic": jfnn.mlp((POINTS, CLASSES), init=INIT),
        "dense": jfnn.sequential(dense, POINTS),
        "convolutional": jfnn.cnn((1, POINTS), (25, 25, 25), CLASSES, **kernels, init=INIT),
        "recurrent": jfnn.rnn((POINTS, 1), 6, CLASSES, "gru", bidirectional=True, states="all"),
    }


def size(network: jfnn.Network) -> int:
    """Return the number of parameters."""
    shapes = jax.eval_shape(network.init, jax.random.key(0))
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(shapes))


def run(out: Path, quick: bool = False) -> list[Row]:
    """Return the section's rows, and write a picture of the accuracies."""
    scale = QUICK if quick else Scale()
    published = json.loads(PUBLISHED.read_text())
    rows = [
        exact(f"{name}: parameters", published["parameters"][name], size(network))
        for name, network in networks().items()
    ]
    accuracies = {}
    for order, split in splits().items():
        print(f"points {order}:", flush=True)
        results = trained(split, scale.seeds if order == "in order" else scale.mixed_seeds, scale.epochs)
        accuracies[order] = {name: 100 * result.test_accuracy[0, 0] for name, result in results.items()}
        rows += accuracy_rows(order, published, accuracies[order])
    picture(accuracies, published["figures"]).savefig(out / "mnist1d_table.png", dpi=150)
    return rows


def splits() -> dict[str, jfnn.Split]:
    """Return the data with its points in each order used by the authors."""
    in_order = jfnn.datasets.mnist1d()
    order = np.random.RandomState(42).permutation(POINTS)  # as in mnist1d-classification.ipynb
    mixed = in_order._replace(x_train=in_order.x_train[:, order], x_test=in_order.x_test[:, order])
    return {
        "in order": in_order,
        "mixed by the package": jfnn.datasets.mnist1d(shuffled=True),
        "mixed by the notebook": mixed,
    }


def accuracy_rows(order: str, published: dict[str, Any], accuracies: dict[str, np.ndarray]) -> list[Row]:
    """Compare published test accuracies with those of the seeds ``[seeds]`` for the same order of points."""
    return [
        among_seeds(
            f"{name}, points {order}: test accuracy, %",
            figures[name],
            values,
            0 if isinstance(figures[name], int) else 1,
            published["protocols"][source],
            "{:.1f} ± {:.1f}".format(*mean_interval(values)),
        )
        for name, values in accuracies.items()
        for source, figures in published["figures"][order].items()
    ]


def trained(split: jfnn.Split, seeds: int, epochs: int) -> dict[str, jfnn.SweepResult]:
    """Train networks of each kind on 40 points per row; print the time of each."""
    results = {}
    for name, network in networks().items():
        started = time.perf_counter()
        shape = (-1, *(network.input_shape or ()))
        shaped = split._replace(x_train=split.x_train.reshape(shape), x_test=split.x_test.reshape(shape))
        results[name] = jfnn.sweep(
            network,
            shaped,
            learning_rate=RATE,
            seeds=seeds,
            epochs=epochs,
            batch_size=jfnn.Minibatches(BATCH, "in_order"),
            optimizer="adam",
            reduction="mean",
            gradient="backprop",
        )
        steps = epochs * len(split.x_train) // BATCH
        seconds = time.perf_counter() - started
        print(f"{name}: {seeds} networks, {steps} steps: {seconds:.0f} s", flush=True)
    return results


def picture(accuracies: dict[str, dict[str, np.ndarray]], published: dict[str, Any]) -> Figure:
    """Plot every seed's test accuracy, the mean with its interval, and the published figures.

    Args:
        accuracies: Order of the points -> network -> ``[seeds]``; one panel per order.
        published: Order of the points -> source -> network -> figure.
    """
    figure = Figure(figsize=(13, 3.4), layout="constrained")
    columns = figure.subplots(1, len(accuracies), sharey=True)
    for axes, (order, by_network) in zip(columns, accuracies.items(), strict=True):
        for row, (name, values) in enumerate(by_network.items()):
            height = row + np.linspace(-0.25, 0.25, len(values))
            seeds = axes.plot(values, height, ".", color="0.7", markersize=3)[0]
            mean, half = mean_interval(values)
            bar = axes.errorbar(mean, row, xerr=half, fmt="o", color="tab:blue", capsize=4)
            figures = [source[name] for source in published[order].values()]
            mark = axes.plot(figures, [row] * len(figures), "|", color="tab:red", markersize=18)[0]
        axes.set_yticks(range(len(by_network)), by_network)
        axes.set_xlabel("test accuracy, %")
        axes.set_title(f"points {order}", fontsize="medium")
    columns[0].invert_yaxis()
    columns[0].legend(
        [seeds, bar, mark],
        ["one seed", "mean and 95% interval", "published"],
        loc="lower left",
        fontsize="small",
    )
    return figure
