"""Wait for other processes, which may not have started or may never answer, and read their answers."""

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

LOOKING_SECONDS = 0.2  # between checks for Ctrl-C and timeouts
POLLING_SECONDS = 0.02  # between polls of futures that cannot be waited for
# Seconds without an answer before the first message; the next ones follow after 10 and 100 times as long.
# A batch system may start workers after hours; a pool's processes need some seconds, and first calls compile.
SILENT_SECONDS = 10.0
# Seconds without an answer after Ctrl-C before the run ends without the answers in flight: Ctrl-C may have
# stopped the workers, too.
INTERRUPTED_SECONDS = 10.0


class Waiting:
    """Waits for futures, reports when no answer comes for long, and stops at a time limit."""

    def __init__(self, listener: Listener, interrupted: float = INTERRUPTED_SECONDS):
        """Start counting seconds; after Ctrl-C, wait ``interrupted`` seconds for an answer."""
        self.listener = listener
        self.interrupted = interrupted
        self._since = time.monotonic()
        self._interrupted_since: float | None = None
        self._said_after = SILENT_SECONDS
        self.messages_lost = 0
        self._said_lost = 1

    def lost(self, error: BaseException) -> None:
        """Count a lost message; report the first, the tenth, the hundredth."""
        self.messages_lost += 1
        if self.messages_lost >= self._said_lost:
            self._said_lost *= 10
            reason = f"{type(error).__name__}: {error}"
            _say(f"executor: messages lost: {self.messages_lost}, the last because of {reason}")

    def note_answer(self) -> None:
        """Restart the count of seconds, since an answer has arrived."""
        if time.monotonic() - self._since >= SILENT_SECONDS:
            self.listener.waiting(None)
        self._since = time.monotonic()

    def first_finished(self, futures: Collection[Any], timeout: float | None) -> Collection[Any]:
        """Wait until a future has ended; return all that have, or none at the time limit.

        ``timeout`` is in seconds since the last answer; None waits forever.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed, and no answer has arrived since.
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
        """Raise a Ctrl-C that has waited long enough; report if no answer comes for long."""
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
    """Print a line to the standard error, above a progress bar."""
    from tqdm.auto import tqdm

    tqdm.write(line, file=sys.stderr)


def receive(future: Any, name: str) -> Answer | BaseException:
    """Return the answer that an ended future has for a call, or the reason why it has none.

    A SystemExit stored in a future comes from another process, so it is returned, not raised.
    """
    try:
        error = future.exception() if isinstance(future, concurrent.futures.Future) else None
        if error is not None:
            return error
        answer = calls.open_answer(future.result(), name)
    except (Exception, asyncio.CancelledError, SystemExit) as raised:  # CancelledError is not an Exception
        return raised
    return answer.outcome if isinstance(answer.outcome, DamagedError) else answer


def cancel(future: Any) -> None:
    """Cancel a future that may have ended, or whose executor may have broken."""
    with contextlib.suppress(Exception):
        future.cancel()


def no_answer(error: BaseException) -> str:
    """Return the message of an `ExecutorError`."""
    cure = ""
    if isinstance(error, concurrent.futures.process.BrokenProcessPool):
        cure = '; in a script, put the call under if __name__ == "__main__":, since processes import it'
    return f"executor: no worker gives an answer: {type(error).__name__}: {error}{cure}"
