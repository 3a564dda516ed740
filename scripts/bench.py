"""Measures jfnn side by side with the other ways to train the same networks.

Every contender trains the same grids on the same minibatches from the same starting weights, where it takes
them; each in a process of its own, warm, in turns, several times. Beside the time stand the test accuracy of
a reference cell, and the floor: the time that the matrix products of training and of the final scoring would
take at the rate that this machine reaches with large ones, in the same run. Another process traces jfnn, for
a breakdown of its time.

Prints two tables a workload; writes bench.json, growth.csv, bench.png and growth.png into a directory.
"""

import signal

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # there is nothing to stop yet but imports

import argparse
import itertools
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import growth, kinds, machine, report
from benchmarks.comparison import BREAKDOWN, Comparison, Start, compare, started, with_breakdown
from benchmarks.contenders import CONTENDERS, KIND_CONTENDERS, Contender, available
from benchmarks.kinds import KINDS, KindWorkload
from benchmarks.workers import Apart
from benchmarks.workload import Workload
from benchmarks.workloads import WORKLOADS, quick

from jfnn.cli import places, process
from jfnn.cli.parser import Parser
from jfnn.cli.values import count, place

QUICK_CONTENDERS = ("numpy", "sklearn", "vmap", "jfnn", "floor")
QUICK_GROWTH = growth.Scale((49, 490), (10, 100), (32, 100), (1, 2), gflop=5, rounds=2)
GROWTH = "growth"
ROUNDS, NOTES_ROUNDS, QUICK_ROUNDS = 3, 7, 2  # most for the notes' grid, whose figures are quoted


class Setup(NamedTuple):
    """What the command line chooses from.

    Attributes:
        start: Makes a contender's worker: each in a process of its own, or, for tests, here.
        workloads: By name.
        contenders: By name.
        scale: Points of the growth curves.
        kinds: Workloads of the other kinds of networks.
        of_kinds: Their contenders, by the same names as the others' where they are the same.
    """

    start: Start = Apart
    workloads: Mapping[str, Workload] = WORKLOADS
    contenders: Mapping[str, Contender] = CONTENDERS
    scale: growth.Scale = growth.Scale()
    kinds: Mapping[str, KindWorkload] = KINDS
    of_kinds: Mapping[str, Mapping[str, Contender]] = KIND_CONTENDERS


DEFAULTS = Setup()


def main(arguments: Sequence[str] | None = None, setup: Setup = DEFAULTS) -> int:
    """Runs the comparison.

    Args:
        arguments: The command line.
        setup: What it chooses from.

    Returns:
        The exit status: 1 if a contender failed.
    """
    options = read_options(arguments, setup)
    for directory in (options.out, options.json.parent):
        directory.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    with started({"jfnn": setup.contenders["jfnn"]}, setup.start) as workers:
        environment = machine.environment(workers["jfnn"].call(machine.jax_devices))
    print(report.header(environment))
    comparisons: dict[str, Comparison] = {}
    points: list[growth.Point] = []
    failed: dict[str, str] = {}

    def save() -> float:
        seconds = time.perf_counter() - began
        write(comparisons, points, environment | {"seconds": seconds, "quick": options.quick}, options)
        return seconds

    for name, comparison in itertools.chain(compare_all(options, setup), compare_kinds(options, setup)):
        comparisons[name] = comparison
        print(f"\n### {comparison.workload.title}\n\n{report.tables(comparison)}", flush=True)
        save()
    if GROWTH in options.workload:
        before = time.perf_counter()
        scale = QUICK_GROWTH if options.quick else setup.scale
        points, failed = growth.curves(scale, setup.start, options.chosen)
        print(f"\n### growth\n\n{time.perf_counter() - before:.0f} s for {len(points)} points.")
    print(f"\n{save():.0f} s in all; figures in {options.out}")
    for where, why in failed.items():
        print(f"growth, {where}: failed, {report.last_line(why)}")
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
        if name not in options.workload:
            continue
        workload = kinds.quick(full) if options.quick else full
        contenders = available(setup.of_kinds[name], setup.of_kinds[name])
        chosen = {key: c for key, c in contenders.items() if key in (options.contenders or contenders)}
        rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
        with started(chosen, setup.start) as workers:
            comparison = compare(workload, chosen, workers, rounds)
        ours = contenders["jfnn"]
        with started({BREAKDOWN: ours}, setup.start) as workers:
            yield name, with_breakdown(comparison, workers[BREAKDOWN], ours)


def write(
    comparisons: dict[str, Comparison],
    points: list[growth.Point],
    environment: dict[str, Any],
    options: argparse.Namespace,
) -> None:
    """Writes all files, with the figures that there are so far."""
    from benchmarks import figures

    everything = {
        "environment": environment,
        "workloads": {name: report.as_json(comparison) for name, comparison in comparisons.items()},
        "growth": [point._asdict() for point in points],
    }
    options.json.write_text(json.dumps(report.plain(everything), indent=2, allow_nan=False) + "\n")
    if comparisons:
        figures.bars(comparisons).savefig(options.out / "bench.png", dpi=150)
    if points:
        report.write_csv(points, options.out / "growth.csv")
        figures.growth(points).savefig(options.out / "growth.png", dpi=150)


def read_options(arguments: Sequence[str] | None, setup: Setup = DEFAULTS) -> argparse.Namespace:
    """The command line's options with their defaults filled in; ``chosen`` are the contenders to run."""
    parser = _parser(setup)
    options = parser.parse_args(arguments)
    names = options.contenders or (QUICK_CONTENDERS if options.quick else setup.contenders)
    options.chosen = available(names, setup.contenders)
    for name in options.contenders or ():
        if name not in options.chosen:
            needs = setup.contenders[name].needs
            parser.error(f"argument --contenders: {name} needs {needs}, not installed")
    has_curves = any(name in options.chosen for name in setup.scale.contenders)
    if GROWTH in (options.workload or ()) and not has_curves:
        parser.error(f"argument --contenders: {GROWTH} measures {', '.join(setup.scale.contenders)}")
    if options.workload is None:
        trained = [name for name in setup.kinds if set(setup.of_kinds[name]) & set(names)]
        curves = [GROWTH] if has_curves and not options.quick else []
        short = [name for name, workload in setup.workloads.items() if options.quick or not workload.long]
        options.workload = [*short, *trained, *curves]
    options.json = options.json or options.out / "bench.json"
    try:
        places.check_directory(options.out, "--out", ("growth.csv", "bench.png", "growth.png"))
        places.check_directory(options.json.parent, "--json", (options.json.name,))
    except ValueError as error:
        parser.error(str(error))
    return options


def _parser(setup: Setup) -> Parser:
    parser = Parser(description=__doc__)
    names, contenders = [*setup.workloads, *setup.kinds, GROWTH], setup.contenders
    long = ", ".join(name for name, workload in setup.workloads.items() if workload.long)
    of_workloads = f"of {', '.join(names)}; default: all but {long} (--quick: all but {GROWTH})"
    of_contenders = f"of {', '.join(contenders)}; default: all whose packages are installed"
    of_rounds = f"warm runs of each; default: {ROUNDS}, the notes' grid {NOTES_ROUNDS}"
    of_quick = f"less than a tenth of the work, {QUICK_ROUNDS} rounds"
    parser.add_argument("--workload", nargs="+", choices=names, metavar="NAME", help=of_workloads)
    parser.add_argument("--contenders", nargs="+", choices=contenders, metavar="NAME", help=of_contenders)
    parser.add_argument("--rounds", type=count(1), help=of_rounds)
    parser.add_argument("--quick", action="store_true", help=of_quick)
    parser.add_argument("--json", type=place, metavar="FILE", help="default: bench.json in --out")
    parser.add_argument("--out", type=place, default=Path("runs/bench"), help="default: runs/bench")
    return parser


if __name__ == "__main__":
    sys.exit(process.run(main, "bench.py"))
