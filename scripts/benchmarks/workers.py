"""Where contenders run: each in a process of its own, so that none has another's threads, memory, caches."""

import multiprocessing
import os
import time
import traceback
from pathlib import Path
from typing import NamedTuple

from benchmarks.contenders import Contender
from benchmarks.peers import Outcome, cores
from benchmarks.workloads import Workload


class ContenderError(Exception):
    """A contender raised; the message is its traceback."""


class Run(NamedTuple):
    """One run: wall seconds, CPU seconds of the process, what came out."""

    seconds: float
    cpu_seconds: float
    outcome: Outcome


class Here:
    """Runs a contender in this process, with whatever devices it has."""

    def __init__(self, contender: Contender):
        self.contender = contender

    def prepare(self, workload: Workload) -> None:
        """Loads a workload; it is the one that is run from now on."""
        self._run = self.contender.prepare(workload)
        _reset_peak_memory()

    def run(self) -> Run:
        """Trains it once."""
        cpu, started = time.process_time(), time.perf_counter()
        outcome = self._run()
        return Run(time.perf_counter() - started, time.process_time() - cpu, outcome)

    def peak_memory(self) -> float | None:
        """Megabytes that this process and those it started held at most since it was prepared."""
        return _peak_memory()

    def devices(self) -> list[str]:
        """The devices that JAX has in there, such as "cpu:0 cpu"."""
        import jax

        return [f"{device.platform}:{device.id} {device.device_kind}" for device in jax.devices()]

    def stop(self) -> None:
        """Ends it."""


class Apart:
    """Runs a contender in a new process; the methods are those of `Here`."""

    def __init__(self, contender: Contender):
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, contender))
        self._process.start()
        theirs.close()

    def prepare(self, workload: Workload) -> None:
        """As in `Here`."""
        self._call("prepare", workload)

    def run(self) -> Run:
        """As in `Here`."""
        return self._call("run")

    def peak_memory(self) -> float | None:
        """As in `Here`."""
        return self._call("peak_memory")

    def devices(self) -> list[str]:
        """As in `Here`."""
        return self._call("devices")

    def stop(self) -> None:
        """Ends the process."""
        self._connection.close()
        self._process.join()

    def _call(self, method, *arguments):
        try:
            self._connection.send((method, arguments))
            answer = self._connection.recv()
        except (EOFError, BrokenPipeError):
            raise ContenderError("its process ended") from None
        if isinstance(answer, ContenderError):
            raise answer
        return answer


def _serve(connection, contender: Contender) -> None:
    """The life of a process: calls come in, answers go out, until the other end closes."""
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # several processes share a GPU
    if contender.cpu_devices is not None:
        import jax

        count = cores() if contender.cpu_devices == "cores" else contender.cpu_devices
        jax.config.update("jax_num_cpu_devices", count)
    here = Here(contender)
    while True:
        try:
            method, arguments = connection.recv()
        except EOFError:
            return
        try:
            connection.send(getattr(here, method)(*arguments))
        except Exception:
            connection.send(ContenderError(traceback.format_exc()))


def _peak_memory() -> float | None:
    """Linux's VmHWM, which unlike ru_maxrss a child does not inherit; None elsewhere."""
    if not Path("/proc/self/status").exists():
        return None
    found, waiting = 0.0, [os.getpid()]
    while waiting:
        process = Path("/proc") / str(waiting.pop())
        try:
            lines = (process / "status").read_text().splitlines()
            children = [path.read_text().split() for path in process.glob("task/*/children")]
        except OSError:  # it has just ended
            continue
        found += sum(float(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
        waiting += [int(child) for of_thread in children for child in of_thread]
    return found


def _reset_peak_memory() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:  # no Linux, or not allowed: the peak is that of the whole process then
        return
