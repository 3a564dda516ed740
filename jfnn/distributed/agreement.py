"""What workers have to be, before anything is sent to them: asked of one, or of several that differ."""

from collections.abc import Mapping
from typing import Any

from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.cures import Set
from jfnn.core.engine.cohort import Listener
from jfnn.core.store.environment import device_kind_in
from jfnn.distributed import calls
from jfnn.distributed.calls import Answer, DiffersError
from jfnn.distributed.submitter import Submitter
from jfnn.distributed.waiting import Waiting, cancel, no_answer, received
from jfnn.extend import Description, ExecutorError

ASKED = 3  # further questions, at once, where the first worker that answers differs


def agreed_environment(workers: Submitter, listener: Listener) -> Description:
    """The "versions" and "backend" that workers train with, as one of them has confirmed.

    Raises:
        ValueError: Workers are another kind of process than that.
        RuntimeError: No worker answers.
    """
    expected = calls.environment_of(workers.kind)
    waiting = Waiting(listener, interrupted=0)
    asked: dict[int, tuple[Any, str]] = {}
    differing: dict[str, DiffersError] = {}

    def ask() -> None:
        call = calls.make_call(None, b"", calls.as_json(expected), x64=False)
        future = workers.submit(calls.answer, call)
        asked[id(future)] = future, call.name

    try:
        ask()
        while asked:
            ended = waiting.first_ended([future for future, _ in asked.values()], workers.timeout)
            if not ended:
                raise ExecutorError(no_answer(TimeoutError(f"none within {workers.timeout:g} s")))
            for future in ended:
                match received(*asked.pop(id(future))):
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
                        if waiting.messages_lost >= workers.tries:
                            raise ExecutorError(no_answer(reason)) from reason
                        ask()
    finally:
        for future, _ in asked.values():
            cancel(future)
    raise _how_they_differ(workers, differing, expected)


def _how_they_differ(
    workers: Submitter, differing: Mapping[str, DiffersError], expected: Description
) -> ArgumentError:
    """The error that says what workers are, and what to do about it."""
    processes: dict[str, list[str]] = {}
    for process, error in differing.items():
        processes.setdefault(str(error), []).append(process)
    found = "; ".join(
        f"on {first}{f' and {len(more)} more' if more else ''} {text}"
        for text, (first, *more) in processes.items()
    )
    kinds = {device_kind_in(error.environment) for error in differing.values()}
    wanted = "like this process" if workers.kind is None else f"of kind {workers.kind!r}"
    reason = f"expected workers {wanted}, since bits follow from it; {found}"
    if device_kind_in(expected) in kinds:
        return ArgumentError("executor", f"{reason}; give all processes the same packages, source and flags")
    kind = kinds.pop()
    cure = Set("worker_kind", kind, "trains there", f"kind={kind!r} of jfnn.Workers")
    return ArgumentError("executor", reason, cure=cure)
