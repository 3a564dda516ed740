"""Grokking by the scale of the start: networks that fit their rows long before they generalise.

Liu, Michaud & Tegmark (ICLR 2023, arXiv 2210.01117, "Omnigrok"), mnist-grokking.ipynb: a network of two hidden
layers with ReLU, whose PyTorch start is multiplied by α, trained by AdamW at 0.001 on the squared error of one-hot
targets, 200 rows a step. Here on 200 of the digits, with the pixels on [0, 1], over α and the weight decay.
"""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from scipy import stats
from verdicts import Row

import jfnn
from famous.picture import Picture, published, resumable, seconds, statement

ROWS, PIXEL, UNITS = 200, 16, 100
FITS, GENERALISES = 0.99, 0.9  # train and test accuracy
ALPHAS = (0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0)
DECAYS = (0.01, 0.03, 0.1, 0.3, 1.0, 2.0, 3.0)
EVALUATIONS = 60


class Scale(NamedTuple):
    """How much is computed."""

    steps: int = 20_000
    alphas: tuple[float, ...] = ALPHAS
    decays: tuple[float, ...] = DECAYS
    seeds: int = 1


SCALES = {
    "quick": Scale(steps=1_500, alphas=(1.0, 2.0, 4.0), decays=(0.1, 1.0, 3.0)),
    "usual": Scale(),
    "paper": Scale(seeds=3),
}


class Curves(NamedTuple):
    """Accuracies of all networks along training."""

    steps: np.ndarray  # [evaluations]
    train: np.ndarray  # [decay, alpha, seed, evaluations]
    test: np.ndarray

    def reached(self, part: str) -> np.ndarray:
        """Steps to fit the rows ("train") or to generalise ("test") ``[decay, alpha, seed]``; NaN for never."""
        above = self.train >= FITS if part == "train" else self.test >= GENERALISES
        return np.where(above.any(axis=-1), self.steps[above.argmax(axis=-1)], np.nan)


def run(runs: Path, size: str) -> Picture:
    """Steps to fit and to generalise over the scale and the decay, and curves of two networks."""
    scale = SCALES[size]
    result = trained(scale, resumable(runs, "grokking"))
    shape = (len(scale.decays), len(scale.alphas), scale.seeds, -1)
    train, test = (result.history[name][0, 0].reshape(shape) for name in ("train_accuracy", "test_accuracy"))
    curves = Curves(result.history["epoch"], train, test)
    rows = table_rows(scale, curves, published("grokking")["statements"], size != "quick")
    description = f"{result.diverged_at.size} networks, {scale.steps:,} steps each"
    return Picture(draw(scale, curves), rows, description, seconds(result))


def trained(scale: Scale, directory: dict[str, Any]) -> jfnn.SweepResult:
    """Networks of all scales and decays. Starts take the place of seeds: α by α, the seeds of each."""
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
    """Steps to generalise over steps to fit ``[decay, alpha, seed]``; NaN where one is never reached."""
    return np.asarray(curves.reached("test") / curves.reached("train"))


def table_rows(scale: Scale, curves: Curves, said: dict[str, str], decided: bool) -> list[Row]:
    """The published statements."""
    delay, test = delays(curves), curves.reached("test")
    usual = delay[:, scale.alphas.index(1.0)]
    large = [i for i, alpha in enumerate(scale.alphas) if alpha >= 4]
    longest = np.nanmax(delay[:, large], initial=0)
    waited = np.where(np.isfinite(test), test, 2 * scale.steps)[:, large]  # never: later than any
    order = [stats.spearmanr(scale.decays, waited[:, i].mean(axis=-1)).statistic for i in range(len(large))]
    steady = float(np.nanmean(order)) if np.isfinite(order).any() else np.nan
    text = f"{GENERALISES:.0%} of test rows over {FITS:.0%} of train rows, steps"
    return [
        statement(
            "α = 1: longest delay, factor",
            said["usual"],
            f"{np.nanmax(usual, initial=0):.1f}",
            bool(np.nanmax(usual, initial=0) < 3),
            f"below 3; {text}; over weight decays",
            decided,
        ),
        statement(
            "α ≥ 4: longest delay, factor",
            said["large"],
            f"{longest:.1f}",
            longest >= 5,
            "at least 5",
            decided,
        ),
        statement(
            "α ≥ 4: rank correlation of weight decay and the step that generalises",
            said["decay"],
            f"{steady:.2f}",
            steady <= -0.7,
            "at most -0.7, mean over α; networks that never do count as last",
            decided,
        ),
    ]


def draw(scale: Scale, curves: Curves) -> Figure:
    """Steps to fit, steps to generalise, and the curves of a usual start and of the longest delay."""
    figure = Figure(figsize=(7.2, 5.6), layout="constrained")
    maps, lines = figure.subplots(2, 2)
    levels = np.log10([1, scale.steps])
    for axes, part, title in zip(
        maps, ("train", "test"), (f"{FITS:.0%} of train rows", f"{GENERALISES:.0%} of test rows"), strict=True
    ):
        reached = curves.reached(part)
        known = np.isfinite(reached).any(axis=-1)
        steps = np.full(known.shape, np.nan)
        steps[known] = np.log10(np.nanmean(reached[known], axis=-1))
        axes.set_facecolor("0.8")
        mesh = axes.pcolormesh(steps, vmin=levels[0], vmax=levels[1], cmap="viridis")
        axes.set_xticks(np.arange(len(scale.alphas)) + 0.5, [f"{alpha:g}" for alpha in scale.alphas])
        axes.set_yticks(np.arange(len(scale.decays)) + 0.5, [f"{decay:g}" for decay in scale.decays])
        axes.set(title=title, xlabel="scale of the start α")
    maps[0].set_ylabel("weight decay")
    figure.colorbar(mesh, ax=maps, label="log₁₀ steps; grey: never")
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
