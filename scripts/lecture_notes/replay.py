"""The notes' experiment on the digits, replayed: their random stream, their figures, and the sweeps."""

import csv
import functools
import itertools
import json
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import jfnn

SIZES = (64, 50, 10)
EPOCHS, STEPS, BATCH_SIZE = 100, 14, 100
AXIS = np.logspace(-5, 1, 7)
CHAOTIC_RATE = 1e-2
# Minibatch sequences that the chaotic cells are compared with; the first one is the notes' own.
STREAMS = 12
# The hand derivation, as in the notes; automatic differentiation gives the same exact cells.
GRADIENT = "backprop"


class Cell(NamedTuple):
    """A cell of the published grid: counts of right answers, and how far it can be reproduced."""

    train: int
    test: int
    kind: str


class Replay:
    """What the sections share; whatever is costly is computed when first asked for, and kept.

    Attributes:
        published: The notes' printed results, but for the grid.
        cells: The published grid, ``cells[i][j]`` at η i and λ j.
        out: Where figures and models go.
        dtype: The arithmetic that JAX is configured for, "float64" or "float32".
        network: The notes' network, 64-50-10.
    """

    def __init__(self, published: Path, out: Path, dtype: str):
        self.published = json.loads((published / "published.json").read_text())
        self.cells = read_grid(published / "published_grid.csv")
        self.out = out
        self.dtype = dtype
        self.network = jfnn.mlp(SIZES)

    @functools.cached_property
    def _shown_and_split(self):
        np.random.seed(0)
        shown = np.random.choice(range(1797), size=5)
        return shown, jfnn.datasets.digits(random_state=None)  # goes on in NumPy's global generator

    @property
    def shown(self) -> np.ndarray:
        """The numbers of the five images that the notes show."""
        return self._shown_and_split[0]

    @property
    def split(self) -> jfnn.Split:
        """The notes' split."""
        return self._shown_and_split[1]

    @property
    def n_rows(self) -> tuple[int, int]:
        """How many images train, how many test."""
        return len(self.split.y_train), len(self.split.y_test)

    @functools.cached_property
    def start(self):
        """The parameters that every network of the notes starts from."""
        return draw_start(seed=0)

    @functools.cached_property
    def batches(self) -> np.ndarray:
        """Row numbers of `STREAMS` minibatch sequences ``[streams, epochs, steps, batch]``."""
        return np.stack([draw_batches(seed, self.n_rows[0]) for seed in range(STREAMS)])

    @functools.cached_property
    def grid(self) -> jfnn.SweepResult:
        """The notes' grid, on the notes' minibatches."""
        return self.sweep(learning_rate=AXIS, l2=AXIS)

    @functools.cached_property
    def spread(self) -> jfnn.SweepResult:
        """The chaotic row of the grid over all streams, from the same start."""
        return self.sweep(
            learning_rate=CHAOTIC_RATE, l2=AXIS, seeds=STREAMS, batches=self.batches, keep_params="none"
        )

    def sweep(self, **options) -> jfnn.SweepResult:
        """A sweep of the digits from the notes' start, on the notes' minibatches unless told otherwise."""
        defaults = {
            "epochs": EPOCHS,
            "batch_size": BATCH_SIZE,
            "gradient": GRADIENT,
            "batches": self.batches[0],
        }
        return jfnn.sweep(self.network, self.split, initial_params=self.start, **(defaults | options))

    def as_counts(self, *accuracies) -> list[np.ndarray]:
        """Accuracies on the training and on the test images as counts of right answers; NaN stays NaN."""
        return [
            np.round(np.asarray(a, np.float64) * n) for a, n in zip(accuracies, self.n_rows, strict=False)
        ]

    def tolerance(self, float64: float, float32: float) -> float:
        """The one for the arithmetic at hand."""
        return float64 if self.dtype == "float64" else float32

    def save(self, figure: Figure, name: str, title: str | None = None) -> None:
        """Writes a figure as PNG."""
        if title:
            figure.suptitle(title, fontsize="medium")
        figure.savefig(self.out / f"{name}.png", dpi=120)


def read_grid(path: Path) -> list[list[Cell]]:
    """The published grid, checked to be complete and in order."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    found = [(float(row["learning_rate"]), float(row["l2"])) for row in rows]
    expected = [(eta, l2) for eta in AXIS for l2 in AXIS]
    if len(found) != len(expected) or not np.allclose(found, expected, rtol=1e-9, atol=0):
        raise ValueError(f"{path.name}: expected {len(AXIS)}×{len(AXIS)} cells from 1e-5 to 10, row by row")
    cells = [Cell(int(row["train_correct"]), int(row["test_correct"]), row["kind"]) for row in rows]
    return [cells[i : i + len(AXIS)] for i in range(0, len(cells), len(AXIS))]


def draw_start(seed: int):
    """Unscaled normal weights from NumPy's legacy generator, biases 0.01."""
    np.random.seed(seed)
    weights = [np.random.randn(n_in, n_out) for n_in, n_out in itertools.pairwise(SIZES)]
    return tuple(jfnn.Layer(jnp.asarray(w), jnp.full(w.shape[1], 0.01)) for w in weights)


def draw_batches(seed: int, n: int) -> np.ndarray:
    """Row numbers ``[epochs, steps, batch]``, drawn where drawing the start leaves the generator."""
    draw_start(seed)
    steps = [np.random.choice(n, size=BATCH_SIZE, replace=False) for _ in range(EPOCHS * STEPS)]
    return np.stack(steps).reshape(EPOCHS, STEPS, BATCH_SIZE)
