"""The edge of stability of stochastic gradient descent: batch sharpness climbs to 2/η for every batch size.

Andreyev & Beneventano (2024, arXiv 2412.20553): batch sharpness is the curvature of a minibatch's loss along
that minibatch's gradient, ``gᵀ H g / |g|²``, averaged over minibatches. Stochastic gradient descent with a
rate η holds it at 2/η, whatever the batch size; the largest eigenvalue of the Hessian on all rows, which full
gradient descent holds there (`edge`), stays below, the further the smaller the batches. Theirs are, among
others, networks of two hidden layers with ReLU on 8,192 images of CIFAR-10 and the squared error.

A network 40-100-100-10 has 15,000 products a row; times 2 operations, times 3 (forward, backward to both
factors), 20,000 steps of 340 rows over the four batch sizes, three rates and three seeds are 5.5e12
operations: 55 s at the 100 GFLOP/s of two cores. Curvatures take another 3.4e12, three gradients a product.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from verdicts import Row

import jfnn
from famous.picture import Picture, published, resumable, seconds, statement
from jfnn.plots.panels import legend_below, ordered_colours

ROWS = 1_000
UNITS = 100
ITERATIONS = 15  # of Lanczos
MEASURED = 12_800  # rows of all minibatches of a measurement, but no more than MOST minibatches
MOST = 200
COST: dict[str, Any] = {"loss": "quadratic", "reduction": "mean"}


class Scale(NamedTuple):
    """Size of the computation."""

    steps: int = 20_000
    evaluations: int = 16
    batch_sizes: tuple[int, ...] = (4, 16, 64, 256)
    rates: tuple[float, ...] = (0.1, 0.2, 0.4)
    seeds: int = 3


SCALES = {
    "quick": Scale(steps=1_000, evaluations=4, batch_sizes=(16, 64), seeds=1),
    "usual": Scale(),
    "paper": Scale(steps=150_000, seeds=5),
}


class Curves(NamedTuple):
    """Curvatures over 2/η along training ``[batch size, rate, seed, evaluations]``, NaN after divergence."""

    steps: np.ndarray  # [batch size, evaluations]
    along: np.ndarray  # batch sharpness
    largest: np.ndarray  # eigenvalue on all rows

    def last(self) -> tuple[np.ndarray, np.ndarray]:
        """Both in the end ``[batch size, rate]``: medians over the last quarter, means over seeds."""
        quarter = self.along.shape[-1] // 4
        along, largest = (
            np.nanmean(np.median(values[..., -quarter:], axis=-1), axis=-1)
            for values in (self.along, self.largest)
        )
        return along, largest


def run(runs: Path, size: str) -> Picture:
    """Batch sharpness and the largest eigenvalue for a range of rates and batch sizes."""
    scale = SCALES[size]
    results = {
        batch: trained(scale, batch, resumable(runs, f"stochastic-edge-{batch}"))
        for batch in scale.batch_sizes
    }
    curves = measured(results)
    rows = table_rows(scale, curves, published("stochastic-edge")["statements"], size != "quick")
    members = sum(result.diverged_at.size for result in results.values())
    description = f"{members} networks, {scale.steps:,} steps each, without their curvatures"
    return Picture(draw(scale, curves), rows, description, seconds(*results.values()))


def network() -> jfnn.Network:
    """The network of all runs."""
    return jfnn.mlp((40, UNITS, UNITS, 10), "relu", init="pytorch")


def data() -> jfnn.Split:
    """The first rows of MNIST-1D."""
    split = jfnn.datasets.mnist1d()
    return jfnn.Split(split.x_train[:ROWS], split.y_train[:ROWS])


def trained(scale: Scale, batch: int, directory: dict[str, Any]) -> jfnn.SweepResult:
    """Networks of one batch size, kept at every evaluation."""
    steps = ROWS // batch
    epochs = scale.steps // steps
    every = np.linspace(0, epochs, scale.evaluations + 1).astype(int)[1:]
    return jfnn.sweep(
        network(),
        data(),
        learning_rate=scale.rates,
        seeds=scale.seeds,
        gradient="backprop",
        epochs=epochs,
        batch_size=jfnn.Minibatches(batch, "permutation"),
        execution=jfnn.Execution(eval_every=every.tolist(), keep_params="evaluations"),
        **COST,
        **directory,
    )


def measured(results: dict[int, jfnn.SweepResult]) -> Curves:
    """Curvatures of all networks at all evaluations; minibatches are drawn anew, the same for all."""
    rng = np.random.default_rng(0)
    split = data()
    steps, along, largest = [], [], []
    for batch, result in results.items():
        count = min(MOST, MEASURED // batch)
        batches = np.stack([rng.choice(ROWS, batch, replace=False) for _ in range(count)])
        given = (network(), result.params, split.x_train, split.y_train)
        rates = np.broadcast_to(result.learning_rate[:, None, None], result.history["train_loss"][:, 0].shape)
        half = np.where(np.isfinite(result.history["train_loss"][:, 0]), rates / 2, np.nan)
        along.append(half * jfnn.analysis.batch_sharpness(*given, batches, **COST)[:, 0])
        values = jfnn.analysis.sharpness(*given, **COST, iterations=ITERATIONS).eigenvalues
        largest.append(half * values[:, 0, ..., 0])
        steps.append(result.evaluations * (ROWS // batch))
    return Curves(*map(np.stack, (steps, along, largest)))


def table_rows(scale: Scale, curves: Curves, said: dict[str, str], decided: bool) -> list[Row]:
    """Where batch sharpness settles, and the largest eigenvalue beside it."""
    along, largest = curves.last()
    inside = (along >= 0.8) & (along <= 1.25)
    below = largest < along
    rising = bool((np.diff(largest, axis=0) >= -0.02).all())
    diverged = int(np.isnan(curves.along[..., -1]).sum())
    levels = ", ".join(
        f"{values.min():.2f} to {values.max():.2f} at {batch}"
        for batch, values in zip(scale.batch_sizes, largest, strict=True)
    )
    cells = f"{along.size} rates and batch sizes, median of the last quarter, mean of {scale.seeds} seeds"
    cells += f" ({diverged} of {along.size * scale.seeds} networks diverged)" if diverged else ""
    return [
        statement(
            "batch sharpness over 2/η",
            said["settles"],
            f"{along.min():.2f} to {along.max():.2f}",
            bool(inside.all()),
            f"0.8 to 1.25 at each of {cells}",
            decided,
        ),
        statement(
            "largest eigenvalue over 2/η, by batch size",
            said["suppressed"],
            levels,
            rising and bool(below.mean() >= 0.9),
            "no smaller for larger batches, up to 0.02, and below batch sharpness at 90% of rates and batch"
            f" sizes; here at {below.mean():.0%}",
            decided,
        ),
    ]


def draw(scale: Scale, curves: Curves) -> Figure:
    """Both curvatures along training, a panel for each batch size; means over seeds."""
    figure = Figure(figsize=(8.0, 3.2), layout="constrained")
    grid = figure.subplots(1, len(scale.batch_sizes), sharey=True, squeeze=False)[0]
    colours = ordered_colours(len(scale.rates))
    for i, (axes, batch) in enumerate(zip(grid, scale.batch_sizes, strict=True)):
        for rate, colour, along, largest in zip(
            scale.rates, colours, curves.along[i], curves.largest[i], strict=True
        ):
            axes.plot(curves.steps[i], np.nanmean(along, axis=0), color=colour, label=f"{rate:g}")
            axes.plot(curves.steps[i], np.nanmean(largest, axis=0), color=colour, linestyle=":")
        axes.axhline(1, color="black", linestyle="--", linewidth=0.8)
        axes.set_title(f"{batch} rows a step", fontsize="medium")
        axes.set(xlabel="steps", ylim=(0, 1.4))
        axes.xaxis.set_major_formatter(lambda steps, _: f"{steps / 1000:g}k")
        axes.grid(alpha=0.3)
    grid[0].set_ylabel("curvature × η/2")
    legend_below(figure, grid[0], title="rate η; solid: batch sharpness, dotted: largest eigenvalue")
    return figure
