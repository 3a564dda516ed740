"""The same networks one by one, as many at a time as there are cores: PyTorch, and scikit-learn's machine."""

import functools
import multiprocessing
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.kinds import CHANNELS, CLASSES, HIDDEN, KERNEL, TIME, UNITS, KindWorkload
from benchmarks.workload import Outcome, Runner

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def _in_processes(train: Callable[[KindWorkload, float], float], workload: KindWorkload) -> Runner:
    """Members spread over one process a core, each of one thread."""
    os.environ.update(dict.fromkeys(THREADS, "1"))
    pool = multiprocessing.get_context("spawn").Pool(machine.cores())
    train_one = functools.partial(train, workload)

    def run() -> Outcome:
        return Outcome(np.array(pool.map(train_one, workload.learning_rates, chunksize=1)))

    return run


def scikit_learn(workload: KindWorkload) -> Runner:
    """`BernoulliRBM`, which trains by persistent contrastive divergence."""
    return _in_processes(_machine, workload)


def _machine(workload: KindWorkload, rate: float) -> float:
    from sklearn.neural_network import BernoulliRBM

    rows = workload.rows()
    rbm = BernoulliRBM(HIDDEN, learning_rate=rate, batch_size=100, n_iter=workload.epochs, random_state=0)
    rbm.fit(rows.x_train[: workload.steps() * workload.batch])
    probabilities = rbm._mean_hiddens(rows.x_test) @ rbm.components_ + rbm.intercept_visible_
    return float(((rows.x_test - 1 / (1 + np.exp(-probabilities))) ** 2).sum(axis=1).mean())


def torch_loop(workload: KindWorkload) -> Runner:
    """A loop of optimizer steps for each network, in a process a core."""
    return _in_processes(_torch, workload)


def _torch(workload: KindWorkload, rate: float) -> float:
    import torch
    from torch.nn import functional

    torch.set_num_threads(1)
    torch.manual_seed(0)
    rows, batch = workload.rows(), workload.batch
    x, y, x_test, y_test = map(torch.as_tensor, rows)
    network, outputs_of = _torch_network(workload.kind)
    optimizer: Any = torch.optim.SGD if workload.kind == "cnn" else torch.optim.Adam
    stepper = optimizer(network.parameters(), lr=rate)
    for _ in range(workload.epochs):
        for first in range(0, workload.steps() * batch, batch):
            stepper.zero_grad()
            outputs = outputs_of(x[first : first + batch])
            torch.autograd.backward(functional.cross_entropy(outputs, y[first : first + batch]))
            stepper.step()
    with torch.no_grad():
        outputs_of(x)
        return float((outputs_of(x_test).argmax(1) == y_test).float().mean())


def _torch_network(kind: str) -> tuple[Any, Callable[[Any], Any]]:
    """The parameters' module with its own starting weights, and ``x -> outputs``."""
    from torch import nn

    if kind == "cnn":
        first, second = CHANNELS
        convolutions = [nn.Conv2d(1, first, KERNEL), nn.ReLU(), nn.Conv2d(first, second, KERNEL), nn.ReLU()]
        network = nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(second * 16, CLASSES))
        return network, network
    gru = nn.GRU(1, UNITS, batch_first=True, bidirectional=True)
    dense = nn.Linear(2 * UNITS * TIME, CLASSES)
    return nn.ModuleList([gru, dense]), lambda x: dense(gru(x)[0].flatten(1))
