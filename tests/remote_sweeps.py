"""A small sweep for executors, what it is compared by, and an executor of this process."""

import concurrent.futures
import dataclasses
import pickle

import numpy as np
from helpers import as_workers, noise_split

import jfnn

NET = jfnn.mlp((5, 4, 3))
# Six cells of two seeds in tiles of two: six tiles, two of them the best one's.
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
    """The sweep on an executor; by threads of this process without one."""
    execution = dataclasses.replace(execution, executor=as_workers(executor))
    return jfnn.sweep(**OPTIONS | changes, execution=execution)


def arrays(result):
    """All that a sweep has trained."""
    return result.params, dict(result.scores), result.history, result.epochs, result.stopped_at


def has(call, learning_rate):
    """Whether a call is to train members of a learning rate."""
    rates = [segment.hyper["learning_rate"] for segment in pickle.loads(call.segments)]
    return np.isclose(rates, learning_rate).any()


def settled(function, *arguments, errors=Exception):
    """A future that has ended with what a call gives, or with such errors as it raises."""
    future = concurrent.futures.Future()
    future.set_running_or_notify_cancel()
    try:
        future.set_result(function(*arguments))
    except errors as error:
        future.set_exception(error)
    return future


class Here(concurrent.futures.Executor):
    """Runs what is submitted at once, in this process, and keeps the calls, but for mere questions.

    ``fate`` is called with the number of the call and the call, and may raise what becomes of the future.
    """

    def __init__(self, fate=lambda number, call: None):
        self.fate = fate
        self.calls = []

    def submit(self, function, call):
        return settled(self.run, function, call)

    def run(self, function, call):
        if call.task is not None:
            self.calls.append(call)
            self.fate(len(self.calls), call)
        return pickle.loads(pickle.dumps(function(call)))
