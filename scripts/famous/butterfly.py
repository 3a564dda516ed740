"""One weight moved during training, and how far apart the two networks end: the butterfly effect.

Kwok, Altıntaş, Raffel & Rolnick (2025, arXiv 2506.13234): a network is trained until step t, a copy is moved
by σ, both are trained on with the same minibatches, and the barrier of the training loss on the straight line
between their ends says whether they found the same solution. Theirs are residual networks on images; here it
is the notes' network 64-50-10 on the digits at λ = 0.1 and two learning rates: 0.001, a row of the notes'
grid that reproduces digit for digit, and 0.01, where training is chaotic. Weights start with a standard
deviation of 1, which is the unit of σ. Barriers are relative to those between networks of two seeds,
distances to the length of all numbers of a network.

A network has 3,700 products a row; times 2 operations, times 3 (forward, backward to both factors), 1,400
rows and 100 epochs are 3.1e9 operations; 100 seeds, two rates, five networks (four σ and one that is not
moved) and five times t, after which 83 epochs are left in the mean, are 1.3e13 operations: 130 s at the 100
GFLOP/s of two cores.
"""

import functools
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from lecture_notes.replay import AXIS, BATCH_SIZE, EPOCHS, GRADIENT, REDUCTION, SIZES, STEPS
from matplotlib.figure import Figure
from verdicts import Row

import jfnn
from famous.picture import Picture, published, resumable, seconds, statement
from jfnn.plots.panels import legend_below, ordered_colours

RATES = (2, 3)  # indices of 0.001 and 0.01 on the notes' axis
PENALTY = 4  # index of 0.1
NETWORK = jfnn.mlp(SIZES, "sigmoid", init="normal")
POINTS = 11  # on the line between two networks
APART = 0.1  # of the barrier between two seeds, or of the length: from here on two networks have parted
VARIES = 1.0  # least standard deviation of a pixel whose weights are moved
Params = Any


class Scale(NamedTuple):
    """Size of the computation."""

    seeds: int = 100
    epochs: int = EPOCHS
    times: tuple[int, ...] = (0, 1, 4, 16, 64)  # epochs before the weight is moved
    sigmas: tuple[float, ...] = (1e-6, 1e-4, 1e-2, 1.0)


SCALES = {
    "quick": Scale(seeds=8, epochs=20, times=(0, 4, 16), sigmas=(1e-4, 1.0)),
    "usual": Scale(),
    "paper": Scale(seeds=400),
}


class Ends(NamedTuple):
    """How far apart pairs of networks end, NaN where one diverged."""

    barrier: np.ndarray  # [rate, time, sigma, seed], over that between two seeds
    distance: np.ndarray  # [rate, time, sigma, seed], over the length of all numbers
    others: np.ndarray  # [rate], the barrier between two seeds, the median


def run(runs: Path, size: str) -> Picture:
    """Barriers and distances over the time and the size of a move."""
    scale = SCALES[size]
    split = jfnn.datasets.digits()
    results = []
    pairs = []
    for index in RATES:
        whole = trained(scale, split, index, resumable(runs, f"butterfly-{index}"))
        results.append(whole)
        of_rate = []
        for number, time in enumerate(scale.times):
            starts = moved(scale, split, before(scale, whole, number))
            directory = resumable(runs, f"butterfly-{index}-{time}")
            after = continued(scale, split, index, starts, time, directory)
            results.append(after)
            of_rate.append(apart(scale, split, after))
        pairs.append(of_rate)
        print(f"η = {AXIS[index]:g}: {seconds(*results):.0f} s", flush=True)
    ends = collected(pairs)
    rows = table_rows(scale, ends, published("butterfly")["statements"], size != "quick")
    members = sum(result.diverged_at.size for result in results)
    description = f"{members:,} networks, up to {scale.epochs * STEPS:,} steps each"
    return Picture(draw(scale, ends), rows, description, seconds(*results))


def options(index: int) -> dict[str, Any]:
    """The cell of a learning rate."""
    return {"learning_rate": AXIS[index], "l2": AXIS[PENALTY]}


def trained(scale: Scale, split: jfnn.Split, index: int, directory: dict[str, Any]) -> jfnn.SweepResult:
    """Networks that are not moved, kept at all times but the start."""
    execution = jfnn.Execution(eval_every=[time for time in scale.times if time], keep_params="evaluations")
    return jfnn.sweep(
        NETWORK,
        split,
        seeds=scale.seeds,
        epochs=max(scale.times),
        batch_size=BATCH_SIZE,
        reduction=REDUCTION,
        gradient=GRADIENT,
        execution=execution,
        **options(index),
        **directory,
    )


def before(scale: Scale, whole: jfnn.SweepResult, number: int) -> Params:
    """Parameters of all seeds at a time, those of the starts for the first."""
    if scale.times[number] == 0:
        keys = jax.vmap(jax.random.key)(np.arange(scale.seeds))
        return jax.tree.map(np.array, jax.vmap(NETWORK.init)(keys))
    return jax.tree.map(lambda leaf: np.array(leaf[0, 0, :, number - 1]), whole.params)


def moved(scale: Scale, split: jfnn.Split, params: Params) -> Params:
    """Starts ``[1 + sigmas, seeds]``: not moved, then by each σ a random weight of each seed."""
    rng = np.random.default_rng(0)
    pixels = np.flatnonzero(split.x_train.std(axis=0) >= VARIES)
    pixel = rng.choice(pixels, scale.seeds)
    unit = rng.integers(SIZES[1], size=scale.seeds)
    copies = []
    for sigma in (0.0, *scale.sigmas):
        first = params[0].w.copy()
        first[np.arange(scale.seeds), pixel, unit] += sigma
        copies.append((params[0]._replace(w=first), *params[1:]))
    return jax.tree.map(lambda *leaves: np.stack(leaves), *copies)


def continued(
    scale: Scale, split: jfnn.Split, index: int, starts: Params, time: int, directory: dict[str, Any]
) -> jfnn.SweepResult:
    """Networks trained on from a time, cells ``[1 + sigmas]`` that differ by their starts."""
    return jfnn.sweep(
        NETWORK,
        split,
        cells=[options(index)] * (1 + len(scale.sigmas)),
        seeds=scale.seeds,
        epochs=range(time, scale.epochs),
        batch_size=BATCH_SIZE,
        reduction=REDUCTION,
        gradient=GRADIENT,
        initial_params=starts,
        **directory,
    )


def apart(scale: Scale, split: jfnn.Split, after: jfnn.SweepResult) -> tuple[np.ndarray, np.ndarray, float]:
    """Barriers and relative distances ``[sigma, seed]``, and the median barrier between two seeds."""
    still = jax.tree.map(lambda leaf: leaf[0], after.params)
    changed = jax.tree.map(lambda leaf: leaf[1:], after.params)
    shifted = jax.tree.map(lambda leaf: np.roll(leaf, 1, axis=0), still)
    given = (split.x_train, split.y_train)
    measure = functools.partial(jfnn.analysis.barrier, NETWORK, still, points=POINTS)
    sound = after.diverged_at < 0
    pairs = sound[0] & sound[1:]
    others = np.where(sound[0] & np.roll(sound[0], 1), measure(shifted, *given).height, np.nan)
    squares = [
        (
            ((one - other) ** 2).reshape(*one.shape[:2], -1).sum(axis=-1),
            (other**2).reshape(len(other), -1).sum(axis=-1),
        )
        for one, other in zip(jax.tree.leaves(changed), jax.tree.leaves(still), strict=True)
    ]
    distance = np.sqrt(sum(one for one, _ in squares) / sum(other for _, other in squares))
    barriers = np.where(pairs, measure(changed, *given).height, np.nan)
    return barriers, np.where(pairs, distance, np.nan), float(np.nanmedian(others))


def collected(pairs: list[list[tuple[np.ndarray, np.ndarray, float]]]) -> Ends:
    """The ends of all rates and times; barriers between two seeds are those of the first time."""
    others = np.array([of_rate[0][2] for of_rate in pairs])
    barriers, distances = (np.array([[pair[i] for pair in of_rate] for of_rate in pairs]) for i in (0, 1))
    return Ends(barriers / others[:, None, None, None], distances, others)


def table_rows(scale: Scale, ends: Ends, said: dict[str, str], decided: bool) -> list[Row]:
    """Seeds that the least move parts, at the start and late, by barrier and by distance, at each rate."""
    rows = []
    for i, index in enumerate(RATES):
        of_seeds = f"of that between two seeds ({ends.others[i]:.3g})"
        measures = {"barrier": (ends.barrier[i], of_seeds), "distance": (ends.distance[i], "of the length")}
        for name, (values, unit) in measures.items():
            parted = np.where(np.isnan(values), np.nan, values >= APART)
            share = np.nanmean(parted, axis=-1)  # [time, sigma]
            middle = np.nanmedian(values, axis=-1)
            for time, when, holds, threshold in (
                (0, "early", share[0, 0] >= 0.9, "at least 90%"),
                (-1, "late", share[-1, 0] <= 0.1, "at most 10%"),
            ):
                largest = f"{share[time, -1]:.0%} by {scale.sigmas[-1]:g}"
                rows.append(
                    statement(
                        f"η = {AXIS[index]:g}: seeds that σ = {scale.sigmas[0]:g} parts after"
                        f" {scale.times[time]} epochs, by {name}",
                        said[when],
                        f"{share[time, 0]:.0%}",
                        bool(holds),
                        f"{threshold}; {APART:.0%} {unit} or more; median {middle[time, 0]:.2g}; {largest}",
                        decided,
                    )
                )
    return rows


def draw(scale: Scale, ends: Ends) -> Figure:
    """Barriers and distances over σ, a curve for each time; bands hold half of the seeds."""
    figure = Figure(figsize=(7.2, 4.8), layout="constrained")
    grid = figure.subplots(2, len(RATES), sharex=True, sharey="row")
    colours = ordered_colours(len(scale.times))
    for column, index in enumerate(RATES):
        for axes, values in zip(grid[:, column], (ends.barrier, ends.distance), strict=True):
            for time, colour, of_time in zip(scale.times, colours, values[column], strict=True):
                low, middle, high = np.nanpercentile(of_time, (25, 50, 75), axis=-1)
                axes.plot(scale.sigmas, middle, ".-", color=colour, label=f"{time}")
                axes.fill_between(scale.sigmas, low, high, color=colour, alpha=0.12, linewidth=0)
            axes.set(xscale="log")
            axes.set_xticks(scale.sigmas)
            axes.minorticks_off()
            axes.grid(alpha=0.3)
        grid[0, column].set_title(f"η = {AXIS[index]:g}", fontsize="medium")
        grid[1, column].set(xlabel="σ, move of one weight", yscale="log")
    grid[0, 0].set_ylabel("barrier / that of two seeds")
    grid[1, 0].set_ylabel("distance / length")
    legend_below(figure, grid[0, 0], title="moved after so many epochs")
    return figure
