"""Where contenders run: each in a process of its own, sharing no threads, memory or caches."""

import multiprocessing
import os
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, NamedTuple, TypeVar

from benchmarks import machine
from benchmarks.contenders import Contender
from benchmarks.kinds import AnyWorkload
from benchmarks.workload import Outcome
from jfnn.engine.interrupts import end_with_parent

T = TypeVar("T")


class ContenderError(Exception):
    """A contender raised; the message is its traceback."""


class Run(NamedTuple):
    """One run of a contender.

    Attributes:
        seconds: Wall time.
        cpu_seconds: CPU time of the process, without those that it starts.
        peak_memory: Megabytes of the process and its descendants since it was prepared; None if not known.
        outcome: The result.
    """

    seconds: float
    cpu_seconds: float
    peak_memory: float | None
    outcome: Outcome


class Here:
    """Runs a contender in this process, with whatever devices it has."""

    def __init__(self, contender: Contender):
        self.contender = contender

    def prepare(self, workload: AnyWorkload) -> None:
        """Loads the workload for the runs that follow."""
        self._run = self.contender.prepare(workload)
        machine.reset_peak_memory()

    def run(self) -> Run:
        """Trains the workload once."""
        cpu, started = time.process_time(), time.perf_counter()
        outcome = self._run()
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
        return Run(seconds, cpu_seconds, machine.peak_memory(), outcome)

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """``function(*arguments)``, in the contender's process."""
        return function(*arguments)

    def stop(self) -> None:
        """Ends the process, if it is the contender's own."""


class Apart:
    """Runs a contender in a new process; the methods are those of `Here`.

    Raises:
        ContenderError: The contender raised, or its process ended.
    """

    def __init__(self, contender: Contender):
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(1, context, _start, (contender,))

    def prepare(self, workload: AnyWorkload) -> None:
        """As in `Here`."""
        self.call(_prepare, workload)

    def run(self) -> Run:
        """As in `Here`."""
        return self.call(_run)

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """As in `Here`."""
        try:
            return self._pool.submit(_call, function, *arguments).result()
        except BrokenProcessPool:
            raise ContenderError("its process ended") from None

    def stop(self) -> None:
        """Ends the process."""
        self._pool.shutdown()


_here: Here  # of a process that belongs to a contender


def _start(contender: Contender) -> None:
    global _here
    end_with_parent()
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # several processes share a GPU
    if contender.cpu_devices is not None:
        count = machine.cores() if contender.cpu_devices == "cores" else contender.cpu_devices
        os.environ["JAX_NUM_CPU_DEVICES"] = str(count)
    _here = Here(contender)


def _prepare(workload: AnyWorkload) -> None:
    _here.prepare(workload)


def _run() -> Run:
    return _here.run()


def _call(function: Callable[..., T], *arguments: Any) -> T:
    try:
        return function(*arguments)
    except Exception:
        raise ContenderError(traceback.format_exc()) from None
