"""Replay of the notes' experiment on the digits: random numbers, published figures, and sweeps."""

import csv
import functools
import itertools
import json
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import jfnn

SIZES = (64, 50, 10)
EPOCHS = 100
STEPS = 14
BATCH_SIZE = 100
AXIS = np.logspace(-5, 1, 7)
CHAOTIC_RATE = 1e-2
REDUCTION = "sum"  # as in the notes
# The hand-derived gradient, as in the notes; automatic differentiation gives the same exact cells.
GRADIENT = "backprop"


class Repeats(NamedTuple):
    """Numbers of random runs."""

    gates: int = 16  # starts per gate
    widths: tuple[int, ...] = (1, 3, 9, 27)  # hidden units of the approximating networks
    fits: int = 8  # starts per width
    sequences: int = 79  # other minibatch sequences, for chaotic cells
    growth_epochs: int = 100  # epochs of the growth of a rounding error


REPEATS = Repeats()


class Cell(NamedTuple):
    """A cell of the published grid: counts of correct predictions, and how reproducible it is."""

    train: int
    test: int
    kind: str


class Replay:
    """State shared by the sections; anything costly is computed on first use."""

    def __init__(self, published: Path, out: Path, dtype: str, repeats: Repeats = REPEATS):
        """Read published figures; ``dtype``, "float64" or "float32", is the one configured in JAX."""
        self.published = json.loads((published / "published.json").read_text())  # all but the grid
        self.cells = read_grid(published / "published_grid.csv")  # cells[i][j] at η i and λ j
        self.out = out
        self.dtype = dtype
        self.repeats = repeats
        self.network = jfnn.mlp(SIZES, "sigmoid", init="normal")
        np.random.seed(0)
        self.shown = np.random.choice(range(1797), size=5)  # the images shown in the notes
        self.split = jfnn.datasets.digits(random_state=None)  # continues NumPy's global generator
        self.n_rows = len(self.split.y_train), len(self.split.y_test)

    @functools.cached_property
    def start(self) -> tuple[jfnn.Layer, ...]:
        """Initial parameters of every network of the notes."""
        return draw_start(seed=0)

    @functools.cached_property
    def batches(self) -> np.ndarray:
        """Row numbers ``[1 + sequences, epochs, steps, batch]`` of all sequences, the notes' first."""
        return np.stack([draw_batches(seed, self.n_rows[0]) for seed in range(1 + self.repeats.sequences)])

    @functools.cached_property
    def grid(self) -> jfnn.SweepResult:
        """The notes' grid, on the notes' minibatches."""
        return self.sweep(learning_rate=AXIS, l2=AXIS)

    @functools.cached_property
    def spread(self) -> jfnn.SweepResult:
        """The chaotic row of the grid with all other minibatch sequences, from the same start."""
        return self.sweep(
            learning_rate=CHAOTIC_RATE,
            l2=AXIS,
            seeds=self.repeats.sequences,
            batches=self.batches[1:],
            execution=jfnn.Execution(keep_params="none"),
        )

    def sweep(self, **options: Any) -> jfnn.SweepResult:
        """Run a sweep on the digits from the notes' start; by default on the notes' minibatches."""
        defaults = {
            "epochs": EPOCHS,
            "batch_size": BATCH_SIZE,
            "reduction": REDUCTION,
            "gradient": GRADIENT,
            "batches": self.batches[0],
            "initial_params": self.start,
        }
        return jfnn.sweep(self.network, self.split, **(defaults | options))

    def rates(self, kind: str) -> list[float]:
        """Return the learning rates of the grid's rows of a kind."""
        return [rate for rate, row in zip(AXIS, self.cells, strict=True) if row[0].kind == kind]

    def as_counts(self, *accuracies: Any) -> list[Any]:
        """Return training and test accuracies as counts of correct predictions; NaN stays NaN."""
        rows = zip(accuracies, self.n_rows, strict=False)
        return [np.round(np.asarray(accuracy, np.float64) * n) for accuracy, n in rows]

    def tolerance(self, float64: float, float32: float) -> float:
        """Return the tolerance for the current dtype."""
        return float64 if self.dtype == "float64" else float32

    def save(self, figure: Figure, name: str, title: str | None = None) -> None:
        """Write a figure as PNG."""
        if title:
            figure.suptitle(title, fontsize="medium")
        figure.savefig(self.out / f"{name}.png", dpi=120)


def read_grid(path: Path) -> list[list[Cell]]:
    """Return the published grid ``[η][λ]``.

    Raises:
        ValueError: A cell is missing or out of order.
    """
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    pairs = [(float(row["learning_rate"]), float(row["l2"])) for row in rows]
    expected = list(itertools.product(AXIS, AXIS))
    if len(pairs) != len(expected) or not np.allclose(pairs, expected, rtol=1e-9, atol=0):
        raise ValueError(f"{path.name}: expected {len(AXIS)}×{len(AXIS)} cells from 1e-5 to 10, row by row")
    cells = [Cell(int(row["train_correct"]), int(row["test_correct"]), row["kind"]) for row in rows]
    return [cells[i : i + len(AXIS)] for i in range(0, len(cells), len(AXIS))]


def draw_start(seed: int) -> tuple[jfnn.Layer, ...]:
    """Return unscaled normal weights from NumPy's global generator, and biases of 0.01."""
    np.random.seed(seed)
    weights = [np.random.randn(n_in, n_out) for n_in, n_out in itertools.pairwise(SIZES)]
    return tuple(jfnn.Layer(jnp.asarray(w), jnp.full(w.shape[1], 0.01)) for w in weights)


def draw_batches(seed: int, n: int) -> np.ndarray:
    """Return row numbers ``[epochs, steps, batch]``, drawn after `draw_start` from the same generator."""
    draw_start(seed)
    steps = [np.random.choice(n, size=BATCH_SIZE, replace=False) for _ in range(EPOCHS * STEPS)]
    return np.stack(steps).reshape(EPOCHS, STEPS, BATCH_SIZE)
