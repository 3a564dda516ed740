"""Growth of rounding errors in training, which keep one row of the notes' grid from exact reproduction.

The exponents of reproducible rows are near 0, and mostly above. One reason is that adding a number to all
output biases does not change the softmax, so one difference in each network never decays. It is not the only
reason: differences of the probabilities, which do not depend on that number, mostly grow a little too. The
two kinds of row differ in how much a rounding error grows in the run, not in the sign of the exponent.

Exponents describe tangents: infinitesimal differences, which grow without limit. An actual rounding error
grows until it is as large as the parameters, about 10^15 times its size, and then saturates. Much of the
growth in the chaotic row happens early, so exponents over the second half of the run are shown too.
"""

from typing import Any

import jax
import matplotlib
import numpy as np
from jax.flatten_util import ravel_pytree
from matplotlib.figure import Figure
from verdicts import Row, claim

import jfnn
from lecture_notes.replay import AXIS, CHAOTIC_RATE, EPOCHS, GRADIENT, REDUCTION, STEPS, Replay

# Half decades, up to the saturated row.
RATES = np.logspace(-5, -1, 9)
# A rounding error that grows to 1e-6 changes no count of correct predictions; growing to 1 changes all.
ROUNDING = np.finfo(np.float64).eps
HARMLESS = np.log(1e-6 / ROUNDING)
COMPLETE = np.log(1 / ROUNDING)
DIRECTIONS = 4  # perturbed initial weights whose probabilities are tracked
COLORS = {"exact": "tab:green", "chaotic": "tab:red", "saturated": "tab:gray"}


def exponents(replay: Replay) -> list[Row]:
    """Compute Lyapunov exponents over the learning rate, and the growth of a rounding error."""
    epochs = replay.repeats.growth_epochs
    measured = jfnn.lyapunov(
        replay.network,
        replay.split,
        learning_rate=RATES,
        l2=AXIS,
        epochs=epochs,
        batches=replay.batches[0],
        initial_params=replay.start,
        reduction=REDUCTION,
        gradient=GRADIENT,
    )
    whole = measured.exponent[..., 0]
    later = measured.exponent_after(epochs // 2)[..., 0]
    probabilities = probability_growth(replay)
    replay.save(picture(replay, whole, later, probabilities), "exponents")
    return [
        _exponents_row(replay, "exact", whole, later),
        probabilities_row(replay, probabilities),
        _exponents_row(replay, "chaotic", whole, later),
    ]


def _exponents_row(replay: Replay, kind: str, whole: np.ndarray, later: np.ndarray) -> Row:
    """Return the verdict on the exponents ``[rates, λ]`` of a kind of cell, over all and the later epochs."""
    # Every second rate belongs to the grid.
    kinds = np.array([[cell.kind for cell in row] for row in replay.cells[: len(RATES[::2])]])
    values = whole[::2][kinds == kind]
    second_half = later[::2][kinds == kind]
    here = f"{_range(values)}; second half {_range(second_half)}"
    step = f"per step, over {replay.repeats.growth_epochs} epochs; in {EPOCHS * STEPS} such steps"
    least = np.nanmin(values) * EPOCHS * STEPS
    most = values.max() * EPOCHS * STEPS
    name = f"{kind} cells' exponents"
    if kind == "exact":
        reason = f"{step} a rounding grows by at most {_power(most)}"
        return claim(name, "counts reproduce", here, bool(most < HARMLESS), reason)
    growth = rounding_growth(replay)
    reason = (
        f"{step} a tangent grows by at least {_power(least)}, and a rounding error until it saturates:"
        f" parameters of runs that differ by one rounding differ {_power(growth.min())} to"
        f" {_power(growth.max())} times as much in the end"
    )
    return claim(name, "counts depend on rounding", here, bool(least > COMPLETE), reason)


def _trained(replay: Replay, starts: Any, **options: Any) -> jfnn.SweepResult:
    """Train from several starts (leading axis) on the notes' minibatches, over the epochs of growth."""
    count = len(jax.tree.leaves(starts)[0])
    batches = np.broadcast_to(replay.batches[0], (count, *replay.batches[0].shape))
    options |= {"epochs": replay.repeats.growth_epochs, "seeds": count, "l2": AXIS}
    return replay.sweep(batches=batches, initial_params=starts, **options)


def rounding_growth(replay: Replay) -> np.ndarray:
    """Return the log growth of one rounding of the initial parameters, in the chaotic row ``[λ]``."""
    starts = jax.tree.map(lambda leaf: np.stack([leaf, np.nextafter(leaf, np.inf)]), replay.start)
    trained = _trained(replay, starts, learning_rate=CHAOTIC_RATE)
    before, after = (
        np.concatenate([np.reshape(leaf, (*cells, 2, -1)) for leaf in jax.tree.leaves(params)], axis=-1)
        for params, cells in ((starts, ()), (trained.params, (len(AXIS),)))
    )
    apart = [np.linalg.norm(params[..., 1, :] - params[..., 0, :], axis=-1) for params in (before, after)]
    return np.asarray(np.log(apart[1] / apart[0]))


def probability_growth(replay: Replay) -> np.ndarray:
    """Return the growth per step of small initial differences in the probabilities, in the exact rows.

    This is ``log(|P' - P| / |P'_0 - P_0|)`` over the number of steps ``[rates, λ, directions]``, with the
    probabilities of all images at the end and start of two runs whose initial weights differ slightly.
    """
    start, unravel = ravel_pytree(replay.start)
    drawn = np.random.default_rng(0).normal(size=(DIRECTIONS, start.size))
    # The same distance as in the library: errors from curvature and from rounding are then about equal.
    distance = np.sqrt(np.finfo(start.dtype).eps) * np.linalg.norm(start)
    apart = distance * drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    starts = jax.vmap(unravel)(start + np.vstack([np.zeros_like(start), apart]).astype(start.dtype))
    trained = _trained(replay, starts, learning_rate=replay.rates("exact"))
    before = _differences(replay, starts)
    after = _differences(replay, trained.params)
    return np.asarray(np.log(after / before) / (replay.repeats.growth_epochs * STEPS))


def _differences(replay: Replay, params: Any) -> np.ndarray:
    """Return ``|P' - P|`` over all images, for parameters ``[…, 1 + directions]``, the notes' run first."""
    x = np.concatenate([replay.split.x_train, replay.split.x_test])
    leading = jax.tree.leaves(params)[-1].shape[:-1]
    flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[len(leading) :]), params)
    probabilities = jax.lax.map(lambda member: jfnn.predict_proba(replay.network, member, x), flat)
    p = np.asarray(probabilities, np.float64).reshape(*leading, -1)
    return np.asarray(np.linalg.norm(p[..., 1:, :] - p[..., :1, :], axis=-1))


def probabilities_row(replay: Replay, growth: np.ndarray) -> Row:
    """Return the verdict whether probability differences grow too little to change a count."""
    steps = replay.repeats.growth_epochs * STEPS
    grown = growth.max() * steps
    return claim(
        "exact cells' probabilities",
        "counts reproduce",
        _range(growth),
        bool(grown < HARMLESS),
        f"per step, over {replay.repeats.growth_epochs} epochs, {DIRECTIONS} perturbed starts per cell:"
        f" {(growth > 0).sum()} of {growth.size} above 0; in {steps} steps a difference grows by at most"
        f" {_power(grown)}",
    )


def _range(values: np.ndarray) -> str:
    return f"{np.nanmin(values):+.1e} to {np.nanmax(values):+.1e}"


def _power(logarithm: float) -> str:
    return f"10^{logarithm / np.log(10):.1f}"


def picture(replay: Replay, whole: np.ndarray, later: np.ndarray, probabilities: np.ndarray) -> Figure:
    """Plot exponents ``[rates, λ]`` against the learning rate, below the published test accuracy.

    Args:
        replay: The replay of the notes.
        whole: Exponents over all epochs, drawn as lines.
        later: Exponents over the second half, dashed.
        probabilities: Result of `probability_growth`; bars span its range.
    """
    figure = Figure(figsize=(6.5, 6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    colors = matplotlib.colormaps["viridis"](np.linspace(0, 0.9, len(AXIS)))
    published = np.array([[cell.test for cell in row] for row in replay.cells]) / replay.n_rows[1]
    for j, (l2, color) in enumerate(zip(AXIS, colors, strict=True)):
        upper.plot(AXIS, published[:, j], "o-", color=color, ms=3, lw=1)
        lower.plot(RATES, whole[:, j], "o-", color=color, ms=3, lw=1, label=f"λ = {l2:g}")
        lower.plot(RATES, later[:, j], "--", color=color, lw=0.8)
    for kind, color in COLORS.items():
        rates = replay.rates(kind)
        for rate in rates:
            for axes in (upper, lower):
                axes.axvspan(rate / 10**0.5, rate * 10**0.5, color=color, alpha=0.12, lw=0)
        middle = np.exp(np.mean(np.log(rates)))
        upper.text(middle, 1.03, kind, color=color, ha="center", transform=upper.get_xaxis_transform())
    upper.set(xscale="log", xlim=(RATES[0] / 1.8, RATES[-1] * 1.8), ylabel="test accuracy, published")
    lower.plot([], [], "--", color="black", lw=0.8, label="second half of training")
    ends = probabilities.min(axis=(1, 2)), probabilities.max(axis=(1, 2))
    lower.vlines(replay.rates("exact"), *ends, color="black", lw=5, alpha=0.3, label="of the probabilities")
    lower.axhline(0, color="black", lw=0.6)
    lower.set_yscale("symlog", linthresh=1e-3)
    lower.set_ylim(bottom=-1)  # room for the legend
    lower.set(xlabel="learning rate η", ylabel="Lyapunov exponent per step")
    lower.legend(fontsize="small", loc="lower left", ncols=3)
    return figure
