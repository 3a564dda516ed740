"""Growth of the time with members, batch size and width, each varied separately on the notes' network."""

import dataclasses
from typing import Any

import numpy as np

from benchmarks.contenders import FLOOR, GRID, Case
from benchmarks.workload import Workload
from benchmarks.workloads import NOTES

VALUES = {
    "members": (1, 7, 49, 343, 2401),
    "batch": (10, 30, 100, 300, 1000),  # rows per step
    "width": (10, 32, 100, 320, 1024),  # hidden units
}
GFLOP = 15.0  # approximate operations per point


def varied(axis: str, value: int) -> Workload:
    """Return the notes' network with a learning rate per member, trained for about `GFLOP`."""
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
    """Return a case for each point."""
    lines = {name: GRID[name] for name in ("vmap", "jfnn", FLOOR)}
    return {
        f"growth_{axis}_{value}": Case(varied(axis, value), lines)
        for axis, values in VALUES.items()
        for value in values
    }
