"""Workloads: grids, members that sample their own initial weights and minibatches, and other kinds."""

import dataclasses

import numpy as np

from benchmarks.workload import Workload


def decades(first: int, last: int, count: int | None = None) -> tuple[float, ...]:
    """Return numbers from 10^first to 10^last, one per decade or ``count``."""
    exponents = np.linspace(first, last, last - first + 1 if count is None else count)
    return tuple((10.0**exponents).tolist())


NOTES = Workload(
    title="the notes' grid: 49 of 64-50-10, batch 100, 100 epochs",
    sizes=(64, 50, 10),
    activation="sigmoid",
    data="digits",
    epochs=100,
    learning_rates=decades(-5, 1),
    l2s=decades(-5, 1),
    reference=(1e-3, 1.0),
    glorot=False,
)
_replace = dataclasses.replace
_XOR = Workload(
    title="tiny: 4,096 of 2-4-1 on XOR (64 cells, 64 seeds), full batch, 1,000 steps",
    sizes=(2, 4, 1),
    data="xor",
    batch=4,
    epochs=1000,
    learning_rates=decades(-3, 0, 16),
    l2s=decades(-5, -2),
    seeds=64,
    reference=(1.0, 1e-4),
    part=(4, 1, 2),
)
GRIDS = {
    "notes": NOTES,
    "seeds": _replace(
        NOTES,
        title="10 seeds of it: 490 of 64-50-10, batch 100, 10 epochs",
        epochs=10,
        seeds=10,
        part=(7, 7, 1),
    ),
    "many": _replace(
        NOTES,
        title="many: 4,900 of 64-50-10 (70 by 70 cells), batch 100, 10 epochs",
        epochs=10,
        learning_rates=decades(-5, -2, 70),
        l2s=decades(-5, 1, 70),
        reference=(decades(-5, -2, 70)[46], decades(-5, 1, 70)[58]),
        part=(7, 7, 1),
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
        reference=(1e-3, 1e-3),
        part=(2, 1, 1),
    ),
    "deep": Workload(
        title="deep and narrow: 64 of 64-32-32-32-10, batch 100, 50 epochs",
        sizes=(64, 32, 32, 32, 10),
        data="digits",
        epochs=50,
        learning_rates=decades(-5, -2, 8),
        l2s=decades(-5, 0, 8),
        reference=(decades(-5, -2, 8)[4], decades(-5, 0, 8)[4]),
        part=(2, 4, 1),
    ),
    "wine": Workload(
        title="small: 1,024 of 13-16-3 on the wines (256 cells, 4 seeds), batch 16, 50 epochs",
        sizes=(13, 16, 3),
        data="wine",
        batch=16,
        epochs=50,
        learning_rates=decades(-4, -1, 16),
        l2s=decades(-4, 0, 16),
        seeds=4,
        reference=(decades(-4, -1, 16)[10], decades(-4, 0, 16)[5]),
        part=(2, 4, 2),
    ),
    "xor": _XOR,
}

# Seeds, folds and few networks, for which each contender samples in its own way.
IRIS = Workload(
    title="many seeds: 1,000 of 4-10-3 on the irises (1 cell), batch 20, 20 epochs",
    sizes=(4, 10, 3),
    data="iris",
    batch=20,
    epochs=20,
    learning_rates=(1e-2,),
    l2s=(1e-2,),
    seeds=1000,
    reference=(1e-2, 1e-2),
    summary="mean",
)
DIGITS = _replace(
    NOTES,
    title="seeds of one cell: 100 of 64-50-10 on the digits, batch 100, 10 epochs",
    epochs=10,
    learning_rates=(1e-3,),
    l2s=(1.0,),
    seeds=100,
    summary="mean",
)
FOLDS = _replace(
    DIGITS,
    title="folds: 100 of 64-50-10 on the digits (50 folds, 2 seeds), batch 100, 10 epochs",
    seeds=2,
    folds=50,
)
SERIES = Workload(
    title="series: 1,000 of 4-8-1 on 60 rows of one's own, batch 20, 200 epochs",
    sizes=(4, 8, 1),
    data="series",
    batch=20,
    epochs=200,
    learning_rates=(1e-2,),
    l2s=(1e-3,),
    reference=(1e-2, 1e-3),
    folds=1000,
    summary="mean",
    kind="series",
)
ONE = _replace(
    DIGITS,
    title="one network alone: 64-50-10 on the digits, batch 100, 100 epochs",
    epochs=100,
    seeds=1,
)
SEVEN = _replace(
    ONE,
    title="seven networks: 64-50-10 on the digits, batch 100, 100 epochs",
    learning_rates=tuple(np.geomspace(1e-4, 1e-3, 7).tolist()),
)


def _kind(title: str, kind: str, data: str, epochs: int, low: float, high: float, reference: int) -> Workload:
    rates = tuple(np.geomspace(low, high, 32).tolist())
    return Workload(
        title=title,
        sizes=(64, 100),  # of the Boltzmann machine only
        data=data,
        epochs=epochs,
        learning_rates=rates,
        l2s=(0.0,),
        reference=(rates[reference], 0.0),
        part=(4, 1, 1),
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
    "lstm": _kind(
        "recurrent: 32 LSTMs of 6 units both ways over 40 points, batch 100, 10 epochs",
        *("lstm", "waves", 10, 1e-3, 3e-2, 20),
    ),
    "rbm": _kind(
        "Boltzmann: 32 machines 64–100 on the digits, batch 100, 30 epochs",
        *("rbm", "pixels", 30, 1e-2, 1e-1, 16),
    ),
}
ODE = Workload(
    title="custom loss: 35 of 1-16-16-1 for u'' = -u, 256 points drawn a step, 200 steps",
    sizes=(1, 16, 16, 1),
    data="points",
    kind="ode",
    batch=256,
    epochs=200,
    learning_rates=tuple(np.geomspace(1e-3, 1e-2, 7).tolist()),
    l2s=tuple(np.geomspace(1e-8, 1e-4, 5).tolist()),
    reference=(1e-3, 1e-8),
    summary="median",
)
