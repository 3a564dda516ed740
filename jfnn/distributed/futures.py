"""Segments sent to other processes, and what comes back: submit, wait for the first, submit again."""

import collections
import contextlib
import dataclasses
import pickle
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import jax

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
    to_bytes,
)
from jfnn.engine.segment import Segment, SegmentResult, Task
from jfnn.store import files
from jfnn.store.identity import Description
from jfnn.workers import LOST, Workers, first_ended

SILENT = 3  # jobs given up before any answer, after which there is no worker to be hoped for

Job = TypeVar("Job")


@dataclasses.dataclass
class Attempt(Generic[Job]):
    """A job on its way.

    Attributes:
        job: The job.
        segment: Its segment, as bytes.
        structure: Structure of the segment's members.
        lost: How often it was lost.
        missed: How often it came to a process that does not hold its task.
        with_task: Whether its task travels with it.
    """

    job: Job
    segment: bytes
    structure: Any
    lost: int = 0
    missed: int = 0
    with_task: bool = False


class Futures:
    """An `Executor` on other processes.

    A job whose future breaks is sent again; the last time alone, so that a job that kills its worker takes no
    other down with it. What is lost then is given up.
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
        collect: Callable[[Job, SegmentResult], None],
    ) -> Sequence[tuple[Job, Exception]]:
        """See `Executor`.

        Raises:
            ValueError: A worker differs from the others in what bits depend on.
            Exception: What a segment raised; or what the executor did, before any segment came back.
        """
        queue = _Queue(jobs, segment, self.workers.tries)
        under_way: dict[int, tuple[Any, Attempt[Job]]] = {}
        try:
            while True:
                while len(under_way) < self.workers.in_flight and (attempt := queue.next(not under_way)):
                    future = self._submit(attempt)
                    under_way[id(future)] = future, attempt
                if not under_way:
                    return queue.given_up
                for future in first_ended([future for future, _ in under_way.values()]):
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
        call = Call(where, attempt.segment, self.environment, self.x64, uuid.uuid4().hex)
        return self.workers.submit(answer, call)

    def _settle(
        self,
        future: Any,
        attempt: Attempt[Job],
        queue: "_Queue[Job]",
        collect: Callable[[Job, SegmentResult], None],
    ) -> None:
        """Collects a result, or sees to it that the job is sent again."""
        try:
            reply: Answer = future.result()
        except LOST as error:
            queue.lose(attempt, error)
            if len(queue.given_up) >= SILENT and not self.has_answered:
                raise RuntimeError(_no_answer(error)) from error
            return
        self.has_answered = True
        match reply:
            case Done(content):
                leaves, blocks = pickle.loads(content)
                members = jax.tree.unflatten(attempt.structure, leaves)
                collect(attempt.job, SegmentResult(members, blocks))
            case Missing(process):
                self.lacking.add(process)
                attempt.missed += 1
                # One task for each process that lacks it; where chance sent two to one process, another.
                attempt.with_task = self.tasks_sent < len(self.lacking) or attempt.missed > 1
                self.tasks_sent += attempt.with_task
                queue.again(attempt)
            case Refused(differences):
                shown = "; ".join(differences)
                raise ValueError(f"executor: its workers differ, and so would bits; take equal ones: {shown}")
            case Failed(raised):
                raise raised


class _Queue(Generic[Job]):
    """Jobs in the order in which they are sent: those to be sent again, new ones, those to be sent alone."""

    def __init__(self, jobs: Iterable[Job], segment: Callable[[Job], Segment], tries: int):
        self._fresh: Iterator[Job] = iter(jobs)
        self._segment, self._tries = segment, tries
        self._again: collections.deque[Attempt[Job]] = collections.deque()
        self._alone: collections.deque[Attempt[Job]] = collections.deque()
        self._is_alone = False
        self.given_up: list[tuple[Job, Exception]] = []

    def next(self, idle: bool) -> Attempt[Job] | None:
        """The next job to send, if any may be sent now; ``idle`` says that none is under way."""
        self._is_alone &= not idle
        if self._is_alone:
            return None
        if self._again:
            return self._again.popleft()
        for job in self._fresh:
            made = self._segment(job)
            return Attempt(job, to_bytes(made), jax.tree.structure(made.members))
        if self._alone and idle:
            self._is_alone = True
            return self._alone.popleft()
        return None

    def again(self, attempt: Attempt[Job]) -> None:
        """Puts a job in front."""
        self._again.append(attempt)
        self._is_alone = False

    def lose(self, attempt: Attempt[Job], error: BaseException) -> None:
        """Notes that a job was lost, to be sent again or given up."""
        attempt.lost += 1
        if attempt.lost >= self._tries:
            plain = error if isinstance(error, Exception) else RuntimeError(repr(error))
            self.given_up.append((attempt.job, plain))
        elif attempt.lost == self._tries - 1:
            self._alone.append(attempt)
        else:
            self._again.append(attempt)


def environment_of(workers: Workers) -> Description:
    """What computes on the workers, as the first of them says.

    Raises:
        ValueError: It has other packages than this process, which draws what it trains on.
        RuntimeError: No worker gives an answer.
    """
    error: BaseException | None = None
    for _ in range(workers.tries):
        future = workers.submit(environment_here)
        try:
            first_ended([future])
            there: Description = future.result()
        except LOST as lost:
            error = lost
            continue
        finally:
            future.cancel()
        _check_versions(there["versions"])
        return there
    raise RuntimeError(_no_answer(error)) from error


def _no_answer(error: BaseException | None) -> str:
    return f"executor: no worker gives an answer: {type(error).__name__}: {error}"


def _check_versions(there: Mapping[str, str]) -> None:
    """Refuses workers with other packages."""
    here = environment_here()["versions"]
    other = [name for name in here if there.get(name) != here[name]]
    if other:
        shown = ", ".join(f"{name} {there.get(name)} (here {here[name]})" for name in other)
        raise ValueError(f"executor: its workers have other packages than this process: {shown}")
