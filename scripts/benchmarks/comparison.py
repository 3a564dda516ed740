"""Contenders measured side by side: in turns, warm, several times."""

import dataclasses
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from benchmarks.breakdown import Breakdown, trace
from benchmarks.contenders import FLOOR, Case, Contender
from benchmarks.workers import Apart, ContenderError, Here, Run
from benchmarks.workload import Workload

Worker = Here | Apart
Start = Callable[[Contender], Worker]
BREAKDOWN = "breakdown"


@dataclasses.dataclass(frozen=True)
class Measurement:
    """One contender on one workload."""

    contender: Contender
    seconds: list[float]  # wall time of each warm run; for the whole workload, where a part was measured
    cpu_seconds: list[float]  # the same, of the contender's process without those that it starts
    extra_first: float  # seconds that the first run took beyond a warm one: compiling, starting processes
    peak_memory: float | None  # megabytes of all its processes, where known
    accuracy: float  # score of the reference; NaN if it did not train to the end
    trained: float  # share of all members' epochs
    measured: int  # members

    @property
    def median(self) -> float:
        """Seconds of a warm run."""
        return statistics.median(self.seconds)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Figures of all contenders on one workload."""

    workload: Workload
    measurements: dict[str, Measurement]  # by contender
    failed: dict[str, str]  # tracebacks of contenders that have no figures
    breakdown: Breakdown | None = None  # of jfnn's time, where known
    seconds: float = 0.0  # duration of the whole comparison
    traced: bool = True  # whether a breakdown is asked for

    def share_of_floor(self, name: str) -> float:
        """Time that a contender's products would take at the rate of large ones, by its time.

        Products of training, as far as it went, and of scoring.
        """
        if FLOOR not in self.measurements:
            return float("nan")
        measurement = self.measurements[name]
        done = self.workload.flop(measurement.trained) / self.workload.flop()
        return self.measurements[FLOOR].median * done / measurement.median

    def fastest(self, ours: bool) -> str | None:
        """The fastest of jfnn's ways, or of all others, that train all members to the end."""
        names = [n for n, m in self.measurements.items() if m.contender.ours == ours and m.contender.all_work]
        return min(names, key=lambda name: self.measurements[name].median, default=None)


@contextmanager
def started(contenders: Mapping[str, Contender], start: Start) -> Iterator[dict[str, Worker]]:
    """A worker for each contender, stopped in the end."""
    workers = {name: start(contender) for name, contender in contenders.items()}
    try:
        yield workers
    finally:
        for worker in workers.values():
            worker.stop()


def compare(
    workload: Workload, contenders: Mapping[str, Contender], workers: Mapping[str, Worker], rounds: int
) -> Comparison:
    """Runs every contender once to warm it, then all of them in turn, ``rounds`` times."""
    began = time.perf_counter()
    parts = {name: workload.reduced() if c.one_by_one else workload for name, c in contenders.items()}
    runs: dict[str, list[Run]] = {name: [] for name in contenders}
    failed: dict[str, str] = {}
    for turn in range(rounds + 1):
        for name in list(runs):
            show_progress(f"{'first run' if turn == 0 else f'round {turn} of {rounds}'}: {name}")
            try:
                if turn == 0:
                    workers[name].prepare(parts[name])
                runs[name].append(workers[name].run())
            except ContenderError as error:
                failed[name] = str(error)
                del runs[name]
    measurements = {n: _measurement(workload, parts[n], contenders[n], timed) for n, timed in runs.items()}
    return Comparison(workload, measurements, failed, seconds=time.perf_counter() - began)


def compare_case(case: Case, chosen: Mapping[str, Contender], start: Start, rounds: int) -> Comparison:
    """Compares contenders of a case, in new processes, so that none profits from what it compiled before.

    In another process, after those have ended, which tracing would disturb, jfnn's time is broken down.
    """
    with started(chosen, start) as workers:
        comparison = dataclasses.replace(compare(case.workload, chosen, workers, rounds), traced=case.traced)
    if not case.traced:
        return comparison
    with started({BREAKDOWN: case.contenders["jfnn"]}, start) as workers:
        return with_breakdown(comparison, workers[BREAKDOWN], case.contenders["jfnn"])


def with_breakdown(comparison: Comparison, worker: Worker, contender: Contender) -> Comparison:
    """The comparison, with a breakdown of the time of a contender, which is jfnn, traced in a worker."""
    began = time.perf_counter()
    show_progress(BREAKDOWN)
    breakdown, failed = None, comparison.failed
    try:
        breakdown = worker.call(trace, comparison.workload, contender.prepare)
    except ContenderError as error:
        failed = failed | {BREAKDOWN: str(error)}
    seconds = comparison.seconds + time.perf_counter() - began
    return dataclasses.replace(comparison, breakdown=breakdown, failed=failed, seconds=seconds)


def show_progress(message: str) -> None:
    """Replaces the present line of a terminal at stderr."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{message}", end="\r", file=sys.stderr, flush=True)


def _measurement(workload: Workload, part: Workload, contender: Contender, runs: list[Run]) -> Measurement:
    first, *warm = runs
    outcome = warm[-1].outcome
    # The floor multiplies large matrices: the workload's operations take this many times as long.
    scale = workload.flop() / outcome.flop if outcome.flop else workload.members / part.members
    trains = outcome.accuracy is not None
    return Measurement(
        contender,
        seconds=[run.seconds * scale for run in warm],
        cpu_seconds=[run.cpu_seconds * scale for run in warm],
        extra_first=max(first.seconds - statistics.median(run.seconds for run in warm), 0.0),
        peak_memory=warm[-1].peak_memory,
        accuracy=np.nan if outcome.accuracy is None else float(outcome.accuracy[part.reference_index]),
        trained=outcome.trained,
        measured=part.members if trains else 0,
    )
