"""Train other kinds of networks one by one, with a process per core: PyTorch, and scikit-learn's RBM."""

import functools
import multiprocessing
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.workload import CHANNELS, CLASSES, KERNEL, TIME, UNITS, Outcome, Runner, Workload

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def prepare(workload: Workload) -> Runner:
    """Distribute members over one single-threaded process per core; each has its own initial weights."""
    os.environ.update(dict.fromkeys(THREADS, "1"))
    pool = multiprocessing.get_context("spawn").Pool(machine.cores())
    train = functools.partial(bernoulli_rbm if workload.kind == "rbm" else torch_loop, workload)

    def run() -> Outcome:
        scores = pool.map(train, workload.learning_rates, chunksize=1)
        return Outcome(np.reshape(scores, workload.shape))

    return run


def bernoulli_rbm(workload: Workload, rate: float) -> float:
    """Return the reconstruction error of `BernoulliRBM`, trained by persistent contrastive divergence."""
    from sklearn.neural_network import BernoulliRBM

    rows = workload.rows()
    rbm = BernoulliRBM(
        workload.sizes[1], learning_rate=rate, batch_size=100, n_iter=workload.epochs, random_state=0
    )
    rbm.fit(rows.x_train[: workload.steps() * workload.batch])
    probabilities = rbm._mean_hiddens(rows.x_test) @ rbm.components_ + rbm.intercept_visible_
    return float(((rows.x_test - 1 / (1 + np.exp(-probabilities))) ** 2).sum(axis=1).mean())


def torch_loop(workload: Workload, rate: float) -> float:
    """Return the test accuracy after a loop of optimizer steps."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(1)
    torch.manual_seed(0)
    rows = workload.rows()
    batch = workload.batch
    x, y, x_test, y_test = map(torch.as_tensor, rows)
    network, outputs = _torch_network(workload.kind)
    optimizer: Any = torch.optim.SGD if workload.kind == "cnn" else torch.optim.Adam
    stepper = optimizer(network.parameters(), lr=rate)
    for _ in range(workload.epochs):
        for first in range(0, workload.steps() * batch, batch):
            at = slice(first, first + batch)
            stepper.zero_grad()
            torch.autograd.backward(functional.cross_entropy(outputs(x[at]), y[at]))
            stepper.step()
    with torch.no_grad():
        outputs(x)
        return float((outputs(x_test).argmax(1) == y_test).float().mean())


def _torch_network(kind: str) -> tuple[Any, Callable[[Any], Any]]:
    """Return the module of the parameters, with its own initial weights, and ``x -> outputs``."""
    from torch import nn

    if kind == "cnn":
        first, second = CHANNELS
        convolutions = [nn.Conv2d(1, first, KERNEL), nn.ReLU(), nn.Conv2d(first, second, KERNEL), nn.ReLU()]
        network = nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(second * 16, CLASSES))
        return network, network
    layer = nn.GRU if kind == "gru" else nn.LSTM
    recurrent = layer(1, UNITS, batch_first=True, bidirectional=True)
    dense = nn.Linear(2 * UNITS * TIME, CLASSES)
    return nn.ModuleList([recurrent, dense]), lambda x: dense(recurrent(x)[0].flatten(1))
