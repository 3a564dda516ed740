"""Workloads of the other kinds of networks: convolutional, recurrent, Boltzmann; 32 learning rates each."""

import dataclasses
import functools
from typing import Any

import numpy as np

from benchmarks.data import Rows, digits
from benchmarks.workload import Workload, spread

CHANNELS, KERNEL, CLASSES = (8, 16), 3, 10
TIME, UNITS = 40, 6
VISIBLE, HIDDEN = 64, 100
RATES = 32


@dataclasses.dataclass(frozen=True)
class KindWorkload:
    """Networks of one kind, which differ in the learning rate; minibatches are the rows in their order.

    Attributes:
        title: A few words.
        kind: "cnn" (plain gradient descent), "gru" (Adam) or "rbm" (persistent contrastive divergence).
        epochs: Epochs to train.
        learning_rates: One a member.
        reference: Learning rate and penalty of the member whose score is compared.
        step_flop: Operations of the products of a step of one member, a multiply-add counted as two.
        row_flop: The same, of scoring one row.
        part: Members on which contenders that train one by one are measured.
        traced_epochs: Epochs of a trace.
        batch: Rows a step.
    """

    title: str
    kind: str
    epochs: int
    learning_rates: tuple[float, ...]
    reference: tuple[float, float]
    step_flop: float
    row_flop: float
    part: int | None = 4
    traced_epochs: int | None = 1
    batch: int = 100

    @property
    def members(self) -> int:
        """Number of networks."""
        return len(self.learning_rates)

    @property
    def sizes(self) -> tuple[int, ...]:
        """No widths: a trace counts all products alike."""
        return (-1,)

    @property
    def reference_index(self) -> tuple[int]:
        """Place of the reference among the members."""
        return (self.learning_rates.index(self.reference[0]),)

    def reduced(self) -> "KindWorkload":
        """The part on which slow contenders are measured; it holds the reference."""
        if self.part is None or self.part >= self.members:
            return self
        rates = spread(self.learning_rates, self.reference[0], self.part)
        return dataclasses.replace(self, learning_rates=rates, part=None)

    def rows(self) -> Rows:
        """The data, inputs in the shape of the network's."""
        return DATA[self.kind]()

    def steps(self) -> int:
        """Steps an epoch."""
        return len(self.rows().x_train) // self.batch

    def flop(self, trained: float = 1.0) -> float:
        """Operations of all products of training and of the final scoring."""
        rows = self.rows()
        scoring = (len(rows.x_train) + len(rows.x_test)) * self.row_flop
        return self.members * (trained * self.epochs * self.steps() * self.step_flop + scoring)


AnyWorkload = Workload | KindWorkload


def network(kind: str) -> Any:
    """The network as jfnn makes it."""
    import jfnn

    if kind == "cnn":
        return jfnn.cnn((1, 8, 8), CHANNELS, CLASSES, KERNEL)
    return jfnn.rnn((TIME, 1), UNITS, CLASSES, "gru", bidirectional=True, states="all")


@functools.cache
def images() -> Rows:
    """The digits, ``[n, 1, 8, 8]`` float32 in [0, 1]."""
    rows = digits()
    x_train, x_test = (
        (part.reshape(-1, 1, 8, 8) / 16).astype(np.float32) for part in (rows.x_train, rows.x_test)
    )
    return rows._replace(x_train=x_train, x_test=x_test)


@functools.cache
def sequences() -> Rows:
    """Noisy waves whose frequency is the label, in the shape of MNIST-1D: ``[4000 and 1000, 40, 1]``."""
    rng = np.random.default_rng(0)
    labels = rng.integers(CLASSES, size=5000)
    time = np.arange(TIME) / TIME
    phase = rng.uniform(0, 2 * np.pi, size=(5000, 1))
    waves = np.sin(np.pi * (labels[:, None] + 1) * time + phase) + 0.3 * rng.normal(size=(5000, TIME))
    x = waves[..., None].astype(np.float32)
    return Rows(x[:4000], labels[:4000], x[4000:], labels[4000:])


@functools.cache
def pixels() -> Rows:
    """The digits as grey values in [0, 1], ``[n, 64]`` float32."""
    rows = images()
    x_train, x_test = (part.reshape(-1, VISIBLE) for part in (rows.x_train, rows.x_test))
    return rows._replace(x_train=x_train, x_test=x_test)


DATA = {"cnn": images, "gru": sequences, "rbm": pixels}


def _cnn_flop(batch: int) -> tuple[float, float]:
    """Of a step and of scoring a row; the first layer needs no gradient of its inputs."""
    first = 2 * CHANNELS[0] * KERNEL**2 * 36
    second = 2 * CHANNELS[1] * CHANNELS[0] * KERNEL**2 * 16
    dense = 2 * CHANNELS[1] * 16 * CLASSES
    return batch * (2 * first + 3 * second + 3 * dense), first + second + dense


def _gru_flop(batch: int) -> tuple[float, float]:
    inputs, recurrent = (2 * 2 * TIME * 3 * UNITS * n for n in (1, UNITS))
    dense = 2 * 2 * UNITS * TIME * CLASSES
    return batch * (2 * inputs + 3 * recurrent + 3 * dense), inputs + recurrent + dense


def _rates(low: float, high: float) -> tuple[float, ...]:
    return tuple(np.geomspace(low, high, RATES).tolist())


KINDS = {
    "cnn": KindWorkload(
        "convolutional: 32 of 8 and 16 channels 3×3 on 8×8 digits, batch 100, 8 epochs",
        "cnn",
        8,
        _rates(1e-2, 1e0),
        (_rates(1e-2, 1e0)[20], 0.0),
        *_cnn_flop(100),
    ),
    "gru": KindWorkload(
        "recurrent: 32 GRUs of 6 units both ways over 40 points, batch 100, 10 epochs",
        "gru",
        10,
        _rates(1e-3, 3e-2),
        (_rates(1e-3, 3e-2)[20], 0.0),
        *_gru_flop(100),
    ),
    "rbm": KindWorkload(
        "Boltzmann: 32 machines 64–100 on the digits, batch 100, 30 epochs",
        "rbm",
        30,
        _rates(1e-2, 1e-1),
        (_rates(1e-2, 1e-1)[16], 0.0),
        5 * 2 * VISIBLE * HIDDEN * 100,
        2 * 2 * VISIBLE * HIDDEN,
    ),
}


def quick(workload: KindWorkload) -> KindWorkload:
    """The same kind of work, an eighth of the members, a tenth as long."""
    rates = spread(workload.learning_rates, workload.reference[0], RATES // 8)
    title = f"{workload.title.split(':')[0]}, quick: {len(rates)} members"
    epochs = max(1, workload.epochs // 10)
    return dataclasses.replace(workload, title=title, learning_rates=rates, epochs=epochs, part=2)
