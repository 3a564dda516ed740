"""MNIST-1D by four kinds of network, over seeds: what the data's authors print for one run each.

Greydanus & Kobak (ICML 2024, arXiv 2011.14439): Adam at 0.01, batches of 100 rows in order, 6,000 steps, mean
cross-entropy, PyTorch's starting weights. The spatial order matters: a second table has the points of all
rows mixed by one permutation, which leaves nothing for a kernel or a state to find nearby.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from lecture_notes.verdicts import CONSISTENT, OUTSIDE, Row, exact

import jfnn
from four_kinds import mnist1d_pictures as pictures

PUBLISHED = Path(__file__).resolve().parent.parent.parent / "tests" / "data" / "mnist1d.json"
POINTS, CLASSES, BATCH, RATE, INIT = 40, 10, 100, 0.01, "pytorch"


class Scale(NamedTuple):
    """How much is computed.

    Attributes:
        seeds: Networks of each kind.
        shuffled_seeds: The same where points are mixed.
        epochs: Passes over the 40 batches.
        margin: Points of accuracy by which a mean may lie outside the published figures' range.
    """

    seeds: int = 100
    shuffled_seeds: int = 30
    epochs: int = 150
    margin: float = 1.5


QUICK = Scale(seeds=4, shuffled_seeds=2, epochs=30, margin=25.0)


class Model(NamedTuple):
    """One kind of network.

    Attributes:
        network: The network.
        shape: Of one row as it reads it.
    """

    network: jfnn.Network
    shape: tuple[int, ...]


def models() -> dict[str, Model]:
    """The four networks, of the published sizes."""
    block = jfnn.Residual([jfnn.Dense(100, "relu", INIT)])
    dense = [jfnn.Dense(100, "relu", INIT), block, jfnn.Dense(CLASSES, "identity", INIT)]
    convolutional = jfnn.cnn(
        (1, POINTS), (25, 25, 25), CLASSES, kernel=(5, 3, 3), stride=2, padding=1, init=INIT
    )
    recurrent = jfnn.rnn((POINTS, 1), 6, CLASSES, "gru", bidirectional=True, states="all")
    return {
        "logistic": Model(jfnn.mlp((POINTS, CLASSES), init=INIT), (POINTS,)),
        "dense": Model(jfnn.sequential(dense, POINTS), (POINTS,)),
        "convolutional": Model(convolutional, (1, POINTS)),
        "recurrent": Model(recurrent, (POINTS, 1)),
    }


def run(out: Path, quick: bool = False) -> list[Row]:
    """The section's rows; pictures go into a folder."""
    scale = QUICK if quick else Scale()
    published = json.loads(PUBLISHED.read_text())
    split = jfnn.datasets.mnist1d()
    pictures.samples(split).savefig(out / "mnist1d_samples.png", dpi=150)
    rows = [
        exact(f"{name}: parameters", published[name]["parameters"], _size(m)) for name, m in models().items()
    ]

    def draw_states(name: str, result: jfnn.SweepResult) -> None:
        if name == "recurrent":
            figure = pictures.states(models()[name].network, result.member(0, 0, 0), split)
            figure.savefig(out / "mnist1d_states.png", dpi=150)

    started = time.perf_counter()
    accuracies = trained(split, scale.seeds, scale.epochs, draw_states)
    print(f"the first table: {time.perf_counter() - started:.0f} s", flush=True)
    for name, values in accuracies.items():
        figures = [published[name]["readme"], *published[name]["runs"]]
        rows.append(spread_row(f"{name}: test accuracy, %", figures, values, scale))
    shuffled = trained(jfnn.datasets.mnist1d(shuffled=True), scale.shuffled_seeds, scale.epochs)
    for name, values in shuffled.items():
        figures = [published[name]["shuffled"]]
        rows.append(spread_row(f"{name}, points mixed: test accuracy, %", figures, values, scale))
    pictures.table(accuracies, shuffled, published).savefig(out / "mnist1d_table.png", dpi=150)
    return rows


def trained(
    split: jfnn.Split,
    seeds: int,
    epochs: int,
    tell: Callable[[str, jfnn.SweepResult], None] | None = None,
) -> dict[str, np.ndarray]:
    """Test accuracies in percent of each kind ``[seeds]``.

    Args:
        split: The data, 40 points a row.
        seeds: Networks of a kind.
        epochs: Epochs to train.
        tell: Called with each kind's name and result.
    """
    accuracies = {}
    for name, (network, shape) in models().items():
        started = time.perf_counter()
        parts = {part: getattr(split, part).reshape(-1, *shape) for part in ("x_train", "x_test")}
        result = jfnn.sweep(
            network,
            split._replace(**parts),
            learning_rate=RATE,
            seeds=seeds,
            epochs=epochs,
            batch_size=jfnn.Minibatches(BATCH, "in_order"),
            optimizer="adam",
            reduction="mean",
            gradient="backprop",
        )
        accuracies[name] = 100 * result.test_accuracy[0, 0]
        if tell is not None:
            tell(name, result)
        steps, seconds = epochs * len(split.x_train) // BATCH, time.perf_counter() - started
        print(f"{name}: {seeds} networks, {steps} steps: {seconds:.0f} s", flush=True)
    return accuracies


def spread_row(figure: str, published: list[float], here: np.ndarray, scale: Scale) -> Row:
    """Published figures of single runs against the spread over seeds.

    Consistent if the mean over seeds lies within the margin of the published figures' range, or if this range
    and that of the seeds' central 95% overlap.
    """
    low, high = np.percentile(here, [2.5, 97.5])
    mean, half = here.mean(), pictures.half_interval(here)
    first, last = min(published), max(published)
    off = max(first - mean, mean - last, 0.0)
    near = off <= scale.margin
    inside = low <= last and high >= first
    places = ", ".join(f"{100 * np.mean(here < value):.0f}%" for value in published)
    reason = (
        f"{len(here)} seeds {here.min():.1f}..{here.max():.1f}, 95% of them {low:.1f}..{high:.1f};"
        f" below the published: {places}"
    )
    if not near:
        reason += f"; the mean is {off:.1f} points off"
    text = ", ".join(f"{value:g}" for value in published)
    verdict = CONSISTENT if near or inside else OUTSIDE
    return Row(figure, text, f"{mean:.1f} ± {half:.1f}", verdict, reason)


def _size(model: Model) -> int:
    shapes = jax.eval_shape(model.network.init, jax.random.key(0))
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(shapes))
