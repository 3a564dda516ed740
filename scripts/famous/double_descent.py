"""Deep double descent on MNIST-1D: test error and loss over the width, with noisy labels.

Greydanus & Kobak (ICML 2024, arXiv 2011.14439), deep-double-descent.ipynb: networks 40-h-h-10 with ReLU and
PyTorch's initialization; 4,000 training rows, of which 15% have random labels (13.95% are then wrong, since
some random labels are right by chance); 12,000 test rows; mean cross-entropy; gradient descent at 0.01 with
momentum 0.9; shuffled minibatches of 100 rows; 500 epochs. Here all seeds share one draw of the label noise.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from verdicts import Row, among_seeds

import jfnn
from famous.picture import Picture, published, resumable, seconds

POINTS = 40
CLASSES = 10
BATCH = 100
NOISE = 0.15
# Published quantity -> score of a sweep, factor, and printed digits.
QUANTITIES = {
    "test error, %": ("test_accuracy", 100, 2),
    "test loss": ("test_loss", 1, 6),
    "train error, %": ("train_accuracy", 100, 2),
}


class Scale(NamedTuple):
    """Size of the computation; widths are indices in the published list."""

    indices: tuple[int, ...] = tuple(range(19))
    seeds: int = 10
    judged: tuple[int, ...] = (7, 11, 12)  # the first minimum and the peak, with enough seeds to judge
    judged_seeds: int = 39
    epochs: int = 500
    rows: int = 16_000


SCALES = {
    "quick": Scale(indices=(0, 7, 12), seeds=2, judged=(), epochs=40, rows=2_000),
    "usual": Scale(),
    "paper": Scale(seeds=39),
}


def run(runs: Path, size: str) -> Picture:
    """Compute errors and losses over the width."""
    scale = SCALES[size]
    figures = published("double-descent")
    split = data(scale.rows)
    results = {}
    for index in scale.indices:
        width = figures["width"][index]
        seeds = scale.judged_seeds if index in scale.judged else scale.seeds
        results[width] = trained(
            width, split, seeds, scale.epochs, resumable(runs, f"double-descent-{width}")
        )
        print(f"{width} units: {sum(results[width].timing.values()):.0f} s", flush=True)
    values = {
        name: {
            width: quantity(result.scores[score][0, 0], score, factor) for width, result in results.items()
        }
        for name, (score, factor, _) in QUANTITIES.items()
    }
    members = sum(result.diverged_at.size for result in results.values())
    steps = scale.epochs * (scale.rows // 4 // BATCH)
    description = f"{members} networks of {len(results)} widths, {steps:,} steps each"
    return Picture(
        draw(values, figures), table_rows(values, figures), description, seconds(*results.values())
    )


def data(rows: int) -> jfnn.Split:
    """Generate MNIST-1D as in the notebook: a quarter of the rows for training, with noisy labels."""
    from mnist1d.data import get_dataset_args, make_dataset

    arguments = get_dataset_args()
    arguments.num_samples = rows
    arguments.train_split = 0.25
    made = make_dataset(arguments)
    rng = np.random.default_rng(0)
    labels = np.array(made["y"])
    wrong = rng.random(len(labels)) < NOISE
    labels[wrong] = rng.integers(0, CLASSES, wrong.sum())
    x_train, x_test = (np.asarray(made[name], np.float32) for name in ("x", "x_test"))
    return jfnn.Split(x_train, labels, x_test, made["y_test"])


def trained(
    width: int, split: jfnn.Split, seeds: int, epochs: int, directory: dict[str, Any]
) -> jfnn.SweepResult:
    """Train networks of one width."""
    return jfnn.sweep(
        jfnn.mlp((POINTS, width, width, CLASSES), "relu", init="pytorch"),
        split,
        learning_rate=0.01,
        optimizer=jfnn.Optimizer("sgd", momentum=0.9),
        reduction="mean",
        gradient="backprop",
        epochs=epochs,
        batch_size=jfnn.Minibatches(BATCH, "permutation"),
        seeds=seeds,
        execution=jfnn.Execution(keep_params="none"),
        **directory,
    )


def quantity(score: np.ndarray, name: str, factor: float) -> np.ndarray:
    """Return a published quantity from a score: errors from accuracies."""
    return factor * (1 - score if name.endswith("accuracy") else score)


def table_rows(values: Mapping[str, Mapping[int, np.ndarray]], figures: dict[str, Any]) -> list[Row]:
    """Compare each published figure with the seeds, and the widths of the peak and of the least loss."""
    return [
        among_seeds(
            f"{width} units: {name}",
            figures[name][figures["width"].index(width)],
            by_width[width],
            QUANTITIES[name][2],
            "one run, another draw of the noise",
        )
        for name, by_width in values.items()
        for width in by_width
    ]


def draw(values: Mapping[str, Mapping[int, np.ndarray]], figures: dict[str, Any]) -> Figure:
    """Draw means over seeds, a band that contains all seeds, and the published run."""
    figure = Figure(figsize=(7.2, 3.2), layout="constrained")
    for axes, names in zip(
        figure.subplots(1, 2), (("test error, %", "train error, %"), ("test loss",)), strict=True
    ):
        for name in names:
            widths = list(values[name])
            line = axes.plot(widths, [values[name][width].mean() for width in widths], label=f"{name}, mean")[
                0
            ]
            low, high = ([edge(values[name][width]) for width in widths] for edge in (np.min, np.max))
            axes.fill_between(widths, low, high, color=line.get_color(), alpha=0.25, linewidth=0)
            axes.plot(figures["width"], figures[name], ".", color=line.get_color(), label="published run")
        axes.set(
            xscale="log",
            xlabel="units of each hidden layer",
            ylabel="error, %" if len(names) > 1 else names[0],
        )
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small", frameon=False)
    return figure
