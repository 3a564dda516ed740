"""Local processes that train: a pool of them, and their startup."""

import concurrent.futures
import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

from jfnn.numerics.machine import use_all_cores


class ProcessPool(concurrent.futures.ProcessPoolExecutor):
    """A process pool whose processes never receive Ctrl-C, and end with this process, however it ends."""

    def __init__(self, count: int):
        super().__init__(count, multiprocessing.get_context("spawn"), prepare)

    def submit(self, fn: Callable[..., object], /, *args: object, **kwargs: Any) -> Any:
        """See `concurrent.futures.Executor`; processes may be started here."""
        with ctrl_c_is_for_others():
            return super().submit(fn, *args, **kwargs)


def prepare() -> None:
    """Make this process a worker.

    JAX gets one device per core, so that the processes of a machine do not disturb each other. The worker
    ignores Ctrl-C, which stops the process that sends tiles, and ends with its parent.
    """
    with contextlib.suppress(RuntimeError):  # JAX is already running
        use_all_cores()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Any) -> None:
    """End this process with its parent; a pool's worker would otherwise wait for work forever."""
    parent.join()
    os._exit(1)


@contextlib.contextmanager
def ctrl_c_is_for_others() -> Iterator[None]:
    """Let processes and threads started in this context never receive Ctrl-C, not even during imports."""
    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
