"""Measure contenders side by side: in turns, warm, several times."""

import dataclasses
import statistics
import sys
import time
from contextlib import ExitStack, closing

import numpy as np

from benchmarks import workers
from benchmarks.contenders import FLOOR, Case, Contender
from benchmarks.workers import ContenderError, Run, Start
from benchmarks.workload import Workload


@dataclasses.dataclass(frozen=True)
class Measurement:
    """Measurement of one contender on one workload."""

    contender: Contender
    seconds: list[float]  # wall time of each warm run, scaled to the whole workload if a part was measured
    cpu_seconds: list[float]  # the same for CPU time of the contender's process, without children
    extra_first_s: float  # extra seconds of the first run: compiling, starting processes
    peak_memory_mb: float | None  # of all its processes, if known
    accuracy: float  # score of the reference; NaN if it did not finish training
    share_trained: float  # share of all members' epochs
    measured_on: int  # members

    @property
    def median(self) -> float:
        """Median seconds of a warm run."""
        return statistics.median(self.seconds)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Figures of all contenders on one workload."""

    case: Case
    measurements: dict[str, Measurement]  # by contender
    failed: dict[str, str]  # contender without figures -> traceback
    seconds: float  # duration of the whole comparison

    @property
    def workload(self) -> Workload:
        """The workload of the case."""
        return self.case.workload

    def share_of_floor(self, name: str) -> float:
        """Return the time of a contender's matrix products at the rate of large ones, over its time.

        Counts the products of training, as far as it went, and of scoring.
        """
        if FLOOR not in self.measurements:
            return float("nan")
        measurement = self.measurements[name]
        done = self.workload.flop(measurement.share_trained) / self.workload.flop()
        return self.measurements[FLOOR].median * done / measurement.median

    def fastest(self, ours: bool) -> str | None:
        """Return the fastest contender of jfnn's, or of the others, that trains all members to the end."""
        names = [n for n, m in self.measurements.items() if m.contender.ours == ours and n != FLOOR]
        return min(names, key=lambda name: self.measurements[name].median, default=None)


def compare(case: Case, start: Start) -> Comparison:
    """Run every contender once to warm up, then all of them in turn, ``case.rounds`` times.

    Their processes are new, so that none benefits from earlier compilation.
    """
    began = time.perf_counter()
    workload = case.workload
    contenders = case.contenders
    parts = {name: workload.reduced() if c.one_by_one else workload for name, c in contenders.items()}
    runs: dict[str, list[Run]] = {name: [] for name in contenders}
    failed: dict[str, str] = {}
    with ExitStack() as stack:
        calls = {name: stack.enter_context(closing(start(c))).call for name, c in contenders.items()}
        for turn in range(case.rounds + 1):
            for name in list(runs):
                show_progress(f"{'first run' if turn == 0 else f'round {turn} of {case.rounds}'}: {name}")
                try:
                    if turn == 0:
                        calls[name](workers.prepare, contenders[name], parts[name])
                    runs[name].append(calls[name](workers.run, contenders[name]))
                except ContenderError as error:
                    failed[name] = str(error)
                    del runs[name]
    measurements = {n: _measurement(workload, parts[n], contenders[n], timed) for n, timed in runs.items()}
    return Comparison(case, measurements, failed, time.perf_counter() - began)


def show_progress(message: str) -> None:
    """Replace the current line of a terminal at stderr."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{message}", end="\r", file=sys.stderr, flush=True)


def _measurement(workload: Workload, part: Workload, contender: Contender, runs: list[Run]) -> Measurement:
    first, *warm = runs
    outcome = warm[-1].outcome
    # The floor multiplies large matrices; scale its time to the workload's operations.
    scale = workload.flop() / outcome.flop if outcome.flop else workload.members / part.members
    trains = outcome.accuracy is not None
    return Measurement(
        contender,
        seconds=[run.seconds * scale for run in warm],
        cpu_seconds=[run.cpu_seconds * scale for run in warm],
        extra_first_s=max(first.seconds - statistics.median(run.seconds for run in warm), 0.0),
        peak_memory_mb=warm[-1].peak_memory,
        accuracy=np.nan if outcome.accuracy is None else float(outcome.accuracy[part.reference_index]),
        share_trained=outcome.trained,
        measured_on=part.members if trains else 0,
    )
