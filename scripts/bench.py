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

import signal

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # there is nothing to stop yet but imports

import argparse
import dataclasses
import itertools
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks import accelerator, first_calls, growth, kinds, machine, report
from benchmarks.command import (
    DEFAULTS,
    FIRST_CALLS,
    GROWTH,
    NOTES_ROUNDS,
    QUICK_ROUNDS,
    ROUNDS,
    Setup,
    read_options,
)
from benchmarks.comparison import BREAKDOWN, Comparison, compare, started, with_breakdown
from benchmarks.contenders import Contender, available
from benchmarks.kinds import AnyWorkload
from benchmarks.workloads import quick

from jfnn.cli import process

QUICK_GROWTH = growth.Scale((49, 490), (10, 100), (32, 100), (1, 2), gflop=5, rounds=2)


def main(arguments: Sequence[str] | None = None, setup: Setup = DEFAULTS) -> int:
    """Runs the comparison.

    Args:
        arguments: The command line.
        setup: What it chooses from.

    Returns:
        The exit status: 1 if a contender failed.
    """
    options = read_options(arguments, setup, __doc__)
    with started({"jfnn": setup.contenders["jfnn"]}, setup.start) as workers:
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
        cases = {name: case for name, case in setup.accelerated.items() if name in options.workload}
        rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
        return accelerator.run(cases, setup.start, options.quick, rounds, options.json, environment)
    return measure(options, setup, environment)


def measure(options: argparse.Namespace, setup: Setup, environment: dict[str, Any]) -> int:
    """Measures the workloads that were chosen, prints and writes; the exit status."""
    began = time.perf_counter()
    comparisons: dict[str, Comparison] = {}
    points: list[growth.Point] = []
    first: first_calls.Figures = {}
    failed: dict[str, str] = {}

    def save() -> float:
        seconds = time.perf_counter() - began
        write(comparisons, points, environment | {"seconds": seconds}, options, first)
        return seconds

    measured = (compare_all(options, setup), compare_kinds(options, setup), compare_shapes(options, setup))
    for name, comparison in itertools.chain(*measured):
        comparisons[name] = comparison
        print(f"\n### {comparison.workload.title}\n\n{report.tables(comparison)}", flush=True)
        save()
    if FIRST_CALLS in options.workload:
        named = options.contenders or first_calls.CONTENDERS
        rounds = options.rounds or (1 if options.quick else ROUNDS)
        first, failures = first_calls.measured(named, rounds, setup.first_epochs)
        failed |= {f"first calls, {where}": why for where, why in failures.items()}
        print(f"\n### first calls in fresh processes\n\n{first_calls.table(first)}", flush=True)
        save()
    if GROWTH in options.workload:
        before = time.perf_counter()
        scale = QUICK_GROWTH if options.quick else setup.scale
        points, failures = growth.curves(scale, setup.start, options.chosen)
        failed |= {f"growth, {where}": why for where, why in failures.items()}
        print(f"\n### growth\n\n{time.perf_counter() - before:.0f} s for {len(points)} points.")
    print(f"\n{save():.0f} s in all; figures in {options.out}")
    for where, why in failed.items():
        print(f"{where}: failed, {report.last_line(why)}")
    return 1 if failed or any(comparison.failed for comparison in comparisons.values()) else 0


def compare_all(options: argparse.Namespace, setup: Setup) -> Iterator[tuple[str, Comparison]]:
    """Measures the workloads one after another, and yields the figures of each.

    Contenders get new processes for every workload, so that none profits from what it compiled before;
    ``--quick`` spares that.
    """
    workloads = {name: w for name, w in setup.workloads.items() if name in options.workload}
    if options.quick:
        workloads = {name: quick(workload) for name, workload in workloads.items()}
    for group in [list(workloads)] if options.quick else [[name] for name in workloads]:
        with started(options.chosen, setup.start) as workers:
            comparisons = {}
            for name in group:
                default = QUICK_ROUNDS if options.quick else NOTES_ROUNDS if name == "notes" else ROUNDS
                rounds = options.rounds or default
                comparisons[name] = compare(workloads[name], options.chosen, workers, rounds)
        # After the others have ended, which it would disturb.
        with started({BREAKDOWN: setup.contenders["jfnn"]}, setup.start) as workers:
            for name, comparison in comparisons.items():
                yield name, with_breakdown(comparison, workers[BREAKDOWN], setup.contenders["jfnn"])


def compare_kinds(options: argparse.Namespace, setup: Setup) -> Iterator[tuple[str, Comparison]]:
    """As `compare_all`, of the other kinds of networks; new processes for each."""
    for name, full in setup.kinds.items():
        if name in options.workload:
            workload = kinds.quick(full) if options.quick else full
            yield name, _compared(workload, setup.of_kinds[name], options, setup)


def compare_shapes(options: argparse.Namespace, setup: Setup) -> Iterator[tuple[str, Comparison]]:
    """As `compare_kinds`, of workloads that are no grids."""
    for shape, cases in setup.shapes.items():
        for name, case in cases.items() if shape in options.workload else ():
            workload = case.quick if options.quick else case.workload
            yield name, _compared(workload, case.contenders, options, setup, case.traced)


def _compared(
    workload: AnyWorkload,
    everyone: Mapping[str, Contender],
    options: argparse.Namespace,
    setup: Setup,
    traced: bool = True,
) -> Comparison:
    """Those of a workload's contenders that were chosen, in new processes; in another, a breakdown."""
    contenders = available(everyone, everyone)
    chosen = {key: c for key, c in contenders.items() if key in (options.contenders or contenders)}
    rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    with started(chosen, setup.start) as workers:
        comparison = dataclasses.replace(compare(workload, chosen, workers, rounds), traced=traced)
    if not traced:
        return comparison
    ours = contenders["jfnn"]
    with started({BREAKDOWN: ours}, setup.start) as workers:
        return with_breakdown(comparison, workers[BREAKDOWN], ours)


def write(
    comparisons: dict[str, Comparison],
    points: list[growth.Point],
    environment: dict[str, Any],
    options: argparse.Namespace,
    first: first_calls.Figures | None = None,
) -> None:
    """Writes all files, with the figures that there are so far."""
    from benchmarks import figures

    everything = {
        "environment": environment,
        "workloads": {name: report.as_json(comparison) for name, comparison in comparisons.items()},
        "first_calls": first_calls.as_json(first or {}),
        "growth": [point._asdict() for point in points],
    }
    options.json.write_text(json.dumps(report.plain(everything), indent=2, allow_nan=False) + "\n")
    if comparisons:
        figures.bars(comparisons).savefig(options.out / "bench.png", dpi=150)
    if points:
        report.write_csv(points, options.out / "growth.csv")
        figures.growth(points).savefig(options.out / "growth.png", dpi=150)


if __name__ == "__main__":
    sys.exit(process.run(main, "bench.py"))
