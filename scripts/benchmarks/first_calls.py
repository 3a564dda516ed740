"""Time first calls in fresh processes: in total, and imports, tracing and compiling separately."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from benchmarks.comparison import show_progress
from benchmarks.first_call import CASES, KINDS
from benchmarks.report import markdown, seconds

# Contender that finds its compiled programs on disk -> the same contender with a cold cache.
WARM = {"vmap_kept": "vmap", "jfnn_kept": "jfnn"}
CONTENDERS = {
    "vmap": "JAX jit(vmap(train)), cold cache",
    "vmap_kept": "JAX jit(vmap(train)), warm cache",
    "sklearn": "scikit-learn, searches in several processes",
    "jfnn": "jfnn, cold cache",
    "jfnn_kept": "jfnn, warm cache",
}
COLUMNS = ("process", "imports", "first call", "again", "CPU: imports", "first call less again")


class Process(NamedTuple):
    """One fresh process: its seconds, and wall and CPU seconds of imports (with data) and of all calls."""

    seconds: float
    imports: tuple[float, float]
    first: tuple[float, float]
    again: tuple[float, float] | None = None

    def times(self) -> tuple[float, ...]:
        """Return the times of `COLUMNS` (only three after a single call); the last is compiling, CPU."""
        wall = self.seconds, self.imports[0], self.first[0]
        if self.again is None:
            return wall
        return *wall, self.again[0], self.imports[1], self.first[1] - self.again[1]


Processes = dict[str, list[Process]]  # by contender


def contenders(kind: str) -> list[str]:
    """Return the contenders of a kind's cases, in the order of `CONTENDERS`."""
    some = {name for case in KINDS[kind].values() for name in case.contenders}
    return [name for name in CONTENDERS if name in some]


def start(case: str, contender: str, epochs: int | None = None, programs: str | None = None) -> Process:
    """Run one call in its own process; RuntimeError if it fails.

    Args:
        case: One of `CASES`.
        contender: One of `CONTENDERS`.
        epochs: Number of epochs; None for the case's.
        programs: Directory of the contender's cache of compiled programs; None if the process must compile.
    """
    variables = {name: value for name, value in os.environ.items() if "COMPILATION_CACHE" not in name}
    path = [str(Path(__file__).parents[1]), *filter(None, sys.path)]
    variables |= {"PYTHONPATH": os.pathsep.join(path), "PYTHONWARNINGS": "ignore"}
    variables["JFNN_PROGRAMS"] = "0"
    if programs is not None and WARM[contender] == "jfnn":
        variables["JFNN_PROGRAMS"] = programs
    elif programs is not None:
        variables["JAX_COMPILATION_CACHE_DIR"] = programs
        variables["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
        variables["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
    command = [sys.executable, "-m", "benchmarks.first_call", case, contender]
    command += [] if epochs is None else [str(epochs)]
    began = time.perf_counter()
    ended = subprocess.run(command, env=variables, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    if ended.returncode:
        raise RuntimeError(ended.stderr)
    return Process(seconds, **json.loads(ended.stdout))


def measured(
    case: str, contenders: Collection[str], rounds: int, epochs: int | None = None
) -> tuple[Processes, dict[str, str]]:
    """Return processes of a case's contenders, run in turns, and the output of those that failed."""
    figures: Processes = {}
    failed: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as root:
        caches: dict[str, str] = {}  # contender -> directory of its compiled programs
        for turn in range(rounds):
            for contender in (name for name in CASES[case].contenders if name in contenders):
                show_progress(f"{case}, round {turn + 1} of {rounds}: {contender}")
                try:
                    if contender in WARM and contender not in caches:
                        programs = tempfile.mkdtemp(dir=root)
                        start(case, contender, epochs, programs)  # writes the programs
                        caches[contender] = programs
                    process = start(case, contender, epochs, caches.get(contender))
                    figures.setdefault(contender, []).append(process)
                except RuntimeError as error:
                    failed[contender] = str(error)
    return figures, failed


def table(case: str, figures: Processes) -> str:
    """Return a Markdown table of a case's medians."""
    medians = {name: medians_of(processes) for name, processes in figures.items()}
    columns = COLUMNS[: len(next(iter(medians.values())))]
    rows = [(CONTENDERS[name], *(f"{seconds(m)} s" for m in times)) for name, times in medians.items()]
    return markdown([(CASES[case].title, *columns), *rows])


def medians_of(processes: Iterable[Process]) -> list[float]:
    """Return the median of each of `Process.times`."""
    return [statistics.median(times) for times in zip(*(p.times() for p in processes), strict=True)]
