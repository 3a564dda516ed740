"""MNIST-1D by four kinds of network, over seeds: what the data's authors print for one run each.

Greydanus & Kobak (ICML 2024, arXiv 2011.14439): Adam at 0.01, batches of 100 rows in order, 6,000 steps, mean
cross-entropy, PyTorch's starting weights; accuracies after the last step. The spatial order matters: other
tables have the points of all rows mixed by one permutation, which leaves nothing for a kernel or a state to
find nearby. The authors use two permutations, and each figure is compared with networks that saw the same.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from verdicts import Row, among_seeds, exact

import jfnn
from four_kinds import mnist1d_pictures as pictures

PUBLISHED = Path(__file__).resolve().parent.parent.parent / "tests" / "data" / "mnist1d.json"
POINTS, CLASSES, BATCH, RATE, INIT = 40, 10, 100, 0.01, "pytorch"


class Scale(NamedTuple):
    """How much is computed.

    Attributes:
        seeds: Networks of each kind.
        mixed_seeds: The same for each permutation of the points.
        epochs: Passes over the 40 batches.
    """

    seeds: int = 100
    mixed_seeds: int = 39
    epochs: int = 150


QUICK = Scale(seeds=4, mixed_seeds=2, epochs=30)


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
    made = splits()
    pictures.samples(made["in order"]).savefig(out / "mnist1d_samples.png", dpi=150)
    rows = [
        exact(f"{name}: parameters", published["parameters"][name], _size(m)) for name, m in models().items()
    ]

    def draw_states(name: str, result: jfnn.SweepResult) -> None:
        if name == "recurrent":
            figure = pictures.states(models()[name].network, result.member(0, 0, 0), made["in order"])
            figure.savefig(out / "mnist1d_states.png", dpi=150)

    accuracies = {}
    for order, split in made.items():
        print(f"points {order}:", flush=True)
        seeds, tell = (scale.seeds, draw_states) if order == "in order" else (scale.mixed_seeds, None)
        accuracies[order] = trained(split, seeds, scale.epochs, tell)
        rows += accuracy_rows(order, published, accuracies[order])
    pictures.table(accuracies, published["figures"]).savefig(out / "mnist1d_table.png", dpi=150)
    return rows


def splits() -> dict[str, jfnn.Split]:
    """The data with its points in each order that the authors use."""
    in_order = jfnn.datasets.mnist1d()
    order = np.random.RandomState(42).permutation(POINTS)  # as in mnist1d-classification.ipynb
    mixed = {part: getattr(in_order, part)[:, order] for part in ("x_train", "x_test")}
    return {
        "in order": in_order,
        "mixed by the package": jfnn.datasets.mnist1d(shuffled=True),
        "mixed by the notebook": in_order._replace(**mixed),
    }


def accuracy_rows(order: str, published: dict[str, Any], accuracies: dict[str, np.ndarray]) -> list[Row]:
    """Published test accuracies in percent against the seeds' of the same order of points ``[seeds]``."""
    return [
        among_seeds(
            f"{name}, points {order}: test accuracy, %",
            figures[name],
            values,
            0 if isinstance(figures[name], int) else 1,
            published["protocols"][source],
            f"{values.mean():.1f} ± {pictures.half_interval(values):.1f}",
        )
        for name, values in accuracies.items()
        for source, figures in published["figures"][order].items()
    ]


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


def _size(model: Model) -> int:
    shapes = jax.eval_shape(model.network.init, jax.random.key(0))
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(shapes))
