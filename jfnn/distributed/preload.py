"""The start of a worker process: ``dask worker ADDRESS --preload jfnn.distributed.preload``.

The process shows JAX one device a core, so that the processes of a machine do not disturb each other, ignores
Ctrl-C, which stops the process that sends it tiles, and ends when its parent was killed.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from jfnn.engine.devices import use_all_cores

# Settings of a cluster. jfnn itself sends a tile again whose worker died. Dask would keep the last thousand
# messages, of half a megabyte each, and its observations of itself would take a tenth of a core.
DASK = {
    "distributed.scheduler.allowed-failures": 0,
    "distributed.admin.low-level-log-length": 10,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.worker.memory.monitor-interval": "1s",
    "distributed.worker.profile.enabled": False,
}
# Arguments of a cluster of this machine. Its scheduler runs any code and its web pages ask for no password:
# both are for this machine only.
CLUSTER: Mapping[str, Any] = {
    "host": "127.0.0.1",
    "dashboard_address": "127.0.0.1:0",
    "threads_per_worker": 1,
    "preload": __name__,
    "silence_logs": "CRITICAL",
}


def prepare() -> None:
    """Makes this process a worker; the initializer of a process pool."""
    with contextlib.suppress(RuntimeError):  # JAX has started here
        use_all_cores()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Any) -> None:
    """Ends this process with its parent; the worker of a pool would wait for work forever."""
    parent.join()
    os._exit(1)


@contextlib.contextmanager
def ctrl_c_is_for_others() -> Iterator[None]:
    """Processes and threads started in this context never get a Ctrl-C, not even amid imports."""
    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def dask_setup(worker: object) -> None:
    """Called by Dask when a worker starts."""
    prepare()
