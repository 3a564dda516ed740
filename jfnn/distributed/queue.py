"""What is sent next: jobs that travel together, and those that have to be sent again."""

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

# Each call is sent and answered: calls are longer than on this process's devices, and short ones travel
# together, until they take half as long as a long one, or reach this number of bytes. Shorter ones keep this
# process busy with sending, longer ones leave workers idle at the end: compare by
# `python scripts/scaling.py`.
CALLS = CallLength(steps=2048, calls=1)
BYTES_TOGETHER = 1_000_000

Job = TypeVar("Job")


@dataclasses.dataclass
class Attempt(Generic[Job]):
    """Jobs on their way together."""

    jobs: Sequence[Job]
    segments: bytes  # the pickled list
    structure: Any  # of each segment's members
    tries: int = 0  # how often they were lost
    with_task: bool = False  # whether the task travels with them
    is_probe: bool = False  # whether they look for a process that has the task, or lacks it
    future: Any = None  # of the call that was sent last
    call: str = ""  # its name


class Queue(Generic[Job]):
    """Jobs to send: repeats, those that wait for a task, new ones, and last repeats that travel singly."""

    def __init__(self, jobs: Iterable[Job], segment: MakeSegment[Job], workers: Submitter):
        """``segment`` gives the segment of a job, when it is first sent."""
        self.jobs = collections.deque(jobs)
        self.segment = segment
        self.workers = workers
        self.again = collections.deque[Attempt[Job]]()
        self.waiting = collections.deque[Attempt[Job]]()  # for the task, which is on its way to the workers
        self.singly = collections.deque[Attempt[Job]]()
        self.failures: list[tuple[Job, Exception]] = []

    def next(self, under_way: Collection[Attempt[Job]]) -> Attempt[Job] | None:
        """The next jobs to send, if any may be sent beside those that are under way."""
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
        """New jobs, as many as may travel together."""
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
        """Sends lost jobs again, each by itself, or gives them up."""
        tries = attempt.tries + 1
        if tries >= self.workers.tries:
            self._give_up(attempt.jobs, error)
            return
        queue = self.singly if tries == self.workers.tries - 1 else self.again
        for job, segment in zip(attempt.jobs, pickle.loads(attempt.segments), strict=True):
            queue.append(Attempt([job], to_bytes([segment]), attempt.structure, tries))

    def give_up_all(self, error: Exception) -> None:
        """Gives up all jobs that are to be sent."""
        for queue in (self.again, self.waiting, self.singly):
            for attempt in queue:
                self._give_up(attempt.jobs, error)
            queue.clear()
        self._give_up(self.jobs, error)
        self.jobs.clear()

    def _give_up(self, jobs: Iterable[Job], error: BaseException) -> None:
        plain = error if isinstance(error, Exception) else RuntimeError(repr(error))
        self.failures += [(job, plain) for job in jobs]
