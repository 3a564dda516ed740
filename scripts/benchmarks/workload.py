"""A workload: the networks to train, and the starts and minibatches that contenders share."""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple, Self

import numpy as np

from benchmarks.data import Rows, load

# Of the convolutional networks, on images 8×8.
CHANNELS = (8, 16)
KERNEL = 3
CLASSES = 10
# Of the recurrent ones.
TIME = 40
UNITS = 6
SERIES = 1000  # in their table
FEW_SERIES = 20  # that slow contenders train
# Products of a network's weights that a row takes to be scored: u and its two derivatives; there and back.
SCORING = {"ode": 3, "rbm": 2}
SCORES = {
    "ode": "train_loss",
    "rbm": "test_loss",
    "series": "train_loss",
}  # that stand in for the accuracy

Layers = list[tuple[np.ndarray, np.ndarray]]  # weights [n_in, n_out] and biases [n_out] of each layer


class Member(NamedTuple):
    """One network of a workload."""

    learning_rate: float
    l2: float
    seed: int


class Outcome(NamedTuple):
    """Result of one run of a contender; no accuracy, but the operations, where nothing is trained."""

    # Test accuracy of every member [η, λ, seed], NaN where it was stopped early, or one number for all [].
    accuracy: np.ndarray | None
    trained: float = 1.0  # share of the members' epochs; below 1 where members stopped early
    flop: float | None = None


Runner = Callable[[], Outcome]


@dataclasses.dataclass(frozen=True)
class Workload:
    """Networks to train, dense ones by stochastic gradient descent on the summed objective of the notes.

    Contenders that train member by member are measured on a `part`. Where each contender draws starts and
    minibatches in its own way, only the `summary` over all members can be compared.

    Other kinds are "ode", dense networks by Adam that solve u'' = -u at points which each step draws; and, on
    minibatches in the order of the rows with mean losses, "cnn" by gradient descent, "gru" and "lstm" by
    Adam, and "rbm" by persistent contrastive divergence. "series" are dense networks for regression, one for
    each series.
    """

    title: str  # a name, a colon, and details
    sizes: tuple[int, ...]  # widths from input to output; one output is logistic, several have a softmax
    data: str  # a name of `benchmarks.data.DATA`
    epochs: int
    learning_rates: tuple[float, ...]
    l2s: tuple[float, ...]
    reference: tuple[float, float]  # the cell (η, λ) whose score is compared, at seed 0
    seeds: int = 1  # how many, from 0 on
    batch: int = 100  # rows a step
    activation: str = "tanh"  # of hidden layers, or "sigmoid"
    glorot: bool = True  # starting weights scaled as Glorot does; else the notes' unscaled normal ones
    part: tuple[int, int, int] | None = None  # numbers of (η, λ, seeds); None for all
    folds: int | None = None  # parts of the training rows, each held out once; or the number of series
    summary: str | None = None  # "mean" or "median"; None where all contenders have the same networks
    long: bool = False  # measured only where it is named: some contenders take more than an hour
    kind: str = "dense"
    varied: tuple[str, int] | None = None  # of a point of the growth curves: the axis and its value

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
        """The compared score, as jfnn names it."""
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
        """The part on which slow contenders are measured; it holds the reference."""
        if self.kind == "series":
            return dataclasses.replace(self, folds=min(self.folds or 1, FEW_SERIES))
        return self if self.part is None else self._smaller(*self.part)

    def quick(self) -> Self:
        """The same kind of work, a tenth as long, with few learning rates, penalties, seeds and folds.

        Points of growth curves keep their members, and a third of the epochs.
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
        """Steps an epoch, as many in each fold."""
        if self.kind == "series":
            return self.rows_of_a_series() // self.batch
        n = len(self.rows().x_train)
        held_out = 0 if self.folds is None else -(-n // self.folds)
        return (n - held_out) // self.batch

    def rows_of_a_series(self) -> int:
        """Rows of each series, all of equal length."""
        return len(self.rows().x_train) // SERIES

    def drawing(self, seed: int) -> tuple[Layers, Callable[[int], np.ndarray] | None]:
        """Starting layers and minibatches of one seed, by the notes' random calls in their order.

        Returns:
            Layers (float64), and the row numbers ``[steps, batch]`` of an epoch, a new subset each step,
            drawn when they are first needed; None where a batch holds all rows.
        """
        rng = np.random.RandomState(seed)
        layers = []
        n = len(self.rows().x_train)
        for n_in, n_out in self.layer_shapes():
            scale = np.sqrt(2 / (n_in + n_out)) if self.glorot else 1.0
            layers.append((scale * rng.randn(n_in, n_out), np.full(n_out, 0.01)))
        epochs: list[np.ndarray] = []

        def epoch(number: int) -> np.ndarray:
            while len(epochs) <= number:  # one after another, from one stream of random numbers
                rows = [rng.choice(n, self.batch, replace=False) for _ in range(self.steps())]
                epochs.append(np.stack(rows))
            return epochs[number]

        return layers, None if self.batch == n else epoch

    def replicate(self, seed: int) -> tuple[Layers, np.ndarray | None]:
        """As `drawing`, with the row numbers ``[epochs, steps, batch]`` of all epochs."""
        layers, epoch = self.drawing(seed)
        return layers, None if epoch is None else np.stack([epoch(i) for i in range(self.epochs)])

    def layer_shapes(self) -> list[tuple[int, int]]:
        """``(n_in, n_out)`` of each layer."""
        return list(itertools.pairwise(self.sizes))

    def products(self) -> list[float]:
        """Operations forward of one row, of the inputs' product and then of all others.

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
        """Operations of a step of one member.

        Each layer takes one product forward and two backward, the first layer one: inputs need no gradient.
        A custom loss goes backward through all that it scores; a machine has five products of its weights.
        """
        first, *others = self.products()
        if self.kind == "ode":
            return 3 * self.batch * self.row_flop()
        return self.batch * (5 * first if self.kind == "rbm" else 2 * first + 3 * sum(others))

    def row_flop(self) -> float:
        """Operations of scoring one row."""
        return SCORING.get(self.kind, 1) * sum(self.products())

    def flop(self, trained: float = 1.0) -> float:
        """Operations of training, and of scoring every member on all training and test rows in the end.

        Args:
            trained: Share of the members' epochs that is trained; all members are scored.
        """
        rows = self.rows()
        scored = len(rows.x_train) + len(rows.x_test)
        scoring = (self.rows_of_a_series() if self.kind == "series" else scored) * self.row_flop()
        return self.members * (trained * self.epochs * self.steps() * self.step_flop() + scoring)


def stacked(starts: Sequence[Layers]) -> Layers:
    """Layers of several seeds, on a leading axis."""
    layers = (zip(*layer, strict=True) for layer in zip(*starts, strict=True))
    return [(np.stack(weights), np.stack(biases)) for weights, biases in layers]


def spread(values: Sequence[float], included: float, count: int) -> tuple[float, ...]:
    """``count`` of the values, evenly spread, with ``included`` among them."""
    indices = np.linspace(0, len(values) - 1, count).round().astype(int).tolist()
    index = values.index(included)
    if index not in indices:
        indices[int(np.argmin(np.abs(np.array(indices) - index)))] = index
    return tuple(values[i] for i in indices)
