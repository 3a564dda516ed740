"""Workloads whose members draw starting weights and minibatches of their own, in the contenders' own ways."""

import dataclasses

import numpy as np

from benchmarks.data import Rows
from benchmarks.workload import Workload
from benchmarks.workloads import NOTES

POINTS, LARGEST = 256, 3.0  # of a step of `ANALYTIC`, from 0 to here
DERIVATIVES = 2


@dataclasses.dataclass(frozen=True)
class OwnDraws(Workload):
    """Networks of few cells, each seed and fold with a start and minibatches of its own.

    Contenders draw in their own ways, so that only means over all members can be compared.

    Attributes:
        folds: Parts of the training rows, each held out once; None for none.
    """

    folds: int | None = None

    @property
    def members(self) -> int:
        """Number of networks."""
        return super().members * (self.folds or 1)

    @property
    def reference_index(self) -> tuple[int, ...]:
        """The accuracy is one number, the mean over all members."""
        return ()

    @property
    def learned_from(self) -> int:
        """Training rows of the smallest fold."""
        n = len(self.rows().x_train)
        return n if self.folds is None else n - -(-n // self.folds)

    def steps(self) -> int:
        """Steps an epoch."""
        return self.learned_from // self.batch


@dataclasses.dataclass(frozen=True)
class Analytic(OwnDraws):
    """Networks that solve u'' = -u, from points that each step draws; no data but points to be scored at."""

    def rows(self) -> Rows:
        """Points ``[n, 1]`` to be scored at, with u there."""
        points = np.linspace(0, LARGEST, POINTS)[:, None]
        return Rows(points, np.sin(points[:, 0]), points[:0], points[:0, 0])

    def flop(self, trained: float = 1.0) -> float:
        """As in `Workload`: forward the products of u and its two derivatives, backward twice as many."""
        forward = 2 * POINTS * (1 + DERIVATIVES) * sum(a * b for a, b in self.layer_shapes())
        return self.members * forward * (3 * trained * self.epochs * self.steps() + 1)


IRIS = OwnDraws(
    title="many seeds: 1,000 of 4-10-3 on the irises (1 cell), batch 20, 20 epochs",
    sizes=(4, 10, 3),
    activation="tanh",
    data="iris",
    batch=20,
    epochs=20,
    learning_rates=(1e-2,),
    l2s=(1e-2,),
    seeds=1000,
    reference=(1e-2, 1e-2),
    glorot=True,
    traced_epochs=1,
)
DIGITS = OwnDraws(
    title="seeds of one cell: 100 of 64-50-10 on the digits, batch 100, 10 epochs",
    sizes=NOTES.sizes,
    activation=NOTES.activation,
    data=NOTES.data,
    batch=100,
    epochs=10,
    learning_rates=(1e-3,),
    l2s=(1.0,),
    seeds=100,
    reference=(1e-3, 1.0),
    traced_epochs=1,
)
FOLDS = dataclasses.replace(
    DIGITS,
    title="folds: 100 of 64-50-10 on the digits (50 folds, 2 seeds), batch 100, 10 epochs",
    seeds=2,
    folds=50,
)
ONE = dataclasses.replace(
    DIGITS,
    title="one network alone: 64-50-10 on the digits, batch 100, 100 epochs",
    epochs=100,
    seeds=1,
    traced_epochs=10,
)
SEVEN = dataclasses.replace(
    ONE,
    title="seven networks: 64-50-10 on the digits, batch 100, 100 epochs",
    learning_rates=tuple(np.geomspace(1e-4, 1e-3, 7).tolist()),
)
ANALYTIC = Analytic(
    title=f"own loss: 35 of 1-16-16-1 for u'' = -u, {POINTS} points drawn a step, 200 steps",
    sizes=(1, 16, 16, 1),
    activation="tanh",
    data="",
    batch=POINTS,
    epochs=200,
    learning_rates=tuple(np.geomspace(1e-3, 1e-2, 7).tolist()),
    l2s=tuple(np.geomspace(1e-8, 1e-4, 5).tolist()),
    seeds=1,
    reference=(1e-3, 1e-8),
    glorot=True,
    traced_epochs=50,
)


def quick(workload: OwnDraws) -> OwnDraws:
    """The same kind of work, a tenth as long, with an eighth of the seeds and folds."""
    short = dataclasses.replace(
        workload,
        epochs=max(1, workload.epochs // 10),
        seeds=-(-workload.seeds // 8),
        folds=None if workload.folds is None else -(-workload.folds // 8),
        traced_epochs=None,
    )
    title = f"{workload.title.split(':')[0]}, quick: {short.members} members, epochs: {short.epochs}"
    return dataclasses.replace(short, title=title)
