"""What is trained in the comparison: data, network, grid, and the minibatches that contenders share."""

import dataclasses
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.data import DATA, Rows


class Member(NamedTuple):
    """One network of a workload."""

    learning_rate: float
    l2: float
    seed: int


@dataclasses.dataclass(frozen=True)
class Workload:
    """A grid of networks to train by stochastic gradient descent on the summed objective of the notes.

    Attributes:
        title: What it is, in a few words.
        sizes: Widths from input to output. One output is a logistic one, several have a softmax.
        activation: Of hidden layers: a key of `benchmarks.numpy_loop.ACTIVATIONS`.
        data: A key of `benchmarks.data.DATA`.
        batch: Rows a step.
        epochs: How long.
        learning_rates: η.
        l2s: λ.
        seeds: How many starts, 0, 1, …
        reference: The cell (η, λ) of seed 0 whose test accuracy is compared.
        glorot: Starting weights scaled as Glorot does; else the notes' unscaled normal ones.
        part: How many ``(η, λ, seeds)`` contenders that train member by member are measured on; None for all.
        traced_epochs: How long jfnn is traced, so that a trace holds some 100,000 kernels; None for all.
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

    @property
    def shape(self) -> tuple[int, int, int]:
        """How many learning rates, penalties and seeds."""
        return len(self.learning_rates), len(self.l2s), self.seeds

    @property
    def members(self) -> int:
        """How many networks."""
        return int(np.prod(self.shape))

    def member_list(self) -> list[Member]:
        """The networks in the order ``[η, λ, seed]``."""
        return [
            Member(learning_rate, l2, seed)
            for learning_rate in self.learning_rates
            for l2 in self.l2s
            for seed in range(self.seeds)
        ]

    @property
    def reference_index(self) -> tuple[int, int, int]:
        """Where the reference cell lies in an array of shape `shape`."""
        learning_rate, l2 = self.reference
        return self.learning_rates.index(learning_rate), self.l2s.index(l2), 0

    def reduced(self) -> "Workload":
        """The part that slow contenders are measured on; it holds the reference cell."""
        if self.part is None:
            return self
        n_rates, n_l2s, seeds = self.part
        return dataclasses.replace(
            self,
            learning_rates=_around(self.learning_rates, self.reference[0], n_rates),
            l2s=_around(self.l2s, self.reference[1], n_l2s),
            seeds=seeds,
            part=None,
        )

    def rows(self) -> Rows:
        """The data."""
        return DATA[self.data]()

    def steps(self) -> int:
        """Steps an epoch."""
        return len(self.rows().x_train) // self.batch

    def stream(self, seed: int, rows: Rows) -> tuple[list[np.ndarray], np.ndarray | None]:
        """Starting parameters and minibatches of one seed, by the notes' random calls in their order.

        Returns:
            ``[w_1, b_1, w_2, …]`` with ``w [n_in, n_out]``, and row numbers ``[epochs, steps, batch]``, a new
            subset each step; None where a batch holds all rows. float64 and int64.
        """
        rng = np.random.RandomState(seed)
        start = self.start(rng)
        n = len(rows.x_train)
        if self.batch == n:
            return start, None
        steps = n // self.batch
        drawn = [rng.choice(n, self.batch, replace=False) for _ in range(self.epochs * steps)]
        return start, np.reshape(drawn, (self.epochs, steps, self.batch))

    def start(self, rng: np.random.RandomState) -> list[np.ndarray]:
        """Starting parameters ``[w_1, b_1, w_2, …]``, drawn from ``rng``."""
        found = []
        for n_in, n_out in self.layers():
            scale = np.sqrt(2 / (n_in + n_out)) if self.glorot else 1.0
            found += [scale * rng.randn(n_in, n_out), np.full(n_out, 0.01)]
        return found

    def layers(self) -> list[tuple[int, int]]:
        """``(n_in, n_out)`` of each layer."""
        return list(zip(self.sizes[:-1], self.sizes[1:], strict=True))

    def flop(self, trained: float = 1.0) -> float:
        """Floating point operations of all matrix products, a multiply-add counted as two.

        In training each layer takes one product forward and two backward, the first only one: nothing is
        asked of the inputs. At the end every member is scored on all training and test rows, forward only.

        Args:
            trained: The share of the members' epochs that is trained; all members are scored.
        """
        weights = [n_in * n_out for n_in, n_out in self.layers()]
        rows = self.rows()
        a_step = 2 * self.batch * (3 * sum(weights) - weights[0])
        scoring = 2 * (len(rows.x_train) + len(rows.x_test)) * sum(weights)
        return self.members * (trained * self.epochs * self.steps() * a_step + scoring)


def _around(values: Sequence[float], kept: float, count: int) -> tuple[float, ...]:
    """``count`` of the values, evenly spread, with ``kept`` among them."""
    spread = np.linspace(0, len(values) - 1, count).round().astype(int).tolist()
    place = values.index(kept)
    if place not in spread:
        spread[int(np.argmin(np.abs(np.array(spread) - place)))] = place
    return tuple(values[i] for i in spread)


def decades(first: int, last: int, count: int | None = None) -> tuple[float, ...]:
    """Numbers from 10^first to 10^last, one a decade or ``count``."""
    exponents = np.linspace(first, last, last - first + 1 if count is None else count)
    return tuple((10.0**exponents).tolist())


NOTES = Workload(
    title="the notes' grid: 49 of 64-50-10, batch 100, 100 epochs",
    sizes=(64, 50, 10),
    activation="sigmoid",
    data="digits",
    batch=100,
    epochs=100,
    learning_rates=decades(-5, 1),
    l2s=decades(-5, 1),
    seeds=1,
    reference=(1e-3, 1.0),
    traced_epochs=25,
)

WORKLOADS = {
    "notes": NOTES,
    "seeds": dataclasses.replace(
        NOTES,
        title="10 seeds of it: 490 of 64-50-10, batch 100, 10 epochs",
        epochs=10,
        seeds=10,
        part=(7, 7, 1),
        traced_epochs=4,
    ),
    "mnist": Workload(
        title="MNIST-shaped: 16 of 784-256-10, batch 128, 6 epochs",
        sizes=(784, 256, 10),
        activation="sigmoid",
        data="mnist_shaped",
        batch=128,
        epochs=6,
        learning_rates=decades(-5, -2),
        l2s=decades(-4, -1),
        seeds=1,
        reference=(1e-3, 1e-3),
        glorot=True,
        part=(2, 1, 1),
    ),
    "deep": Workload(
        title="deep and narrow: 64 of 64-32-32-32-10, batch 100, 50 epochs",
        sizes=(64, 32, 32, 32, 10),
        activation="tanh",
        data="digits",
        batch=100,
        epochs=50,
        learning_rates=decades(-5, -2, 8),
        l2s=decades(-5, 0, 8),
        seeds=1,
        reference=(decades(-5, -2, 8)[4], decades(-5, 0, 8)[4]),
        glorot=True,
        part=(2, 4, 1),
        traced_epochs=12,
    ),
    "xor": Workload(
        title="tiny: 4,096 of 2-4-1 on XOR (64 cells, 64 seeds), full batch, 1,000 steps",
        sizes=(2, 4, 1),
        activation="tanh",
        data="xor",
        batch=4,
        epochs=1000,
        learning_rates=decades(-3, 0, 16),
        l2s=decades(-5, -2),
        seeds=64,
        reference=(1.0, 1e-4),
        glorot=True,
        part=(4, 1, 2),
        traced_epochs=250,
    ),
}


def quick(workload: Workload) -> Workload:
    """The same kind of work, a tenth as long, with two penalties and fewer seeds."""
    l2s = _around(workload.l2s, workload.reference[1], 2)
    seeds = -(-workload.seeds // 8)
    part = workload.part
    shape = (len(workload.learning_rates), len(l2s), seeds)
    epochs = max(1, workload.epochs // 10)
    return dataclasses.replace(
        workload,
        title=f"{workload.title.split(':')[0]}, quick: {math.prod(shape)} members, epochs: {epochs}",
        epochs=epochs,
        l2s=l2s,
        seeds=seeds,
        part=part and (part[0], min(part[1], len(l2s)), min(part[2], seeds)),
        traced_epochs=None,
    )


def growth(members: Sequence[int], batches: Sequence[int], widths: Sequence[int], gflop: float):
    """Variations of the notes' network along one axis each: ``{(axis, value): workload}``.

    Every point has one penalty, so many learning rates as members, and as many epochs as make about ``gflop``
    of arithmetic, but no more than the notes train.
    """
    base = dataclasses.replace(NOTES, learning_rates=_rates(49), l2s=(1.0,), reference=(_rates(49)[0], 1.0))
    points = {}
    for count in members:
        rates = _rates(count)
        points["members", count] = dataclasses.replace(base, learning_rates=rates, reference=(rates[0], 1.0))
    for batch in batches:
        points["batch", batch] = dataclasses.replace(base, batch=batch)
    for width in widths:
        points["width", width] = dataclasses.replace(base, sizes=(64, width, 10))
    return {key: _sized(workload, gflop, f"{key[0]} {key[1]}") for key, workload in points.items()}


def _rates(count: int) -> tuple[float, ...]:
    return tuple(np.geomspace(1e-5, 1e-3, count).tolist())


def _sized(workload: Workload, gflop: float, title: str) -> Workload:
    an_epoch = dataclasses.replace(workload, epochs=1).flop() - workload.flop(trained=0.0)
    epochs = round(gflop * 1e9 / an_epoch)
    return dataclasses.replace(workload, title=title, epochs=min(max(1, epochs), NOTES.epochs))
