"""Where tiles run: an interface, and one host thread for each CPU core or accelerator.

Threads are what makes cores work side by side: JAX runs the calls that one thread makes one after another,
but a CPU device works on the calls of several threads at once.
"""

import concurrent.futures
import functools
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

import jax

from jfnn.engine.segment import Segment, SegmentResult, Task, Worker

Job = TypeVar("Job")
Result = TypeVar("Result")


class Executor(Protocol):
    """Runs segments of one task, in any order, each by any device."""

    def run(
        self,
        jobs: Iterable[Job],
        segment: Callable[[Job], Segment],
        collect: Callable[[Job, SegmentResult], None],
    ) -> Sequence[tuple[Job, Exception]]:
        """Runs the segment of each job, and hands every result to ``collect``, from any thread.

        A segment may run more than once, but is made once: what is collected changes what is made next.

        Returns:
            The jobs that had to be given up, and why.
        """
        ...

    def compile(self, segments: Sequence[Segment]) -> None:
        """Compiles on every device, by running segments of no epochs and scoring one block of rows."""
        ...


class Threads:
    """An `Executor` on this process's devices."""

    def __init__(self, task: Task, threads: Sequence[jax.Device]):
        """Places the task on the devices.

        Args:
            task: What segments have in common.
            threads: The device of each thread; one may occur several times.
        """
        self.threads = threads
        self.workers = {device: Worker(task, device) for device in dict.fromkeys(threads)}

    def run(
        self,
        jobs: Iterable[Job],
        segment: Callable[[Job], Segment],
        collect: Callable[[Job, SegmentResult], None],
    ) -> Sequence[tuple[Job, Exception]]:
        """See `Executor`; nothing is given up."""
        spread(jobs, self.threads, lambda job, device: self.workers[device].issue(segment(job)), collect)
        return ()

    def compile(self, segments: Sequence[Segment]) -> None:
        """See `Executor`."""
        calls = [
            functools.partial(worker.issue, segment, blocks=1)
            for worker in self.workers.values()
            for segment in segments
        ]
        side_by_side(calls)


def spread(
    jobs: Iterable[Job],
    devices: Sequence[jax.Device],
    issue: Callable[[Job, jax.Device], Result],
    collect: Callable[[Job, Result], None],
) -> None:
    """Runs jobs on devices, each on the first that is free.

    Args:
        jobs: What to run.
        devices: The device of each thread; one may occur several times.
        issue: ``(job, device) -> result``, arrays that may still be computed.
        collect: ``(job, result)``, which waits for the result and stores it. The next job has been issued by
            then, so that the device does not wait for the host. Called from several threads.

    Raises:
        Exception: Whatever a job raises; jobs not yet begun are dropped.
    """
    waiting, lock, stop = iter(jobs), threading.Lock(), threading.Event()

    def next_job() -> Job | None:
        with lock:
            return None if stop.is_set() else next(waiting, None)

    def work(device: jax.Device) -> None:
        under_way: tuple[Job, Result] | None = None
        while under_way or not stop.is_set():
            job = next_job()
            issued = None if job is None else (job, issue(job, device))
            if under_way:
                collect(*under_way)
            elif issued is None:
                return
            under_way = issued

    side_by_side([functools.partial(work, device) for device in devices], stop.set)


def side_by_side(calls: Sequence[Callable[[], Any]], at_end: Callable[[], None] = lambda: None) -> None:
    """Makes each call on a thread of its own, and waits for all and for the arrays that they give.

    Args:
        calls: What to call.
        at_end: Called when all have ended, or the first has failed.

    Raises:
        Exception: Whatever the first to fail raised.
    """
    x64 = jax.config.read("jax_enable_x64")  # a thread does not inherit JAX's context managers

    def make(call: Callable[[], Any]) -> None:
        with jax.enable_x64(x64):
            jax.block_until_ready(call())

    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        try:
            for done in concurrent.futures.as_completed([pool.submit(make, call) for call in calls]):
                done.result()
        finally:
            at_end()
