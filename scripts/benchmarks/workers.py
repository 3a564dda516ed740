"""Workers of contenders: each in its own process, without shared threads, memory or caches."""

import multiprocessing
import os
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, NamedTuple, TypeVar

from benchmarks import machine
from benchmarks.contenders import Contender
from benchmarks.workload import Outcome, Runner, Workload

T = TypeVar("T")


class ContenderError(Exception):
    """A contender raised; the message is its traceback."""


class Here:
    """Call functions in this process, with its devices."""

    def __init__(self, contender: Contender):
        """Do not start a process."""

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Return ``function(*arguments)``, run in the contender's process."""
        return function(*arguments)

    def close(self) -> None:
        """End the process, if it is the contender's own."""


class Apart(Here):
    """Call functions in a new process.

    Raises:
        ContenderError: The function raised, or the process ended.
    """

    def __init__(self, contender: Contender):
        devices = machine.cores() if contender.cpu_devices == "cores" else contender.cpu_devices
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(1, context, _start, (devices,))

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """As in `Here`."""
        try:
            return self._pool.submit(_call, function, *arguments).result()
        except BrokenProcessPool:
            raise ContenderError("its process ended") from None

    def close(self) -> None:
        """As in `Here`."""
        self._pool.shutdown()


Start = Callable[[Contender], Here]


class Run(NamedTuple):
    """One run of a contender."""

    seconds: float
    cpu_seconds: float  # of the process without children
    peak_memory: float | None  # of the process and its descendants since `prepare` in megabytes, if known
    outcome: Outcome


_prepared: dict[str, Runner] = {}  # title of a contender in this process -> its run


def prepare(contender: Contender, workload: Workload) -> None:
    """Load a workload for the following runs in this process."""
    _prepared[contender.title] = contender.prepare(workload)
    machine.reset_peak_memory()


def run(contender: Contender) -> Run:
    """Train the workload once."""
    cpu = time.process_time()
    started = time.perf_counter()
    outcome = _prepared[contender.title]()
    seconds = time.perf_counter() - started
    cpu_seconds = time.process_time() - cpu
    return Run(seconds, cpu_seconds, machine.peak_memory(), outcome)


def _start(devices: int | str | None) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # several processes share a GPU
    if devices is not None:
        os.environ["JAX_NUM_CPU_DEVICES"] = str(devices)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _call(function: Callable[..., T], *arguments: Any) -> T:
    try:
        return function(*arguments)
    except Exception:
        raise ContenderError(traceback.format_exc()) from None
