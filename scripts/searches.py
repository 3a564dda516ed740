"""Time searches and fits of `jfnn.estimators` against scikit-learn's.

Each case runs in fresh processes, in turns: scikit-learn with two processes, and jfnn with both values of
``engine``. Measured are the first call with a cold cache, the first call of a second process, and a later
call. The script lists the cases in which "auto" misses its targets: at least 0.9 of scikit-learn's speed or
at most 0.1 s behind, and the very first call at most two seconds behind. `jfnn.estimators.choice` has the
constant that decides this.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import search_calls
from benchmarks.machine import environment
from benchmarks.report import markdown
from benchmarks.search_call import CASES
from console import Parser, count, path, run


def table(rounds: int, cases: Sequence[str], path: Path | None) -> None:
    """Print a table of the cases and the missed targets; write a file after each case."""
    figures: dict[str, Any] = {"environment": environment(["cpu"]), "searches": {}}
    missed = []
    for case in cases:
        times = search_calls.measured(case, rounds)
        figures["searches"][case] = {engine: found._asdict() for engine, found in times.items()}
        missed += [f"{case}: {mark}" for mark in search_calls.below(times)]
        if path is not None:
            path.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n")
    shown = {case: case for case in cases}
    print(markdown(search_calls.rows(figures["searches"], shown)), *missed, sep="\n", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the cases and return the exit status."""
    parser = Parser(description=__doc__)
    parser.add_argument("--rounds", type=count(1), default=3, help="repetitions of each case; default: 3")
    parser.add_argument(
        "--cases", nargs="+", choices=CASES, default=list(CASES), metavar="CASE", help="default: all"
    )
    parser.add_argument("--json", type=path, help="file for the figures")
    options = parser.parse_args(arguments)
    table(options.rounds, options.cases, options.json)
    return 0


if __name__ == "__main__":
    run(main)
