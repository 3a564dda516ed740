"""Jobs on one host thread per CPU core or accelerator.

Threads make cores work in parallel: JAX runs the calls of one thread one after another, but a CPU device
works on the calls of several threads at once. Each thread collects its own results: if the caller's thread
collected them all, as it does when other processes compute, tiny networks would take an eighth longer
(compare with the workload xor of scripts/bench.py).
"""

import collections
import concurrent.futures
import contextlib
import functools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import jax

Job = TypeVar("Job")
Result = TypeVar("Result")


def run_jobs(
    jobs: Iterable[Job],
    devices: Sequence[jax.Device],
    issue: Callable[[Job, jax.Device], Result],
    collect: Callable[[Job, Result], Job | None],
) -> None:
    """Run jobs, and the jobs that follow them, each on the first free device.

    Args:
        jobs: The first jobs.
        devices: The device of each thread; one may occur several times.
        issue: ``(job, device) -> result``, arrays that may still be computed.
        collect: ``(job, result) -> job``: waits for the result, stores it, and returns the job that follows,
            or None. The thread's next job has been issued by then, so that the device does not wait for the
            host. Called from several threads.

    Raises:
        Exception: Whatever a job raises; jobs not yet begun are dropped.
    """
    waiting = collections.deque(jobs)
    changed = threading.Condition()
    under_way = 0
    stopped = False

    def take(wait: bool) -> Job | None:
        """Return the next job; None if there is none and, if ``wait``, no more will come."""
        nonlocal under_way
        with changed:
            while wait and not waiting and under_way and not stopped:
                changed.wait()
            if not waiting or stopped:
                return None
            under_way += 1
            return waiting.popleft()

    def end(following: Job | None) -> None:
        """Count a job as done, and queue the job that follows it."""
        nonlocal under_way
        with changed:
            under_way -= 1
            waiting.extend(() if following is None else (following,))
            changed.notify_all()

    def stop() -> None:
        """Drop waiting jobs."""
        nonlocal stopped
        with changed:
            stopped = True
            changed.notify_all()

    def work(device: jax.Device) -> None:
        before: tuple[Job, Result] | None = None
        while (job := take(wait=before is None)) is not None or before is not None:
            issued = None if job is None else (job, issue(job, device))
            if before is not None:
                end(collect(*before))
            before = issued

    run_in_parallel([functools.partial(work, device) for device in devices], stop)


@contextlib.contextmanager
def run_in_background(call: Callable[[], object]) -> Iterator[None]:
    """Run a call on another thread during the block, wait for both, and raise any error of the call."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        done = pool.submit(for_worker_thread(call))
        yield
        done.result()


def run_in_parallel(
    calls: Sequence[Callable[[], object]], at_end: Callable[[], object] = lambda: None
) -> None:
    """Run each call on a separate thread; wait for all, and for the arrays that they return.

    ``at_end`` is called when all calls have ended or one has failed; the first exception is raised.
    """
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        try:
            made = [pool.submit(for_worker_thread(call)) for call in calls]
            for done in concurrent.futures.as_completed(made):
                done.result()
        finally:
            at_end()


def for_worker_thread(call: Callable[[], Result]) -> Callable[[], Result]:
    """Prepare a call for another thread, which does not inherit JAX's context managers.

    The prepared call waits for the arrays that it returns.
    """
    x64 = jax.config.read("jax_enable_x64")

    def make() -> Result:
        with jax.enable_x64(x64):
            result: Result = jax.block_until_ready(call())
            return result

    return make
