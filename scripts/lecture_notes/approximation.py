"""The notes' section on universal approximation: one hidden layer of sigmoids fitted on [0, 1]."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from verdicts import Row, claim

import jfnn
from lecture_notes.gates import ALONE
from lecture_notes.replay import Replay


def approximation(replay: Replay) -> list[Row]:
    """Show that the error of networks with a linear output decreases with their width."""
    x = np.linspace(0, 1, 128)[:, None]
    between = np.linspace(0, 1, 999)[:, None]
    split = jfnn.Split(x, _function(x), between, _function(between))
    widths = replay.repeats.widths
    fits = replay.repeats.fits
    errors = []
    for width in widths:
        result = jfnn.sweep(
            jfnn.mlp((1, width, 1), activation="sigmoid", init="normal"),
            split,
            learning_rate=0.03,
            epochs=1000,
            batch_size=None,
            seeds=fits,
            loss="quadratic",
            reduction="mean",
            optimizer="adam",
            initial_params=_steep_starts(width, fits),
            execution=dataclasses.replace(ALONE, keep_params="none"),
        )
        errors.append(np.sqrt(2 * result.test_loss[0, 0]))
    medians = np.median(errors, axis=1)
    replay.save(_error_against_width(widths, errors), "approximation", "|x - 0.4| + exp(-x) sin 3πx")
    reason = f"root mean square between the points, median of {fits} starts"
    falls = bool((np.diff(medians) < 0).all())
    return [
        claim(f"error with {width:2} hidden units", "falls with width", f"{median:.4f}", falls, reason)
        for width, median in zip(widths, medians, strict=True)
    ]


def _function(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(x - 0.4) + np.exp(-x) * np.sin(3 * np.pi * x))


def _steep_starts(width: int, fits: int) -> tuple[jfnn.Layer, ...]:
    """Return sigmoids ``f(w (x - u))``, u uniform, steep enough to bend in [0, 1]; leading seed axis."""

    def start(seed: int) -> tuple[jfnn.Layer, ...]:
        rng = np.random.default_rng((seed, width))
        slopes = 20 * rng.normal(size=width)
        positions = rng.uniform(size=width)
        return (
            jfnn.Layer(jnp.asarray(slopes[None]), jnp.asarray(-slopes * positions)),
            jfnn.Layer(jnp.asarray(rng.normal(size=(width, 1)) / np.sqrt(width)), jnp.zeros(1)),
        )

    starts: tuple[jfnn.Layer, ...] = jax.tree.map(lambda *leaves: np.stack(leaves), *map(start, range(fits)))
    return starts


def _error_against_width(widths: tuple[int, ...], errors: list[np.ndarray]) -> Figure:
    figure = Figure(figsize=(4.8, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.loglog(widths, errors, ".", color="0.6")
    axes.loglog(widths, np.median(errors, axis=1), "o-", label=f"median of {len(errors[0])} starts")
    axes.set_xscale("log", base=2)
    axes.set_xticks(widths, [str(width) for width in widths])
    axes.set(xlabel="hidden units", ylabel="root mean square error")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure
