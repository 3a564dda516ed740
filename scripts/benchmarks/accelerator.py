"""Benchmark a machine with an accelerator: do two processes give the same bits, and how fast?

Each workload trains in separate processes, one after another: two with the compiler options that jfnn sets
for the platform, and two without options.
"""

import contextlib
import hashlib
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

from benchmarks import record, report
from benchmarks.comparison import show_progress
from benchmarks.contenders import Case, Contender
from benchmarks.workers import ContenderError, Start
from benchmarks.workload import Workload

PROCESSES = 2  # processes per set of options; their bits are compared
SETS = {"as set": True, "none": False}  # set of compiler options -> whether jfnn sets them
COLUMNS = tuple(column for name in SETS for column in (f"bits ({name})", "time", "min–max", "first +"))
FILE = "accelerator.json"
WORKLOADS = ("notes", "seeds", "many", "cnn", "gru", "rbm", "iris_seeds")


class Measured(NamedTuple):
    """Results of a workload in one process."""

    options: dict[str, int | str]  # compiler options
    seconds: list[float]  # of each run; the first one includes compiling
    digests: list[str]  # checksum of each run's parameters and scores


def digest(result: Any) -> str:
    """Return the checksum of a sweep's parameters and scores."""
    import jax

    hashed = hashlib.sha256()
    for leaf in jax.tree.leaves((result.params, result.scores)):
        hashed.update(np.ascontiguousarray(leaf).tobytes())
    return hashed.hexdigest()


def measure(workload: Workload, contender: Contender, as_set: bool, rounds: int) -> Measured:
    """Train a workload with jfnn in this process, once and then ``rounds`` times.

    Args:
        workload: The workload.
        contender: A contender of jfnn.
        as_set: Whether to use jfnn's compiler options; otherwise none.
        rounds: Warm runs.
    """
    import jfnn
    from jfnn.numerics import compiling

    results: list[Any] = []

    def sweep(*arguments: Any, **options: Any) -> Any:
        results.append(jfnn.sweep(*arguments, **options))
        return results[-1]

    unset: Any = mock.patch.object(compiling, "compiler_options", lambda platform: {})
    with contextlib.nullcontext() if as_set else unset:
        measured = Measured(compiling.compiler_options(compiling.default_platform()), [], [])
        run = contender.prepare(workload, sweep=sweep)
        for _ in range(rounds + 1):
            began = time.perf_counter()
            run()
            measured.seconds.append(time.perf_counter() - began)
            measured.digests.append(digest(results.pop()))
    return measured


def refusal(devices: list[str], platform: str | None) -> str | None:
    """Return the reason not to measure these devices of `machine.jax_devices`; None to measure.

    Args:
        devices: Devices of one platform.
        platform: The platform to measure on; None for any accelerator.
    """
    present = devices[0].split(":")[0]
    if present == platform or (platform is None and present != "cpu"):
        return None
    required = "an accelerator" if platform is None else f"the platform {platform}"
    return f"--accelerator: needs {required}; here JAX sees {', '.join(devices)}"


def run(cases: Mapping[str, Case], start: Start, path: Path, environment: dict[str, Any]) -> int:
    """Measure, print a table, and write the figures after each workload.

    Args:
        cases: Cases by name.
        start: Makes a worker.
        path: File for the figures.
        environment: Result of `machine.environment`.

    Returns:
        The exit status: 1 if a process failed, or bits differ under the options that jfnn sets.
    """
    workloads: dict[str, dict[str, Any]] = {}
    failed: dict[str, str] = {}
    for name, case in cases.items():
        try:
            workloads[name] = {"title": case.workload.title, **_measured(case, start)}
        except ContenderError as error:
            failed[name] = str(error)
        content = {"environment": environment, "failed": failed, "workloads": workloads}
        record.write(path, content)
    print(table(list(workloads.values())))
    for name, why in failed.items():
        print(report.failure(name, why))
    return 1 if failed or not all(sets["as set"]["equal_bits"] for sets in workloads.values()) else 0


def _measured(case: Case, start: Start) -> dict[str, dict[str, Any]]:
    """Return figures by set of options; processes run one after another, the sets in turns."""
    sets: dict[str, list[Measured]] = {name: [] for name in SETS}
    contender = case.contenders["jfnn"]
    for turn in range(PROCESSES):
        for name, as_set in SETS.items():
            show_progress(f"{case.workload.title}: options {name}, process {turn + 1} of {PROCESSES}")
            with contextlib.closing(start(contender)) as worker:
                sets[name].append(worker.call(measure, case.workload, contender, as_set, case.rounds))
    return {name: summary(processes) for name, processes in sets.items()}


def summary(processes: Sequence[Measured]) -> dict[str, Any]:
    """Summarize processes with the same options; bits are equal if all their runs agree."""
    seconds = [value for process in processes for value in process.seconds[1:]]
    first, median = (statistics.median(values) for values in ([p.seconds[0] for p in processes], seconds))
    return {
        "options": processes[0].options,
        "equal_bits": len({digest for process in processes for digest in process.digests}) == 1,
        "median_s": median,
        "extra_first_s": max(0.0, first - median),
        "seconds": seconds,
        "digests": [process.digests for process in processes],
    }


def table(workloads: list[dict[str, Any]]) -> str:
    """Return a Markdown table with one row per workload, and the options."""
    rows = [("", *COLUMNS)]
    for workload in workloads:
        cells = []
        for figures in (workload[name] for name in SETS):
            time, first = (f"{report.seconds(figures[key])} s" for key in ("median_s", "extra_first_s"))
            bits = "equal" if figures["equal_bits"] else "DIFFER"
            cells += [bits, time, report.span(figures["seconds"]), first]
        rows.append((workload["title"], *cells))
    options: dict[str, Any] = next((workload["as set"]["options"] for workload in workloads), {})
    return f"{report.markdown(rows)}\n\nOptions as set: {options or 'none'}."
