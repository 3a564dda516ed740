"""Executors, which run segments: their interface, and the executor on this process's threads."""

import functools
import itertools
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

import jax

from jfnn.core.engine.segment import Segment, SegmentResult, Task, Worker
from jfnn.core.engine.threads import run_in_parallel, run_jobs

Job = TypeVar("Job")
MakeSegment = Callable[[Job], Segment]
Collect = Callable[[Job, SegmentResult], Job | None]
Failures = Sequence[tuple[Job, Exception]]


class Executor(Protocol):
    """Runs the segments of one task, in any order, each on any device."""

    def run(self, jobs: Iterable[Job], segment: MakeSegment[Job], collect: Collect[Job]) -> Failures[Job]:
        """Run the segment of each job, and pass every result to ``collect``, from any thread.

        ``collect`` returns the job that follows, if any. A segment may run more than once, but is created
        only once, since later segments depend on collected results.

        Returns:
            The jobs that failed, with their errors.
        """
        ...

    def compile(self, segments: Sequence[Segment], told: Callable[[int, int], None]) -> None:
        """Compile on every device, by running segments for no epochs and scoring one block of rows.

        ``told(compiled programs, all programs)`` is called before the first and after each, from any thread.
        """
        ...


class Threads:
    """An `Executor` on this process's devices, which raises errors instead of returning them."""

    def __init__(self, task: Task, threads: Sequence[jax.Device]):
        """Put the task, which all segments share, on the device of each thread."""
        self.threads = threads
        self.workers = {device: Worker(task, device) for device in dict.fromkeys(threads)}

    def run(self, jobs: Iterable[Job], segment: MakeSegment[Job], collect: Collect[Job]) -> Failures[Job]:
        """See `Executor`."""
        run_jobs(jobs, self.threads, lambda job, device: self.workers[device].issue(segment(job)), collect)
        return ()

    def compile(self, segments: Sequence[Segment], told: Callable[[int, int], None]) -> None:
        """See `Executor`."""
        pairs = [*itertools.product(self.workers.values(), segments)]
        compiled = itertools.count(1)
        in_turn = threading.Lock()

        def compile_one(worker: Worker, segment: Segment) -> SegmentResult:
            result = worker.issue(segment, blocks=1)
            with in_turn:
                told(next(compiled), len(pairs))
            return result

        told(0, len(pairs))
        run_in_parallel([functools.partial(compile_one, *pair) for pair in pairs])
