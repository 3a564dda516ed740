"""Executors of tiles: the interface, and one host thread for each CPU core or accelerator.

Threads are what makes cores work side by side: JAX runs the calls that one thread makes one after another,
but a CPU device works on the calls of several threads at once.
"""

import collections
import concurrent.futures
import functools
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, Protocol, TypeVar

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
        collect: Callable[[Job, SegmentResult], Job | None],
    ) -> Sequence[tuple[Job, Exception]]:
        """Runs the segment of each job, and hands every result to ``collect``, from any thread.

        ``collect`` returns the job that follows, if any. A segment may run more than once, but is made once,
        since later segments depend on collected results.

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
        """Places the task, common to all segments, on the device of each thread."""
        self.threads = threads
        self.workers = {device: Worker(task, device) for device in dict.fromkeys(threads)}

    def run(
        self,
        jobs: Iterable[Job],
        segment: Callable[[Job], Segment],
        collect: Callable[[Job, SegmentResult], Job | None],
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
    collect: Callable[[Job, Result], Job | None],
) -> None:
    """Runs jobs on devices, each on the first that is free, and those that follow them.

    Args:
        jobs: The first jobs.
        devices: The device of each thread; one may occur several times.
        issue: ``(job, device) -> result``, arrays that may still be computed.
        collect: ``(job, result) -> job``, which waits for the result and stores it, and gives the job that
            follows or None. The next job has been issued by then, so that the device does not wait for the
            host. Called from several threads.

    Raises:
        Exception: Whatever a job raises; jobs not yet begun are dropped.
    """
    waiting = _Waiting(jobs)

    def work(device: jax.Device) -> None:
        under_way: tuple[Job, Result] | None = None
        while True:
            job = waiting.take(wait=under_way is None)
            issued = None if job is None else (job, issue(job, device))
            if under_way:
                waiting.done(collect(*under_way))
            elif issued is None:
                return
            under_way = issued

    side_by_side([functools.partial(work, device) for device in devices], waiting.stop)


class _Waiting(Generic[Job]):
    """Jobs that wait for a device: first the initial ones, then those that follow, in order."""

    def __init__(self, jobs: Iterable[Job]):
        self._jobs, self._following = iter(jobs), collections.deque[Job]()
        self._under_way, self._stopped = 0, False
        self._changed = threading.Condition()

    def take(self, wait: bool) -> Job | None:
        """The next job; None if there is none, and, if ``wait``, will be none."""
        with self._changed:
            while not self._stopped:
                job = next(self._jobs, None)
                if job is None and self._following:
                    job = self._following.popleft()
                if job is not None:
                    self._under_way += 1
                    return job
                if not wait or not self._under_way:
                    return None
                self._changed.wait()
            return None

    def done(self, following: Job | None) -> None:
        """Adds the job that follows one that has ended."""
        with self._changed:
            self._under_way -= 1
            if following is not None:
                self._following.append(following)
            self._changed.notify_all()

    def stop(self) -> None:
        """Drops waiting jobs."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()


def side_by_side(calls: Sequence[Callable[[], Any]], at_end: Callable[[], None] = lambda: None) -> None:
    """Makes each call on a thread of its own; waits for all and for the arrays that they return.

    ``at_end`` is called when all have ended or the first has failed, whose exception is raised.
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
