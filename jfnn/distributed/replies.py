"""What the futures of other processes bring, and what is said where they bring nothing."""

import asyncio
import concurrent.futures
import concurrent.futures.process
import contextlib
from typing import Any

from jfnn.distributed import calls
from jfnn.distributed.calls import Answer, DamagedError


def received(future: Any, name: str) -> Answer | BaseException:
    """The answer that an ended future brings to a call; or why it brings none, as another process may.

    Nothing that a future holds is an exit of this process.
    """
    try:
        error = future.exception() if isinstance(future, concurrent.futures.Future) else None
        if error is not None:
            return error
        answer = calls.opened(future.result(), name)
    except (Exception, asyncio.CancelledError, SystemExit) as raised:  # asyncio's is no `Exception`
        return raised
    return answer.outcome if isinstance(answer.outcome, DamagedError) else answer


def cancel(future: Any) -> None:
    """Cancels a future that may have ended, or whose executor may have broken."""
    with contextlib.suppress(Exception):
        future.cancel()


def no_answer(error: BaseException) -> str:
    """The message of an `ExecutorError`."""
    cure = ""
    if isinstance(error, concurrent.futures.process.BrokenProcessPool):
        cure = '; in a script the call stands under if __name__ == "__main__":, since its processes import it'
    return f"executor: no worker gives an answer: {type(error).__name__}: {error}{cure}"
