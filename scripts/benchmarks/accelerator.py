"""What somebody with an accelerator runs: whether two processes give the same bits, and at what speed.

Each workload trains in processes of its own, one after another: two with the compiler's options that jfnn
sets for the platform, and two with none.
"""

import contextlib
import hashlib
import json
import statistics
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

from benchmarks import kinds, report, workloads
from benchmarks.comparison import Start, show_progress, started
from benchmarks.contenders import CONTENDERS, KIND_CONTENDERS, Contender
from benchmarks.kinds import KINDS, AnyWorkload
from benchmarks.shapes import SHAPES
from benchmarks.workers import ContenderError
from benchmarks.workloads import WORKLOADS

PROCESSES = 2  # with each set of options, whose bits are compared
SETS = {"as set": True, "none": False}  # of the compiler's options -> whether they are jfnn's
COLUMNS = tuple(column for name in SETS for column in (f"bits ({name})", "time", "min–max", "first +"))
FILE = "accelerator.json"


class Case(NamedTuple):
    """A workload, the same kind of work in less, and the contender that is jfnn."""

    workload: AnyWorkload
    quick: AnyWorkload
    contender: Contender


class Measured(NamedTuple):
    """A workload in one process.

    Attributes:
        options: The compiler's options.
        first: Seconds of the first run.
        seconds: Those of the others.
        digests: Checksum of each run's parameters and scores, the first one's included.
    """

    options: dict[str, int | str]
    first: float
    seconds: list[float]
    digests: list[str]


Figures = dict[str, list[Measured]]  # set of options -> processes


def _cases() -> Iterator[tuple[str, Case]]:
    for name in ("notes", "seeds", "many"):
        yield name, Case(WORKLOADS[name], workloads.quick(WORKLOADS[name]), CONTENDERS["jfnn"])
    for name, workload in KINDS.items():
        yield name, Case(workload, kinds.quick(workload), KIND_CONTENDERS[name]["jfnn"])
    for name, case in SHAPES["iris_seeds"].items():
        yield name, Case(case.workload, case.quick, case.contenders["jfnn"])


CASES = dict(_cases())


def digest(result: Any) -> str:
    """Checksum of a sweep's parameters and scores."""
    import jax

    hashed = hashlib.sha256()
    for leaf in jax.tree.leaves((result.params, result.scores)):
        hashed.update(np.ascontiguousarray(leaf).tobytes())
    return hashed.hexdigest()


def measure(workload: AnyWorkload, contender: Contender, as_set: bool, rounds: int) -> Measured:
    """Trains a workload in this process, once and then ``rounds`` times, by jfnn.

    Args:
        workload: The workload.
        contender: One that is jfnn.
        as_set: Whether the compiler's options are jfnn's; else there are none.
        rounds: Warm runs.
    """
    import jfnn
    from jfnn import compiling

    results: list[Any] = []

    def sweep(*arguments: Any, **options: Any) -> Any:
        results.append(jfnn.sweep(*arguments, **options))
        return results[-1]

    unset: Any = mock.patch.object(compiling, "compiler_options", lambda platform: {})
    seconds, digests = [], []
    with contextlib.nullcontext() if as_set else unset:
        options = compiling.compiler_options(compiling.default_platform())
        run = contender.prepare(workload, sweep=sweep)
        for _ in range(rounds + 1):
            began = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - began)
            digests.append(digest(results.pop()))
    return Measured(options, seconds[0], seconds[1:], digests)


def refusal(devices: list[str], platform: str | None) -> str | None:
    """Why there is nothing to measure on these devices, in a line; None where there is.

    Args:
        devices: From `machine.jax_devices`.
        platform: The platform that is asked for; None for any accelerator.
    """
    present = devices[0].split(":")[0]
    if present == platform or (platform is None and present != "cpu"):
        return None
    wanted = "an accelerator" if platform is None else f"the platform {platform}"
    return f"--accelerator: needs {wanted}; here JAX sees {', '.join(devices)}"


def run(
    cases: Mapping[str, Case], start: Start, quick: bool, rounds: int, path: Path, environment: dict[str, Any]
) -> int:
    """Measures, prints a table, and writes the figures after each workload.

    Args:
        cases: By name.
        start: Makes a worker.
        quick: Whether workloads are the quick ones.
        rounds: Warm runs in each process.
        path: A file for the figures.
        environment: Of `machine.environment`.

    Returns:
        The exit status: 1 if a process failed, or bits differ under the options that jfnn sets.
    """
    figures: dict[str, Figures] = {}
    titles: dict[str, str] = {}
    failed: dict[str, str] = {}
    for name, case in cases.items():
        workload = case.quick if quick else case.workload
        titles[name] = workload.title
        try:
            figures[name] = _measured(workload, case.contender, start, rounds)
        except ContenderError as error:
            failed[name] = str(error)
        content = {"environment": environment, "failed": failed, "workloads": as_json(figures, titles)}
        path.write_text(json.dumps(report.plain(content), indent=2, allow_nan=False) + "\n")
    print(table(figures, titles))
    for name, why in failed.items():
        print(f"{name}: failed, {report.last_line(why)}")
    differ = [name for name, sets in figures.items() if not equal(sets["as set"])]
    return 1 if failed or differ else 0


def _measured(workload: AnyWorkload, contender: Contender, start: Start, rounds: int) -> Figures:
    """Each process after the one before has ended, in turns."""
    sets: Figures = {name: [] for name in SETS}
    for turn in range(PROCESSES):
        for name, as_set in SETS.items():
            show_progress(f"{workload.title}: options {name}, process {turn + 1} of {PROCESSES}")
            with started({"jfnn": contender}, start) as workers:
                sets[name].append(workers["jfnn"].call(measure, workload, contender, as_set, rounds))
    return sets


def equal(processes: Collection[Measured]) -> bool:
    """Whether all runs in all processes gave the same bits."""
    return len({digest for process in processes for digest in process.digests}) == 1


def _summary(processes: list[Measured]) -> dict[str, Any]:
    seconds = [value for process in processes for value in process.seconds]
    return {
        "options": processes[0].options,
        "equal_bits": equal(processes),
        "median_s": statistics.median(seconds),
        "extra_first_s": max(0.0, statistics.median(p.first for p in processes) - statistics.median(seconds)),
        "seconds": seconds,
        "digests": [process.digests for process in processes],
    }


def as_json(figures: Mapping[str, Figures], titles: Mapping[str, str]) -> dict[str, Any]:
    """All figures."""
    return {
        name: {"title": titles[name], **{key: _summary(processes) for key, processes in sets.items()}}
        for name, sets in figures.items()
    }


def table(figures: Mapping[str, Figures], titles: Mapping[str, str]) -> str:
    """A line a workload in Markdown, and the options."""
    rows = [("", *COLUMNS)]
    for name, sets in figures.items():
        cells = []
        for processes in sets.values():
            summary = _summary(processes)
            spread = "–".join(report.seconds(end(summary["seconds"])) for end in (min, max))
            bits = "equal" if summary["equal_bits"] else "DIFFER"
            times = [f"{report.seconds(summary[key])} s" for key in ("median_s", "extra_first_s")]
            cells += [bits, times[0], spread, times[1]]
        rows.append((titles[name], *cells))
    options = next((sets["as set"][0].options for sets in figures.values()), {})
    return f"{report.markdown(rows)}\n\nOptions as set: {options or 'none'}."
