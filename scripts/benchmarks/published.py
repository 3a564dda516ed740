"""Times that others print for networks like those of a workload, as rates to set beside measured ones."""

import json
from pathlib import Path
from typing import NamedTuple

from benchmarks.workload import Workload

FILE = Path(__file__).resolve().parents[2] / "tests" / "data" / "speeds.json"


class Published(NamedTuple):
    """A line of the file."""

    title: str
    source: str
    protocol: str
    cores: int
    epochs: int
    seconds: list[float]  # of each run, to train one network

    def rate(self, workload: Workload) -> float:
        """GFLOP/s a core of the fastest run, by the same count as the workload's."""
        flop = self.epochs * workload.steps() * workload.step_flop()
        return flop / min(self.seconds) / self.cores / 1e9


def published(name: str) -> Published | None:
    """What is printed for a workload, by its name in figures."""
    found = json.loads(FILE.read_text()).get(name)
    return None if found is None else Published(**found)
