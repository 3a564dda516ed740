"""Segments on other processes: submit, wait for the first answer, submit again."""

import asyncio
import concurrent.futures
import contextlib
import dataclasses
import pickle
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import jax

from jfnn.arguments.checks import ArgumentError
from jfnn.distributed.attempts import Attempt, Attempts
from jfnn.distributed.calls import (
    Answer,
    Call,
    Done,
    Failed,
    Missing,
    Refused,
    answer,
    environment_here,
    place,
)
from jfnn.engine import interrupts
from jfnn.engine.segment import Segment, SegmentResult, Task
from jfnn.experiment.workers import ExecutorError, Workers
from jfnn.store import files
from jfnn.store.identity import Description

POLLING_SECONDS = 0.02  # between looks at futures that cannot be waited for
WAITING_SECONDS = 0.2  # between calls of ``check``
LOST = (Exception, asyncio.CancelledError)  # of a future whose work was lost; asyncio's is no `Exception`
SILENT = 3  # jobs given up before any answer, after which none is expected

Job = TypeVar("Job")


class Futures:
    """An `Executor` on other processes.

    Short jobs travel together. Jobs whose future breaks are sent again, each by itself; the last time while
    no other is under way, so that a job that kills its worker takes no other down with it. Then they are
    given up.
    """

    def __init__(self, task: Task, workers: Workers, environment: Description, directory: Path | None = None):
        """Nothing is sent yet.

        ``environment`` is `calls.environment_here` of all workers; ``directory``, which they may share, takes
        the task.
        """
        self.workers, self.environment = workers, environment
        self.place = place(task, directory)
        self.x64 = bool(jax.config.read("jax_enable_x64"))
        self.has_answered = False
        self.lacking: set[str] = set()  # processes that lacked the task
        self.tasks_sent = 0
        if self.place.path is not None and self.place.content is not None:
            with files.atomic(Path(self.place.path)) as file:
                file.write(self.place.content)

    def run(
        self,
        jobs: Iterable[Job],
        segment: Callable[[Job], Segment],
        collect: Callable[[Job, SegmentResult], Job | None],
    ) -> Sequence[tuple[Job, Exception]]:
        """See `Executor`.

        Raises:
            ValueError: A worker differs from the others in what bits depend on.
            Exception: An exception of a segment; or of the executor, before any segment came back.
        """
        queue = Attempts(jobs, segment, self.workers)
        under_way: dict[int, tuple[Any, Attempt[Job]]] = {}
        try:
            while True:
                while len(under_way) < self.workers.in_flight and (attempt := queue.next(not under_way)):
                    future = self._submit(attempt)
                    under_way[id(future)] = future, attempt
                if not under_way:
                    return queue.given_up
                for future in _first_ended([future for future, _ in under_way.values()]):
                    self._settle(future, under_way.pop(id(future))[1], queue, collect)
        finally:
            for future, _ in under_way.values():
                with contextlib.suppress(Exception):
                    future.cancel()

    def compile(self, segments: Sequence[Segment]) -> None:
        """See `Executor`; each process compiles with its first tile."""

    def _submit(self, attempt: Attempt[Job]) -> Any:
        content = self.place.content if attempt.with_task else None
        where = dataclasses.replace(self.place, content=content)
        call = Call(where, attempt.segments, self.environment, self.x64, uuid.uuid4().hex)
        return self.workers.submit(answer, call)

    def _settle(
        self,
        future: Any,
        attempt: Attempt[Job],
        queue: Attempts[Job],
        collect: Callable[[Job, SegmentResult], Job | None],
    ) -> None:
        """Collects results, or queues the jobs to be sent again."""
        try:
            reply: Answer = future.result()
        except LOST as error:
            queue.lose(attempt, error)
            if len(queue.given_up) >= SILENT and not self.has_answered:
                raise ExecutorError(_no_answer(error)) from error
            return
        self.has_answered = True
        match reply:
            case Done(content):
                for job, (leaves, *others) in zip(attempt.jobs, pickle.loads(content), strict=True):
                    members = jax.tree.unflatten(attempt.structure, leaves)
                    queue.follow(collect(job, SegmentResult(members, *others)))
            case Missing(process):
                self.lacking.add(process)
                attempt.missed += 1
                # One task for each process that lacks it; where chance sent two to one process, another.
                attempt.with_task = self.tasks_sent < len(self.lacking) or attempt.missed > 1
                self.tasks_sent += attempt.with_task
                queue.again(attempt)
            case Refused(differences):
                shown = "; ".join(differences)
                raise ArgumentError(
                    "executor", f"its workers differ, and so would bits; take equal ones: {shown}"
                )
            case Failed(raised):
                raise raised


def environment_of(workers: Workers) -> Description:
    """`calls.environment_here` of the first worker that answers.

    Raises:
        ValueError: It has other packages than this process.
        RuntimeError: No worker answers.
    """
    error: BaseException | None = None
    for _ in range(workers.tries):
        future = workers.submit(environment_here)
        try:
            _first_ended([future], interrupts.raise_pending)
            there: Description = future.result()
            break
        except LOST as lost:
            error = lost
        finally:
            future.cancel()
    else:
        raise ExecutorError(_no_answer(error)) from error
    here = environment_here()["versions"]
    other = {name: version for name, version in here.items() if there["versions"].get(name) != version}
    if other:
        shown = ", ".join(f"{name} {there['versions'].get(name)} (here {other[name]})" for name in other)
        raise ArgumentError("executor", f"its workers have other packages than this process: {shown}")
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
