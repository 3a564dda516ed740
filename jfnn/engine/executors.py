"""Executors of tiles: the interface, and this process's threads."""

import functools
import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

import jax

from jfnn.engine.segment import Segment, SegmentResult, Task, Worker
from jfnn.engine.threads import side_by_side, spread

Job = TypeVar("Job")
MakeSegment = Callable[[Job], Segment]
Collect = Callable[[Job, SegmentResult], Job | None]
Failures = Sequence[tuple[Job, Exception]]


class Executor(Protocol):
    """Runs segments of one task, in any order, each by any device."""

    def run(self, jobs: Iterable[Job], segment: MakeSegment[Job], collect: Collect[Job]) -> Failures[Job]:
        """Runs the segment of each job, and hands every result to ``collect``, from any thread.

        ``collect`` returns the job that follows, if any. A segment may run more than once, but is made once,
        since later segments depend on collected results.

        Returns:
            The jobs that failed, and why.
        """
        ...

    def compile(self, segments: Sequence[Segment]) -> None:
        """Compiles on every device, by running segments of no epochs and scoring one block of rows."""
        ...


class Threads:
    """An `Executor` on this process's devices, which gives nothing up."""

    def __init__(self, task: Task, threads: Sequence[jax.Device]):
        """Puts the task, common to all segments, on the device of each thread."""
        self.threads = threads
        self.workers = {device: Worker(task, device) for device in dict.fromkeys(threads)}

    def run(self, jobs: Iterable[Job], segment: MakeSegment[Job], collect: Collect[Job]) -> Failures[Job]:
        """See `Executor`."""
        spread(jobs, self.threads, lambda job, device: self.workers[device].issue(segment(job)), collect)
        return ()

    def compile(self, segments: Sequence[Segment]) -> None:
        """See `Executor`."""
        pairs = itertools.product(self.workers.values(), segments)
        side_by_side([functools.partial(worker.issue, segment, blocks=1) for worker, segment in pairs])
