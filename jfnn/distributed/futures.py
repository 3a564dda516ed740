"""Run segments in other processes: submit, wait for the first answer, submit again."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import jax

from jfnn.arguments import callers
from jfnn.arguments.callers import Doubt
from jfnn.arguments.checks import ArgumentError
from jfnn.core.engine.cohort import Listener
from jfnn.core.engine.executors import Collect, Failures, MakeSegment
from jfnn.core.engine.segment import Segment, SegmentResult, Task
from jfnn.core.experiment.remote import ExecutorError
from jfnn.distributed import calls
from jfnn.distributed.calls import Answer, DamagedError, DiffersError
from jfnn.distributed.queue import Attempt, Job, Queue
from jfnn.distributed.submitter import Submitter
from jfnn.distributed.tasks import LoadError, NoTaskError, pickle_task
from jfnn.distributed.waiting import Waiting, cancel, no_answer, receive

# Timeout after the executor stops accepting work, since some executors leave futures unfinished.
CLOSED_SECONDS = 60.0
SILENT = 3  # give up after ``SILENT * tries`` lost messages if nothing was ever answered


class Futures:
    """An `Executor` that uses other processes.

    Short jobs are sent together. If a future breaks or an answer is damaged, its jobs are sent again
    separately. The last time, a job is sent while no other is running, so that a job that kills its worker
    affects no other. After that it is given up. A worker that differs, or cannot load the task, causes one
    warning, and its jobs go to other workers.
    """

    def __init__(self, task: Task, workers: Submitter, directory: Path | None, listener: Listener):
        """Write the task to ``directory``, which workers may share; `run` sends it."""
        self.workers = workers
        self.environment = calls.as_json(calls.environment_of(workers.kind))
        self.task = pickle_task(task, directory)
        self.waiting = Waiting(listener)
        self.x64 = bool(jax.config.read("jax_enable_x64"))
        self.has_trained = False  # whether any result has arrived
        self.lacking: set[str] = set()  # processes that lack the task
        self.warned_of: set[str] = set()  # processes that a warning has named

    def run(self, jobs: Iterable[Job], segment: MakeSegment[Job], collect: Collect[Job]) -> Failures[Job]:
        """See `Executor`.

        Raises:
            ValueError: No worker can load the task.
            ExecutorError: The executor accepts no work, or returns no results, from the start.
            Exception: A segment raised.
        """
        self.queue: Queue[Any] = Queue(jobs, segment, self.workers)
        self.collect: Collect[Any] = collect
        self.under_way: dict[int, Attempt[Any]] = {}  # `id` of the future -> attempt
        self.timeout = self.workers.timeout
        self.timeouts = 0  # consecutive timeouts without an answer
        self.waiting.note_answer()  # waiting starts now
        try:
            while True:
                self._fill()
                if not self.under_way:
                    return self.queue.failures
                futures = [attempt.future for attempt in self.under_way.values()]
                ended = self.waiting.first_finished(futures, self.timeout)
                for future in ended:
                    self._settle(self.under_way.pop(id(future)))
                if not ended:
                    self._lose_all()
        finally:
            for attempt in self.under_way.values():
                cancel(attempt.future)

    def compile(self, segments: Sequence[Segment], told: Callable[[int, int], None]) -> None:
        """See `Executor`; each process compiles with its first tile, so nothing happens here."""

    def _fill(self) -> None:
        """Send as many jobs as allowed; give up the rest if the executor accepts no more."""
        while len(self.under_way) < self.workers.in_flight:
            attempt = self.queue.next(self.under_way.values())
            if attempt is None:
                return
            task = self.task if attempt.with_task else dataclasses.replace(self.task, content=None)
            call = calls.make_call(task, attempt.segments, self.environment, self.x64)
            try:
                attempt.future = self.workers.submit(calls.answer, call)
            except ExecutorError as error:
                if not self.has_trained:
                    raise
                self.queue.again.append(attempt)
                self.queue.give_up_all(error)
                self.timeout = min(self.timeout or CLOSED_SECONDS, CLOSED_SECONDS)
                return
            attempt.call = call.name
            self.under_way[id(attempt.future)] = attempt

    def _settle(self, attempt: Attempt[Any]) -> None:
        """Collect results, or queue the jobs to be sent again."""
        match receive(attempt.future, attempt.call):
            case Answer(process, list() as results):
                self.waiting.note_answer()
                self.timeouts = 0
                self.workers.processes_heard_of.add(process)
                self._collect(attempt, results)
                self.lacking.discard(process)
                self.queue.again.extend(self.queue.waiting)  # a worker has the task now
                self.queue.waiting.clear()
            case Answer(process, NoTaskError()):
                self.waiting.note_answer()
                self._bring_task(process, attempt)
            case Answer(process, LoadError() as error) if not self.has_trained:
                raise ArgumentError("executor", f"on {process} {error}")
            case Answer(process, DiffersError() | LoadError() as error):
                self._warn(process, f"is refused, and others do its work: {error}")
                self.queue.again.append(attempt)
            case Answer(process, MemoryError() | OSError() as error):
                self._warn(
                    process, f"has failed, and its jobs are tried again: {type(error).__name__}: {error}"
                )
                kind = MemoryError if isinstance(error, MemoryError) else OSError
                self._lose(attempt, kind(f"on {process}: {error}"))
            case Answer(_, Exception() as error):
                raise error
            case BaseException() as reason:
                self._lose(attempt, reason)

    def _collect(self, attempt: Attempt[Any], results: Sequence[Any]) -> None:
        self.has_trained = True
        for job, (leaves, *others) in zip(attempt.jobs, results, strict=True):
            members = jax.tree.unflatten(attempt.structure, leaves)
            following = self.collect(job, SegmentResult(members, *others))
            self.queue.jobs.extend(() if following is None else (following,))

    def _bring_task(self, process: str, attempt: Attempt[Any]) -> None:
        """Send jobs again with the task, once for each process that lacks it.

        Other jobs wait until a process has it, except one that probes for further processes.
        """
        if attempt.with_task:
            self._lose(attempt, DamagedError(f"on {process}: the data arrived incomplete"))
            return
        self.lacking.add(process)
        bringing = sum(one.with_task for one in (*self.under_way.values(), *self.queue.again))
        attempt.with_task = attempt.is_probe or bringing < len(self.lacking)
        attempt.is_probe = False
        (self.queue.again if attempt.with_task else self.queue.waiting).append(attempt)

    def _warn(self, process: str, what: str) -> None:
        if process not in self.warned_of:
            self.warned_of.add(process)
            callers.warn(Doubt(f"the worker {process} {what}", "executor"))

    def _lose(self, attempt: Attempt[Any], error: BaseException) -> None:
        """Queue lost jobs to be sent again; raise if many were lost before any result."""
        self.queue.retry(attempt, error)
        self.waiting.lost(error)
        if self.waiting.messages_lost >= SILENT * self.workers.tries and not self.has_trained:
            raise ExecutorError(no_answer(error)) from error

    def _lose_all(self) -> None:
        """Treat everything in flight as lost; give up after repeated timeouts."""
        self.timeouts += 1
        error = TimeoutError(f"no answer within {self.timeout:g} s")
        lost = [*self.under_way.values()]
        self.under_way.clear()
        for attempt in lost:
            cancel(attempt.future)
            self._lose(attempt, error)
        if self.timeouts >= self.workers.tries:
            self.queue.give_up_all(error)
