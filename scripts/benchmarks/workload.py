"""A workload: the grid of networks to train, and the starts and minibatches that contenders share."""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.data import DATA, Rows

Layers = list[tuple[np.ndarray, np.ndarray]]  # weights [n_in, n_out] and biases [n_out] of each layer


class Member(NamedTuple):
    """One network of a workload."""

    learning_rate: float
    l2: float
    seed: int


class Outcome(NamedTuple):
    """Result of one run of a contender.

    Attributes:
        accuracy: Test accuracy of every member ``[η, λ, seed]``, NaN where its training was stopped early, or
            one number of all members ``[]``; None where nothing is trained.
        trained: Share of the members' epochs that was trained; below 1 where members stopped early.
        flop: Operations, where nothing is trained.
    """

    accuracy: np.ndarray | None
    trained: float = 1.0
    flop: float | None = None


Runner = Callable[[], Outcome]


@dataclasses.dataclass(frozen=True)
class Workload:
    """A grid of networks to train by stochastic gradient descent on the summed objective of the notes.

    Attributes:
        title: A few words.
        sizes: Widths from input to output. One output is a logistic one, several have a softmax.
        activation: Of hidden layers: a key of `benchmarks.numpy_loop.ACTIVATIONS`.
        data: A key of `benchmarks.data.DATA`.
        batch: Rows a step.
        epochs: Epochs to train.
        learning_rates: η.
        l2s: λ.
        seeds: Number of seeds, 0, 1, …
        reference: The cell (η, λ) of seed 0 whose test accuracy is compared.
        glorot: Starting weights scaled as Glorot does; else the notes' unscaled normal ones.
        part: Numbers of ``(η, λ, seeds)`` on which contenders that train member by member are measured; None
            for all.
        traced_epochs: Epochs of a trace, fewer where all would hold a million kernels, though what a run does
            once then takes a larger share; None for all.
        long: Measured only where it is named: some contenders take more than an hour.
    """

    title: str
    sizes: tuple[int, ...]
    activation: str
    data: str
    batch: int
    epochs: int
    learning_rates: tuple[float, ...]
    l2s: tuple[float, ...]
    seeds: int
    reference: tuple[float, float]
    glorot: bool = False
    part: tuple[int, int, int] | None = None
    traced_epochs: int | None = None
    long: bool = False

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of learning rates, penalties and seeds."""
        return len(self.learning_rates), len(self.l2s), self.seeds

    @property
    def members(self) -> int:
        """Number of networks."""
        return int(np.prod(self.shape))

    def member_list(self) -> list[Member]:
        """The networks in the order ``[η, λ, seed]``."""
        return [Member(*m) for m in itertools.product(self.learning_rates, self.l2s, range(self.seeds))]

    def cells(self) -> tuple[np.ndarray, np.ndarray]:
        """Learning rates and penalties of all cells, ``[η × λ]`` each."""
        rates, l2s = np.meshgrid(self.learning_rates, self.l2s, indexing="ij")
        return rates.ravel(), l2s.ravel()

    @property
    def reference_index(self) -> tuple[int, ...]:
        """Place of the reference cell in an array of shape `shape`."""
        learning_rate, l2 = self.reference
        return self.learning_rates.index(learning_rate), self.l2s.index(l2), 0

    def reduced(self) -> "Workload":
        """The part on which slow contenders are measured; it holds the reference cell."""
        if self.part is None:
            return self
        n_rates, n_l2s, seeds = self.part
        return dataclasses.replace(
            self,
            learning_rates=spread(self.learning_rates, self.reference[0], n_rates),
            l2s=spread(self.l2s, self.reference[1], n_l2s),
            seeds=seeds,
            part=None,
        )

    def rows(self) -> Rows:
        """The data."""
        return DATA[self.data]()

    def steps(self) -> int:
        """Steps an epoch."""
        return len(self.rows().x_train) // self.batch

    def drawing(self, seed: int) -> tuple[Layers, "Stream | None"]:
        """Starting layers and minibatches of one seed, by the notes' random calls in their order.

        Returns:
            Layers (float64), and the stream of minibatches; None where a batch holds all rows.
        """
        rng = np.random.RandomState(seed)
        layers, n = [], len(self.rows().x_train)
        for n_in, n_out in self.layer_shapes():
            scale = np.sqrt(2 / (n_in + n_out)) if self.glorot else 1.0
            layers.append((scale * rng.randn(n_in, n_out), np.full(n_out, 0.01)))
        return layers, None if self.batch == n else Stream(rng, n, self.steps(), self.batch)

    def replicate(self, seed: int) -> tuple[Layers, np.ndarray | None]:
        """As `drawing`, with the row numbers ``[epochs, steps, batch]`` of all epochs."""
        layers, stream = self.drawing(seed)
        return layers, None if stream is None else np.stack([stream.epoch(i) for i in range(self.epochs)])

    def replicates(self) -> tuple[Layers, np.ndarray | None]:
        """As `replicate`, of all seeds on a leading axis."""
        starts, batches = zip(*map(self.replicate, range(self.seeds)), strict=True)
        return stacked(starts), None if batches[0] is None else np.stack(batches)

    def layer_shapes(self) -> list[tuple[int, int]]:
        """``(n_in, n_out)`` of each layer."""
        return list(zip(self.sizes[:-1], self.sizes[1:], strict=True))

    def flop(self, trained: float = 1.0) -> float:
        """Floating point operations of all matrix products, a multiply-add counted as two.

        In training each layer takes one product forward and two backward, the first layer one: inputs need no
        gradient. In the end every member is scored on all training and test rows, forward only.

        Args:
            trained: Share of the members' epochs that is trained; all members are scored.
        """
        weights = [n_in * n_out for n_in, n_out in self.layer_shapes()]
        rows = self.rows()
        a_step = 2 * self.batch * (3 * sum(weights) - weights[0])
        scoring = 2 * (len(rows.x_train) + len(rows.x_test)) * sum(weights)
        return self.members * (trained * self.epochs * self.steps() * a_step + scoring)


class Stream:
    """Minibatches of one seed by one stream of random numbers, a new subset of the rows each step.

    Epochs are drawn one after another when they are first needed, and kept.
    """

    def __init__(self, rng: np.random.RandomState, n: int, steps: int, batch: int):
        """Nothing is drawn yet; from here on the random numbers are the stream's alone."""
        self.rng, self.n, self.steps, self.batch = rng, n, steps, batch
        self.drawn: list[np.ndarray] = []

    def epoch(self, epoch: int) -> np.ndarray:
        """Row numbers ``[steps, batch]``."""
        while len(self.drawn) <= epoch:
            rows = [self.rng.choice(self.n, self.batch, replace=False) for _ in range(self.steps)]
            self.drawn.append(np.stack(rows))
        return self.drawn[epoch]


def stacked(starts: Sequence[Layers]) -> Layers:
    """Layers of several seeds, on a leading axis."""
    layers = []
    for of_seeds in zip(*starts, strict=True):
        weights, biases = zip(*of_seeds, strict=True)
        layers.append((np.stack(weights), np.stack(biases)))
    return layers


def spread(values: Sequence[float], included: float, count: int) -> tuple[float, ...]:
    """``count`` of the values, evenly spread, with ``included`` among them."""
    places = np.linspace(0, len(values) - 1, count).round().astype(int).tolist()
    place = values.index(included)
    if place not in places:
        places[int(np.argmin(np.abs(np.array(places) - place)))] = place
    return tuple(values[i] for i in places)
