"""A workload: the networks to train, and the initial weights and minibatches that contenders share."""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple, Self

import numpy as np

from benchmarks.data import Rows, load

# Convolutional networks on 8×8 images.
CHANNELS = (8, 16)
KERNEL = 3
CLASSES = 10
# Recurrent networks.
TIME = 40
UNITS = 6
SERIES = 1000  # series in the table
FEW_SERIES = 20  # series that slow contenders train
# Products of a network's weights per scored row: u and its two derivatives; up and down in a machine.
SCORING = {"ode": 3, "rbm": 2}
SCORES = {
    "ode": "train_loss",
    "rbm": "test_loss",
    "series": "train_loss",
}  # used instead of the accuracy

Layers = list[tuple[np.ndarray, np.ndarray]]  # weights [n_in, n_out] and biases [n_out] of each layer


class Member(NamedTuple):
    """One network of a workload."""

    learning_rate: float
    l2: float
    seed: int


class Outcome(NamedTuple):
    """Result of one run of a contender; if nothing is trained, the operations instead of an accuracy."""

    # Test accuracy of every member [η, λ, seed] (NaN if stopped early), or one number for all [].
    accuracy: np.ndarray | None
    trained: float = 1.0  # share of the members' epochs; below 1 where members stopped early
    flop: float | None = None


Runner = Callable[[], Outcome]


@dataclasses.dataclass(frozen=True)
class Workload:
    """Networks to train, dense ones by stochastic gradient descent on the summed objective of the notes.

    Contenders that train member by member are measured on a `part`. If each contender samples initial weights
    and minibatches in its own way, only the `summary` over all members can be compared.

    The kind "ode" has dense networks, trained with Adam, that solve u'' = -u at points sampled in each step.
    With minibatches in the order of the rows and mean losses, "cnn" uses gradient descent, "gru" and "lstm"
    Adam, and "rbm" persistent contrastive divergence. "series" has dense networks for regression, one for
    each series.
    """

    title: str  # name, colon, details
    sizes: tuple[int, ...]  # widths from input to output; one output is logistic, several use a softmax
    data: str  # a name of `benchmarks.data.DATA`
    epochs: int
    learning_rates: tuple[float, ...]
    l2s: tuple[float, ...]
    reference: tuple[float, float]  # the cell (η, λ) whose score is compared, at seed 0
    seeds: int = 1  # number of seeds, from 0
    batch: int = 100  # rows per step
    activation: str = "tanh"  # of hidden layers, or "sigmoid"
    glorot: bool = True  # Glorot initialization; otherwise the notes' unscaled normal weights
    part: tuple[int, int, int] | None = None  # numbers of (η, λ, seeds); None for all
    folds: int | None = None  # number of folds, each held out once; or of series
    summary: str | None = None  # "mean" or "median"; None if all contenders have the same networks
    long: bool = False  # measured only on request: some contenders take more than an hour
    kind: str = "dense"
    varied: tuple[str, int] | None = None  # axis and value of a point of the growth curves

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of learning rates, penalties and seeds."""
        return len(self.learning_rates), len(self.l2s), self.seeds

    @property
    def members(self) -> int:
        """Number of networks."""
        return int(np.prod(self.shape)) * (self.folds or 1)

    @property
    def score(self) -> str:
        """jfnn's name of the compared score."""
        return SCORES.get(self.kind, "test_accuracy" if self.folds is None else "validation_accuracy")

    @property
    def reference_index(self) -> tuple[int, ...]:
        """Index of the reference in `Outcome.accuracy`."""
        learning_rate, l2 = self.reference
        index = self.learning_rates.index(learning_rate), self.l2s.index(l2), 0
        return () if self.summary else index

    def member_list(self) -> list[Member]:
        """The networks in the order ``[η, λ, seed]``."""
        return [Member(*m) for m in itertools.product(self.learning_rates, self.l2s, range(self.seeds))]

    def cells(self) -> tuple[np.ndarray, np.ndarray]:
        """Learning rates and penalties of all cells, ``[η × λ]`` each."""
        rates, l2s = np.meshgrid(self.learning_rates, self.l2s, indexing="ij")
        return rates.ravel(), l2s.ravel()

    def reduced(self) -> Self:
        """Return the part on which slow contenders are measured, including the reference."""
        if self.kind == "series":
            return dataclasses.replace(self, folds=min(self.folds or 1, FEW_SERIES))
        return self if self.part is None else self._smaller(*self.part)

    def quick(self) -> Self:
        """Return a tenth of the work of the same kind, with few learning rates, penalties, seeds and folds.

        Points of growth curves keep their members and a third of the epochs.
        """
        if self.varied:
            return dataclasses.replace(self, epochs=max(1, self.epochs // 3))
        folds = None if self.folds is None else -(-self.folds // 8)
        n_rates, n_l2s, seeds = self.shape
        small = self._smaller(min(n_rates, 8), min(n_l2s, 2), -(-seeds // 8))
        part = self.part and tuple(np.minimum(self.part, small.shape).tolist())
        epochs = max(1, self.epochs // 10)
        small = dataclasses.replace(small, epochs=epochs, folds=folds, part=part)
        title = f"{self.title.split(':')[0]}, quick: {small.members} members, epochs: {epochs}"
        return dataclasses.replace(small, title=title)

    def _smaller(self, n_rates: int, n_l2s: int, seeds: int) -> Self:
        rates = spread(self.learning_rates, self.reference[0], n_rates)
        l2s = spread(self.l2s, self.reference[1], n_l2s)
        return dataclasses.replace(self, learning_rates=rates, l2s=l2s, seeds=seeds, part=None)

    def rows(self) -> Rows:
        """The data."""
        return load(self.data)

    def steps(self) -> int:
        """Steps per epoch, equal in each fold."""
        if self.kind == "series":
            return self.rows_of_a_series() // self.batch
        n = len(self.rows().x_train)
        held_out = 0 if self.folds is None else -(-n // self.folds)
        return (n - held_out) // self.batch

    def rows_of_a_series(self) -> int:
        """Rows of each series, all of equal length."""
        return len(self.rows().x_train) // SERIES

    def drawing(self, seed: int) -> tuple[Layers, Callable[[int], np.ndarray] | None]:
        """Return initial layers and minibatches of one seed, from the notes' random calls in order.

        Returns:
            Layers (float64), and a function that returns the row numbers ``[steps, batch]`` of an epoch, a
            new subset each step, drawn when first needed; None if a batch holds all rows.
        """
        rng = np.random.RandomState(seed)
        layers = []
        n = len(self.rows().x_train)
        for n_in, n_out in self.layer_shapes():
            scale = np.sqrt(2 / (n_in + n_out)) if self.glorot else 1.0
            layers.append((scale * rng.randn(n_in, n_out), np.full(n_out, 0.01)))
        epochs: list[np.ndarray] = []

        def epoch(number: int) -> np.ndarray:
            while len(epochs) <= number:  # in order, from one stream of random numbers
                rows = [rng.choice(n, self.batch, replace=False) for _ in range(self.steps())]
                epochs.append(np.stack(rows))
            return epochs[number]

        return layers, None if self.batch == n else epoch

    def replicate(self, seed: int) -> tuple[Layers, np.ndarray | None]:
        """Return the same as `drawing`, with row numbers ``[epochs, steps, batch]`` of all epochs."""
        layers, epoch = self.drawing(seed)
        return layers, None if epoch is None else np.stack([epoch(i) for i in range(self.epochs)])

    def layer_shapes(self) -> list[tuple[int, int]]:
        """``(n_in, n_out)`` of each layer."""
        return list(itertools.pairwise(self.sizes))

    def products(self) -> list[float]:
        """Return the forward operations per row: of the inputs' product, and of all others.

        A multiply-add counts as two.
        """
        weights: list[float]
        if self.kind == "cnn":
            weights = [CHANNELS[0] * KERNEL**2 * 36, CHANNELS[1] * CHANNELS[0] * KERNEL**2 * 16]
            weights.append(CHANNELS[1] * 16 * CLASSES)
        elif self.kind in ("gru", "lstm"):
            gates = 2 * TIME * UNITS * (3 if self.kind == "gru" else 4)
            weights = [gates, gates * UNITS, 2 * UNITS * TIME * CLASSES]
        else:
            weights = [n_in * n_out for n_in, n_out in self.layer_shapes()]
        return [2 * n for n in weights]

    def step_flop(self) -> float:
        """Operations per step of one member.

        Each layer takes one product forward and two backward (the first layer one, since inputs need no
        gradient). A custom loss goes backward through all that it scores; a Boltzmann machine takes five.
        """
        first, *others = self.products()
        if self.kind == "ode":
            return 3 * self.batch * self.row_flop()
        return self.batch * (5 * first if self.kind == "rbm" else 2 * first + 3 * sum(others))

    def row_flop(self) -> float:
        """Operations to score one row."""
        return SCORING.get(self.kind, 1) * sum(self.products())

    def flop(self, trained: float = 1.0) -> float:
        """Return the operations of training, and of scoring every member on all rows at the end.

        Args:
            trained: Share of the members' epochs that are trained; all members are scored.
        """
        rows = self.rows()
        scored = len(rows.x_train) + len(rows.x_test)
        scoring = (self.rows_of_a_series() if self.kind == "series" else scored) * self.row_flop()
        return self.members * (trained * self.epochs * self.steps() * self.step_flop() + scoring)


def stacked(starts: Sequence[Layers]) -> Layers:
    """Stack the layers of several seeds on a leading axis."""
    layers = (zip(*layer, strict=True) for layer in zip(*starts, strict=True))
    return [(np.stack(weights), np.stack(biases)) for weights, biases in layers]


def spread(values: Sequence[float], included: float, count: int) -> tuple[float, ...]:
    """Return ``count`` evenly spread values, including ``included``."""
    indices = np.linspace(0, len(values) - 1, count).round().astype(int).tolist()
    index = values.index(included)
    if index not in indices:
        indices[int(np.argmin(np.abs(np.array(indices) - index)))] = index
    return tuple(values[i] for i in indices)
