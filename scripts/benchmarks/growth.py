"""Growth of the time with members, batch, width and cores, each varied alone on the notes' network."""

from collections.abc import Mapping
from typing import NamedTuple

from benchmarks.comparison import Comparison, Start, compare, show_progress, started
from benchmarks.contenders import FLOOR, Contender, ours
from benchmarks.machine import cores
from benchmarks.workloads import NOTES, varied


class Scale(NamedTuple):
    """The points to measure.

    Attributes:
        members: Numbers of members.
        batch: Numbers of rows a step.
        width: Numbers of hidden units.
        cores: Numbers of host threads, a core each; those of which there are so many are measured.
        gflop: Arithmetic of a point, about.
        rounds: Warm runs of each.
        contenders: Names of contenders that have curves; that over cores is jfnn's.
    """

    members: tuple[int, ...] = (1, 7, 49, 343, 2401)
    batch: tuple[int, ...] = (10, 30, 100, 300, 1000)
    width: tuple[int, ...] = (10, 32, 100, 320, 1024)
    cores: tuple[int, ...] = (1, 2, 3, 4)
    gflop: float = 15.0
    rounds: int = 2
    contenders: tuple[str, ...] = ("vmap", "jfnn", FLOOR)


class Point(NamedTuple):
    """One line of the CSV.

    Attributes:
        axis: "members", "batch", "width" or "cores".
        value: Place on it.
        contender: Name of the contender.
        median_s: Median seconds of a warm run.
        fastest_s: Its fastest run.
        slowest_s: Its slowest run.
        us_per_member_step: Microseconds for one step of one member, its share of all scoring included.
        gflops: Arithmetic of the products by time, 10⁹/s.
        share_of_floor: By the rate of large products measured beside it.
        peak_memory_mb: Of the process since it began with this point.
    """

    axis: str
    value: int
    contender: str
    median_s: float
    fastest_s: float
    slowest_s: float
    us_per_member_step: float
    gflops: float
    share_of_floor: float
    peak_memory_mb: float | None


def curves(
    scale: Scale, start: Start, contenders: Mapping[str, Contender]
) -> tuple[list[Point], dict[str, str]]:
    """Measures every point for those of the contenders that have curves.

    Returns:
        The points, and tracebacks of contenders that failed, by "axis value contender".
    """
    points: list[Point] = []
    failed: dict[str, str] = {}
    lines = {name: contenders[name] for name in scale.contenders if name in contenders}
    with started(lines, start) as workers:
        for axis in ("members", "batch", "width"):
            for value, workload in varied(axis, getattr(scale, axis), scale.gflop).items():
                show_progress(f"growth: {axis} {value}")
                comparison = compare(workload, lines, workers, scale.rounds)
                points += _points(axis, value, comparison)
                failed |= {f"{axis} {value} {name}": why for name, why in comparison.failed.items()}
    if "jfnn" not in lines:
        return points, failed
    counts = [n for n in scale.cores if n <= cores()]  # jfnn takes no more threads than there are cores
    by_cores = {f"jfnn on {n}": ours(f"jfnn, {n} cores", execution=n) for n in counts}
    lines = by_cores | {name: line for name, line in lines.items() if name == FLOOR}
    with started(lines, start) as workers:
        [workload] = varied("members", (NOTES.members,), scale.gflop).values()
        show_progress("growth: cores")
        comparison = compare(workload, lines, workers, scale.rounds)
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
