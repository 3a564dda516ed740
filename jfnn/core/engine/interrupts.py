"""Ctrl-C while members train: deferred until nothing is half done."""

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

Handler = Callable[[int, FrameType | None], object]


class _Deferred:
    """A SIGINT handler that records the first signal and passes later ones to the previous handler."""

    def __init__(self, before: Handler):
        self.before = before
        self.has_come = self.is_pending = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.has_come:
            self.before(number, frame)
            return
        self.has_come = self.is_pending = True
        with contextlib.suppress(RuntimeError):  # the signal may have interrupted another write
            print("\nstopping at the next return to the host; press again to stop at once", file=sys.stderr)

    def interrupts(self) -> bool:
        """Return, on any thread, whether a KeyboardInterrupt is pending."""
        return self.is_pending and self.before is signal.default_int_handler

    def hand_on(self) -> None:
        """Pass the recorded signal to the previous handler, once."""
        if self.is_pending:
            self.is_pending = False
            self.before(signal.SIGINT, None)


@contextlib.contextmanager
def deferred_interrupts() -> Iterator[Callable[[], bool]]:
    """Defer Ctrl-C until `raise_interrupt` is called or the block ends; a second Ctrl-C acts at once.

    Python raises KeyboardInterrupt between any two steps of the main thread, even if it has just taken a lock
    of a thread pool, which would then never be released. Nothing is deferred in other threads, or if SIGINT
    has no handler in Python.

    Yields:
        A function that returns, on any thread, whether a KeyboardInterrupt is pending.
    """
    before = signal.getsignal(signal.SIGINT)
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or isinstance(before, _Deferred) or not callable(before):
        yield before.interrupts if is_main and isinstance(before, _Deferred) else lambda: False
        return
    handler = _Deferred(before)
    signal.signal(signal.SIGINT, handler)
    try:
        yield handler.interrupts
        handler.hand_on()
    finally:
        signal.signal(signal.SIGINT, before)


def raise_interrupt() -> None:
    """Pass on a Ctrl-C that this thread's `deferred_interrupts` deferred: KeyboardInterrupt, by default."""
    handler = _handler_here()
    if handler is not None:
        handler.hand_on()


def interrupt_is_pending() -> bool:
    """Return whether `raise_interrupt` would pass on a Ctrl-C."""
    handler = _handler_here()
    return handler is not None and handler.is_pending


def _handler_here() -> _Deferred | None:
    """Return the handler of this thread's `deferred_interrupts` block, if any."""
    handler = signal.getsignal(signal.SIGINT)
    is_main = threading.current_thread() is threading.main_thread()
    return handler if is_main and isinstance(handler, _Deferred) else None
