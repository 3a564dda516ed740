"""Growth of the time with members, batch, width and cores, each varied alone on the notes' network."""

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from benchmarks.comparison import Comparison, Start, compare, show_progress, started
from benchmarks.contenders import FLOOR, Contender, ours
from benchmarks.machine import cores
from benchmarks.workload import Workload
from benchmarks.workloads import NOTES


class Scale(NamedTuple):
    """The points to measure."""

    members: tuple[int, ...] = (1, 7, 49, 343, 2401)
    batch: tuple[int, ...] = (10, 30, 100, 300, 1000)  # rows a step
    width: tuple[int, ...] = (10, 32, 100, 320, 1024)  # hidden units
    cores: tuple[int, ...] = (1, 2, 3, 4)  # host threads of jfnn; those of which there are so many
    gflop: float = 15.0  # arithmetic of a point, about
    rounds: int = 2  # warm runs of each


class Point(NamedTuple):
    """One line of the CSV."""

    axis: str  # "members", "batch", "width" or "cores"
    value: int
    contender: str
    median_s: float  # of warm runs
    fastest_s: float
    slowest_s: float
    us_per_member_step: float  # for one step of one member, its share of all scoring included
    gflops: float  # arithmetic of the products by time, 10⁹/s
    share_of_floor: float  # by the rate of large products measured beside it
    peak_memory_mb: float | None  # of the process since it began with this point


def varied(axis: str, value: int, gflop: float) -> Workload:
    """The notes' network with a value of "members", "batch" or "width".

    It has one penalty, a learning rate for each member, and epochs for about ``gflop`` of arithmetic, at most
    the notes'.
    """
    rates = tuple(np.geomspace(1e-5, 1e-3, value if axis == "members" else NOTES.members).tolist())
    workload = dataclasses.replace(
        NOTES,
        title=f"{axis} {value}",
        sizes=(64, value, 10) if axis == "width" else NOTES.sizes,
        batch=value if axis == "batch" else NOTES.batch,
        epochs=1,
        learning_rates=rates,
        l2s=(1.0,),
        reference=(rates[0], 1.0),
    )
    epochs = round(gflop * 1e9 / (workload.flop() - workload.flop(trained=0.0)))
    return dataclasses.replace(workload, epochs=min(max(1, epochs), NOTES.epochs))


def curves(scale: Scale, start: Start, lines: Mapping[str, Contender]) -> tuple[list[Point], dict[str, str]]:
    """Measures every point; jfnn, if it is among the contenders, with several numbers of cores too.

    Returns:
        The points, and tracebacks of contenders that failed, by "axis value contender".
    """
    points: list[Point] = []
    failed: dict[str, str] = {}
    with started(lines, start) as workers:
        for axis in ("members", "batch", "width"):
            for value in getattr(scale, axis):
                show_progress(f"growth: {axis} {value}")
                comparison = compare(varied(axis, value, scale.gflop), lines, workers, scale.rounds)
                points += _points(axis, value, comparison)
                failed |= {f"{axis} {value} {name}": why for name, why in comparison.failed.items()}
    if "jfnn" not in lines:
        return points, failed
    counts = [n for n in scale.cores if n <= cores()]  # jfnn takes no more threads than there are cores
    by_cores = {f"jfnn on {n}": ours(f"jfnn, {n} cores", execution=n) for n in counts}
    lines = by_cores | {name: line for name, line in lines.items() if name == FLOOR}
    with started(lines, start) as workers:
        show_progress("growth: cores")
        comparison = compare(varied("members", NOTES.members, scale.gflop), lines, workers, scale.rounds)
    failed |= {f"cores {name}": why for name, why in comparison.failed.items()}
    measured = {point.contender: point for point in _points("cores", 0, comparison)}
    for value, name in zip(counts, by_cores, strict=True):
        if name in measured:
            points.append(measured[name]._replace(value=value, contender="jfnn"))
    return points, failed


def _points(axis: str, value: int, comparison: Comparison) -> list[Point]:
    workload = comparison.workload
    member_steps = workload.members * workload.epochs * workload.steps()
    return [
        Point(
            *(axis, value, name, m.median, min(m.seconds), max(m.seconds)),
            m.median / member_steps * 1e6,
            workload.flop() / m.median / 1e9,
            comparison.share_of_floor(name),
            m.peak_memory,
        )
        for name, m in comparison.measurements.items()
    ]
