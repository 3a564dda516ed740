"""The queue of jobs to send: jobs that travel together, and jobs to be sent again."""

import collections
import dataclasses
import pickle
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Generic, TypeVar

import jax

from jfnn.core.engine.executors import MakeSegment
from jfnn.core.engine.plan import CallLength
from jfnn.core.engine.segment import Segment
from jfnn.distributed.submitter import Submitter
from jfnn.distributed.tasks import to_bytes

# Calls are longer than on this process's devices, since each takes a message and a reply. Short jobs are sent
# together until they take half as long as a long job or reach `BYTES_TOGETHER`. With smaller values, this
# process is busy sending; with larger ones, workers are idle at the end. Compare with scripts/scaling.py.
CALLS = CallLength(steps=2048, calls=1)
BYTES_TOGETHER = 1_000_000

Job = TypeVar("Job")


@dataclasses.dataclass
class Attempt(Generic[Job]):
    """Jobs that are sent together."""

    jobs: Sequence[Job]
    segments: bytes  # the pickled list
    structure: Any  # structure of each segment's members
    tries: int = 0  # how often the jobs were lost
    with_task: bool = False  # whether the task is sent with the jobs
    is_probe: bool = False  # whether the jobs test if a process has the task
    future: Any = None  # the future of the last call
    call: str = ""  # the name of the last call


class Queue(Generic[Job]):
    """Jobs to send: repeats, jobs waiting for a task, new jobs, and last repeats, which are sent singly."""

    def __init__(self, jobs: Iterable[Job], segment: MakeSegment[Job], workers: Submitter):
        """Make a queue; ``segment`` returns the segment of a job when the job is first sent."""
        self.jobs = collections.deque(jobs)
        self.segment = segment
        self.workers = workers
        self.again = collections.deque[Attempt[Job]]()
        self.waiting = collections.deque[Attempt[Job]]()  # attempts that wait until a worker has the task
        self.singly = collections.deque[Attempt[Job]]()
        self.failures: list[tuple[Job, Exception]] = []

    def next(self, under_way: Collection[Attempt[Job]]) -> Attempt[Job] | None:
        """Return the next jobs to send, if any may be sent in addition to those in flight."""
        if self.again:
            return self.again.popleft()
        if self.waiting:
            if any(attempt.is_probe for attempt in under_way):
                return None
            self.waiting[0].is_probe = True
            return self.waiting.popleft()
        if self.jobs:
            return self._fresh()
        return self.singly.popleft() if self.singly and not under_way else None

    def _fresh(self) -> Attempt[Job]:
        jobs: list[Job] = []
        segments: list[Segment] = []
        steps = size = 0
        while (
            self.jobs
            and len(jobs) < self.workers.together
            and steps <= CALLS.steps / 2
            and size <= BYTES_TOGETHER
        ):
            jobs.append(self.jobs.popleft())
            segments.append(self.segment(jobs[-1]))
            steps += segments[-1].steps
            size += sum(leaf.nbytes for leaf in jax.tree.leaves(segments[-1].members))
        return Attempt(jobs, to_bytes(segments), jax.tree.structure(segments[0].members))

    def retry(self, attempt: Attempt[Job], error: BaseException) -> None:
        """Queue lost jobs to be sent again, each by itself, or give them up."""
        tries = attempt.tries + 1
        if tries >= self.workers.tries:
            self._give_up(attempt.jobs, error)
            return
        queue = self.singly if tries == self.workers.tries - 1 else self.again
        for job, segment in zip(attempt.jobs, pickle.loads(attempt.segments), strict=True):
            queue.append(Attempt([job], to_bytes([segment]), attempt.structure, tries))

    def give_up_all(self, error: Exception) -> None:
        """Give up all jobs in the queue."""
        for queue in (self.again, self.waiting, self.singly):
            for attempt in queue:
                self._give_up(attempt.jobs, error)
            queue.clear()
        self._give_up(self.jobs, error)
        self.jobs.clear()

    def _give_up(self, jobs: Iterable[Job], error: BaseException) -> None:
        plain = error if isinstance(error, Exception) else RuntimeError(repr(error))
        self.failures += [(job, plain) for job in jobs]
