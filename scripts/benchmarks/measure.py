"""Contenders measured side by side: in turns, warm, several times."""

import dataclasses
import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import cast

import numpy as np

from benchmarks.breakdown import Breakdown
from benchmarks.contenders import FLOOR, MATMUL_FLOP, Contender
from benchmarks.workers import Apart, ContenderError, Here
from benchmarks.workloads import Workload

Start = Callable[[Contender], Here | Apart]
BREAKDOWN = "breakdown"


@dataclasses.dataclass(frozen=True)
class Measurement:
    """One contender on one workload.

    Attributes:
        title: The contender.
        ours: Whether it is jfnn.
        all_work: Whether members leave early only where they diverge, if at all.
        seconds: Each warm run's wall time; for the whole workload, where a part was measured.
        cpu_seconds: Each warm run's CPU time, of the contender's process without those that it starts.
        extra_first: Seconds that the first run took beyond a warm one: compiling, starting processes.
        peak_memory: Megabytes, of all its processes; None where it cannot be told.
        accuracy: Test accuracy of the reference cell; NaN if it did not train to the end.
        trained: The share of all members' epochs that was trained.
        measured: Members that it was measured on.
        comment: What a reader must know.
    """

    title: str
    ours: bool
    all_work: bool
    seconds: list[float]
    cpu_seconds: list[float]
    extra_first: float
    peak_memory: float | None
    accuracy: float
    trained: float
    measured: int
    comment: str

    @property
    def median(self) -> float:
        """Seconds of a warm run."""
        return statistics.median(self.seconds)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A workload, its contenders' figures by name, and why others have none.

    Attributes:
        workload: What was trained.
        measurements: By contender.
        failed: The tracebacks of contenders that have no figures.
        breakdown: Where jfnn's time goes; None where it is not known.
        seconds: What all of it took.
    """

    workload: Workload
    measurements: dict[str, Measurement]
    failed: dict[str, str]
    breakdown: Breakdown | None = None
    seconds: float = 0.0

    def share_of_floor(self, name: str) -> float:
        """How much of a contender's time its products would take at the rate of large ones.

        Those of training, as far as it went, and those of scoring.
        """
        if FLOOR not in self.measurements:
            return float("nan")
        measurement = self.measurements[name]
        done = self.workload.flop(measurement.trained) / self.workload.flop()
        return self.measurements[FLOOR].median * done / measurement.median

    def fastest(self, ours: bool) -> str | None:
        """The fastest of jfnn's ways, or of all others, that train all there is to train."""
        names = [n for n, m in self.measurements.items() if m.ours == ours and m.all_work]
        return min(names, key=lambda name: self.measurements[name].median, default=None)


@contextmanager
def started(contenders: Mapping[str, Contender], start: Start) -> Iterator[dict[str, Here | Apart]]:
    """A worker for each contender, ended at last."""
    workers = {name: start(contender) for name, contender in contenders.items()}
    try:
        yield workers
    finally:
        for worker in workers.values():
            worker.stop()


def compare(
    workload: Workload,
    contenders: Mapping[str, Contender],
    workers: Mapping[str, Here | Apart],
    rounds: int,
    log: Callable[[str], None],
) -> Comparison:
    """Runs every contender once to warm it, then all of them in turn, ``rounds`` times.

    Args:
        workload: What to train.
        contenders: By name.
        workers: Where each of them runs.
        rounds: Warm runs of each.
        log: Told what is under way.
    """
    parts = {name: workload.reduced() if c.one_by_one else workload for name, c in contenders.items()}
    runs: dict[str, list] = {}
    peaks: dict[str, float | None] = {}
    failed: dict[str, str] = {}
    for turn in range(rounds + 1):
        for name in contenders:
            if name in failed:
                continue
            log(f"{'first run' if turn == 0 else f'round {turn} of {rounds}'}: {name}")
            try:
                if turn == 0:
                    workers[name].prepare(parts[name])
                runs.setdefault(name, []).append(workers[name].run())
                peaks[name] = workers[name].peak_memory()
            except ContenderError as error:
                failed[name] = str(error)
                runs.pop(name, None)
    measurements = {
        name: _measurement(workload, parts[name], contenders[name], of_name, peaks[name])
        for name, of_name in runs.items()
    }
    return Comparison(workload, measurements, failed)


def broken_down(comparison: Comparison, traced: Here | Apart) -> Comparison:
    """A comparison with what jfnn's time is spent on, from a worker of `breakdown.TRACED`."""
    try:
        traced.prepare(comparison.workload)
        found = cast(Breakdown | None, traced.run().outcome)
        return dataclasses.replace(comparison, breakdown=found)
    except ContenderError as error:
        return dataclasses.replace(comparison, failed=comparison.failed | {BREAKDOWN: str(error)})


def _measurement(workload, part: Workload, contender: Contender, runs, peak_memory) -> Measurement:
    first, *warm = runs
    outcome = warm[-1].outcome
    trains = outcome.accuracy is not None
    # The floor multiplies large matrices: the workload's operations take this many times as long.
    scale = workload.members / part.members if trains else workload.flop() / MATMUL_FLOP
    typical = statistics.median(run.seconds for run in warm)
    return Measurement(
        title=contender.title,
        ours=contender.ours,
        all_work=contender.all_work,
        seconds=[run.seconds * scale for run in warm],
        cpu_seconds=[run.cpu_seconds * scale for run in warm],
        extra_first=max(first.seconds - typical, 0.0),
        peak_memory=peak_memory,
        accuracy=float(outcome.accuracy[part.reference_index]) if trains else np.nan,
        trained=outcome.trained,
        measured=part.members if trains else 0,
        comment=contender.comment,
    )
