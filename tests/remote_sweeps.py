"""A small sweep for executors, the arrays to compare, and an executor in this process."""

import concurrent.futures
import dataclasses
import pickle

import numpy as np
from helpers import as_workers, noise_split

import jfnn

NET = jfnn.mlp((5, 4, 3))
# Six cells of two seeds in tiles of two: six tiles, two of which train the best cell.
OPTIONS = dict(
    network=NET,
    split=noise_split(),
    learning_rate=[0.01, 0.1, 1.0],
    l2=[0.0, 0.1],
    seeds=2,
    epochs=4,
    batch_size=16,
)
HOW = jfnn.Execution(tile=2, eval_every=2)
FILES = {"config.json", "models.npz", "results.csv", "results.npz"}


def sweep(executor=None, execution=HOW, **changes):
    """Run the sweep on an executor, or on threads of this process without one."""
    execution = dataclasses.replace(execution, executor=as_workers(executor))
    return jfnn.sweep(**OPTIONS | changes, execution=execution)


def arrays(result):
    return result.params, dict(result.scores), result.history, result.epochs, result.stopped_at


def has(call, learning_rate):
    rates = [segment.hyper["learning_rate"] for segment in pickle.loads(call.segments)]
    return np.isclose(rates, learning_rate).any()


def finished_future(function, *arguments, errors=Exception):
    """Return a finished future with the result of a call, or the error it raises."""
    future = concurrent.futures.Future()
    future.set_running_or_notify_cancel()
    try:
        future.set_result(function(*arguments))
    except errors as error:
        future.set_exception(error)
    return future


class Here(concurrent.futures.Executor):
    """Runs submitted calls immediately in this process and records them, except queries.

    ``fate`` is called with the number of the call and the call; an error it raises becomes the future's.
    """

    def __init__(self, fate=lambda number, call: None):
        self.fate = fate
        self.calls = []

    def submit(self, function, call):
        return finished_future(self.run, function, call)

    def run(self, function, call):
        if call.task is not None:
            self.calls.append(call)
            self.fate(len(self.calls), call)
        return pickle.loads(pickle.dumps(function(call)))
