"""Jobs in the order in which they are sent: which travel together, are sent again, or are given up."""

import collections
import dataclasses
import pickle
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

import jax

from jfnn.distributed.calls import to_bytes
from jfnn.engine.plan import CallLength
from jfnn.engine.segment import Segment
from jfnn.experiment.workers import Workers

# Each call is sent and answered: calls are longer than on this process's devices, and short ones travel
# together, until they take half as long as a long one, or reach this number of bytes.
CALLS = CallLength(steps=2048, calls=1)
BYTES_TOGETHER = 1_000_000

Job = TypeVar("Job")


@dataclasses.dataclass
class Attempt(Generic[Job]):
    """Jobs on their way together.

    Attributes:
        jobs: The jobs.
        segments: The pickled list of their segments.
        structure: Structure of each segment's members.
        lost: How often they were lost.
        missed: How often they came to a process that lacks their task.
        with_task: Whether the task travels with them.
    """

    jobs: Sequence[Job]
    segments: bytes
    structure: Any
    lost: int = 0
    missed: int = 0
    with_task: bool = False


class Attempts(Generic[Job]):
    """Jobs to send: first those to be sent again, then new ones, last those to be sent with no other."""

    def __init__(self, jobs: Iterable[Job], segment: Callable[[Job], Segment], workers: Workers):
        self._fresh, self._following = iter(jobs), collections.deque[Job]()
        self._segment, self._workers = segment, workers
        self._again, self._alone = collections.deque[Attempt[Job]](), collections.deque[Attempt[Job]]()
        self._is_alone = False
        self.given_up: list[tuple[Job, Exception]] = []

    def next(self, idle: bool) -> Attempt[Job] | None:
        """The next jobs to send, if any may be sent now; ``idle`` says that none are under way."""
        self._is_alone &= not idle
        if self._is_alone:
            return None
        if self._again:
            return self._again.popleft()
        if fresh := self._next_fresh():
            return fresh
        if self._alone and idle:
            self._is_alone = True
            return self._alone.popleft()
        return None

    def _next_fresh(self) -> Attempt[Job] | None:
        """New jobs, as many as may travel together."""
        jobs, segments, steps, size = [], [], 0, 0
        while (job := self._next_job()) is not None:
            segment = self._segment(job)
            jobs.append(job)
            segments.append(segment)
            steps += segment.steps
            size += sum(leaf.nbytes for leaf in jax.tree.leaves(segment.members))
            if len(jobs) == self._workers.together or steps > CALLS.steps / 2 or size > BYTES_TOGETHER:
                break
        if not jobs:
            return None
        return Attempt(jobs, to_bytes(segments), jax.tree.structure(segments[0].members))

    def _next_job(self) -> Job | None:
        job = next(self._fresh, None)
        return self._following.popleft() if job is None and self._following else job

    def follow(self, job: Job | None) -> None:
        """Adds the job that follows one that has ended, if any does."""
        if job is not None:
            self._following.append(job)

    def again(self, attempt: Attempt[Job]) -> None:
        """Puts jobs in front."""
        self._again.append(attempt)
        self._is_alone = False

    def lose(self, attempt: Attempt[Job], error: BaseException) -> None:
        """Sends lost jobs again, each by itself, or gives them up."""
        lost = attempt.lost + 1
        if lost >= self._workers.tries:
            plain = error if isinstance(error, Exception) else RuntimeError(repr(error))
            self.given_up += [(job, plain) for job in attempt.jobs]
            return
        queue = self._alone if lost == self._workers.tries - 1 else self._again
        for job, segment in zip(attempt.jobs, pickle.loads(attempt.segments), strict=True):
            queue.append(Attempt([job], to_bytes([segment]), attempt.structure, lost, attempt.missed))
