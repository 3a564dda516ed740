"""Jobs side by side: the loop that submits them and collects results, and the threads of this process.

One thread, the caller's, collects all results, so that what collects need not be safe among threads.
"""

import asyncio
import collections
import concurrent.futures
import contextlib
import functools
import queue
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, TypeVar

import jax

POLLING_SECONDS = 0.02  # between looks at futures that cannot be waited for
WAITING_SECONDS = 0.2  # between calls of ``check``
# Errors of a future that broke or was cancelled; asyncio's is no `Exception`.
BROKEN = (Exception, asyncio.CancelledError)

Job = TypeVar("Job")
Result = TypeVar("Result")


def run_jobs(
    next_job: Callable[[bool], Job | None],
    submit: Callable[[Job], Any],
    settle: Callable[[Job, Any], None],
    limit: int,
) -> None:
    """Submits jobs while fewer than ``limit`` are under way, and settles what ends, until none is left.

    Args:
        next_job: ``(whether no job is under way) -> job``, or None where none may be submitted now.
        submit: ``job -> future``, of any library.
        settle: ``(job, future that has ended)``; what it raises cancels the jobs that have not begun.
        limit: Most jobs under way.
    """
    under_way: dict[int, tuple[Job, Any]] = {}
    try:
        while True:
            while len(under_way) < limit and (job := next_job(not under_way)) is not None:
                future = submit(job)
                under_way[id(future)] = job, future
            if not under_way:
                return
            for future in first_ended([future for _, future in under_way.values()]):
                job, _ = under_way.pop(id(future))
                settle(job, future)
    finally:
        for _, future in under_way.values():
            with contextlib.suppress(*BROKEN):
                future.cancel()


def first_ended(futures: Collection[Any], check: Callable[[], None] = lambda: None) -> Collection[Any]:
    """Waits until at least one of the futures has ended, and returns all that have; ``check`` may raise."""
    can_wait = all(isinstance(future, concurrent.futures.Future) for future in futures)
    while True:
        if can_wait:
            concurrent.futures.wait(futures, WAITING_SECONDS, concurrent.futures.FIRST_COMPLETED)
        if ended := [future for future in futures if future.done()]:
            return ended
        check()
        if not can_wait:
            time.sleep(POLLING_SECONDS)


def over_devices(
    jobs: Iterable[Job],
    devices: Sequence[jax.Device],
    issue: Callable[[Job, jax.Device], Result],
    collect: Callable[[Job, Result], Job | None],
) -> None:
    """Runs jobs, and the jobs that follow them, each on the first free device.

    Threads make cores work side by side: JAX runs the calls of one thread one after another, but a CPU device
    works on the calls of several threads at once.

    Args:
        jobs: The first jobs.
        devices: The devices; the cores of a CPU are one, several times.
        issue: ``(job, device) -> result``, arrays that may still be computed. Called from several threads.
        collect: ``(job, result) -> job``, which stores the result, and gives the job that follows or None.

    Raises:
        Exception: Whatever a job raises; jobs not yet begun are dropped.
    """
    waiting = collections.deque(jobs)
    free = queue.SimpleQueue[jax.Device]()
    for device in devices:
        free.put(device)
        if device.platform != "cpu":
            free.put(device)  # its next job is issued while it computes

    def next_job(idle: bool) -> Job | None:
        return waiting.popleft() if waiting else None

    @_as_here
    def work(job: Job) -> Result:
        device = free.get()
        try:
            result: Result = jax.block_until_ready(issue(job, device))
            return result
        finally:
            free.put(device)

    def settle(job: Job, future: Any) -> None:
        following = collect(job, future.result())
        if following is not None:
            waiting.append(following)

    with concurrent.futures.ThreadPoolExecutor(free.qsize()) as pool:
        # As many jobs again wait in the pool, so that no core waits for `collect`.
        run_jobs(next_job, lambda job: pool.submit(work, job), settle, 2 * len(devices))


def side_by_side(calls: Sequence[Callable[[], Any]]) -> None:
    """Makes each call on a separate thread, and waits for the arrays that they return."""
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        for done in concurrent.futures.as_completed([pool.submit(_as_here(call)) for call in calls]):
            jax.block_until_ready(done.result())


def _as_here(function: Callable[..., Result]) -> Callable[..., Result]:
    """A function as it is in this thread, for other threads, which do not inherit JAX's context managers."""
    x64 = jax.config.read("jax_enable_x64")

    @functools.wraps(function)
    def call(*arguments: Any) -> Result:
        with jax.enable_x64(x64):
            result: Result = function(*arguments)
            return result

    return call
