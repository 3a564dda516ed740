"""Waiting for the answers of other processes, which may not have started, or never answer; reading them."""

import asyncio
import concurrent.futures
import concurrent.futures.process
import contextlib
import sys
import time
from collections.abc import Collection
from typing import Any

from jfnn.core.engine.cohort import Listener
from jfnn.core.engine.interrupts import interrupt_is_pending, raise_interrupt
from jfnn.distributed import calls
from jfnn.distributed.calls import Answer, DamagedError

LOOKING_SECONDS = 0.2  # between looks at a Ctrl-C and at the time
POLLING_SECONDS = 0.02  # between looks at futures that cannot be waited for
# Without an answer until it is said, and then after ten times as long each. Workers of a batch system may
# start after hours; those of a pool take some seconds, and first calls compile.
SILENT_SECONDS = 10.0
# Without an answer after a Ctrl-C until the run ends without those on their way, whose workers may have died
# of the same Ctrl-C.
INTERRUPTED_SECONDS = 10.0


class Waiting:
    """Waits for futures; says when nothing is answered for long, and ends at a time limit."""

    def __init__(self, listener: Listener, interrupted: float = INTERRUPTED_SECONDS):
        """Begins to count seconds; a Ctrl-C waits ``interrupted`` seconds for an answer."""
        self.listener = listener
        self.interrupted = interrupted
        self._since = time.monotonic()
        self._interrupted_since: float | None = None
        self._said_after = SILENT_SECONDS
        self.messages_lost = 0
        self._said_lost = 1

    def lost(self, error: BaseException) -> None:
        """Says that a message was lost: of the first, the tenth, the hundredth."""
        self.messages_lost += 1
        if self.messages_lost >= self._said_lost:
            self._said_lost *= 10
            reason = f"{type(error).__name__}: {error}"
            _say(f"executor: messages lost: {self.messages_lost}, the last by {reason}")

    def answered(self) -> None:
        """Begins to count anew, since an answer has come."""
        if time.monotonic() - self._since >= SILENT_SECONDS:
            self.listener.waiting(None)
        self._since = time.monotonic()

    def first_ended(self, futures: Collection[Any], timeout: float | None) -> Collection[Any]:
        """Waits until at least one of the futures has ended; gives all that have, none at a time limit.

        ``timeout`` counts seconds since the last answer; None waits for ever.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed, and nothing is answered since.
        """
        can_wait = all(isinstance(future, concurrent.futures.Future) for future in futures)
        while True:
            if can_wait:
                concurrent.futures.wait(futures, LOOKING_SECONDS, concurrent.futures.FIRST_COMPLETED)
            if ended := [future for future in futures if future.done()]:
                return ended
            now = time.monotonic()
            self._look(now, len(futures))
            if timeout is not None and now - self._since >= timeout:
                self._since = now
                return []
            if not can_wait:
                time.sleep(POLLING_SECONDS)

    def _look(self, now: float, under_way: int) -> None:
        """Raises a Ctrl-C that has waited long enough; says that nothing is answered."""
        if interrupt_is_pending():
            self._interrupted_since = self._interrupted_since or now
            if now - max(self._since, self._interrupted_since) >= self.interrupted:
                raise_interrupt()
        silent = now - self._since
        if silent < SILENT_SECONDS:
            return
        self.listener.waiting(silent)
        if silent >= self._said_after:
            self._said_after *= 10
            on_their_way = f"messages on their way: {under_way}"
            _say(f"executor: no worker has answered for {silent:.0f} s; {on_their_way}")


def _say(line: str) -> None:
    """A line on the standard error, above a bar."""
    from tqdm.auto import tqdm

    tqdm.write(line, file=sys.stderr)


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
