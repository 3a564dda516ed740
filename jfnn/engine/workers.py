"""One host thread for each CPU core or accelerator: each takes tasks as its device comes free.

Threads are what makes cores work side by side: JAX runs the calls that one thread makes one after another,
but a CPU device works on the calls of several threads at once.
"""

import concurrent.futures
import functools
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import jax

Task = TypeVar("Task")
Result = TypeVar("Result")


def spread(
    tasks: Iterable[Task],
    devices: Sequence[jax.Device],
    issue: Callable[[Task, jax.Device], Result],
    collect: Callable[[Task, Result], None],
) -> None:
    """Runs tasks on devices, each where there is room first.

    Args:
        tasks: What to do; taken one at a time by whichever device is free.
        devices: The device of each thread; one may occur several times.
        issue: ``(task, device) -> results``, arrays that may still be computed.
        collect: ``(task, results)``, which waits for the results and keeps them. The next task has been
            issued by then, so that the device does not wait for the host. Called from several threads.

    Raises:
        Exception: Whatever a task raises; tasks not yet begun are dropped.
    """
    waiting, lock, stop = iter(tasks), threading.Lock(), threading.Event()

    def next_task():
        with lock:
            return None if stop.is_set() else next(waiting, None)

    def work(device):
        under_way = None
        while under_way or not stop.is_set():
            task = next_task()
            issued = None if task is None else (task, issue(task, device))
            if under_way:
                collect(*under_way)
            elif issued is None:
                return
            under_way = issued

    side_by_side([functools.partial(work, device) for device in devices], stop.set)


def side_by_side(calls: Sequence[Callable[[], object]], at_end: Callable[[], None] = lambda: None) -> None:
    """Makes each call on a thread of its own, and waits for all and for the arrays that they give.

    Args:
        calls: What to call.
        at_end: Called when all have ended, or the first has failed.

    Raises:
        Exception: Whatever the first to fail raised.
    """
    x64 = jax.config.read("jax_enable_x64")  # a thread does not inherit JAX's context managers

    def make(call):
        with jax.enable_x64(x64):
            jax.block_until_ready(call())

    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        try:
            for done in concurrent.futures.as_completed([pool.submit(make, call) for call in calls]):
                done.result()
        finally:
            at_end()
