"""Calls on other threads, whose caller is interrupted at any step of its own."""

import threading
import time

import numpy as np
import pytest
from helpers import interrupted

from jfnn.apart import Apart
from jfnn.engine.executors import side_by_side, spread
from jfnn.engine.prefetch import Prefetcher


class Replicate:
    def minibatches(self, epoch):
        return np.full((2, 3), epoch)


@pytest.mark.parametrize(
    "call",
    [
        lambda: side_by_side([lambda: None, lambda: None]),
        lambda: spread(range(5), ["one", "other"], lambda job, device: job, lambda job, result: None),
        lambda: Prefetcher([Replicate()]).get(0, 3, 2),
    ],
    ids=["side_by_side", "spread", "prefetch"],
)
def test_an_interrupt_at_any_step_is_no_other_error_and_no_hang(call):
    threads = threading.active_count()
    for at in range(1, 1000):
        error, came = interrupted(call, at)
        assert error == ("KeyboardInterrupt" if came else None), at
        if not came:
            break
    assert 5 < at < 1000
    assert threading.active_count() <= threads + 1  # the last one may be about to end


def test_errors_and_values_come_back_and_what_is_ended_never_begins():
    assert Apart(lambda: 3).start().result() == 3
    with pytest.raises(ZeroDivisionError):
        Apart(lambda: 1 / 0).start().result()
    called, threads = [], threading.active_count()
    dropped = Apart(lambda: called.append(1))
    dropped.end()
    dropped.start()
    while threading.active_count() > threads:
        time.sleep(0.001)
    assert not called


def test_where_the_system_gives_no_more_threads_a_call_ends_nevertheless(monkeypatch):
    def none_left(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none_left)
    assert Apart(lambda: 3).start().result() == 3
    with pytest.raises(RuntimeError, match="start new thread"):
        side_by_side([lambda: None])
