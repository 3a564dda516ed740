"""Workloads of other kinds: an own loss; convolutional, recurrent and Boltzmann networks, 32 of each."""

import dataclasses

import numpy as np

from benchmarks.workload import Workload

DERIVATIVES = 2  # of u, in the own loss
CHANNELS, KERNEL, CLASSES = (8, 16), 3, 10
TIME, UNITS = 40, 6
VISIBLE, HIDDEN = 64, 100


@dataclasses.dataclass(frozen=True)
class Ode(Workload):
    """Networks that solve u'' = -u, from points that each step draws; no data but points to be scored at."""

    @property
    def score(self) -> str:
        """The loss of each member."""
        return "train_loss"

    def row_flop(self) -> int:
        """Products of u and its two derivatives."""
        return (1 + DERIVATIVES) * super().row_flop()

    def step_flop(self) -> int:
        """Forward, and backward twice as many."""
        return 3 * self.batch * self.row_flop()


@dataclasses.dataclass(frozen=True)
class Kind(Workload):
    """Another kind of network, by learning rates; minibatches in the order of the rows, the loss a mean.

    Attributes:
        kind: "cnn" (plain gradient descent), "gru" (Adam) or "rbm" (persistent contrastive divergence).
    """

    kind: str = ""

    @property
    def score(self) -> str:
        """A machine has no accuracy: its error of reconstruction."""
        return "test_loss" if self.kind == "rbm" else "test_accuracy"

    def _products(self) -> tuple[int, int]:
        """Operations forward, a row, of the first product and of all others."""
        if self.kind == "cnn":
            first, second = 2 * CHANNELS[0] * KERNEL**2 * 36, 2 * CHANNELS[1] * CHANNELS[0] * KERNEL**2 * 16
            return first, second + 2 * CHANNELS[1] * 16 * CLASSES
        inputs, recurrent = (2 * 2 * TIME * 3 * UNITS * n for n in (1, UNITS))
        return inputs, recurrent + 2 * 2 * UNITS * TIME * CLASSES

    def step_flop(self) -> int:
        """As of a `Workload`; a machine has five products of its weights a step."""
        if self.kind == "rbm":
            return 5 * 2 * VISIBLE * HIDDEN * self.batch
        first, others = self._products()
        return self.batch * (2 * first + 3 * others)

    def row_flop(self) -> int:
        """As of a `Workload`; a machine reconstructs by two products."""
        return 2 * 2 * VISIBLE * HIDDEN if self.kind == "rbm" else sum(self._products())


def _kind(title: str, kind: str, data: str, epochs: int, low: float, high: float, reference: int) -> Kind:
    rates = tuple(np.geomspace(low, high, 32).tolist())
    return Kind(
        title=title,
        sizes=(),
        data=data,
        epochs=epochs,
        learning_rates=rates,
        l2s=(0.0,),
        reference=(rates[reference], 0.0),
        part=(4, 1, 1),
        traced_epochs=1,
        kind=kind,
    )


KINDS = {
    "cnn": _kind(
        "convolutional: 32 of 8 and 16 channels 3×3 on 8×8 digits, batch 100, 8 epochs",
        *("cnn", "images", 8, 1e-2, 1e0, 20),
    ),
    "gru": _kind(
        "recurrent: 32 GRUs of 6 units both ways over 40 points, batch 100, 10 epochs",
        *("gru", "waves", 10, 1e-3, 3e-2, 20),
    ),
    "rbm": _kind(
        "Boltzmann: 32 machines 64–100 on the digits, batch 100, 30 epochs",
        *("rbm", "pixels", 30, 1e-2, 1e-1, 16),
    ),
}
ODE = Ode(
    title="own loss: 35 of 1-16-16-1 for u'' = -u, 256 points drawn a step, 200 steps",
    sizes=(1, 16, 16, 1),
    data="points",
    batch=256,
    epochs=200,
    learning_rates=tuple(np.geomspace(1e-3, 1e-2, 7).tolist()),
    l2s=tuple(np.geomspace(1e-8, 1e-4, 5).tolist()),
    reference=(1e-3, 1e-8),
    summary="median",
    traced_epochs=50,
)
