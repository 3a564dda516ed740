"""How time grows with members, batch, width and cores: the notes' network, one of them varied at a time."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from benchmarks import measure
from benchmarks.contenders import CONTENDERS, FLOOR, ours
from benchmarks.peers import cores
from benchmarks.workloads import NOTES, growth

LINES = ("vmap", "jfnn", FLOOR)  # contenders that have curves


class Scale(NamedTuple):
    """Which points are measured.

    Attributes:
        members: Numbers of members.
        batches: Numbers of rows a step.
        widths: Numbers of hidden units.
        cores: Numbers of host threads, a core each as far as there are so many.
        gflop: Arithmetic of a point, about.
        rounds: Warm runs of each.
    """

    members: tuple[int, ...] = (1, 7, 49, 343, 2401)
    batches: tuple[int, ...] = (10, 30, 100, 300, 1000)
    widths: tuple[int, ...] = (10, 32, 100, 320, 1024)
    cores: tuple[int, ...] = (1, 2, 3, 4)
    gflop: float = 15.0
    rounds: int = 2


class Point(NamedTuple):
    """One line of the CSV.

    Attributes:
        axis: "members", "batch", "width" or "cores".
        value: Where on it.
        contender: Whose time.
        median_s: Seconds of a warm run.
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
    scale: Scale, start: measure.Start, log: Callable[[str], None], names: Iterable[str] = LINES
) -> tuple[list[Point], dict[str, str]]:
    """Measures every point.

    Args:
        scale: Which they are.
        start: Where contenders run.
        log: Told what is under way.
        names: Those of `LINES` to measure; the curve over cores is jfnn's.

    Returns:
        The points, and for contenders that failed why, by "axis value contender".
    """
    points: list[Point] = []
    failed: dict[str, str] = {}
    lines = {name: CONTENDERS[name] for name in LINES if name in names}
    with measure.started(lines, start) as workers:
        workloads = growth(scale.members, scale.batches, scale.widths, scale.gflop)
        for (axis, value), workload in workloads.items():
            log(f"growth: {axis} {value}")
            found = measure.compare(workload, lines, workers, scale.rounds, log)
            points += _points(axis, value, found)
            failed |= {f"{axis} {value} {name}": why for name, why in found.failed.items()}
    if "jfnn" not in lines:
        return points, failed
    # jfnn takes no more threads than there are cores, or CPU devices that JAX shows.
    by_cores = {f"jfnn on {n}": ours(f"jfnn, {n} cores", max(n, cores()), devices=n) for n in scale.cores}
    lines = by_cores | {name: each for name, each in lines.items() if name == FLOOR}
    with measure.started(lines, start) as workers:
        workload = growth((NOTES.members,), (), (), scale.gflop)["members", NOTES.members]
        log("growth: cores")
        found = measure.compare(workload, lines, workers, scale.rounds, log)
    failed |= {f"cores {name}": why for name, why in found.failed.items()}
    measured = _points("cores", 0, found)
    for count, name in zip(scale.cores, by_cores, strict=True):
        points += [p._replace(value=count, contender="jfnn") for p in measured if p.contender == name]
    return points, failed


def _points(axis: str, value: int, comparison: measure.Comparison) -> list[Point]:
    workload = comparison.workload
    member_steps = workload.members * workload.epochs * workload.steps()
    return [
        Point(
            axis,
            value,
            name,
            m.median,
            min(m.seconds),
            max(m.seconds),
            m.median / member_steps * 1e6,
            workload.flop() / m.median / 1e9,
            comparison.share_of_floor(name),
            m.peak_memory,
        )
        for name, m in comparison.measurements.items()
    ]
