"""Growth of the time with members, batch, width and cores, each varied alone on the notes' network."""

import dataclasses
from typing import Any, NamedTuple

import numpy as np

from benchmarks.comparison import Comparison
from benchmarks.contenders import FLOOR, GRID, Case, ours
from benchmarks.machine import cores
from benchmarks.workload import Workload
from benchmarks.workloads import NOTES

VALUES = {
    "members": (1, 7, 49, 343, 2401),
    "batch": (10, 30, 100, 300, 1000),  # rows a step
    "width": (10, 32, 100, 320, 1024),  # hidden units
    "cores": (1, 2, 3, 4),  # host threads of jfnn, at most as many as there are cores
}
GFLOP = 15.0  # arithmetic of a point, about


class Point(NamedTuple):
    """One line of the CSV."""

    axis: str  # of `VALUES`
    value: int
    contender: str
    median_s: float  # of warm runs
    fastest_s: float
    slowest_s: float
    us_per_member_step: float  # for one step of one member, its share of all scoring included
    gflops: float  # arithmetic of the products by time, 10⁹/s
    share_of_floor: float  # by the rate of large products measured beside it
    peak_memory_mb: float | None  # of the process since it began with this point


def varied(axis: str, value: int) -> Workload:
    """The notes' network with one penalty, a learning rate a member, and about `GFLOP` of epochs."""
    rates = tuple(np.geomspace(1e-5, 1e-3, value if axis == "members" else NOTES.members).tolist())
    changed: dict[str, Any] = {"learning_rates": rates, "l2s": (1.0,), "reference": (rates[0], 1.0)}
    if axis == "width":
        changed["sizes"] = (64, value, 10)
    if axis == "batch":
        changed["batch"] = value
    changed |= {"title": f"growth: {axis} {value}", "epochs": 1, "varied": (axis, value)}
    one = dataclasses.replace(NOTES, **changed)
    epochs = round(GFLOP * 1e9 / (one.flop() - one.flop(trained=0.0)))
    return dataclasses.replace(one, epochs=min(max(1, epochs), NOTES.epochs))


def cases() -> dict[str, Case]:
    """A case for each point."""
    lines = {name: GRID[name] for name in ("vmap", "jfnn", FLOOR)}
    table = {}
    for axis, values in VALUES.items():
        for value in values:
            if axis == "cores":
                lines = {"jfnn": ours(f"jfnn, {value} cores", execution=value), FLOOR: GRID[FLOOR]}
            if axis != "cores" or value <= cores():
                table[f"growth_{axis}_{value}"] = Case(varied(axis, value), lines, traced=False)
    return table


def points(comparison: Comparison) -> list[dict[str, Any]]:
    """A `Point` for each contender, as a mapping; none where the workload varies no axis."""
    workload = comparison.workload
    if workload.varied is None:
        return []
    member_steps = workload.members * workload.epochs * workload.steps()
    return [
        Point(
            *(*workload.varied, name, m.median, min(m.seconds), max(m.seconds)),
            m.median / member_steps * 1e6,
            workload.flop() / m.median / 1e9,
            comparison.share_of_floor(name),
            m.peak_memory_mb,
        )._asdict()
        for name, m in comparison.measurements.items()
    ]
