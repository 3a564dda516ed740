"""Interrupts while segments are on other processes: no hang, nothing sent on, a whole executor."""

import concurrent.futures
import os
import pickle
import signal
import types

import jax
import numpy as np
import pytest
from helpers import interrupted

import jfnn
from jfnn.distributed import calls, futures
from jfnn.engine.segment import Segment

JOBS = 6


def nothing(job):
    """A segment that trains nothing."""
    return Segment(np.zeros(1), {}, None)


def answered(call):
    """A worker's answer to such segments."""
    results = [(jax.tree.leaves(segment.members), None, []) for segment in calls.unpack(call.segments)]
    return calls.Done(pickle.dumps(results))


def asked(future):
    """A future that can only be asked."""
    return types.SimpleNamespace(done=future.done, result=future.result, cancel=future.cancel)


class Counted(concurrent.futures.ThreadPoolExecutor):
    """Two threads, and how much was sent to them."""

    def __init__(self, wrapped=lambda future: future):
        super().__init__(2)
        self.sent, self.wrapped = 0, wrapped

    def submit(self, *arguments):
        self.sent += 1
        return self.wrapped(super().submit(*arguments))


@pytest.mark.parametrize("wrapped", [lambda future: future, asked], ids=["waited for", "asked"])
def test_an_interrupt_at_any_step_is_no_hang_and_leaves_the_executor_whole(wrapped, monkeypatch):
    monkeypatch.setattr(futures, "answer", answered)
    collected = []
    with Counted(wrapped) as executor:
        workers = jfnn.Workers(executor, in_flight=2, together=1)

        def run():
            collected.clear()
            way = futures.Futures(None, workers, {})
            way.run(range(JOBS), nothing, lambda job, result: collected.append(job))

        for at in range(1, 2000):
            error, came = interrupted(run, at)
            assert error == ("KeyboardInterrupt" if came else None), at
            sent, done = executor.sent, len(collected)
            assert executor.submit(int).result(10) == 0, at
            assert (executor.sent, len(collected)) == (sent + 1, done)
            if not came:
                break
    assert 5 < at < 2000
    assert sorted(collected) == list(range(JOBS))


def test_an_interrupt_while_no_worker_answers_is_no_hang():
    never = concurrent.futures.Future()

    def submit(*arguments):
        os.kill(os.getpid(), signal.SIGINT)
        return never

    with pytest.raises(KeyboardInterrupt):
        futures.environment_of(jfnn.Workers(types.SimpleNamespace(submit=submit)))
    assert never.cancelled()
