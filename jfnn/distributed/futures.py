"""Segments sent to other processes, and what comes back: submit, wait for the first, submit again."""

import contextlib
import dataclasses
import pickle
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import jax

from jfnn.apart import call_apart
from jfnn.checks import ArgumentError
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
from jfnn.engine.segment import Segment, SegmentResult, Task
from jfnn.store import files
from jfnn.store.identity import Description
from jfnn.workers import LOST, ExecutorError, Stop, Workers, first_ended

SILENT = 3  # jobs given up before any answer, after which there is no worker to be hoped for

Job = TypeVar("Job")


class Futures:
    """An `Executor` on other processes.

    Short jobs travel together. Jobs whose future breaks are sent again, each by itself; the last time while
    no other is under way, so that a job that kills its worker takes no other down with it. What is lost then
    is given up.
    """

    def __init__(self, task: Task, workers: Workers, environment: Description, directory: Path | None = None):
        """Nothing is sent yet.

        Args:
            task: What segments have in common.
            workers: The processes.
            environment: What must compute, on each of them.
            directory: One that they may share, for the task; None to send it.
        """
        self.workers, self.environment = workers, environment
        self.place = place(task, directory)
        self.x64 = bool(jax.config.read("jax_enable_x64"))
        self.has_answered = False
        self.lacking: set[str] = set()  # processes that did not hold the task
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
            Exception: What a segment raised; or what the executor did, before any segment came back.
        """
        queue, stop = Attempts(jobs, segment, self.workers), Stop()

        def run() -> None:
            with jax.enable_x64(self.x64):  # a thread does not inherit JAX's context managers
                self._run(queue, collect, stop)

        call_apart(run, stop.ask)
        return queue.given_up

    def _run(
        self, queue: Attempts[Job], collect: Callable[[Job, SegmentResult], Job | None], stop: Stop
    ) -> None:
        under_way: dict[int, tuple[Any, Attempt[Job]]] = {}
        try:
            while not stop.is_asked:
                while len(under_way) < self.workers.in_flight and (attempt := queue.next(not under_way)):
                    future = self._submit(attempt)
                    under_way[id(future)] = future, attempt
                    if stop.is_asked:
                        return
                if not under_way:
                    return
                for future in first_ended([future for future, _ in under_way.values()], stop):
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
        """Collects results, or sees to it that the jobs are sent again."""
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
    """What computes on the workers, as the first of them says.

    Raises:
        ValueError: It has other packages than this process, which draws what it trains on.
        RuntimeError: No worker gives an answer.
    """
    stop = Stop()
    there = call_apart(lambda: _environment_there(workers, stop), stop.ask)
    _check_versions(there["versions"])
    return there


def _environment_there(workers: Workers, stop: Stop) -> Description:
    error: BaseException | None = None
    for _ in range(workers.tries):
        future = workers.submit(environment_here)
        try:
            if not first_ended([future], stop):
                break
            there: Description = future.result()
            return there
        except LOST as lost:
            error = lost
        finally:
            future.cancel()
    raise ExecutorError(_no_answer(error)) from error


def _no_answer(error: BaseException | None) -> str:
    return f"executor: no worker gives an answer: {type(error).__name__}: {error}"


def _check_versions(there: Mapping[str, str]) -> None:
    """Refuses workers with other packages."""
    here = environment_here()["versions"]
    other = [name for name in here if there.get(name) != here[name]]
    if other:
        shown = ", ".join(f"{name} {there.get(name)} (here {here[name]})" for name in other)
        raise ArgumentError("executor", f"its workers have other packages than this process: {shown}")
