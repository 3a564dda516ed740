"""First calls in fresh processes: imports, tracing and compiling included, and each apart."""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from benchmarks import native
from benchmarks.comparison import show_progress
from benchmarks.first_call import CASES, KINDS
from benchmarks.report import markdown, seconds

KEPT = "jfnn_kept"  # in a process that finds the programs which another has kept
CONTENDERS = {
    "torch": "PyTorch loop",
    "vmap": "JAX jit(vmap(train)), rows",
    "sklearn": "scikit-learn, searches in several processes",
    "jfnn": "jfnn, nothing kept",
    KEPT: "jfnn, programs kept by another process",
}
NEEDS = {"torch": "torch"}  # packages
COLUMNS = ("process", "imports", "first call", "again", "CPU: imports", "first call less again")
CPU = "CPU: process"  # a column of the bench alone


class Process(NamedTuple):
    """One fresh process: its seconds, and seconds and CPU seconds of imports with data, and of all calls.

    At last its own CPU seconds, with those of processes that it started and waited for.
    """

    seconds: float
    imports: tuple[float, float]
    first: tuple[float, float]
    again: tuple[float, float] | None = None
    cpu: float | None = None

    def times(self) -> tuple[float, ...]:
        """Times of `COLUMNS`, of the first three where it called once; the last is CPU time of compiling."""
        wall = self.seconds, self.imports[0], self.first[0]
        if self.again is None:
            return wall
        return *wall, self.again[0], self.imports[1], self.first[1] - self.again[1]


Processes = dict[str, list[Process]]  # by contender


def contenders(kind: str) -> list[str]:
    """Those of a kind's cases whose packages are installed, in the order of `CONTENDERS`."""
    some = {name for case in KINDS[kind].values() for name in case.contenders}
    return [n for n in CONTENDERS if n in some and (n not in NEEDS or native.has_package(NEEDS[n]))]


def cpu_seconds_of_children() -> float:
    """CPU seconds of all processes that ended and were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def start(
    case: str,
    contender: str,
    epochs: int | None = None,
    programs: str = "0",
    structures: int | None = None,
) -> Process:
    """Runs one call in a process of its own; RuntimeError if it fails.

    Args:
        case: One of `CASES`.
        contender: One of `CONTENDERS`.
        epochs: None for those of the case.
        programs: Directory of kept programs; "0" for none, so that the process finds nothing compiled.
        structures: None for those of the case; else with epochs.
    """
    variables = {name: value for name, value in os.environ.items() if "COMPILATION_CACHE" not in name}
    path = [str(Path(__file__).parents[1]), *filter(None, sys.path)]
    variables |= {"PYTHONPATH": os.pathsep.join(path), "PYTHONWARNINGS": "ignore"}
    variables["JFNN_PROGRAMS"] = programs
    command = [sys.executable, "-m", "benchmarks.first_call", case, contender]
    command += [str(number) for number in (epochs, structures) if number is not None]
    before = cpu_seconds_of_children()
    began = time.perf_counter()
    ended = subprocess.run(command, env=variables, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    if ended.returncode:
        raise RuntimeError(ended.stderr)
    cpu = cpu_seconds_of_children() - before
    return Process(seconds, **json.loads(ended.stdout), cpu=cpu)


def measured(
    case: str,
    contenders: Collection[str],
    rounds: int,
    epochs: int | None = None,
    structures: int | None = None,
) -> tuple[Processes, dict[str, str]]:
    """Processes of the contenders that a case has, in turns; and the output of those that failed."""
    figures: Processes = {}
    failed: dict[str, str] = {}
    keeping = {KEPT, "jfnn"} if CASES[case].keeps else {KEPT}
    with tempfile.TemporaryDirectory() as root:
        kept = None  # the programs that the last process has kept
        for turn in range(rounds):
            for contender in (name for name in CASES[case].contenders if name in contenders):
                show_progress(f"{case}, round {turn + 1} of {rounds}: {contender}")
                programs = kept if contender == KEPT else None
                try:
                    if contender == KEPT and programs is None:
                        programs = tempfile.mkdtemp(dir=root)
                        start(case, contender, epochs, programs, structures)  # writes the programs
                    if contender in keeping and programs is None:
                        programs = tempfile.mkdtemp(dir=root)
                    process = start(case, contender, epochs, programs or "0", structures)
                    figures.setdefault(contender, []).append(process)
                    kept = programs or kept
                except RuntimeError as error:
                    failed[contender] = str(error)
    return figures, failed


def table(case: str, figures: Processes) -> str:
    """A case in Markdown: medians."""
    medians = {name: medians_of(processes) for name, processes in figures.items()}
    columns = COLUMNS[: len(next(iter(medians.values())))]
    cpus = {name: [p.cpu for p in some if p.cpu is not None] for name, some in figures.items()}
    if all(cpus.values()):
        columns = (*columns, CPU)
        medians = {name: [*times, statistics.median(cpus[name])] for name, times in medians.items()}
    rows = [(CONTENDERS[name], *(f"{seconds(m)} s" for m in times)) for name, times in medians.items()]
    return markdown([(CASES[case].title, *columns), *rows])


def medians_of(processes: Iterable[Process]) -> list[float]:
    """The median of each of `Process.times`."""
    return [statistics.median(times) for times in zip(*(p.times() for p in processes), strict=True)]
