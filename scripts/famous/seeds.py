"""The accuracy of one network over thousands of seeds, against the binomial of its test rows.

Picard (2021, arXiv 2109.08203) trained 10,000 networks that differ by their seed alone; Jordan (2023, arXiv
2304.01910) explains the spread: networks err on test rows independently, on each with its own probability.
Here it is the lecture notes' network 64-50-10 on the digits, at η = 0.01 and λ = 0.1.
"""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from lecture_notes.replay import AXIS, BATCH_SIZE, EPOCHS, GRADIENT, Replay
from matplotlib.figure import Figure
from scipy import stats
from verdicts import Row, among_seeds

import jfnn
from famous.picture import PUBLISHED, Picture, published, resumable, seconds, statement

ETA, LAMBDA = 3, 4  # places of 0.01 and 0.1 on the notes' axis
AT_ONCE = 500  # networks whose outputs are computed together


class Scale(NamedTuple):
    """How much is computed."""

    seeds: int = 10_000
    epochs: int = EPOCHS


SCALES = {"quick": Scale(seeds=30), "usual": Scale(), "paper": Scale()}


def run(runs: Path, size: str) -> Picture:
    """The distribution of right answers, and of how often each test row is right."""
    scale, replay = SCALES[size], Replay(PUBLISHED.parent, runs, "float32")
    result = jfnn.sweep(
        replay.network,
        replay.split,
        learning_rate=AXIS[ETA],
        l2=AXIS[LAMBDA],
        seeds=scale.seeds,
        epochs=scale.epochs,
        batch_size=BATCH_SIZE,
        gradient=GRADIENT,
        **resumable(runs, "seeds"),
    )
    right = right_answers(replay.network, result, replay.split)
    notes = replay.cells[ETA][LAMBDA].test
    rows = table_rows(right, notes, published("seeds")["statements"], size != "quick")
    description = (
        f"{scale.seeds:,} networks, {scale.epochs * len(replay.split.y_train) // BATCH_SIZE:,} steps"
    )
    return Picture(draw(right, notes), rows, description, seconds(result))


def right_answers(network: jfnn.Network, result: jfnn.SweepResult, split: jfnn.Split) -> np.ndarray:
    """Whether each network is right about each test row ``[seeds, rows]``."""
    params = jax.tree.map(lambda leaf: leaf[0, 0], result.params)
    answers = jax.jit(lambda some, x: jax.vmap(network.apply, (0, None))(some, x).argmax(axis=-1))
    parts = []
    for first in range(0, len(result.seeds), AT_ONCE):
        some: Any = jax.tree.map(lambda leaf, at=first: leaf[at : at + AT_ONCE], params)
        parts.append(np.asarray(answers(some, split.x_test)) == split.y_test)
    return np.concatenate(parts)


def independent(chances: np.ndarray) -> np.ndarray:
    """Distribution of the number of right answers ``[rows + 1]``, where rows are right independently."""
    distribution = np.ones(1)
    for chance in chances:
        distribution = np.convolve(distribution, (1 - chance, chance))
    return distribution


def table_rows(right: np.ndarray, notes: int, said: dict[str, str], decided: bool) -> list[Row]:
    """The notes' network among the seeds, and the spread of these."""
    chances, accuracies = right.mean(axis=0), 100 * right.mean(axis=1)
    n, mean = right.shape[1], float(accuracies.mean())
    spread = float(accuracies.std(ddof=1))
    by_row = float(100 * np.sqrt((chances * (1 - chances)).sum()) / n)
    binomial = float(100 * np.sqrt(chances.mean() * (1 - chances.mean()) / n))
    low, high = float(accuracies.min()), float(accuracies.max())
    return [
        among_seeds(f"right answers of {n}", notes, right.sum(axis=1), 0, "lecture notes, one run"),
        statement(
            "standard deviation of accuracies over that of independent errors",
            said["independent"],
            f"{spread / by_row:.2f}",
            0.8 <= spread / by_row <= 1.25,
            f"within a quarter; {spread:.3f}% against {by_row:.3f}% (all rows alike: {binomial:.3f}%)",
            decided,
        ),
        statement(
            "worst and best seed, accuracy in %",
            said["outliers"],
            f"{low:.1f}, {high:.1f}",
            min(mean - low, high - mean) >= 1,
            f"both 1% from the mean of {mean:.2f}; {(mean - low) / spread:.1f} and"
            f" {(high - mean) / spread:.1f} standard deviations",
            decided,
        ),
    ]


def draw(right: np.ndarray, notes: int) -> Figure:
    """Seeds by their right answers beside two distributions, and rows by how often they are right."""
    figure = Figure(figsize=(7.2, 3.2), layout="constrained")
    left, other = figure.subplots(1, 2)
    numbers, chances, n = right.sum(axis=1), np.sort(right.mean(axis=0)), right.shape[1]
    places = np.arange(numbers.min() - 2, min(numbers.max() + 2, n) + 1)
    left.bar(places, [(numbers == place).mean() for place in places], 1.0, color="0.8", label="seeds")
    left.plot(places, independent(chances)[places], ".-", label="independent errors")
    left.plot(places, stats.binom.pmf(places, n, chances.mean()), "--", label="binomial")
    left.axvline(notes, color="tab:red", label="lecture notes")
    left.set(xlabel=f"right answers of {n}", ylabel="share of networks")
    left.set_ylim(0, 1.5 * left.get_ylim()[1])
    left.legend(fontsize="small", loc="upper left", frameon=False)
    other.plot(np.arange(1, n + 1), chances, ".", markersize=3)
    other.set(xlabel="test rows, hardest first", ylabel="share of seeds that are right", xscale="log")
    other.grid(alpha=0.3)
    return figure
