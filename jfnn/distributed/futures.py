"""Segments on other processes: submit, wait for the first answer, submit again."""

import asyncio
import collections
import concurrent.futures
import contextlib
import dataclasses
import pickle
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import jax

from jfnn.arguments.checks import ArgumentError
from jfnn.distributed import calls
from jfnn.distributed.calls import Answer, NoTaskError, to_bytes
from jfnn.engine import interrupts
from jfnn.engine.executors import Collect, Failures, MakeSegment
from jfnn.engine.plan import CallLength
from jfnn.engine.segment import Segment, SegmentResult, Task
from jfnn.experiment.workers import ExecutorError, Workers
from jfnn.store.identity import Description

# Each call is sent and answered: calls are longer than on this process's devices, and short ones travel
# together, until they take half as long as a long one, or reach this number of bytes. Shorter ones keep this
# process busy with sending, longer ones leave workers idle at the end: compare by
# `python scripts/scaling.py`.
CALLS = CallLength(steps=2048, calls=1)
BYTES_TOGETHER = 1_000_000
POLLING_SECONDS = 0.02  # between looks at futures that cannot be waited for
WAITING_SECONDS = 0.2  # between calls of ``check``
BROKEN = (Exception, asyncio.CancelledError)  # errors of a broken future; asyncio's is no `Exception`
SILENT = 3  # jobs given up before any answer, after which none is expected

Job = TypeVar("Job")


@dataclasses.dataclass
class Attempt(Generic[Job]):
    """Jobs on their way together."""

    jobs: Sequence[Job]
    segments: bytes  # the pickled list
    structure: Any  # of each segment's members
    tries: int = 0  # how often their future has broken
    missed: int = 0  # how often they came to a process that lacks their task
    with_task: bool = False  # whether the task travels with them


class Queue(Generic[Job]):
    """Jobs to send: repeats first, then new jobs, last repeats that travel singly."""

    def __init__(self, jobs: Iterable[Job], segment: MakeSegment[Job], workers: Workers):
        """``segment`` gives the segment of a job, when it is first sent."""
        self.jobs = collections.deque(jobs)
        self.segment = segment
        self.workers = workers
        self.again = collections.deque[Attempt[Job]]()
        self.singly = collections.deque[Attempt[Job]]()
        self.failures: list[tuple[Job, Exception]] = []

    def next(self, idle: bool) -> Attempt[Job] | None:
        """The next jobs to send, if any may be sent now; ``idle`` says that none are under way."""
        if self.again:
            return self.again.popleft()
        if self.jobs:
            return self._fresh()
        return self.singly.popleft() if self.singly and idle else None

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
        """Sends jobs whose future broke again, each by itself, or gives them up."""
        tries = attempt.tries + 1
        if tries >= self.workers.tries:
            plain = error if isinstance(error, Exception) else RuntimeError(repr(error))
            self.failures += [(job, plain) for job in attempt.jobs]
            return
        queue = self.singly if tries == self.workers.tries - 1 else self.again
        for job, segment in zip(attempt.jobs, pickle.loads(attempt.segments), strict=True):
            queue.append(Attempt([job], to_bytes([segment]), attempt.structure, tries, attempt.missed))


class Futures:
    """An `Executor` on other processes.

    Short jobs travel together. Jobs whose future breaks are sent again, each by itself; the last time while
    no other is under way, so that a job that kills its worker takes no other down with it. Then they are
    given up.
    """

    def __init__(self, task: Task, workers: Workers, environment: Description, directory: Path | None = None):
        """Takes what is to be sent; `run` sends it.

        ``environment`` is `calls.environment_here` of all workers; ``directory``, which they may share, takes
        the task.
        """
        self.workers = workers
        self.environment = environment
        self.task = calls.pickled(task, directory)
        self.x64 = bool(jax.config.read("jax_enable_x64"))
        self.has_answered = False
        self.lacking: set[str] = set()  # processes that lacked the task
        self.tasks_sent = 0

    def run(self, jobs: Iterable[Job], segment: MakeSegment[Job], collect: Collect[Job]) -> Failures[Job]:
        """See `Executor`.

        Raises:
            ValueError: The environment of a worker differs from the others', and so would bits.
            Exception: An exception of a segment; or of the executor, before any segment came back.
        """
        queue = Queue(jobs, segment, self.workers)
        under_way: dict[int, tuple[Any, Attempt[Job]]] = {}
        try:
            while True:
                while len(under_way) < self.workers.in_flight and (attempt := queue.next(not under_way)):
                    future = self._submit(attempt)
                    under_way[id(future)] = future, attempt
                if not under_way:
                    return queue.failures
                for future in _first_ended([future for future, _ in under_way.values()]):
                    self._settle(future, under_way.pop(id(future))[1], queue, collect)
        finally:
            for future, _ in under_way.values():
                with contextlib.suppress(Exception):
                    future.cancel()

    def compile(self, segments: Sequence[Segment], told: Callable[[int, int], None]) -> None:
        """See `Executor`; each process compiles with its first tile, and nobody is told."""

    def _submit(self, attempt: Attempt[Job]) -> Any:
        content = self.task.content if attempt.with_task else None
        task = dataclasses.replace(self.task, content=content)
        call = calls.Call(task, attempt.segments, self.environment, self.x64, uuid.uuid4().hex)
        return self.workers.submit(calls.answer, call)

    def _settle(self, future: Any, attempt: Attempt[Job], queue: Queue[Job], collect: Collect[Job]) -> None:
        """Collects results, or queues the jobs to be sent again."""
        try:
            reply: Answer = future.result()
        except BROKEN as error:
            queue.retry(attempt, error)
            if len(queue.failures) >= SILENT and not self.has_answered:
                raise ExecutorError(_no_answer(error)) from error
            return
        self.has_answered = True
        match reply:
            case bytes():
                for job, (leaves, *others) in zip(attempt.jobs, pickle.loads(reply), strict=True):
                    members = jax.tree.unflatten(attempt.structure, leaves)
                    following = collect(job, SegmentResult(members, *others))
                    queue.jobs.extend(() if following is None else (following,))
            case NoTaskError(args=(process,)):
                self.lacking.add(process)
                attempt.missed += 1
                # One task for each process that lacks it; where chance sent two to one process, another.
                attempt.with_task = self.tasks_sent < len(self.lacking) or attempt.missed > 1
                self.tasks_sent += attempt.with_task
                queue.again.append(attempt)
            case Exception():
                raise reply


def environment_of(workers: Workers) -> Description:
    """`calls.environment_here` of the first worker that answers.

    Raises:
        ValueError: It has other packages than this process.
        RuntimeError: No worker answers.
    """
    error: BaseException | None = None
    for _ in range(workers.tries):
        future = workers.submit(calls.environment_here)
        try:
            _first_ended([future], interrupts.raise_pending)
            there: Description = future.result()
            break
        except BROKEN as broken:
            error = broken
        finally:
            future.cancel()
    else:
        raise ExecutorError(_no_answer(error)) from error
    here = calls.environment_here()["versions"]
    other = {name: version for name, version in here.items() if there["versions"].get(name) != version}
    if other:
        text = ", ".join(f"{name} {there['versions'].get(name)} (here {other[name]})" for name in other)
        raise ArgumentError("executor", f"its workers have other packages than this process: {text}")
    return there


def _first_ended(futures: Collection[Any], check: Callable[[], None] = lambda: None) -> Collection[Any]:
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


def _no_answer(error: BaseException | None) -> str:
    return f"executor: no worker gives an answer: {type(error).__name__}: {error}"
