"""Calls on threads of their own, for a thread that may be interrupted at any moment, as the main thread may.

Python raises KeyboardInterrupt between any two of a thread's steps, also where `threading` or
`concurrent.futures` have just taken a lock of theirs, which then nobody gives back, or have let go of one,
which is an error of another kind. So the caller here touches plain locks alone.
"""

import _thread
import multiprocessing
import os
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Apart(Generic[Value]):
    """A call on a thread of its own."""

    def __init__(self, work: Callable[[], Value]):
        """Nothing is called yet."""
        self._value: Value
        self._error: BaseException | None = None
        self._is_over = False
        self._work = work
        self._begun, self._under_way = threading.Lock(), threading.Lock()
        self._under_way.acquire()
        # Python waits for threads that are no daemons before it exits; without this argument the new thread
        # would be a daemon wherever the present one is.
        self._thread = threading.Thread(target=self._run, daemon=False)

    def start(self) -> "Apart[Value]":
        """Starts the thread, from a third one: `Thread.start` waits with such locks."""
        _thread.start_new_thread(self._start, ())
        return self

    def _start(self) -> None:
        try:
            self._thread.start()
        except RuntimeError:  # the system gives no second one
            self._run()

    def _run(self) -> None:
        if not self._begun.acquire(blocking=False):
            return
        try:
            self._value = self._work()
        except BaseException as error:
            self._error = error
        finally:
            del self._work  # and what it holds
            self._is_over = True
            self._under_way.release()

    def result(self) -> Value:
        """What the call gives, when it has ended; raises what it raised."""
        self._wait()
        if self._error is not None:
            raise self._error
        return self._value

    def end(self) -> None:
        """Waits for the call to end if it has begun, else sees to it that it never does."""
        if not self._begun.acquire(blocking=False):
            self._wait()

    def _wait(self) -> None:
        """Waits for the call to end, also where someone was interrupted who had just taken the lock."""
        while not self._is_over:
            if self._under_way.acquire(timeout=1.0):
                self._under_way.release()


def call_apart(work: Callable[[], Value], stop: Callable[[], object]) -> Value:
    """What a call on a thread of its own gives.

    Args:
        work: The call.
        stop: Called if this thread is interrupted, so that the call ends soon; it must touch no lock.

    Raises:
        BaseException: What the call raised, or what came to this thread, after the call has ended.
    """
    call = Apart(work)
    try:
        return call.start().result()
    except BaseException:
        stop()
        call.end()
        raise


def end_with_parent() -> None:
    """Makes this process end when its parent has ended: the worker of a pool would wait for work forever."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait_and_end() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait_and_end, daemon=True).start()
