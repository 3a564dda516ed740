"""Other processes that train the tiles of a sweep, by any executor of `concurrent.futures`."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from jfnn.arguments.checks import ArgumentError, Set
from jfnn.core.engine.cohort import Listener
from jfnn.core.engine.plan import CallLength
from jfnn.core.engine.segment import Task
from jfnn.core.experiment.remote import ExecutorError, Remote
from jfnn.core.store.identity import Description, device_kind_in
from jfnn.distributed import calls
from jfnn.distributed.calls import Answer, DiffersError
from jfnn.distributed.futures import Futures
from jfnn.distributed.queue import CALLS
from jfnn.distributed.submitter import Submitter
from jfnn.distributed.tasks import HELD
from jfnn.distributed.waiting import Waiting, cancel, no_answer, receive

ASKED = 3  # number of further workers checked at once after a first one with a different environment


class Workers(Submitter, Remote):
    """Other processes, local or remote, that an executor manages.

    Attributes:
        tries: How often a tile is sent in all, if its worker dies or its future breaks.
        together: The largest number of short tiles per message; with ``tries=1`` each tile is sent by itself.
        kind: The kind of device that trains, which determines the bits; None for this process's kind.
        timeout: Seconds without any answer after which all messages in flight count as lost; None for no
            limit.
    """

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Shut down an executor made here with the outermost call, and free the tasks of this process."""
        HELD.forget()
        super().__exit__(kind, error, trace)

    @property
    def calls(self) -> CallLength:
        """See ``Remote``."""
        return CALLS

    def environment(self, listener: Listener) -> Description:
        """See ``Remote``; one process confirms the environment, or an error lists how several differ."""
        expected = calls.environment_of(self.kind)
        waiting = Waiting(listener, interrupted=0)
        asked: dict[int, tuple[Any, str]] = {}
        differing: dict[str, DiffersError] = {}

        def ask() -> None:
            call = calls.make_call(None, b"", calls.as_json(expected), x64=False)
            future = self.submit(calls.answer, call)
            asked[id(future)] = future, call.name

        try:
            ask()
            while asked:
                ended = waiting.first_finished([future for future, _ in asked.values()], self.timeout)
                if not ended:
                    raise ExecutorError(no_answer(TimeoutError(f"none within {self.timeout:g} s")))
                for future in ended:
                    match receive(*asked.pop(id(future))):
                        case Answer(_, list()):
                            return {name: expected[name] for name in ("versions", "backend")}
                        case Answer(process, DiffersError() as error):
                            for _ in range(0 if differing else ASKED):
                                ask()
                            differing[process] = error
                        case Answer(_, Exception() as error):
                            raise error
                        case BaseException() as reason:
                            waiting.lost(reason)
                            if waiting.messages_lost >= self.tries:
                                raise ExecutorError(no_answer(reason)) from reason
                            ask()
        finally:
            for future, _ in asked.values():
                cancel(future)
        raise _how_they_differ(differing, expected, self.kind)

    def make_executor(self, task: Task, directory: Path | None, listener: Listener) -> Futures:
        """See ``Remote``."""
        return Futures(task, self, directory, listener)


def _how_they_differ(
    differing: Mapping[str, DiffersError], expected: Description, kind: str | None
) -> ArgumentError:
    processes: dict[str, list[str]] = {}
    for process, error in differing.items():
        processes.setdefault(str(error), []).append(process)
    found = "; ".join(
        f"on {first}{f' and {len(more)} more' if more else ''} {text}"
        for text, (first, *more) in processes.items()
    )
    wanted = "like this process" if kind is None else f"of kind {kind!r}"
    reason = f"expected workers {wanted}, since the bits depend on it; {found}"
    kinds = {device_kind_in(error.environment) for error in differing.values()}
    if device_kind_in(expected) in kinds:
        return ArgumentError("executor", f"{reason}; give all processes the same packages, source and flags")
    other = kinds.pop()
    cure = Set("worker_kind", other, "trains there", f"kind={other!r} of jfnn.Workers")
    return ArgumentError("executor", reason, cure=cure)
