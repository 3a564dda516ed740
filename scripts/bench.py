"""Measures jfnn side by side with the other ways to train the same networks.

Every contender trains the same grids on the same minibatches from the same starting weights, where it takes
them; each in a process of its own, warm, in turns, several times. Beside the time stand the test accuracy of
a reference cell, and the floor: the time that the matrix products of training and of the final scoring would
take at the rate that this machine reaches with large ones, in the same run. Another process traces jfnn, for
a breakdown of its time. Besides grids there are many seeds, folds, few networks and an own loss, whose
members draw starts and minibatches in each contender's own way, and first calls in fresh processes.

Prints two tables a workload; writes bench.json, growth.csv, bench.png and growth.png into a directory. With
--accelerator it compares bits and times of jfnn alone in several processes instead, on a machine that has an
accelerator, and writes accelerator.json.
"""

import argparse
import csv
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from benchmarks import accelerator, first_calls, growth, machine, report
from benchmarks.comparison import Comparison, Start, compare_case, started
from benchmarks.contenders import CASES, FLOOR, GRID, Case, Contender
from benchmarks.workers import Apart
from console import Parser, add_out, check_directory, count, place, run

GROWTH, FIRST_CALLS = "growth", "first_calls"
QUICK_CONTENDERS = ("numpy", "sklearn", "vmap", "vmap_numpy", "jit", "jfnn_grid", "jfnn", FLOOR)
QUICK_GROWTH = growth.Scale((49, 490), (10, 100), (32, 100), (1, 2), gflop=5, rounds=2)
LINES = {name: GRID[name] for name in ("vmap", "jfnn", FLOOR)}
ROUNDS, NOTES_ROUNDS, QUICK_ROUNDS = 3, 7, 2  # most for the notes' grid, whose figures are quoted


class Setup(NamedTuple):
    """Choices of the command line."""

    start: Start = Apart  # makes a contender's worker: each in a process of its own, or, for tests, here
    cases: Mapping[str, Mapping[str, Case]] = CASES
    scale: growth.Scale = growth.Scale()
    lines: Mapping[str, Contender] = LINES  # contenders of the growth curves
    first_epochs: int | None = None  # of first calls; None for their own

    def all_cases(self) -> list[tuple[str, Case]]:
        """Every case with the name of its workload."""
        return [(name, case) for name, cases in self.cases.items() for case in cases.values()]

    def trainers(self) -> dict[str, list[str]]:
        """Names of the contenders of each workload, first calls and growth curves included."""
        trainers: dict[str, list[str]] = {name: [] for name in self.cases}
        for name, case in self.all_cases():
            trainers[name] += case.contenders
        return trainers | {FIRST_CALLS: list(first_calls.CONTENDERS), GROWTH: list(self.lines)}

    def long(self) -> list[str]:
        """Names of workloads that are measured only where they are named."""
        return [name for name, case in self.all_cases() if case.workload.long]

    def contenders(self) -> list[str]:
        """Names of all contenders, each once."""
        return list(dict.fromkeys(name for names in self.trainers().values() for name in names))


def main(arguments: Sequence[str] | None = None, setup: Setup | None = None) -> int:
    """Runs the comparison.

    Args:
        arguments: The command line.
        setup: Its choices.

    Returns:
        The exit status: 1 if a contender failed, 2 without an accelerator for --accelerator.
    """
    setup = setup or Setup()
    options = read_options(arguments, setup)
    with started({"jfnn": GRID["jfnn"]}, setup.start) as workers:
        devices = workers["jfnn"].call(machine.jax_devices)
    refused = accelerator.refusal(devices, options.platform) if options.accelerator else None
    if refused is not None:
        print(f"bench.py: {refused}", file=sys.stderr)
        return 2
    for directory in (options.out, options.json.parent):
        directory.mkdir(parents=True, exist_ok=True)
    environment = machine.environment(devices) | {"quick": options.quick}
    print(report.header(environment), flush=True)
    if options.accelerator:
        cases = {key: case for _, key, case in _cases(options, setup)}
        return accelerator.run(cases, setup.start, _rounds(options), options.json, environment)
    return measure(options, setup, environment)


def _rounds(options: argparse.Namespace, name: str = "") -> int:
    default = QUICK_ROUNDS if options.quick else NOTES_ROUNDS if name == "notes" else ROUNDS
    return int(options.rounds or default)


def _cases(options: argparse.Namespace, setup: Setup) -> Iterator[tuple[str, str, Case]]:
    """The chosen cases: name of the workload, name of its figures, case."""
    for name, cases in setup.cases.items():
        for key, case in cases.items() if name in options.workload else ():
            yield name, key, case._replace(workload=case.workload.quick()) if options.quick else case


def measure(options: argparse.Namespace, setup: Setup, environment: dict[str, Any]) -> int:
    """Measures the workloads that were chosen, prints and writes; the exit status."""
    began = time.perf_counter()
    comparisons: dict[str, Comparison] = {}
    first: first_calls.Figures = {}
    points: list[growth.Point] = []
    failed: dict[str, str] = {}

    def show(title: str, text: str) -> None:
        print(f"\n### {title}\n\n{text}", flush=True)
        duration = {"seconds": time.perf_counter() - began}
        write(options, environment | duration, comparisons, points, first)

    for name, key, case in _cases(options, setup):
        available = {n: c for n, c in case.contenders.items() if c.is_available() and n in options.contenders}
        comparisons[key] = compare_case(case, available, setup.start, _rounds(options, name))
        show(case.workload.title, report.tables(comparisons[key]))
    if FIRST_CALLS in options.workload:
        rounds = options.rounds or (1 if options.quick else ROUNDS)
        first, failures = first_calls.measured(options.contenders, rounds, setup.first_epochs)
        failed |= {f"first calls, {where}": why for where, why in failures.items()}
        show("first calls in fresh processes", first_calls.table(first))
    if GROWTH in options.workload:
        lines = {name: line for name, line in setup.lines.items() if name in options.contenders}
        points, failures = growth.curves(QUICK_GROWTH if options.quick else setup.scale, setup.start, lines)
        failed |= {f"growth, {where}": why for where, why in failures.items()}
        show("growth", f"{len(points)} points.")
    print(f"\n{time.perf_counter() - began:.0f} s in all; figures in {options.out}")
    for where, why in failed.items():
        print(report.failure(where, why))
    return 1 if failed or any(comparison.failed for comparison in comparisons.values()) else 0


def write(
    options: argparse.Namespace,
    environment: dict[str, Any],
    comparisons: dict[str, Comparison],
    points: list[growth.Point],
    first: first_calls.Figures,
) -> None:
    """Writes all files, with the figures that there are so far."""
    from benchmarks import figures

    everything = {
        "environment": environment,
        "workloads": {name: report.as_json(comparison) for name, comparison in comparisons.items()},
        "first_calls": first,
        "growth": points,
    }
    options.json.write_text(json.dumps(report.plain(everything), indent=2, allow_nan=False) + "\n")
    if comparisons:
        figures.bars(comparisons).savefig(options.out / "bench.png", dpi=150)
    if points:
        with (options.out / "growth.csv").open("w", newline="") as file:
            csv.writer(file).writerows([growth.Point._fields, *points])
        figures.growth(points).savefig(options.out / "growth.png", dpi=150)


def read_options(arguments: Sequence[str] | None, setup: Setup) -> argparse.Namespace:
    """The command line's options with their defaults filled in."""
    parser = _parser(setup)
    options = parser.parse_args(arguments)
    everyone = [item for _, case in setup.all_cases() for item in case.contenders.items()]
    missing = {name: contender.needs for name, contender in everyone if not contender.is_available()}
    for name in options.contenders or ():
        if name in missing:
            parser.error(f"--contenders: {name} needs {missing[name]}, not installed")
    if options.accelerator:
        if options.contenders is not None:
            parser.error("--contenders: --accelerator measures jfnn alone")
        options.workload = options.workload or list(accelerator.WORKLOADS)
        for name in options.workload:
            if name not in accelerator.WORKLOADS:
                known = ", ".join(accelerator.WORKLOADS)
                parser.error(f"--workload: --accelerator measures {known}, got {name!r}")
    elif options.platform is not None:
        parser.error("--platform: goes with --accelerator")
    else:
        _choose(parser, options, setup)
    files = [accelerator.FILE] if options.accelerator else ["growth.csv", "bench.png", "growth.png"]
    options.json = options.json or options.out / (accelerator.FILE if options.accelerator else "bench.json")
    check_directory(parser, options.out, "--out", files)
    check_directory(parser, options.json.parent, "--json", [options.json.name])
    return options


def _choose(parser: Parser, options: argparse.Namespace, setup: Setup) -> None:
    """Fills in contenders, and workloads: all that one of them trains, but long ones or, if quick, growth."""
    trainers = setup.trainers()
    options.contenders = options.contenders or (QUICK_CONTENDERS if options.quick else setup.contenders())
    trained = [name for name, names in trainers.items() if set(names) & set(options.contenders)]
    for name in options.workload or ():
        if name not in trained:
            parser.error(f"--contenders: {name} measures {', '.join(dict.fromkeys(trainers[name]))}")
    left_out = {GROWTH} if options.quick else setup.long()
    options.workload = options.workload or [name for name in trained if name not in left_out]


def _parser(setup: Setup) -> Parser:
    parser = Parser(description=__doc__)
    trainers, contenders, long = list(setup.trainers()), setup.contenders(), ", ".join(setup.long())
    parser.add_argument(
        "--workload",
        nargs="+",
        choices=trainers,
        metavar="NAME",
        help=f"of {', '.join(trainers)}; default: all but {long} (--quick: all but {GROWTH})",
    )
    parser.add_argument(
        "--contenders",
        nargs="+",
        choices=contenders,
        metavar="NAME",
        help=f"of {', '.join(contenders)}; default: all whose packages are installed",
    )
    rounds = f"warm runs of each; default: {ROUNDS}, the notes' grid {NOTES_ROUNDS}"
    quick = f"less than a tenth of the work, {QUICK_ROUNDS} rounds"
    speed = f"jfnn alone, bits and times of {', '.join(accelerator.WORKLOADS)} in several processes"
    platform = "the platform to measure on, as JAX names it; default: any but cpu"
    json_file = "default: bench.json, or accelerator.json, in --out"
    parser.add_argument("--rounds", type=count(1), help=rounds)
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--accelerator", action="store_true", help=speed)
    parser.add_argument("--platform", metavar="NAME", help=platform)
    parser.add_argument("--json", type=place, metavar="FILE", help=json_file)
    add_out(parser, "runs/bench")
    return parser


if __name__ == "__main__":
    run(main)
