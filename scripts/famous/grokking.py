"""Grokking by the initialization scale: networks that fit the training rows long before they generalize.

Liu, Michaud & Tegmark (ICLR 2023, arXiv 2210.01117, "Omnigrok"), mnist-grokking.ipynb: two hidden layers with
ReLU, PyTorch's initial weights multiplied by α, AdamW at 0.001 on the squared error of one-hot targets, 200
rows per step. Here on 200 digits with pixels in [0, 1], over α and the weight decay.
"""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from verdicts import Row

import jfnn
from famous.picture import Picture, published, resumable, seconds, statement

ROWS = 200
PIXEL = 16
UNITS = 100
FITS = 0.99  # training accuracy
GENERALIZES = 0.9  # test accuracy
LARGE = 4  # initialization scale that delays generalization
ALPHAS = (0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0)
DECAYS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
EVALUATIONS = 60


class Scale(NamedTuple):
    """Size of the computation."""

    steps: int = 20_000
    alphas: tuple[float, ...] = ALPHAS
    decays: tuple[float, ...] = DECAYS
    seeds: int = 1


SCALES = {
    "quick": Scale(steps=1_500, alphas=(1.0, 2.0, 4.0), decays=(0.2, 0.8, 3.2)),
    "usual": Scale(),
    "paper": Scale(seeds=3),
}


class Curves(NamedTuple):
    """Accuracies of all networks during training."""

    steps: np.ndarray  # [evaluations]
    train: np.ndarray  # [decay, alpha, seed, evaluations]
    test: np.ndarray

    def reached(self, part: str) -> np.ndarray:
        """Return steps to fit ("train") or generalize ("test") ``[decay, alpha, seed]``; NaN for never."""
        above = self.train >= FITS if part == "train" else self.test >= GENERALIZES
        return np.where(above.any(axis=-1), self.steps[above.argmax(axis=-1)], np.nan)


def run(runs: Path, size: str) -> Picture:
    """Compute steps to fit and to generalize over scale and decay, and the curves of two networks."""
    scale = SCALES[size]
    result = trained(scale, resumable(runs, "grokking"))
    shape = (len(scale.decays), len(scale.alphas), scale.seeds, -1)
    train, test = (result.history[name][0, 0].reshape(shape) for name in ("train_accuracy", "test_accuracy"))
    curves = Curves(result.evaluations, train, test)
    rows = table_rows(scale, curves, published("grokking")["statements"], size != "quick")
    description = f"{result.diverged_at.size} networks, {scale.steps:,} steps each"
    return Picture(draw(scale, curves), rows, description, seconds(result))


def trained(scale: Scale, directory: dict[str, Any]) -> jfnn.SweepResult:
    """Train networks of all scales and decays; the seed axis lists the seeds of each α in turn."""
    digits = jfnn.datasets.digits()
    split = jfnn.Split(
        digits.x_train[:ROWS] / PIXEL, digits.y_train[:ROWS], digits.x_test / PIXEL, digits.y_test
    )
    network = jfnn.mlp((split.x_train.shape[1], UNITS, UNITS, 10), "relu", init="pytorch")
    drawn = jax.vmap(network.init)(jax.vmap(jax.random.key)(jnp.arange(scale.seeds)))
    starts = jax.tree.map(lambda leaf: jnp.concatenate([alpha * leaf for alpha in scale.alphas]), drawn)
    evaluated = np.unique(np.geomspace(1, scale.steps, EVALUATIONS).astype(int))
    return jfnn.sweep(
        network,
        split,
        learning_rate=1e-3,
        optimizer=jfnn.Optimizer("adamw", weight_decay=scale.decays),
        loss="quadratic",
        reduction="mean",
        gradient="backprop",
        epochs=scale.steps,
        batch_size=None,
        initial_params=starts,
        seeds=len(scale.alphas) * scale.seeds,
        execution=jfnn.Execution(eval_every=evaluated.tolist(), keep_params="none"),
        **directory,
    )


def delays(curves: Curves) -> np.ndarray:
    """Return steps to generalize over steps to fit ``[decay, alpha, seed]``; NaN if not reached."""
    return np.asarray(curves.reached("test") / curves.reached("train"))


def exponent(decays: tuple[float, ...], steps: np.ndarray) -> float:
    """Return the mean slope of log steps ``[decay, …]`` over log decay, for starts with at least 3 points."""
    slopes = []
    for column in steps.reshape(len(decays), -1).T:
        known = np.isfinite(column)
        if known.sum() >= 3:
            slopes.append(np.polyfit(np.log(np.asarray(decays)[known]), np.log(column[known]), 1)[0])
    return float(np.mean(slopes)) if slopes else float("nan")


def table_rows(scale: Scale, curves: Curves, said: dict[str, Any], decided: bool) -> list[Row]:
    """Return the rows of the published statements."""
    delay = delays(curves)
    test = curves.reached("test")
    large = [i for i, alpha in enumerate(scale.alphas) if alpha >= LARGE]
    usual = float(np.nanmax(delay[:, scale.alphas.index(1.0)], initial=0))
    longest = float(np.nanmax(delay[:, large], initial=0))
    slope = exponent(scale.decays, np.where(delay >= 2, test, np.nan)[:, large])
    text = f"steps to {GENERALIZES:.0%} test accuracy over steps to {FITS:.0%} training accuracy"
    return [
        statement(
            "longest delay at α = 1, a factor",
            said["usual"],
            f"{usual:.1f}",
            usual < 2,
            f"below 2; {text}; over weight decays",
            decided,
        ),
        statement(
            f"longest delay at α ≥ {LARGE}, a factor",
            said["large"],
            f"{longest:.1f}",
            longest >= 5,
            f"at least 5; {text}; over weight decays and α",
            decided,
        ),
        statement(
            "exponent of the weight decay in the steps to generalize",
            f"{said['exponent']}",
            f"{slope:.2f}",
            abs(slope - said["exponent"]) <= 0.25,
            f"within 0.25; α ≥ {LARGE}, for three or more decays with a delay of 2 or more",
            decided,
        ),
    ]


def draw(scale: Scale, curves: Curves) -> Figure:
    """Draw steps to fit and to generalize, and the curves of a usual start and of the longest delay."""
    figure = Figure(figsize=(7.2, 5.6), layout="constrained")
    maps, lines = figure.subplots(2, 2)
    levels = np.log10([1, scale.steps])
    for axes, part, title in zip(
        maps, ("train", "test"), (f"{FITS:.0%} in training", f"{GENERALIZES:.0%} in testing"), strict=True
    ):
        reached = curves.reached(part)
        known = np.isfinite(reached).any(axis=-1)
        steps = np.full(known.shape, np.nan)
        steps[known] = np.log10(np.nanmean(reached[known], axis=-1))
        axes.set_facecolor("0.8")
        mesh = axes.pcolormesh(steps, vmin=levels[0], vmax=levels[1], cmap="viridis")
        axes.set_xticks(np.arange(len(scale.alphas)) + 0.5, [f"{alpha:g}" for alpha in scale.alphas])
        axes.set_yticks(np.arange(len(scale.decays)) + 0.5, [f"{decay:g}" for decay in scale.decays])
        axes.set(title=title, xlabel="initialization scale α")
    maps[0].set_ylabel("weight decay")
    figure.colorbar(mesh, ax=maps, label="log₁₀ steps; gray: never")
    delay = np.nan_to_num(delays(curves).mean(axis=-1))
    usual = (int(delay[:, scale.alphas.index(1.0)].argmax()), scale.alphas.index(1.0))
    longest = np.unravel_index(delay.argmax(), delay.shape)
    for axes, (i, j) in zip(lines, (usual, longest), strict=True):
        axes.semilogx(curves.steps, curves.train[i, j, 0], label="train")
        axes.semilogx(curves.steps, curves.test[i, j, 0], label="test")
        axes.set(xlabel="steps", title=f"α = {scale.alphas[j]:g}, weight decay {scale.decays[i]:g}")
        axes.grid(alpha=0.3)
    lines[0].set_ylabel("accuracy")
    lines[0].legend(loc="lower right", frameon=False)
    return figure
