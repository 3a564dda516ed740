"""The accuracy of one network over thousands of seeds, compared with independent errors on test rows.

Picard (2021, arXiv 2109.08203) trained 10,000 networks that differ only in their seed. Jordan (2023, arXiv
2304.01910) explains the spread: networks err independently on test rows, with a probability for each row.
Here the notes' network 64-50-10 is trained on the digits at λ = 0.1 and two learning rates: 0.001, where the
notes' figures are reproduced, and 0.01, where training is chaotic.
"""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from lecture_notes.replay import AXIS, BATCH_SIZE, EPOCHS, GRADIENT, REDUCTION, Replay
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats
from verdicts import Row, among_seeds

import jfnn
from famous.picture import PUBLISHED, Picture, published, resumable, seconds, statement

RATES = (2, 3)  # indices of 0.001 and 0.01 on the notes' axis
PENALTY = 4  # index of 0.1
AT_ONCE = 500  # networks whose outputs are computed together


class Scale(NamedTuple):
    """Size of the computation."""

    seeds: int = 10_000
    epochs: int = EPOCHS


SCALES = {"quick": Scale(seeds=30), "usual": Scale(), "paper": Scale()}


def run(runs: Path, size: str) -> Picture:
    """Compute the distribution of correct predictions, and how often each test row is correct."""
    scale = SCALES[size]
    replay = Replay(PUBLISHED.parent, runs, "float32")
    result = jfnn.sweep(
        replay.network,
        replay.split,
        learning_rate=AXIS[list(RATES)],
        l2=AXIS[PENALTY],
        seeds=scale.seeds,
        epochs=scale.epochs,
        batch_size=BATCH_SIZE,
        reduction=REDUCTION,
        gradient=GRADIENT,
        **resumable(runs, "seeds"),
    )
    rows = []
    said = published("seeds")["statements"]
    figure = Figure(figsize=(8.0, 3.0), layout="constrained")
    *panels, last = figure.subplots(1, len(RATES) + 1)
    for i, (index, axes) in enumerate(zip(RATES, panels, strict=True)):
        right = right_answers(replay.network, result, replay.split, i)
        notes = replay.cells[index][PENALTY].test
        rows += table_rows(f"η = {AXIS[index]:g}", right, notes, said, size != "quick")
        draw(axes, right, notes)
        axes.set_title(f"η = {AXIS[index]:g}", fontsize="medium")
        chances = np.sort(right.mean(axis=0))
        last.plot(np.arange(1, len(chances) + 1), chances, ".", markersize=3, label=f"η = {AXIS[index]:g}")
    panels[0].set_ylabel("share of networks")
    panels[0].legend(fontsize="small", loc="upper left", frameon=False)
    last.set(xlabel="test rows, hardest first", ylabel="share of networks that are right", xscale="log")
    last.legend(fontsize="small", frameon=False)
    last.grid(alpha=0.3)
    steps = scale.epochs * (len(replay.split.y_train) // BATCH_SIZE)
    description = f"{result.diverged_at.size:,} networks, {steps:,} steps each"
    return Picture(figure, rows, description, seconds(result))


def right_answers(
    network: jfnn.Network, result: jfnn.SweepResult, split: jfnn.Split, rate: int
) -> np.ndarray:
    """Return whether each network of a learning rate is right on each test row ``[seeds, rows]``."""
    params = jax.tree.map(lambda leaf: leaf[rate, 0], result.params)
    answers = jax.jit(lambda block, x: jax.vmap(network.apply, (0, None))(block, x).argmax(axis=-1))
    parts = []
    for first in range(0, len(result.seeds), AT_ONCE):
        block: Any = jax.tree.map(lambda leaf, at=first: leaf[at : at + AT_ONCE], params)
        parts.append(np.asarray(answers(block, split.x_test)) == split.y_test)
    return np.concatenate(parts)


def independent(chances: np.ndarray) -> np.ndarray:
    """Return the distribution of correct predictions ``[rows + 1]`` for independent rows."""
    distribution = np.ones(1)
    for chance in chances:
        distribution = np.convolve(distribution, (1 - chance, chance))
    return distribution


def table_rows(name: str, right: np.ndarray, notes: int, said: dict[str, str], decided: bool) -> list[Row]:
    """Compare the notes' network with the seeds, and the spread of the seeds with published ones."""
    chances = right.mean(axis=0)
    accuracies = 100 * right.mean(axis=1)
    n = right.shape[1]
    mean = float(accuracies.mean())
    spread = float(accuracies.std(ddof=1))
    by_row = float(100 * np.sqrt((chances * (1 - chances)).sum()) / n)
    binomial = float(100 * np.sqrt(chances.mean() * (1 - chances.mean()) / n))
    low = float(accuracies.min())
    high = float(accuracies.max())
    return [
        among_seeds(f"{name}: correct rows of {n}", notes, right.sum(axis=1), 0, "lecture notes, one run"),
        statement(
            f"{name}: standard deviation of accuracies over that of independent errors",
            said["independent"],
            f"{spread / by_row:.2f}",
            0.8 <= spread / by_row <= 1.25,
            f"0.8 to 1.25; {spread:.3f}% against {by_row:.3f}% (all rows alike: {binomial:.3f}%)",
            decided,
        ),
        statement(
            f"{name}: worst and best seed, accuracy in %",
            said["outliers"],
            f"{low:.1f}, {high:.1f}",
            min(mean - low, high - mean) >= 1,
            f"both at least 1% from the mean of {mean:.2f}; {(mean - low) / spread:.1f} and"
            f" {(high - mean) / spread:.1f} standard deviations",
            decided,
        ),
    ]


def draw(axes: Axes, right: np.ndarray, notes: int) -> None:
    """Draw networks by correct predictions, and two distributions; a few outliers below are cut off."""
    numbers = right.sum(axis=1)
    n = right.shape[1]
    least = int(np.quantile(numbers, 0.1)) - 10
    counts = np.arange(least, min(numbers.max() + 3, n) + 1)
    axes.bar(counts, [(numbers == count).mean() for count in counts], 1.0, color="0.8", label="networks")
    axes.plot(counts, independent(right.mean(axis=0))[counts], label="independent errors")
    axes.plot(counts, stats.binom.pmf(counts, n, right.mean()), "--", label="binomial")
    axes.axvline(notes, color="tab:red", label="lecture notes")
    below = (numbers < least).mean()
    axes.set_xlabel(f"correct predictions of {n}" + (f"; {below:.1%} below" if below else ""))
    axes.set_ylim(0, 1.6 * axes.get_ylim()[1])
