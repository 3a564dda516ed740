"""The workloads of the comparison, shorter ones of their kind, and variations of the notes' network."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from benchmarks.workload import Workload, spread


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
)

XOR = Workload(
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
)

WORKLOADS = {
    "notes": NOTES,
    "seeds": dataclasses.replace(
        NOTES,
        title="10 seeds of it: 490 of 64-50-10, batch 100, 10 epochs",
        epochs=10,
        seeds=10,
        part=(7, 7, 1),
    ),
    "many": dataclasses.replace(
        NOTES,
        title="many: 4,900 of 64-50-10 (70 by 70 cells), batch 100, 10 epochs",
        epochs=10,
        learning_rates=decades(-5, -2, 70),
        l2s=decades(-5, 1, 70),
        reference=(decades(-5, -2, 70)[46], decades(-5, 1, 70)[58]),
        part=(7, 7, 1),
        traced_epochs=1,
        long=True,
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
    "wine": Workload(
        title="small: 1,024 of 13-16-3 on the wines (256 cells, 4 seeds), batch 16, 50 epochs",
        sizes=(13, 16, 3),
        activation="tanh",
        data="wine",
        batch=16,
        epochs=50,
        learning_rates=decades(-4, -1, 16),
        l2s=decades(-4, 0, 16),
        seeds=4,
        reference=(decades(-4, -1, 16)[10], decades(-4, 0, 16)[5]),
        glorot=True,
        part=(2, 4, 2),
        traced_epochs=12,
    ),
    "xor": XOR,
    "xor_100k": dataclasses.replace(
        XOR,
        title="100,096 of the same (128 cells, 782 seeds)",
        learning_rates=(*decades(-3, 0, 31), 2.0),
        seeds=782,
        long=True,
    ),
}


def quick(workload: Workload) -> Workload:
    """The same kind of work, a tenth as long, with two penalties and fewer seeds."""
    l2s = spread(workload.l2s, workload.reference[1], 2)
    seeds = -(-workload.seeds // 8)
    part = workload.part
    epochs = max(1, workload.epochs // 10)
    members = len(workload.learning_rates) * len(l2s) * seeds
    return dataclasses.replace(
        workload,
        title=f"{workload.title.split(':')[0]}, quick: {members} members, epochs: {epochs}",
        epochs=epochs,
        l2s=l2s,
        seeds=seeds,
        part=part and (part[0], min(part[1], len(l2s)), min(part[2], seeds)),
        traced_epochs=None,
    )


def varied(axis: str, values: Sequence[int], gflop: float) -> dict[int, Workload]:
    """The notes' network with values of "members", "batch" or "width": value -> workload.

    Every point has one penalty, a learning rate for each member, and epochs for about ``gflop`` of
    arithmetic, at most the notes'.
    """
    workloads = {}
    for value in values:
        rates = tuple(np.geomspace(1e-5, 1e-3, value if axis == "members" else NOTES.members).tolist())
        workload = dataclasses.replace(
            NOTES,
            title=f"{axis} {value}",
            sizes=(64, value, 10) if axis == "width" else NOTES.sizes,
            batch=value if axis == "batch" else NOTES.batch,
            epochs=1,
            learning_rates=rates,
            l2s=(1.0,),
            reference=(rates[0], 1.0),
        )
        epochs = round(gflop * 1e9 / (workload.flop() - workload.flop(trained=0.0)))
        workloads[value] = dataclasses.replace(workload, epochs=min(max(1, epochs), NOTES.epochs))
    return workloads
