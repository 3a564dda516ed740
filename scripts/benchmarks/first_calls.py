"""First calls in fresh processes: imports, tracing and compiling included, and each apart."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from benchmarks.comparison import show_progress
from benchmarks.first_call import CASES
from benchmarks.report import markdown, seconds

TITLES = {
    "grid": "a first sweep: the notes' 49 networks 64-50-10, 1 epoch",
    "classifier": "MLPClassifier((10,)).fit on the irises",
    "search": "GridSearchCV of 60 fits, 13-16-3 on the wines",
}
CONTENDERS = {
    "vmap": "JAX jit(vmap(train)), rows",
    "sklearn": "scikit-learn (the search: n_jobs=2)",
    "jfnn": "jfnn, all cores",
}
COLUMNS = ("process", "imports", "first call", "again", "CPU: imports", "first call less again")


class Process(NamedTuple):
    """One fresh process: its seconds, and seconds and CPU seconds of imports with data, and of both calls."""

    seconds: float
    imports: tuple[float, float]
    first: tuple[float, float]
    again: tuple[float, float]

    @property
    def compiling(self) -> float:
        """CPU seconds that the first call takes beyond the second: tracing and compiling."""
        return self.first[1] - self.again[1]


Figures = dict[str, dict[str, list[Process]]]  # case -> contender -> processes


def start(case: str, contender: str, epochs: int | None = None) -> Process:
    """Runs one call in a process of its own, which finds nothing compiled before.

    Raises:
        RuntimeError: It failed; the message is what it printed.
    """
    variables = {name: value for name, value in os.environ.items() if "COMPILATION_CACHE" not in name}
    path = [str(Path(__file__).parents[1]), *filter(None, sys.path)]
    variables |= {"PYTHONPATH": os.pathsep.join(path), "PYTHONWARNINGS": "ignore"}
    words = [sys.executable, "-m", "benchmarks.first_call", case, contender]
    words += [] if epochs is None else [str(epochs)]
    began = time.perf_counter()
    ended = subprocess.run(words, env=variables, capture_output=True, text=True)
    taken = time.perf_counter() - began
    if ended.returncode:
        raise RuntimeError(ended.stderr)
    figures = json.loads(ended.stdout)
    return Process(taken, *(tuple(figures[name]) for name in ("imports", "first", "again")))


def measured(
    contenders: Collection[str], rounds: int, epochs: int | None = None
) -> tuple[Figures, dict[str, str]]:
    """Starts the processes of all cases in turns, of those of the contenders that they have.

    Returns:
        The figures, and the output of failures, by "case contender".
    """
    figures: Figures = {}
    failed: dict[str, str] = {}
    pairs = [(case, name) for case in CASES for name in CASES[case][1] if name in contenders]
    for turn in range(rounds):
        for case, contender in pairs:
            name = f"{case} {contender}"
            show_progress(f"first calls, round {turn + 1} of {rounds}: {name}")
            try:
                process = start(case, contender, epochs)
            except RuntimeError as error:
                failed[name] = str(error)
            else:
                figures.setdefault(case, {}).setdefault(contender, []).append(process)
    return figures, failed


def table(figures: Figures) -> str:
    """All cases in Markdown: medians."""
    blocks = []
    for case, contenders in figures.items():
        rows: list[tuple[str, ...]] = [(TITLES[case], *COLUMNS)]
        for name, processes in contenders.items():
            times = [
                (p.seconds, p.imports[0], p.first[0], p.again[0], p.imports[1], p.compiling)
                for p in processes
            ]
            medians = [statistics.median(column) for column in zip(*times, strict=True)]
            rows.append((CONTENDERS[name], *(f"{seconds(median)} s" for median in medians)))
        blocks.append(markdown(rows))
    return "\n\n".join(blocks)
