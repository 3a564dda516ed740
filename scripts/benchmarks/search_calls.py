"""Time searches and fits of `jfnn.estimators` and scikit-learn, in turns, each in a fresh process.

scikit-learn searches with two processes, which the first call starts and later calls reuse. jfnn starts
without cached programs (the first call ever); a second process uses the programs that the first one cached.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.comparison import show_progress
from benchmarks.report import seconds
from benchmarks.search_call import CASES, THEIRS

ENGINES = ("auto", "jfnn")
COLUMNS = (
    "fits a structure",
    "scikit-learn: first",
    "again",
    *(f"{engine}: {column}" for engine in ENGINES for column in ("first ever", "second process", "again")),
)
LEAST = 0.9  # least share of scikit-learn's speed
SLACK = 0.1  # allowed delay of a short fit, in seconds
BEHIND = 2.0  # allowed delay of the first call ever, in seconds


class Times(NamedTuple):
    """Seconds of an engine.

    Attributes:
        first: Of the first call; for jfnn, in a process that finds another one's programs.
        again: Of a later call.
        ever: Of the first call without cached programs; for scikit-learn, the first call.
        engine: The engine that trained.
    """

    first: float
    again: float
    ever: float
    engine: str


def start(case: str, engine: str, programs: str) -> dict[str, Any]:
    """Fit a case in its own process; RuntimeError if it fails. ``programs`` is the cache directory."""
    variables = {name: value for name, value in os.environ.items() if "COMPILATION_CACHE" not in name}
    path = [str(Path(__file__).parents[1]), *filter(None, sys.path)]
    variables |= {"PYTHONPATH": os.pathsep.join(path), "PYTHONWARNINGS": "ignore"}
    variables["JFNN_PROGRAMS"] = programs
    command = [sys.executable, "-m", "benchmarks.search_call", case, engine]
    ended = subprocess.run(command, env=variables, capture_output=True, text=True)
    if ended.returncode:
        raise RuntimeError(ended.stderr)
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def measured(case: str, rounds: int, engines: Iterable[str] = ENGINES) -> dict[str, Times]:
    """Return the least seconds of a case for scikit-learn and for each engine, run in turns."""
    turns: dict[str, list[Times]] = {}
    for turn in range(rounds):
        for engine in (THEIRS, *engines):
            show_progress(f"{case}, round {turn + 1} of {rounds}: {engine}")
            with tempfile.TemporaryDirectory() as folder:
                ever = start(case, engine, folder)
                again = ever if engine == THEIRS else start(case, engine, folder)
            times = Times(again["first"], min(ever["again"], again["again"]), ever["first"], again["engine"])
            turns.setdefault(engine, []).append(times)
    return {engine: least(several) for engine, several in turns.items()}


def least(turns: list[Times]) -> Times:
    """Return the least of each time over several turns."""
    first, again, ever, _ = zip(*turns, strict=True)
    return Times(min(first), min(again), min(ever), turns[0].engine)


def below(times: Mapping[str, Times], engine: str = "auto") -> list[str]:
    """Describe the targets that an engine misses: speed relative to scikit-learn's, and the first wait."""
    theirs = times[THEIRS]
    ours = times[engine]
    pairs = {"second process": (theirs.first, ours.first), "again": (theirs.again, ours.again)}
    missed = [
        f"{name}: {there / here:.2f} of scikit-learn's speed"
        for name, (there, here) in pairs.items()
        if there < LEAST * here and here > there + SLACK
    ]
    late = ours.ever - theirs.first
    return missed + ([f"first ever: {late:.1f} s behind"] if late > BEHIND else [])


def rows(figures: Mapping[str, Mapping[str, Any]], cases: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Return a table of cases: seconds of scikit-learn and of first calls, otherwise speed ratios.

    Ratios are empty where "auto" left the case to scikit-learn, which then takes the same time.
    """
    table: list[tuple[str, ...]] = [("", *COLUMNS)]
    for name, heading in cases.items():
        if name not in figures:
            continue
        times = {engine: Times(**found) for engine, found in figures[name].items()}
        theirs = times[THEIRS]
        cells = [str(CASES[name].fits_a_structure), seconds(theirs.first), seconds(theirs.again)]
        for engine in ENGINES:
            ours = times[engine]
            mark = "" if ours.engine == "jfnn" else "*"
            ratios = [theirs.first / ours.first, theirs.again / ours.again]
            cells += [f"{seconds(ours.ever)}{mark}", *(f"{ratio:.2g}×{mark}" for ratio in ratios)]
        table.append((heading, *cells))
    return table
